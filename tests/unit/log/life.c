/* life.c -- see life.h. */
#include "tests/unit/log/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/inside.h"

#define LLU(v) ((unsigned long long)(v))

/* From lo to hi, each power of two above lo alike likely. */
static uint64_t drawn(struct life *l, uint64_t lo, uint64_t hi)
{
    return lo + rng_log_uniform(&l->rng, hi - lo);
}

/* No CRC: that of bytes which end with their own is always the same. */
static uint32_t sum_of(const uint8_t *at, uint64_t len)
{
    uint64_t sum = len, word;
    for (uint64_t i = 0; i < len; i += sizeof(word)) {
        word = 0;
        memcpy(&word, at + i, min_u64(len - i, sizeof(word)));
        sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
        sum ^= sum >> 32;
    }
    return (uint32_t)sum;
}

/* ---- calls ---- */

static const char *file_of(const struct store *s, const struct op *op)
{
    if (op->name)
        return op->name;
    if (!s)
        return "?";
    if (op->fd == s->journal.fd || op->fd == s->image_fd)
        return op->fd == s->journal.fd ? "journal" : "image";
    for (uint32_t i = 0; i < s->vol_count; i++)
        if (op->fd == s->vols[i]->fd || op->fd == s->vols[i]->cache_fd)
            return s->vols[i]->name;
    return op->fd == s->tails_fd ? "tails" : op->fd == s->dir ? "." : "?";
}

/* Through the page cache: such a read may be the client's own. */
static bool cached(const struct store *s, const struct op *op)
{
    for (uint32_t i = 0; s && i < s->vol_count; i++)
        if (op->fd == s->vols[i]->cache_fd)
            return true;
    return false;
}

static int starts(struct sim_watch *w, const struct op *op)
{
    static const char *const verbs[IO_VERB_COUNT] = { "none", "read",     "write",  "sync",
                                                      "open", "allocate", "rename", "unlink" };
    struct life *l = container_of(w, struct life, watch);
    uint32_t sum = op->verb == IO_WRITE ? sum_of(op->buf, op->len) : 0;
    line_add(&l->lines, "%llu %s %s %llu+%llu %u %08x", LLU(sim_now_ns(l->d.f.sim)),
             verbs[op->verb], file_of(l->d.f.store, op), LLU(op->pos), LLU(op->len), op->flags,
             sum);
    bool fails = l->reading && op->verb == IO_READ && l->unreadable && !cached(l->d.f.store, op) &&
                 rng_chance(&l->faults, 1, l->unreadable);
    return fails ? EIO : 0;
}

static void ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

/* ---- what is there ---- */

static void counts_add(struct life *l)
{
    struct store_counts counts = store_counts(l->d.f.store);
    uint64_t each[sizeof(counts) / sizeof(uint64_t)];
    char text[590];
    size_t len = 0;
    memcpy(each, &counts, sizeof(counts));
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, " %llu", LLU(each[i]));
    line_add(&l->lines, "counts%s", text);
}

static void part_add_line(struct life *l, uint32_t book)
{
    const struct part *p = fixture_part(&l->d.f, book);
    if (!p)
        return;
    struct part_state_info i = part_info(p);
    line_add(&l->lines, "part %u: %llu %llu %llu %llu, %llu in %u of %llu, %u %d %llu %lld %u",
             i.number, LLU(i.start_off), LLU(i.synced_off), LLU(i.visible_off), LLU(i.next_off),
             LLU(i.bytes), i.extents, LLU(i.disk_bytes), i.leader_epoch, i.damaged,
             LLU(i.damaged_off), (long long)i.max_time, i.producers);
    struct part_inside in = part_inside(p);
    line_add(&l->lines, " head %llu disk %llu slot %u %u", LLU(in.head_pos), LLU(in.disk_pos),
             in.slot, in.slot_side);
    struct extent_inside e;
    for (uint32_t n = 0; part_extent_inside(p, n, &e); n++)
        line_add(&l->lines, " extent %llu at %llu: %u %u %llu+%llu, %u %u, [%llu, %llu) %llu %lld",
                 LLU(e.id), LLU(e.base_pos), e.vol, e.unit, LLU(e.place), LLU(e.bytes), e.tiles,
                 e.index_blocks, LLU(e.info.base_off), LLU(e.info.end_off), LLU(e.info.bytes),
                 (long long)e.info.max_time);
}

static void vols_add(struct life *l)
{
    struct vol_inside v;
    for (uint32_t i = 0; store_vol_inside(l->d.f.store, i, &v); i++)
        line_add(&l->lines, "volume %u: %u of %u free, %u written, %llu, %llu", v.number,
                 v.slabs_free, v.slabs, v.slabs_written, LLU(v.bytes), LLU(v.opening));
}

static void read_add(struct life *l, const struct read *r)
{
    line_add(&l->lines, "read: %s %llu to %llu, %u and %d lent, bad %llu, %08x", err_name(r->err),
             LLU(r->batches.len), LLU(r->next_off), r->lent.count, r->lent.fd >= 0,
             LLU(r->err == ERR_CORRUPT ? r->bad_pos : 0), sum_of(r->batches.at, r->batches.len));
}

