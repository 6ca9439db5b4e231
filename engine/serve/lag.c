/* lag.c -- the verb lag: how far a reader is behind, in records, bytes and time.
 *
 * Records and bytes come out of memory: an extent that is passed in part counts with the share of
 * its offsets that are ahead, so bytes are exact at the ends of extents and close inside. The time
 * is that of the first record ahead, so one batch is read; of a compressed one it is the time of
 * its first record, which may be a little older. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

#define ATTRIBUTE_APPEND_TIME 0x08u

static void lag_read(struct verb_lag *v);

static void lag_end(struct verb_lag *v, enum err err)
{
    slot_leave(v->slot);
    verb_end(&v->verb, err);
}

/* ---- bytes ---- */

/* bytes * part / all, where the product may not fit. */
static uint64_t share(uint64_t bytes, uint64_t part, uint64_t all)
{
    return (uint64_t)((unsigned __int128)bytes * part / all);
}

/* From the newest extent back, so that it costs as much as there is lag. */
static uint64_t bytes_between(const struct part *p, uint32_t extents, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    struct part_extent_info e;
    for (uint32_t i = extents; i-- > 0 && part_extent_at(p, i, &e) && e.end_off > from;) {
        uint64_t low = max_u64(from, e.base_off), high = min_u64(to, e.end_off);
        if (low < high)
            sum += share(e.bytes, high - low, e.end_off - e.base_off);
    }
    return sum;
}

/* ---- time ---- */

/* Of the record at or after `off` in this batch; -1: none there, or without a time. */
static int64_t batch_time_at(struct bytes batch, const struct batch_info *info, uint64_t off)
{
    struct batch_walk walk;
    struct batch_record r;
    enum err err = batch_walk_open(&walk, batch);
    if (err == ERR_UNSUPPORTED)
        return info->attributes & ATTRIBUTE_APPEND_TIME ? info->header_max_time : info->base_time;
    while (err == ERR_OK && batch_walk_next(&walk, &r, &err))
        if (r.off >= off)
            return r.time;
    return -1;
}

/* True: this batch has it. */
static bool batch_answers(struct verb_lag *v, struct bytes batch, const struct batch_info *info)
{
    if (batch_is_gap(info) || info->base_off + info->last_off_delta < v->from_off)
        return false;
    int64_t now_ms = io_wall_ms(v->verb.serve->desks[v->place.shard].shard.io);
    int64_t at_ms = batch_time_at(batch, info, v->from_off);
    if (at_ms >= 0)
        v->lag_ms = at_ms < now_ms ? now_ms - at_ms : 0;
    return true;
}

static bool batches_answer(struct verb_lag *v, struct bytes left)
{
    struct batch_info info;
    while (left.len && batch_peek(left, &info) == ERR_OK) {
        if (batch_answers(v, (struct bytes){ left.at, info.bytes }, &info))
            return true;
        left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
    }
    return false;
}

static void lag_read_done(struct read *r)
{
    struct verb_lag *v = container_of(r, struct verb_lag, read);
    bool more = r->err == ERR_OK && r->batches.len && !batches_answer(v, r->batches);
    uint64_t next_off = r->next_off;
    read_give(r);
    if (more && v->slot->topic && next_off > v->from_off && next_off < v->visible_off) {
        v->from_off = next_off; /* only what was lost stands there */
        lag_read(v);
        return;
    }
    lag_end(v, v->slot->topic ? ERR_OK : ERR_NOT_FOUND);
}

static void lag_read(struct verb_lag *v)
{
    v->read = (struct read){
        .done = lag_read_done, .off = v->from_off, .bytes_max = 1, .client = v->client
    };
    part_read(v->slot->part, &v->read);
}

/* ---- the verb ---- */

static void lag_open(struct letter *l, struct shard *at)
{
    struct verb_lag *v = container_of(l, struct verb_lag, verb.letter);
    struct slot *slot = verb_slot(l, desk_of(at), &v->place);
    if (!slot)
        return;
    struct part_state_info info = part_info(slot->part);
    v->slot = slot;
    v->start_off = info.start_off;
    v->visible_off = info.visible_off;
    v->from_off = min_u64(max_u64(v->off, info.start_off), info.visible_off);
    v->records = info.visible_off - v->from_off;
    v->bytes = bytes_between(slot->part, info.extents, v->from_off, info.visible_off);
    v->lag_ms = v->records ? -1 : 0;
    if (v->records && !v->untimed)
        lag_read(v);
    else
        lag_end(v, ERR_OK);
}

void serve_lag(struct serve *s, struct verb_lag *v)
{
    verb_send_place(s, &v->verb, &v->place, lag_open);
}
