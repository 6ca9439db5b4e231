/* life.c -- see life.h. */
#include "tests/unit/log/life.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"

#define LLU(v) ((unsigned long long)(v))

/* From lo to hi, each power of two above lo alike likely. */
static uint64_t drawn(struct life *l, uint64_t lo, uint64_t hi)
{
    return lo + rng_log_uniform(&l->rng, hi - lo);
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

static int starts(struct sim_watch *w, const struct op *op)
{
    static const char *const verbs[IO_VERB_COUNT] = { "none", "read",     "write",  "sync",
                                                      "open", "allocate", "rename", "unlink" };
    struct life *l = container_of(w, struct life, watch);
    uint32_t sum = op->verb == IO_WRITE ? crc32c(0, op->buf, op->len) : 0;
    line_add(&l->lines, "%llu %s %s %llu+%llu %u %08x", LLU(sim_now_ns(l->d.f.sim)),
             verbs[op->verb], file_of(l->d.f.store, op), LLU(op->pos), LLU(op->len), op->flags,
             sum);
    return 0;
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
}

static void read_add(struct life *l, const struct read *r)
{
    line_add(&l->lines, "read: %s %llu to %llu, %u and %d lent, bad %llu, %08x", err_name(r->err),
             LLU(r->batches.len), LLU(r->next_off), r->lent.count, r->lent.fd >= 0,
             LLU(r->err == ERR_CORRUPT ? r->bad_pos : 0), crc32c(0, r->batches.at, r->batches.len));
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

static void step_burst(struct life *l, uint32_t book)
{
    struct sent *last = NULL;
    for (uint64_t n = 1 + rng_below(&l->rng, 6); n; n--)
        last = fixture_send(&l->d.f, book, spec_draw(l));
    if (rng_chance(&l->rng, 1, 4))
        return; /* nobody waits */
    EXPECT(fixture_until(&l->d.f, &last->done));
    append_add(l, &last->a);
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

static void step_read(struct life *l, uint32_t book)
{
    const struct part *p = fixture_part(&l->d.f, book);
    uint32_t i = (uint32_t)rng_below(&l->rng, LIFE_KEPT);
    uint64_t off = p->start_off + rng_below(&l->rng, p->next_off - p->start_off + 2);
    give(l, i);
    l->d.f.lends = rng_chance(&l->rng, 1, 2);
    fixture_read(&l->d.f, &l->kept[i], book, off, (uint32_t)drawn(l, 1, 1u << 19));
    read_add(l, &l->kept[i].r);
    l->keeps[i] = true;
    if (rng_chance(&l->rng, 2, 3))
        give(l, i);
}

static void step_find(struct life *l, uint32_t book)
{
    int64_t time = 500 + (int64_t)rng_below(&l->rng, 101000);
    line_add(&l->lines, "find %lld: %lld", (long long)time,
             (long long)fixture_find(&l->d.f, book, time));
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

static void step_drop(struct life *l, uint32_t book)
{
    fixture_settle(&l->d.f);
    EXPECT_OK(fixture_drop(&l->d.f, book));
    fixture_add(&l->d.f, book);
    memset(l->sequences[book], 0, sizeof(l->sequences[book]));
}

static void step_checkpoint(struct life *l, uint32_t book)
{
    (void)book;
    fixture_checkpoint(&l->d.f);
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
    for (uint32_t i = 0; i < LIFE_KEPT; i++)
        give(l, i);
    if (n < 3)
        fixture_again(&l->d.f, how[n]);
    else
        fixture_stop_again(&l->d.f);
}

static const struct {
    uint32_t weight;
    void (*go)(struct life *l, uint32_t book);
} steps[] = { { 30, step_burst },     { 3, step_gap },  { 12, step_produce }, { 30, step_read },
              { 6, step_find },       { 3, step_trim }, { 2, step_seal },     { 1, step_drop },
              { 4, step_checkpoint }, { 6, step_pass }, { 3, step_restart } };

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
}

void life_open(struct life *l, uint64_t seed)
{
    struct fixture *f = &l->d.f;
    l->watch = (struct sim_watch){ .starts = starts, .ends = ends };
    rng_seed(&l->rng, seed);
    sim_watch(f->node, &l->watch);
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    for (uint32_t i = 0; i < LIFE_BOOKS; i++)
        fixture_add(f, i);
}

void life_close(struct life *l)
{
    for (uint32_t i = 0; i < LIFE_KEPT; i++)
        give(l, i);
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

/* ---- rot ---- */

static void rot_one(struct life *l)
{
    struct fixture *f = &l->d.f;
    char name[32] = "tails";
    uint64_t kind = rng_below(&l->rng, 8), number = 1 + rng_below(&l->rng, f->store->vol_count);
    uint64_t ring = f->store->journal.ring, free_pos = f->store->journal.free_pos;
    uint64_t used = f->store->journal.head_pos - free_pos;
    if (kind < 5)
        snprintf(name, sizeof(name), "vol-%04llu", LLU(number));
    else if (kind < 7)
        snprintf(name, sizeof(name), kind == 5 ? "journal" : "image");
    uint64_t bytes = sim_file_bytes(f->node, FIXTURE_DIR, name);
    uint64_t at = bytes ? rng_below(&l->rng, bytes) : 0;
    if (kind == 5 && used)
        at = BLOCK_BYTES + (free_pos + rng_below(&l->rng, used)) % ring;
    line_add(&l->lines, "rot %s %llu", name, LLU(at));
    fixture_crash(f, SIM_POWER);
    if (bytes)
        fixture_flip(f, name, at);
}

static void finds_add(struct life *l)
{
    damage_look(&l->d);
    for (uint32_t i = 0; i < l->d.find_count; i++) {
        const struct find *f = &l->d.finds[i];
        line_add(&l->lines, "%s %s %llu+%llu %u %llu %llu [%llu, %llu) %s",
                 find_kind_info(f->kind)->name, f->file, LLU(f->pos), LLU(f->len), f->part,
                 LLU(f->part_pos), LLU(f->extent), LLU(f->from_off), LLU(f->to_off), f->why.text);
    }
    line_add(&l->lines, "of %llu %llu %llu %llu %llu %llu %llu", LLU(l->d.counts.entries),
             LLU(l->d.counts.extents), LLU(l->d.counts.index_blocks), LLU(l->d.counts.tiles),
             LLU(l->d.counts.batches), LLU(l->d.counts.slots), LLU(l->d.counts.bytes));
}

void life_rot(struct life *l)
{
    struct fixture *f = &l->d.f;
    struct repair_report r;
    fixture_settle(f);
    for (uint32_t i = 0; i < LIFE_KEPT; i++)
        give(l, i);
    rot_one(l);
    finds_add(l);
    enum err err = fixture_start(f);
    line_add(&l->lines, "start: %s %s", err_name(err), err ? f->why.text : "");
    if (!err) {
        life_read_all(l);
        fixture_crash(f, SIM_POWER);
    }
    EXPECT_OK(repair_run(f->io, f->dir, &r, &f->why));
    line_add(&l->lines, "repaired: %u %u %u %u %u %u", r.identities, r.image_pages, r.index_blocks,
             r.tiles, r.slots, r.parts);
    finds_add(l);
    EXPECT(damage_none(&l->d));
    check(fixture_start(f) == ERR_OK);
    life_read_all(l);
}
