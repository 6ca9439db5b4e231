/* format_values.h -- random legal values of every structure on disk.
 *
 * They reach every limit: sizes are log-uniform, and each maximum is drawn itself now and then.
 */
#ifndef LOG_FORMAT_VALUES_H
#define LOG_FORMAT_VALUES_H

#include "engine/base/rng.h"
#include "engine/log/format.h"
#include "tests/unit/log/format_same.h"

struct id16 random_id16(struct rng *r);
struct geometry random_geometry(struct rng *r);
struct identity random_identity(struct rng *r);
struct row random_row(struct rng *r); /* any kind that is legal today */
struct producer_window random_producer(struct rng *r, uint32_t most); /* of `most` batches */
struct image_head random_image_head(struct rng *r);
struct part_row random_part_row(struct rng *r);
struct extent_row random_extent_row(struct rng *r);
struct vol_row random_vol_row(struct rng *r);
struct tile random_tile(struct rng *r);

#endif
