/* inside.h -- what tools may see of an open store beyond store.h: where things lie.
 *
 * Thread     the store's io.
 */
#ifndef LOG_INSIDE_H
#define LOG_INSIDE_H

#include "engine/log/store.h"

struct extent_inside {
    uint64_t id, base_pos;
    uint32_t vol, unit;
    uint64_t place, bytes; /* in the volume file */
    uint32_t tiles, index_blocks;
    struct part_extent_info info;
};
bool part_extent_inside(const struct part *p, uint32_t i, struct extent_inside *out);

struct vol_inside {
    uint32_t number, slabs, slabs_free, slabs_written;
    uint64_t bytes, opening;
};
bool store_vol_inside(const struct store *s, uint32_t i, struct vol_inside *out);

struct part_inside {
    uint64_t head_pos, disk_pos; /* bytes below disk_pos are in extents */
    uint32_t slot;               /* NO_SLOT: none */
    uint8_t slot_side;
};
struct part_inside part_inside(const struct part *p);

uint64_t store_generation(const struct store *s); /* of the image that it was opened from */

#endif
