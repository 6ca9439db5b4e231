/* batch_walk.c -- delivers the records of a batch one by one, in place.
 *
 * Offsets may have gaps here (compaction makes them) but only rise; a record beyond the batch's
 * last offset is damage. A record that is delivered is whole: its headers were walked once already,
 * so batch_header_next() meets no surprise in them.
 */
#include "engine/base/batch.h"
#include "engine/base/batch_in.h"

struct varint varint_long(const uint8_t *at, const uint8_t *end, unsigned width)
{
    const struct varint none = { NULL, 0 };
    uint64_t value = 0;

    for (unsigned shift = 0; shift < width && at < end; shift += 7) {
        uint64_t group = *at & 0x7fu;
        if (shift + 7 > width && group >> (width - shift))
            return none; /* bits beyond the width */
        value |= group << shift;
        if (*at++ < 0x80)
            return (struct varint){ at, value };
    }
    return none; /* cut short, or going on after the last group there can be */
}

enum err batch_walk_open(struct batch_walk *w, struct bytes batch)
{
    struct batch_info info;
    TRY(batch_peek(batch, &info));
    if (info.attributes & BATCH_ATTR_CODEC)
        return ERR_UNSUPPORTED;

    bool append_time = info.attributes & BATCH_ATTR_APPEND_TIME;
    *w = (struct batch_walk){
        .left = { batch.at + BATCH_HEADER_BYTES, info.bytes - BATCH_HEADER_BYTES },
        .base_off = info.base_off,
        .base_time = append_time ? info.header_max_time : info.base_time,
        .remaining = info.record_count,
        .next_delta = 0,
        .last_delta = info.last_off_delta,
        .append_time = append_time,
    };
    return ERR_OK;
}

/* Nothing in `w` changes when it is damaged: asked again, it says the same. */
static bool walk_stop(enum err *err, enum err why)
{
    *err = why;
    return false;
}

bool batch_walk_next(struct batch_walk *w, struct batch_record *out, enum err *err)
{
    struct cursor c = { w->left.at, w->left.at + w->left.len };
    struct record_view r;

    if (w->remaining == 0)
        return walk_stop(err, w->left.len == 0 ? ERR_OK : ERR_BAD_BATCH);
    if (record_take(&c, &r))
        return walk_stop(err, ERR_BAD_BATCH);
    if (r.off_delta < 0 || (uint32_t)r.off_delta < w->next_delta ||
        (uint32_t)r.off_delta > w->last_delta)
        return walk_stop(err, ERR_BAD_BATCH);
    if (!record_time(&r, w->base_time, w->append_time, &out->time))
        return walk_stop(err, ERR_BAD_BATCH);

    out->off = w->base_off + (uint32_t)r.off_delta;
    out->key = r.key;
    out->value = r.value;
    out->headers = NULL;
    out->header_count = r.header_count;
    out->headers_raw = r.headers;
    w->left = (struct bytes){ c.at, cursor_left(&c) };
    w->next_delta = (uint32_t)r.off_delta + 1;
    w->remaining--;
    *err = ERR_OK;
    return true;
}

bool batch_header_next(struct bytes *raw, uint32_t *remaining, struct batch_header_kv *out)
{
    struct cursor c = { raw->at, raw->at + raw->len };

    if (*remaining == 0 || !cursor_header(&c, out))
        return false;
    *raw = (struct bytes){ c.at, cursor_left(&c) };
    (*remaining)--;
    return true;
}
