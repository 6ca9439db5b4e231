/* format_values.h -- random legal values of every structure on disk, and when two are the same.
 *
 * Equality goes field by field: bytes of padding mean nothing. The random values reach every
 * limit: sizes are log-uniform, and each maximum is drawn itself now and then.
 */
#ifndef LOG_FORMAT_VALUES_H
#define LOG_FORMAT_VALUES_H

#include "engine/base/rng.h"
#include "engine/log/format.h"

struct id16 random_id16(struct rng *r);
struct geometry random_geometry(struct rng *r);
struct identity random_identity(struct rng *r);
struct row random_row(struct rng *r); /* any kind that is legal today */
struct image_head random_image_head(struct rng *r);
struct part_row random_part_row(struct rng *r);
struct extent_row random_extent_row(struct rng *r);
struct vol_row random_vol_row(struct rng *r);
struct tile random_tile(struct rng *r);

bool identity_same(const struct identity *a, const struct identity *b);
bool entry_same(const struct entry *a, const struct entry *b);
bool row_same(const struct row *a, const struct row *b);
bool image_head_same(const struct image_head *a, const struct image_head *b);
bool part_row_same(const struct part_row *a, const struct part_row *b);
bool extent_row_same(const struct extent_row *a, const struct extent_row *b);
bool vol_row_same(const struct vol_row *a, const struct vol_row *b);
bool tile_same(const struct tile *a, const struct tile *b);
bool section_same(const struct section *a, const struct section *b);

#endif
