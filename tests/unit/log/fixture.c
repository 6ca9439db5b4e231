/* fixture.c -- the verbs of fixture.h, but for reads. */
#include "tests/unit/log/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "engine/log/verify.h"
#include "tests/unit/log/audit.h"

#define TURNS_MAX 2000000u /* of one wait: a store that spins shows as a failure, not as a hang */

/* ---- life ---- */

void fixture_init(struct fixture *f, uint64_t seed)
{
    *f = (struct fixture){ .seed = seed };
    f->sim =
        sim_open(&(struct sim_opts){ .seed = seed, .large_bytes = KIB(128), .hash_buffers = true });
    f->node = sim_node(f->sim, 0);
    f->geometry = (struct geometry){ .journal_bytes = BLOCK_BYTES + KIB(512),
                                     .entry_max = KIB(64),
                                     .extent_min = KIB(16),
                                     .extent_max = KIB(256),
                                     .slabs = 4,
                                     .batch_max = KIB(128) };
    f->opts = (struct store_opts){ .tail_bytes = MIB(2),
                                   .direct_min = KIB(16),
                                   .direct_flight = KIB(256) };
}

void fixture_boot(struct fixture *f)
{
    f->io = NULL;
    check(io_open(&f->io, &(struct io_opts){ .node = f->node }) == ERR_OK);
    f->dir = io_dir_open(f->io, FIXTURE_DIR, 0, NULL);
}

enum err fixture_create(struct fixture *f)
{
    return store_create(f->io, f->dir, &(struct store_create){ .geometry = f->geometry }, &f->why);
}

int fixture_fds(struct fixture *f)
{
    int fds[32], sum = 0;
    for (uint32_t i = 0; i < 32; i++)
        sum += fds[i] = io_dir_open(f->io, FIXTURE_DIR, 0, NULL);
    for (uint32_t i = 0; i < 32; i++)
        if (fds[i] >= 0)
            io_fd_close(f->io, fds[i]);
    return sum;
}

enum err fixture_start(struct fixture *f)
{
    f->fds = fixture_fds(f);
    enum err err = store_open(&f->store, f->io, f->dir, &f->opts, &f->why);
    if (err && !sim_dead(f->node))
        EXPECT_EQ(fixture_fds(f), f->fds);
    return err;
}

void fixture_make(struct fixture *f)
{
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
}

void fixture_open(struct fixture *f, uint64_t seed)
{
    fixture_init(f, seed);
    fixture_make(f);
}

void fixture_open_still(struct fixture *f, uint64_t seed)
{
    fixture_init(f, seed);
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    fixture_make(f);
}

static void sent_free(struct sent *s)
{
    free(s->bytes);
    free(s);
}

void fixture_stopped(struct store_stop *stop)
{
    *(bool *)stop->arg = true;
}

void fixture_stop(struct fixture *f)
{
    bool done = false;
    struct store_stop stop = { .done = fixture_stopped, .arg = &done };
    store_stop(f->store, &stop);
    EXPECT(fixture_until(f, &done));
    EXPECT_OK(stop.err);
    while (io_inflight(f->io) && sim_step(f->sim, UINT64_MAX))
        io_turn(f->io, 0);
    store_close(&f->store);
    EXPECT_EQ(fixture_fds(f), f->fds);
}

/* Appends that were never answered may or may not be there: the next verify decides. */
static void book_forget(struct book *b, const struct part *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        struct sent *s = b->at[i];
        bool lost = !s->done || s->a.err || (p && s->a.base_off >= p->next_off);
        if (lost && s->done && !s->a.err && s->a.bought == DURABILITY_SYNCED)
            lost = false; /* the verify shall miss it */
        bool open = !s->done || s->a.err == ERR_POISONED;
        if (lost && open && p && s->a.end_off && s->a.end_off <= p->next_off)
            lost = false; /* never acknowledged, but it survived */
        if (lost)
            sent_free(s);
        else
            b->at[n++] = s;
    }
    b->count = n;
}

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];

void fixture_slots_refused(struct fixture *f)
{
    for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
        if (strstr((*s)->file, "log/capture.c") && (*s)->verb == IO_ALLOCATE)
            sim_fault(f->node, *s, 28, 0);
}

void fixture_crash(struct fixture *f, enum sim_end end)
{
    if (!sim_dead(f->node))
        sim_crash(f->node, end);
    store_close(&f->store);
    io_close(&f->io);
    sim_restart(f->node);
    fixture_boot(f);
}

static void books_forget(struct fixture *f)
{
    for (uint32_t i = 0; i < BOOKS; i++)
        book_forget(&f->books[i], fixture_part(f, i));
}

