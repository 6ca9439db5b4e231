/* run.c -- writes to extents: whole blocks, once each, straight from tail memory.
 *
 *   part_issue     cuts [flight_pos, to_pos) into runs (one write, contiguous in memory and on
 *                  disk) and tiles (at most 64 KiB, what an index row describes)
 *   run_done       moves the partition's disk_pos, wakes whoever waits for memory or the commit
 *   failure        poisons the store: the write's own completion is the only place where an
 *                  O_DIRECT error shows */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"
#include "engine/log/tail.h"

static struct run *run_take(struct store *s)
{
    struct node *n = list_pop(&s->run_pool);
    struct run *r = n ? container_of(n, struct run, node) : malloc(sizeof(*r));
    check(r);
    *r = (struct run){ .store = s };
    return r;
}

static void run_done(struct op *op)
{
    struct run *r = container_of(op, struct run, op);
    struct store *s = r->store;
    struct part *p = r->part;
    node_unlink(&r->node);
    if (op->err)
        store_poison(s, op, "writing a run to its extent");
    if (!r->behind)
        s->direct_inflight -= r->len;
    extent_unpin(r->extent);
    if (p->zombie && list_empty(&p->runs)) {
        part_memory_free(p);
    } else if (!p->zombie && !s->poisoned) { /* else what failed stays in memory, for readers */
        p->disk_pos = part_disk_pos(p);
        tail_clean(p);
    }
    if (r->waited)
        commit_run_done(s);
    if (r->behind)
        checkpoint_run_done(s, r->len);
    list_push(&s->run_pool, &r->node);
}

uint64_t part_disk_pos(const struct part *p)
{
    const struct node *n = list_first(&p->runs);
    return n ? container_of(n, struct run, node)->pos : p->flight_pos;
}

/* From the sums of its blocks: the bytes went through the cache when they were copied. */
static uint32_t tile_crc(const struct part *p, const struct extent *e, uint64_t pos, uint32_t len,
                         const uint8_t *at)
{
    uint32_t crc = tail_crc(p, piece_crc_seed(e->id, pos), pos, len);
    audit(crc == piece_crc(e->id, pos, at, len));
    (void)at;
    return crc;
}

/* Tiles for [pos, pos + len) of extent e: each at most TILE_RUN_MAX, each cut by the marks. */
static void run_tiles(struct part *p, struct extent *e, uint64_t pos, uint32_t len,
                      const uint8_t *at)
{
    while (len) {
        uint32_t n = len < TILE_RUN_MAX ? len : TILE_RUN_MAX;
        struct mark_span span = mark_span(p, pos, pos + n);
        struct tile t = { .at = (uint32_t)(pos - e->base_pos),
                          .len = n,
                          .crc = tile_crc(p, e, pos, n, at),
                          .batch_at = span.batch_at,
                          .base_off = span.base_off,
                          .next_off = span.next_off,
                          .max_time = span.max_time };
        extent_tile_add(e, &t);
        pos += n;
        at += n;
        len -= n;
    }
}

/* The longest run from flight_pos that is contiguous in memory and in one extent. */
static uint32_t run_len(const struct part *p, const struct extent *e, uint64_t to_pos, uint8_t **at)
{
    uint64_t n = tail_find(p, p->flight_pos, at);
    uint64_t end = e->sealed ? block_ceil(e->base_pos + e->data_bytes) : UINT64_MAX;
    n = min_u64(n, min_u64(to_pos, end) - p->flight_pos);
    check(n && n % BLOCK_BYTES == 0);
    return (uint32_t)n;
}

void part_issue(struct part *p, uint64_t to_pos, bool behind)
{
    struct store *s = p->store;
    check(to_pos % BLOCK_BYTES == 0 && to_pos <= p->head_pos);
    while (p->flight_pos < to_pos) {
        uint8_t *at;
        struct extent *e = part_extent_of(p, p->flight_pos);
        check(e);
        uint32_t len = run_len(p, e, to_pos, &at);
        struct run *r = run_take(s);
        r->part = p;
        r->extent = e;
        r->pos = p->flight_pos;
        r->len = len;
        r->behind = behind;
        run_tiles(p, e, r->pos, len, at);
        e->pins++;
        if (behind) {
            checkpoint_run_issued(s, e, len);
            s->counts.behind_bytes += len;
        } else {
            s->direct_inflight += len;
            s->direct_unsynced += len;
            s->counts.direct_bytes += len;
            s->counts.checkpoint_beside_direct += checkpoint_running(s);
        }
        list_push(&p->runs, &r->node);
        p->flight_pos += len;
        io_write(s->io, &r->op, e->vol->fd, at, len, extent_place(e, r->pos), 0, run_done);
    }
    p->disk_pos = part_disk_pos(p);
    marks_spent(p);
}
