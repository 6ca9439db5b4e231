/* verify_batch.c -- see verify_batch.h. A batch: a header that makes sense, offsets that rise, its
 * own CRC. */
#include "engine/log/verify_batch.h"

#include <stdlib.h>

#include "engine/base/array.h"

void batch_walker_close(struct batch_walker *w)
{
    free(w->buf);
    w->buf = NULL;
    w->len = w->cap = 0;
}

static void batch_found(struct batch_walker *w, uint64_t len, const char *what)
{
    struct find f = w->base;
    f.kind = FOUND_BATCH;
    f.pos = w->base_place + (w->pos - w->base_pos);
    f.len = len;
    f.from_off = w->next_off;
    f.to_off = w->end_off;
    why_set(&f.why, "%s", what);
    verify_found(w->v, &f);
    batch_walker_lose(w);
}

void batch_walker_lose(struct batch_walker *w)
{
    w->in_step = false;
    w->len = 0;
}

void batch_walker_begin(struct batch_walker *w, uint64_t pos, uint64_t off)
{
    if (w->in_step && w->len) {
        batch_found(w, w->len, "it goes on where the index says that the next one begins");
    } else if (w->in_step && w->pos != pos) {
        batch_found(w, 0, "the index says that it begins elsewhere");
    } else if (off < w->next_off) {
        w->pos = pos;
        batch_found(w, 0, "the index gives it an offset that is already taken");
    }
    w->pos = pos;
    w->len = 0;
    w->next_off = max_u64(off, w->next_off);
    w->in_step = true;
}

static void buf_add(struct batch_walker *w, const uint8_t *at, uint64_t len)
{
    w->buf = array_grow(w->buf, &w->cap, w->len + len, 1);
    memcpy(w->buf + w->len, at, len);
    w->len += len;
}

/* A batch that stands for lost bytes. */
static uint64_t gap_look(struct batch_walker *w, const struct batch_info *info, uint64_t len)
{
    if (info->bytes > len)
        return 0;
    struct find f = w->base;
    f.kind = FOUND_GAP;
    f.pos = w->base_place + (w->pos - w->base_pos);
    f.len = info->bytes;
    f.from_off = info->base_off;
    f.to_off = info->base_off + info->last_off_delta + 1;
    w->next_off = max_u64(w->next_off, batch_floor_off(info));
    if (w->gaps_told)
        verify_found(w->v, &f);
    return info->bytes;
}

/* The batch at `at`, of which `len` bytes are here. Returns its bytes, or 0: not whole yet, or
 * reported. */
static uint64_t batch_look(struct batch_walker *w, const uint8_t *at, uint64_t len)
{
    struct batch_info info;
    static const uint8_t padding[BATCH_HEADER_BYTES];
    if (len < BATCH_HEADER_BYTES)
        return 0;
    if (memcmp(at, padding, sizeof(padding)) == 0) { /* of an extent whose end was lost */
        batch_walker_lose(w);
        return 0;
    }
    if (batch_peek((struct bytes){ at, UINT32_MAX }, &info) != ERR_OK ||
        info.bytes > w->batch_max) {
        batch_found(w, BATCH_HEADER_BYTES, "its header makes no sense");
        return 0;
    }
    if (batch_is_gap(&info))
        return gap_look(w, &info, len);
    if (info.base_off < w->next_off || info.base_off + info.last_off_delta >= w->end_off) {
        batch_found(w, BATCH_HEADER_BYTES, "its offsets are out of order");
        return 0;
    }
    if (info.bytes > len)
        return 0;
    if (!batch_crc_ok((struct bytes){ at, info.bytes })) {
        batch_found(w, info.bytes, "its CRC does not match");
        return 0;
    }
    w->next_off = batch_floor_off(&info);
    w->v->counts->batches++;
    w->v->counts->bytes += info.bytes;
    return info.bytes;
}

void batch_walker_feed(struct batch_walker *w, const uint8_t *at, uint64_t len)
{
    if (!w->in_step)
        return;
    buf_add(w, at, len);
    uint64_t done = 0, n;
    while (w->in_step && (n = batch_look(w, w->buf + done, w->len - done))) {
        done += n;
        w->pos += n;
    }
    if (!w->in_step)
        return;
    memmove(w->buf, w->buf + done, w->len - done);
    w->len -= done;
}

void batch_walker_end(struct batch_walker *w)
{
    if (w->in_step && w->len)
        batch_found(w, w->len, "it is cut short by the end of its extent");
}
