/* mark.c -- where batches begin in the tail: a growing ring per partition.
 *
 * Marks exist for bytes that no tile describes or no entry names yet; tiles, entries and hot reads
 * are cut by them.
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/tail.h"

struct mark *mark_at(const struct part *p, uint32_t i)
{
    check(i < p->mark_count);
    return &p->marks[(p->mark_from + i) & (p->mark_cap - 1)];
}

void mark_push(struct part *p, struct mark m)
{
    if (p->mark_count == p->mark_cap) {
        uint32_t cap = p->mark_cap ? p->mark_cap * 2 : 4;
        struct mark *grown = malloc(cap * sizeof(*grown));
        check(grown);
        for (uint32_t i = 0; i < p->mark_count; i++)
            grown[i] = *mark_at(p, i);
        free(p->marks);
        p->marks = grown;
        p->mark_cap = cap;
        p->mark_from = 0;
    }
    check(!p->mark_count || mark_at(p, p->mark_count - 1)->pos < m.pos);
    p->mark_count++;
    *mark_at(p, p->mark_count - 1) = m;
}

void marks_drop(struct part *p, uint64_t below_pos)
{
    while (p->mark_count && mark_at(p, 0)->pos < below_pos) {
        p->mark_prev_end = mark_at(p, 0)->end_off;
        p->mark_from = (p->mark_from + 1) & (p->mark_cap - 1);
        p->mark_count--;
    }
    if (!p->mark_count && p->mark_cap > 64) { /* an idle partition keeps no large ring */
        free(p->marks);
        p->marks = NULL;
        p->mark_cap = p->mark_from = 0;
    }
}

void marks_spent(struct part *p)
{
    marks_drop(p, min_u64(p->flight_pos, p->named_pos));
}

/* The first mark at or after pos; mark_count when there is none. */
uint32_t mark_find(const struct part *p, uint64_t pos)
{
    uint32_t lo = 0, hi = p->mark_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (mark_at(p, mid)->pos < pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct mark_span mark_span(const struct part *p, uint64_t pos, uint64_t end)
{
    struct mark_span s = { .batch_at = NO_BATCH, .max_time = INT64_MIN };
    uint32_t i = mark_find(p, pos);
    for (; i < p->mark_count && mark_at(p, i)->pos < end; i++) {
        const struct mark *m = mark_at(p, i);
        if (s.batch_at == NO_BATCH) {
            s.batch_at = (uint32_t)(m->pos - pos);
            s.base_off = m->off;
        }
        s.max_time = max_i64(s.max_time, m->max_time);
    }
    s.next_off = i ? mark_at(p, i - 1)->end_off : p->mark_prev_end;
    if (s.batch_at == NO_BATCH)
        s.base_off = s.next_off;
    return s;
}

/* Offsets rise from batch to batch; what was read may say otherwise. */
static bool offsets_rise(uint64_t floor_off, const struct batch_info *info)
{
    return info->base_off >= floor_off && info->base_off < OFF_MAX - info->last_off_delta;
}

/* Marks every batch that begins in [pos, end) of the tail, from a known batch start on. Padding at
 * an extent's end is stepped over. Times: `max_time` for all; INT64_MAX: the largest one in the
 * extent, since a batch's header says what its producer claims. */
enum err marks_walk(struct part *p, uint64_t pos, uint64_t end, int64_t max_time)
{
    uint8_t head[BATCH_HEADER_BYTES];
    struct batch_info info;
    uint64_t floor_off = p->mark_count ? mark_at(p, p->mark_count - 1)->end_off : 0;
    while (pos < end) {
        const struct extent *e = part_extent_of(p, pos);
        if (e && e->sealed && pos >= e->base_pos + e->data_bytes) {
            pos = block_ceil(e->base_pos + e->data_bytes);
            continue;
        }
        uint64_t left = end - pos;
        if (left < sizeof(head) || !tail_copy(p, pos, head, sizeof(head)))
            return ERR_CORRUPT;
        if (batch_peek((struct bytes){ head, left }, &info) != ERR_OK || info.bytes > left ||
            !offsets_rise(floor_off, &info) || !e)
            return ERR_CORRUPT;
        int64_t time = max_time == INT64_MAX ? e->max_time : max_time;
        mark_push(
            p, (struct mark){ pos, info.base_off, info.base_off + info.last_off_delta + 1, time });
        pos += info.bytes;
        floor_off = batch_floor_off(&info);
    }
    return ERR_OK;
}
