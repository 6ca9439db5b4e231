/* format_same.h -- when two structures of the disk format are the same: field by field, for bytes
 * of padding mean nothing. For unit tests and fuzz harnesses.
 */
#ifndef LOG_FORMAT_SAME_H
#define LOG_FORMAT_SAME_H

#include "engine/log/format.h"

#define SAME(field) (a->field == b->field)

static inline bool geometry_same(const struct geometry *a, const struct geometry *b)
{
    return SAME(journal_bytes) && SAME(entry_max) && SAME(extent_min) && SAME(extent_max) &&
           SAME(slabs) && SAME(batch_max);
}

static inline bool identity_same(const struct identity *a, const struct identity *b)
{
    return SAME(kind) && SAME(format_version) && id16_equal(a->store, b->store) &&
           id16_equal(a->cluster, b->cluster) && SAME(node) && SAME(file_number) && SAME(opening) &&
           SAME(block_bytes) && SAME(checksum_kind) && SAME(features.ignorable) &&
           SAME(features.read_only) && SAME(features.refuse) && SAME(file_bytes) &&
           geometry_same(&a->geometry, &b->geometry) && memcmp(a->key, b->key, 16) == 0;
}

static inline bool entry_same(const struct entry *a, const struct entry *b)
{
    return id16_equal(a->store, b->store) && SAME(opening) && SAME(seq) && SAME(ring_pos) &&
           SAME(len) && SAME(rows) && SAME(inline_bytes) && SAME(prev_crc) && SAME(rows_crc) &&
           SAME(header_crc) && SAME(store_epoch) && SAME(time_ms);
}

static inline bool producer_batch_same(const struct producer_batch *a,
                                       const struct producer_batch *b)
{
    return SAME(first) && SAME(count) && SAME(base_off) && SAME(append_ms);
}

static inline bool producer_window_same(const struct producer_window *a,
                                        const struct producer_window *b)
{
    bool same = SAME(id) && SAME(epoch) && SAME(n);
    for (uint32_t i = 0; same && i < a->n; i++)
        same = producer_batch_same(&a->at[i], &b->at[i]);
    return same;
}

static inline bool producer_row_same(const struct producer_row *a, const struct producer_row *b)
{
    return SAME(id) && SAME(epoch) && SAME(n) &&
           producer_batch_same(&a->batches[0], &b->batches[0]) &&
           producer_batch_same(&a->batches[1], &b->batches[1]);
}

static inline bool row_same(const struct row *a, const struct row *b)
{
    return SAME(kind) && SAME(part) && SAME(pos) && SAME(base_off) && SAME(next_off) &&
           SAME(max_time) && SAME(len) && SAME(crc) && SAME(extent) && SAME(batch_at) &&
           SAME(vol) && SAME(unit) && SAME(order) && id16_equal(a->topic, b->topic) &&
           SAME(index) && SAME(epoch) && producer_row_same(&a->producer, &b->producer);
}

static inline bool image_head_same(const struct image_head *a, const struct image_head *b)
{
    return SAME(generation) && SAME(opening) && SAME(store_epoch) && SAME(seq) && SAME(ring_pos) &&
           SAME(prev_crc) && SAME(time_ms) && SAME(next_extent) && SAME(next_vol) && SAME(parts) &&
           SAME(extents) && SAME(vols) && SAME(section_bytes) && SAME(pages);
}

static inline bool part_row_same(const struct part_row *a, const struct part_row *b)
{
    return id16_equal(a->topic, b->topic) && SAME(index) && SAME(part) && SAME(seq) &&
           SAME(start_off) && SAME(next_off) && SAME(head_pos) && SAME(high_off) &&
           SAME(leader_epoch) && SAME(slot) && SAME(slot_crc) && SAME(slot_side) &&
           SAME(slot_batch_at) && SAME(state) && SAME(damaged_off);
}

static inline bool extent_row_same(const struct extent_row *a, const struct extent_row *b)
{
    return SAME(id) && SAME(base_pos) && SAME(base_off) && SAME(max_time) && SAME(max_append) &&
           SAME(part) && SAME(vol) && SAME(unit) && SAME(order) && SAME(sealed) &&
           SAME(index_blocks) && SAME(tiles) && SAME(data_bytes);
}

static inline bool vol_row_same(const struct vol_row *a, const struct vol_row *b)
{
    return SAME(number) && SAME(slabs) && SAME(written) && SAME(opening);
}

static inline bool tile_same(const struct tile *a, const struct tile *b)
{
    return SAME(at) && SAME(len) && SAME(crc) && SAME(batch_at) && SAME(base_off) &&
           SAME(next_off) && SAME(max_time) && SAME(flags);
}

static inline bool section_same(const struct section *a, const struct section *b)
{
    return SAME(kind) && SAME(class_) && SAME(seq) && SAME(len) && SAME(crc);
}

#undef SAME

#endif