/* ---- appends ---- */

/* Multiples of four: a batch of any such size can be made. */
static struct spec spec_draw(struct life *l)
{
    static const enum durability wants[] = { DURABILITY_SYNCED, DURABILITY_SYNCED,
                                             DURABILITY_WRITTEN, DURABILITY_MEMORY };
    struct spec spec = { .bytes = (uint32_t)drawn(l, 18, l->bytes_max / 4) * 4,
                         .time = 1000 + (int64_t)rng_below(&l->rng, 100000) };
    if (rng_chance(&l->rng, 1, 4))
        spec.bytes = (uint32_t)block_ceil(spec.bytes);
    spec.count = 1 + (uint32_t)rng_below(&l->rng, min_u64(20, max_u64(1, spec.bytes / 90)));
    spec.want = wants[rng_below(&l->rng, 4)];
    spec.memory = spec.want == DURABILITY_MEMORY;
    return spec;
}

static void append_add(struct life *l, const struct append *a)
{
    line_add(&l->lines, "append: %s %d at %llu, %lld, %d", err_name(a->err), a->bought,
             LLU(a->base_off), (long long)a->append_ms, a->duplicate);
}

/* One that may be refused, or be there already: then the book has it not, or only once. */
static void append_one(struct life *l, uint32_t book, struct spec spec)
{
    struct book *b = &l->d.f.books[book];
    struct sent *s = fixture_send(&l->d.f, book, spec);
    EXPECT(fixture_until(&l->d.f, &s->done));
    append_add(l, &s->a);
    if (s->a.duplicate || s->a.err) {
        b->count--;
        free(s->bytes);
        free(s);
    }
}

/* Those that were refused, out of its book. */
static void book_clean(struct book *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        struct sent *s = b->at[i];
        if (s->done && s->a.err) {
            free(s->bytes);
            free(s);
        } else {
            b->at[n++] = s;
        }
    }
    b->count = n;
}

static void step_burst(struct life *l, uint32_t book)
{
    struct sent *last = NULL;
    for (uint64_t n = 1 + rng_below(&l->rng, 6); n; n--)
        last = fixture_send(&l->d.f, book, spec_draw(l));
    if (rng_chance(&l->rng, 1, 4))
        return; /* nobody waits */
    EXPECT(fixture_until(&l->d.f, &last->done));
    append_add(l, &last->a);
    book_clean(&l->d.f.books[book]);
}

static void step_gap(struct life *l, uint32_t book)
{
    struct spec spec = spec_draw(l);
    fixture_settle(&l->d.f);
    spec.gap = true;
    spec.at_off = fixture_part(&l->d.f, book)->next_off + rng_below(&l->rng, 30);
    append_one(l, book, spec);
}

static void step_produce(struct life *l, uint32_t book)
{
    uint32_t producer = (uint32_t)rng_below(&l->rng, LIFE_PRODUCERS);
    int32_t *next = &l->sequences[book][producer];
    struct spec spec = spec_draw(l);
    fixture_settle(&l->d.f);
    spec.produced = true;
    spec.producer = 100 + producer;
    spec.sequence = *next;
    if (*next && rng_chance(&l->rng, 1, 8))
        spec.sequence += (int32_t)rng_below(&l->rng, 3) - 1; /* again, or one is missing */
    append_one(l, book, spec);
    if (spec.sequence == *next)
        *next += (int32_t)spec.count;
}

/* ---- the other verbs ---- */

static void give(struct life *l, uint32_t i)
{
    if (l->keeps[i])
        read_give(&l->kept[i].r);
    l->keeps[i] = false;
}

void life_give(struct life *l)
{
    for (uint32_t i = 0; i < LIFE_KEPT; i++)
        give(l, i);
}

static void step_read(struct life *l, uint32_t book)
{
    const struct part *p = fixture_part(&l->d.f, book);
    uint32_t i = (uint32_t)rng_below(&l->rng, LIFE_KEPT);
    uint64_t off = p->start_off + rng_below(&l->rng, p->next_off - p->start_off + 2);
    give(l, i);
    l->d.f.lends = rng_chance(&l->rng, 1, 2);
    l->reading = true;
    fixture_read(&l->d.f, &l->kept[i], book, off, (uint32_t)drawn(l, 1, 1u << 19));
    l->reading = false;
    read_add(l, &l->kept[i].r);
    l->keeps[i] = true;
    if (rng_chance(&l->rng, 2, 3))
        give(l, i);
}

static void step_drop(struct life *l, uint32_t book)
{
    fixture_settle(&l->d.f);
    EXPECT_OK(fixture_drop(&l->d.f, book));
    fixture_add(&l->d.f, book);
    memset(l->sequences[book], 0, sizeof(l->sequences[book]));
}

static void reads_done(struct read *r)
{
    container_of(r, struct got, r)->done = true;
}

