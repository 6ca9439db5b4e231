/* rot_look.c -- what verify and readers see of a store that was damaged. */
#include "engine/base/check.h"
#include "tests/sim/rot.h"

#define READ_BYTES (128u << 10)

void rot_read(struct rot *r, const struct target *t, void *to, uint64_t pos, uint64_t len)
{
    sim_file_read(r->f.node, FIXTURE_DIR, t->file, pos, to, len);
}

void rot_write(struct rot *r, const struct target *t, const void *from, uint64_t pos, uint64_t len)
{
    sim_file_write(r->f.node, FIXTURE_DIR, t->file, pos, from, len);
}

struct verify_counts rot_verify(struct rot *r, const struct target *t)
{
    struct verify_counts counts;
    struct verify_opts opts = { .ranged = true,
                                .range_vol = t->of_vol ? t->vol : UINT32_MAX,
                                .range_from = t->pos,
                                .range_to = t->pos + BLOCK_BYTES };
    EXPECT_OK(verify_run(r->f.io, r->f.dir, &opts, &counts, &r->f.why));
    return counts;
}

/* The book's first batch that ends after `off`; count: none. */
static uint32_t book_find(const struct book *b, uint64_t off)
{
    uint32_t lo = 0, hi = b->count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (b->at[mid]->a.base_off + b->at[mid]->a.count <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool batch_is(const struct sent *s, const uint8_t *at, uint64_t len)
{
    struct batch_info info;
    return len >= s->a.batch.len &&
           batch_peek((struct bytes){ at, s->a.batch.len }, &info) == ERR_OK &&
           info.base_off == s->a.base_off && info.bytes == s->a.batch.len &&
           memcmp(s->bytes + 16, at + 16, s->a.batch.len - 16) == 0;
}

/* Batches of the book from `off` on that begin before `to`. */
static uint32_t batches_between(const struct book *b, uint64_t off, uint64_t to)
{
    uint32_t i = book_find(b, off), n = 0;
    while (i < b->count && b->at[i]->a.base_off < to) {
        i++;
        n++;
    }
    return n;
}

/* Compares what was served from `off` on; returns where the next read goes on. */
static uint64_t served_compare(struct rot *r, uint32_t book, uint64_t off, const struct got *g,
                               struct rot_seen *seen)
{
    const struct book *b = &r->f.books[book];
    const uint8_t *at = g->r.batches.at, *to = at + g->r.batches.len;
    struct batch_info info;
    while (at < to) {
        if (batch_peek((struct bytes){ at, (size_t)(to - at) }, &info) != ERR_OK) {
            seen->wrong++;
            return g->r.next_off;
        }
        seen->lost += batches_between(b, off, info.base_off);
        off = info.base_off + info.last_off_delta + 1;
        uint32_t i = book_find(b, info.base_off);
        if (i == b->count || !batch_is(b->at[i], at, (uint64_t)(to - at))) {
            seen->wrong++;
            return g->r.next_off;
        }
        at += info.bytes;
    }
    return g->r.next_off;
}

/* Reads offsets [from, to) of a book; behind a refused batch it goes on with the next one. */
static void range_read(struct rot *r, uint32_t book, uint64_t from, uint64_t to,
                       struct rot_seen *seen)
{
    const struct book *b = &r->f.books[book];
    while (from < to) {
        struct got g;
        fixture_read(&r->f, &g, book, from, READ_BYTES);
        uint64_t next = g.r.err ? from : g.r.next_off;
        if (!g.r.err && g.r.batches.len)
            next = served_compare(r, book, from, &g, seen);
        else if (!g.r.err)
            seen->lost += batches_between(b, from, next);
        seen->errors += g.r.err != ERR_OK;
        seen->shortened += !g.r.err && next <= from;
        read_give(&g.r);
        if (next <= from) {
            uint32_t i = book_find(b, from);
            next = i < b->count ? b->at[i]->a.base_off + b->at[i]->a.count : to;
        }
        from = next;
    }
}

static void part_look(struct rot *r, uint32_t book, bool all, struct rot_seen *seen)
{
    const struct part *p = fixture_part(&r->f, book);
    if (!EXPECT(p != NULL))
        return;
    uint64_t end = r->next_off[book];
    seen->damaged += p->damaged;
    seen->shortened += !p->damaged && p->next_off != end;
    uint64_t from = all || end < 8 ? p->start_off : end - 8;
    range_read(r, book, from, min_u64(end, p->next_off), seen);
}

struct rot_seen rot_look(struct rot *r, const struct target *t, bool all)
{
    struct rot_seen seen = { 0 };
    struct fixture *f = &r->f;
    struct store_opts opts = { .read_only = true };
    seen.open_err = store_open(&f->store, f->io, f->dir, &opts, &f->why);
    if (seen.open_err)
        return seen;
    if (t && t->to_off > t->from_off)
        range_read(r, t->book, t->from_off, t->to_off, &seen);
    for (uint32_t i = 0; i < ROT_BOOKS; i++)
        part_look(r, i, all, &seen);
    while (io_inflight(f->io) && sim_step(f->sim, UINT64_MAX))
        io_turn(f->io, 0);
    store_close(&f->store);
    return seen;
}