void fixture_again(struct fixture *f, enum sim_end end)
{
    fixture_crash(f, end);
    check(fixture_start(f) == ERR_OK);
    books_forget(f);
}

void fixture_stop_again(struct fixture *f)
{
    fixture_stop(f);
    check(fixture_start(f) == ERR_OK);
}

/* Whatever the test was about: the machine ends, nothing on its disk is damaged, and an opening
 * brings back all that was acknowledged. */
static void last_look(struct fixture *f)
{
    struct verify_counts counts;
    struct verify_opts opts = { 0 };
    sim_fault_clear(f->node);
    sim_disk_limit(f->node, 0);
    fixture_crash(f, SIM_KILL);
    EXPECT_OK(verify_run(f->io, f->dir, &opts, &counts, &f->why));
    EXPECT_EQ(counts.finds[FIND_DAMAGE], 0); /* an image may have been cut short */
    f->opts.read_only = false;
    if (!EXPECT_OK(fixture_start(f)))
        return;
    books_forget(f);
    store_audit(f->store);
    for (uint32_t i = 0; i < BOOKS; i++)
        if (fixture_part(f, i))
            fixture_verify(f, i, 1 << 20);
    store_audit(f->store);
}

void fixture_close(struct fixture *f)
{
    if (f->store && !f->bent)
        store_audit(f->store);
    if (f->store && !f->bent && !f->hurt)
        last_look(f);
    if (f->store)
        sim_crash(f->node, SIM_KILL); /* what is in flight ends with its machine */
    store_close(&f->store);
    io_close(&f->io);
    sim_close(&f->sim);
    for (uint32_t i = 0; i < BOOKS; i++) {
        for (uint32_t j = 0; j < f->books[i].count; j++)
            sent_free(f->books[i].at[j]);
        free(f->books[i].at);
    }
}

/* ---- time ---- */

static bool time_pass(struct fixture *f, uint64_t due_ns)
{
    uint64_t now_ns = io_now_ns(f->io);
    if (due_ns == UINT64_MAX)
        return sim_step(f->sim, UINT64_MAX);
    uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 1000;
    sim_step(f->sim, sim_now_ns(f->sim) + wait_ns);
    return true;
}

/* Time passes only when nothing is left to do, and the caller sees what came of it before more of
 * it passes. */
bool fixture_turn(struct fixture *f)
{
    bool more = io_turn(f->io, 0) > 0 || time_pass(f, store_due_ns(f->store));
    if (sim_dead(f->node))
        return false;
    io_turn(f->io, 0);
    store_turn(f->store);
    return more;
}

bool fixture_until(struct fixture *f, const bool *done)
{
    store_turn(f->store);
    for (uint32_t i = 0; i < TURNS_MAX && !*done; i++)
        if (!fixture_turn(f))
            return *done;
    return *done;
}

void fixture_pass(struct fixture *f, uint64_t ns)
{
    uint64_t end_ns = sim_now_ns(f->sim) + ns;
    while (sim_now_ns(f->sim) < end_ns && !sim_dead(f->node)) {
        store_turn(f->store);
        if (io_turn(f->io, 0))
            continue;
        uint64_t due_ns = store_due_ns(f->store), now_ns = io_now_ns(f->io);
        uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 1000;
        wait_ns = min_u64(wait_ns, end_ns - sim_now_ns(f->sim));
        sim_step(f->sim, sim_now_ns(f->sim) + wait_ns);
    }
}

static bool quiet(const struct fixture *f)
{
    const struct store *s = f->store;
    return list_empty(&s->dirty) && list_empty(&s->requests) && list_empty(&s->dying) &&
           !commit_busy(s) && !s->ckpt && !volumes_busy(s) && io_inflight(f->io) == 0;
}

void fixture_settle(struct fixture *f)
{
    uint32_t calm = 0;
    for (uint32_t i = 0; i < TURNS_MAX && calm < 3; i++) {
        store_turn(f->store);
        calm = quiet(f) ? calm + 1 : 0;
        if (!calm && !fixture_turn(f))
            break;
    }
    EXPECT(calm == 3 || f->store->poisoned);
    if (calm == 3 && !f->bent && !f->store->poisoned)
        store_audit_quiet(f->store);
}

void fixture_checkpoint(struct fixture *f)
{
    fixture_settle(f);
    uint64_t before = f->store->generation;
    f->store->want_checkpoint = true;
    for (uint32_t i = 0; i < TURNS_MAX && f->store->generation == before; i++)
        fixture_turn(f);
    EXPECT(f->store->generation > before);
    fixture_settle(f);
}

