/* lend.c -- a read out of the tail without a copy: the caller is given the memory itself.
 *
 *   lend_hot     walks batches from chunk to chunk, then lends the chunks they lie in
 *   read_give    takes them back
 *
 * Bytes of whole batches below the head never change, so readers may hold them while the tail goes
 * on. What is too little, or lies in too many pieces, is copied: a chunk that is held costs memory
 * beyond the tail's budget once the tail has given it up, so what is held is bounded (tail_lent).
 */
#include "engine/log/lend.h"
#include "engine/base/check.h"

#define LEND_BYTES_MIN KIB(64) /* of an answer: one chunk is four times that at most */
#define LEND_SHARE     8u      /* of the tail's budget: chunks that readers hold, at most */

struct walk {
    struct part *part;
    struct chunk *chunk; /* holds pos, unless pos is at its end */
    uint64_t pos;
    uint32_t pieces; /* chunks from the first byte wanted on, this one included */
};

static uint64_t chunk_end(const struct chunk *c)
{
    return c->pos + c->cap;
}

/* On to `pos`; false: it is not in memory. */
static bool walk_to(struct walk *w, uint64_t pos)
{
    while (w->chunk && pos > chunk_end(w->chunk)) {
        w->chunk = tail_chunk_next(w->part, w->chunk);
        w->pieces++;
    }
    w->pos = pos;
    return w->chunk != NULL;
}

/* The header of the batch at w->pos. */
static bool walk_peek(struct walk *w, struct batch_info *info)
{
    uint8_t copy[BATCH_HEADER_BYTES];
    if (w->pos == chunk_end(w->chunk)) {
        w->chunk = tail_chunk_next(w->part, w->chunk);
        w->pieces++;
        if (!w->chunk)
            return false;
    }
    const uint8_t *at = w->chunk->at + (w->pos - w->chunk->pos);
    uint64_t here = chunk_end(w->chunk) - w->pos;
    if (here < sizeof(copy)) {
        const struct chunk *next = tail_chunk_next(w->part, w->chunk);
        if (!next || next->cap < sizeof(copy))
            return false;
        memcpy(copy, at, here);
        memcpy(copy + here, next->at, sizeof(copy) - here);
        at = copy;
    }
    return batch_peek((struct bytes){ at, UINT32_MAX }, info) == ERR_OK;
}

/* [from, from + len) begins in chunk c. */
static void pieces_lend(struct read *r, struct part *p, struct chunk *c, uint64_t from,
                        uint64_t len)
{
    struct read_lent *lent = &r->lent;
    r->batches = (struct bytes){ NULL, len };
    while (len) {
        uint64_t n = min_u64(chunk_end(c) - from, len);
        check(lent->count < READ_PIECES_MAX);
        lent->chunks[lent->count] = c;
        lent->pieces[lent->count++] = (struct bytes){ c->at + (from - c->pos), n };
        chunk_lend(c);
        from += n;
        len -= n;
        c = tail_chunk_next(p, c);
    }
    p->store->counts.lent_bytes += r->batches.len;
}

/* The batches wanted: the same rules as for what is copied (read_cut() in read.c). */
bool lend_hot(struct read *r, uint64_t pos, uint64_t end, uint64_t off_end)
{
    struct part *p = r->part;
    struct walk w = { .part = p, .chunk = tail_chunk(p, pos), .pos = pos, .pieces = 1 };
    struct chunk *first = NULL;
    struct batch_info info;
    uint64_t from = pos, next_off = r->next_off;
    if (!r->lends || r->bytes_max < LEND_BYTES_MIN || !w.chunk ||
        p->store->tail_lent >= p->store->opts.tail_bytes / LEND_SHARE)
        return false;
    while (end - w.pos >= BATCH_HEADER_BYTES && walk_peek(&w, &info)) {
        uint64_t last = info.base_off + info.last_off_delta, to = w.pos + info.bytes;
        bool gap = batch_is_gap(&info), wanted = !gap && last >= r->off;
        struct walk before = w;
        if (last >= off_end || to > end || (first && (gap || to - from > r->bytes_max)))
            break;
        if (!first && wanted) {
            first = w.chunk;
            from = w.pos;
            w.pieces = 1;
        }
        if (!walk_to(&w, to) || (first && w.pieces > READ_PIECES_MAX)) {
            w = before;
            break;
        }
        next_off = first ? last + 1 : next_off;
    }
    if (!first || w.pos - from < LEND_BYTES_MIN)
        return false;
    r->next_off = next_off;
    pieces_lend(r, p, first, from, w.pos - from);
    return true;
}

void lent_return(struct read *r)
{
    struct read_lent *lent = &r->lent;
    for (uint32_t i = 0; i < lent->count; i++)
        chunk_return(lent->chunks[i]);
    lent->count = 0;
    if (lent->extent)
        extent_unpin(lent->extent);
    lent->extent = NULL;
    lent->fd = -1;
}
