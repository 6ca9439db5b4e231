/* fixture_read.c -- the verbs of fixture.h that look at what is there. */
#include <stdio.h>

#include "engine/base/check.h"
#include "tests/unit/log/fixture.h"

static void read_done(struct read *r)
{
    container_of(r, struct got, r)->done = true;
}

/* As a front sends it: pieces of memory, or of a file. */
static void lent_copy(struct fixture *f, struct read *r)
{
    uint64_t at = 0;
    r->buf = io_buffer_take(block_ceil(r->batches.len));
    check(r->buf);
    for (uint32_t i = 0; i < r->lent.count; i++) {
        memcpy((uint8_t *)r->buf + at, r->lent.pieces[i].at, r->lent.pieces[i].len);
        at += r->lent.pieces[i].len;
    }
    if (r->lent.fd >= 0) {
        struct op op = { 0 };
        io_read(f->io, &op, r->lent.fd, r->buf, r->batches.len, r->lent.pos, NULL);
        EXPECT_OK(io_wait(f->io, &op));
        at += op.got;
    }
    EXPECT_EQ(at, r->batches.len);
    r->batches.at = r->buf;
}

void fixture_read(struct fixture *f, struct got *g, uint32_t book, uint64_t off, uint32_t bytes_max)
{
    *g = (struct got){
        .r = { .done = read_done, .off = off, .bytes_max = bytes_max, .lends = f->lends }
    };
    part_read(fixture_part(f, book), &g->r);
    EXPECT(!g->done); /* never inside the call */
    EXPECT(fixture_until(f, &g->done));
    if (g->r.batches.len && !g->r.batches.at)
        lent_copy(f, &g->r);
}

static bool batch_same(const struct sent *s, const uint8_t *at)
{
    uint8_t want[16];
    memcpy(want, s->bytes, sizeof(want));
    memcpy(want + 12, at + 12, 4); /* the leader epoch is the store's */
    struct batch_info info;
    return batch_peek((struct bytes){ at, s->a.batch.len }, &info) == ERR_OK &&
           info.base_off == s->a.base_off && memcmp(want + 8, at + 8, 8) == 0 &&
           memcmp(s->bytes + 16, at + 16, s->a.batch.len - 16) == 0;
}

static void said(bool held, const char *file, int line, const char *what, uint64_t off)
{
    char text[160];
    if (held)
        return;
    snprintf(text, sizeof(text), "%s, offset %llu", what, (unsigned long long)off);
    test_expect(false, file, line, text);
}

void fixture_verify_at(struct fixture *f, uint32_t book, uint32_t bytes_max, uint64_t end,
                       const char *file, int line)
{
    struct book *b = &f->books[book];
    struct part *p = fixture_part(f, book);
    uint64_t off = p->start_off;
    uint32_t i = 0;
    while (i < b->count && b->at[i]->a.end_off <= off)
        i++;
    for (uint32_t n = 0; n < 100000; n++) {
        struct got g;
        bool lends = f->lends;
        f->lends |= n % 2;
        fixture_read(f, &g, book, off, bytes_max);
        f->lends = lends;
        if (g.r.err) {
            said(off >= end, file, line, err_name(g.r.err), off);
            return;
        }
        if (!g.r.batches.len)
            break;
        const uint8_t *at = g.r.batches.at, *to = at + g.r.batches.len;
        bool one = i < b->count && b->at[i]->a.batch.len == g.r.batches.len;
        said(one || g.r.batches.len <= bytes_max, file, line, "more than bytes_max", off);
        for (; at < to && i < b->count; i++) {
            uint64_t len = b->at[i]->a.batch.len;
            bool same = len <= (uint64_t)(to - at) && batch_same(b->at[i], at);
            said(same, file, line, "another batch than the book has", b->at[i]->a.base_off);
            if (!same)
                break;
            at += len;
            off = b->at[i]->a.base_off + b->at[i]->a.count;
        }
        said(at == to, file, line, "bytes that the book does not have", off);
        said(g.r.next_off == off, file, line, "next_off", g.r.next_off);
        bool whole = at == to;
        read_give(&g.r);
        if (!whole)
            return;
    }
    while (i < b->count && !(b->at[i]->done && b->at[i]->a.err == ERR_OK))
        i++;
    said(i == b->count || b->at[i]->a.base_off >= end, file, line, "missing from",
         i < b->count ? b->at[i]->a.base_off : 0);
}

struct found {
    struct time_find find;
    bool done;
};

static void find_done(struct time_find *find)
{
    container_of(find, struct found, find)->done = true;
}

int64_t fixture_find(struct fixture *f, uint32_t book, int64_t time)
{
    struct found x = { .find = { .done = find_done, .time_ms = time } };
    part_time_find(fixture_part(f, book), &x.find);
    EXPECT(!x.done);
    EXPECT(fixture_until(f, &x.done));
    return x.find.err ? -(int64_t)x.find.err : (int64_t)x.find.off;
}

void fixture_flip(struct fixture *f, const char *name, uint64_t pos)
{
    uint8_t byte;
    f->hurt = true;
    sim_file_read(f->node, FIXTURE_DIR, name, pos, &byte, 1);
    byte ^= 0x10;
    sim_file_write(f->node, FIXTURE_DIR, name, pos, &byte, 1);
}