/* ---- partitions ---- */

struct id16 fixture_topic(uint32_t book)
{
    struct id16 id = { { 't', 'o', 'p', 'i', 'c' } };
    id.b[15] = (uint8_t)(book + 1);
    return id;
}

struct part *fixture_part(struct fixture *f, uint32_t book)
{
    return part_find(f->store, fixture_topic(book), book);
}

struct waited {
    struct part_request r;
    bool done;
};

static void request_done(struct part_request *r)
{
    container_of(r, struct waited, r)->done = true;
}

struct part *fixture_add(struct fixture *f, uint32_t book)
{
    struct waited w = { .r.done = request_done };
    part_add(f->store, &w.r, fixture_topic(book), book);
    EXPECT(fixture_until(f, &w.done));
    EXPECT_OK(w.r.err);
    return w.r.part;
}

enum err fixture_drop(struct fixture *f, uint32_t book)
{
    struct waited w = { .r.done = request_done };
    struct book *b = &f->books[book];
    part_drop(fixture_part(f, book), &w.r);
    EXPECT(fixture_until(f, &w.done));
    for (uint32_t i = 0; i < b->count; i++)
        sent_free(b->at[i]);
    b->count = 0;
    return w.r.err;
}

enum err fixture_trim(struct fixture *f, uint32_t book, uint64_t off)
{
    struct waited w = { .r.done = request_done };
    part_trim(fixture_part(f, book), &w.r, off);
    EXPECT(fixture_until(f, &w.done));
    return w.r.err;
}

enum err fixture_seal(struct fixture *f, uint32_t book)
{
    struct waited w = { .r.done = request_done };
    part_seal(fixture_part(f, book), &w.r);
    EXPECT(fixture_until(f, &w.done));
    return w.r.err;
}

/* ---- appends ---- */

static void append_done(struct append *a)
{
    container_of(a, struct sent, a)->done = true;
}

static void book_add(struct book *b, struct sent *s)
{
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->at = realloc(b->at, b->cap * sizeof(struct sent *));
        check(b->at);
    }
    b->at[b->count++] = s;
}

/* With sums of its blocks, which end with the call: for where it goes, or (one in four) for
 * elsewhere; or without. */
static void append_summed(struct part *p, struct append *a, struct rng *r)
{
    struct batch_sums *sums = malloc(batch_sums_bytes(a->batch.len));
    check(sums);
    bool wrong = rng_chance(r, 1, 4);
    sums->phase = wrong ? (uint32_t)rng_below(r, BLOCK_BYTES) : part_append_phase(p);
    batch_sums_make(a->batch.at, (uint32_t)a->batch.len, sums);
    a->sums = rng_chance(r, 3, 4) ? sums : NULL;
    part_append(p, a);
    free(sums);
}

struct sent *fixture_send(struct fixture *f, uint32_t book, struct spec spec)
{
    struct sent *s = calloc(1, sizeof(*s));
    struct rng r;
    spec.bytes = spec.bytes ? spec.bytes : 200;
    spec.count = spec.count ? spec.count : 1;
    spec.time = spec.time ? spec.time : 1000;
    rng_seed(&r, f->seed++);
    s->bytes = malloc(spec.bytes + 64u);
    check(s->bytes);
    struct bytes batch = fixture_batch(s->bytes, spec, &r);
    s->a = (struct append){ .done = append_done,
                            .batch = batch,
                            .max_time = spec.time,
                            .count = spec.count,
                            .want = spec.memory ? DURABILITY_MEMORY
                                    : spec.want ? spec.want
                                                : DURABILITY_SYNCED,
                            .at_off_set = spec.gap,
                            .at_off = spec.at_off };
    book_add(&f->books[book], s);
    append_summed(fixture_part(f, book), &s->a, &r);
    return s;
}

enum err fixture_append(struct fixture *f, uint32_t book, struct spec spec)
{
    struct sent *s = fixture_send(f, book, spec);
    EXPECT(fixture_until(f, &s->done));
    enum err err = s->done ? s->a.err : ERR_TIMEOUT;
    if (err && s->done && !s->a.end_off) { /* never in the log */
        f->books[book].count--;
        sent_free(s);
    }
    return err;
}

void fixture_fill(struct fixture *f, uint32_t book, uint32_t n, uint32_t bytes)
{
    for (uint32_t i = 0; i < n; i++)
        EXPECT_OK(fixture_append(f, book, (struct spec){ .bytes = bytes }));
}