/* Several at once, and perhaps the partition goes meanwhile. */
static void step_reads(struct life *l, uint32_t book)
{
    struct part *p = fixture_part(&l->d.f, book);
    struct got got[3];
    fixture_settle(&l->d.f);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t off = p->start_off + rng_below(&l->rng, p->next_off - p->start_off + 1);
        got[i] = (struct got){ .r = { .done = reads_done,
                                      .off = off,
                                      .bytes_max = (uint32_t)drawn(l, 1, 1u << 19),
                                      .lends = rng_chance(&l->rng, 1, 2),
                                      .client = i } };
        part_read(p, &got[i].r);
    }
    if (rng_chance(&l->rng, 1, 20))
        step_drop(l, book);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT(fixture_until(&l->d.f, &got[i].done));
        line_add(&l->lines, "beside: %s %llu to %llu", err_name(got[i].r.err),
                 LLU(got[i].r.batches.len), LLU(got[i].r.next_off));
    }
    for (uint32_t i = 0; i < 3; i++)
        read_give(&got[i].r);
}

static void step_find(struct life *l, uint32_t book)
{
    int64_t time = 500 + (int64_t)rng_below(&l->rng, 101000);
    l->reading = true;
    int64_t found = fixture_find(&l->d.f, book, time);
    l->reading = false;
    line_add(&l->lines, "find %lld: %lld", (long long)time, (long long)found);
}

static void step_trim(struct life *l, uint32_t book)
{
    const struct part *p = fixture_part(&l->d.f, book);
    fixture_settle(&l->d.f);
    EXPECT_OK(fixture_trim(&l->d.f, book,
                           p->start_off + rng_below(&l->rng, p->next_off - p->start_off + 1)));
}

static void step_seal(struct life *l, uint32_t book)
{
    fixture_settle(&l->d.f);
    line_add(&l->lines, "seal: %s", err_name(fixture_seal(&l->d.f, book)));
}

static void step_checkpoint(struct life *l, uint32_t book)
{
    (void)book;
    fixture_checkpoint(&l->d.f);
}

/* A checkpoint that power ends in the middle. */
static void step_torn(struct life *l, uint32_t book)
{
    (void)book;
    life_give(l);
    l->d.f.store->want_checkpoint = true;
    fixture_pass(&l->d.f, drawn(l, 1000, 3 * MS_NS));
    fixture_again(&l->d.f, SIM_POWER);
}

static void step_pass(struct life *l, uint32_t book)
{
    (void)book;
    fixture_pass(&l->d.f, drawn(l, 1000, 2 * SEC_NS));
}

static void step_restart(struct life *l, uint32_t book)
{
    static const enum sim_end how[] = { SIM_POWER, SIM_KERNEL, SIM_KILL };
    uint64_t n = rng_below(&l->rng, 5);
    (void)book;
    life_give(l);
    if (n < 3)
        fixture_again(&l->d.f, how[n]);
    else
        fixture_stop_again(&l->d.f);
}

static const struct {
    uint32_t weight;
    void (*go)(struct life *l, uint32_t book);
} steps[] = { { 30, step_burst }, { 3, step_gap },  { 12, step_produce },   { 25, step_read },
              { 4, step_reads },  { 5, step_find }, { 3, step_trim },       { 2, step_seal },
              { 1, step_drop },   { 1, step_torn }, { 4, step_checkpoint }, { 6, step_pass },
              { 4, step_restart } };

void life_go(struct life *l, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = 0, book = (uint32_t)rng_below(&l->rng, LIFE_BOOKS);
        uint64_t at = rng_below(&l->rng, 100);
        while (at >= steps[i].weight)
            at -= steps[i++].weight;
        steps[i].go(l, book);
        counts_add(l);
        part_add_line(l, book);
    }
    vols_add(l);
}

void life_open(struct life *l, uint64_t seed)
{
    struct fixture *f = &l->d.f;
    l->watch = (struct sim_watch){ .starts = starts, .ends = ends };
    rng_seed(&l->rng, seed);
    rng_seed(&l->faults, seed);
    sim_watch(f->node, &l->watch);
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    for (uint32_t i = 0; i < LIFE_BOOKS; i++)
        fixture_add(f, i);
}

void life_close(struct life *l)
{
    life_give(l);
    fixture_close(&l->d.f);
}

void life_read_all(struct life *l)
{
    fixture_settle(&l->d.f);
    for (uint32_t book = 0; book < LIFE_BOOKS; book++) {
        const struct part *p = fixture_part(&l->d.f, book);
        struct got g = { 0 };
        for (uint64_t off = p ? p->start_off : 0; p && !g.r.err && off < p->next_off;) {
            l->d.f.lends = !l->d.f.lends;
            fixture_read(&l->d.f, &g, book, off, (uint32_t)drawn(l, 1, 4 * l->bytes_max));
            read_add(l, &g.r);
            if (!g.r.err && !EXPECT(g.r.next_off > off))
                return;
            off = g.r.next_off;
            read_give(&g.r);
        }
        part_add_line(l, book);
    }
}
