/* load.c -- which operation comes next, and the checks of a whole life. */
#include "tests/sim/load.h"

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

#define OP_BYTES_MAX  (6u << 20) /* bytes of appends under way */
#define ANSWER_NS     (600 * SEC_NS)
#define SCAN_BYTES    (256u << 10)
#define SYSTEM_TOPICS STORES_MAX /* the first ones use the journal's reserve */

/* ---- partitions ---- */

static uint32_t parts_now(const struct load *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->w->oracle.part_count; i++)
        n += l->w->oracle.parts[i]->state <= O_LIVE;
    return n;
}

/* A partition that is there; a few of them get most of the traffic. NULL: none. */
static struct o_part *part_draw(struct load *l)
{
    struct oracle *o = &l->w->oracle;
    uint32_t n = parts_now(l);
    if (!n)
        return NULL;
    uint64_t at =
        rng_chance(l->w->rng, 1, 2) ? rng_below(l->w->rng, n) : rng_log_uniform(l->w->rng, n - 1);
    for (uint32_t i = 0; i < o->part_count; i++)
        if (o->parts[i]->state <= O_LIVE && !at--)
            return o->parts[i];
    return NULL;
}

static struct id16 topic_id(uint32_t number)
{
    struct id16 id = { { 0 } };
    if (number >= SYSTEM_TOPICS)
        le64_put(id.b, number * 0x9e3779b97f4a7c15ull);
    id.b[15] = (uint8_t)(number + 1);
    return id;
}

static enum durability durability_draw(const struct load *l)
{
    uint64_t n = rng_below(l->w->rng, 10);
    if (n == 9)
        return DURABILITY_MEMORY;
    return n < l->written_of_10 ? DURABILITY_WRITTEN : DURABILITY_SYNCED;
}

/* Clients of a partition; every fourth is near the end of its sequences. */
static void producers_draw(struct load *l, struct o_part *p)
{
    struct rng *rng = l->w->rng;
    p->producer_count = (uint32_t)rng_below(rng, O_PRODUCERS + 1);
    for (uint32_t i = 0; i < p->producer_count; i++) {
        struct o_producer *x = &p->producers[i];
        x->id = (int64_t)(1 + rng_below(rng, 1000) * O_PRODUCERS + i);
        x->epoch = (int16_t)rng_below(rng, 3);
        x->next = rng_chance(rng, 1, 4) ? INT32_MAX - (int32_t)rng_below(rng, 100) : 0;
    }
}

static void load_add_to(struct load *l, uint32_t store)
{
    uint32_t number = l->topic_next++;
    if (store_poisoned(l->w->stores[store].store, NULL))
        return;
    struct o_part *p =
        oracle_part_new(&l->w->oracle, topic_id(number), (uint32_t)rng_below(l->w->rng, 4), store);
    p->durability = durability_draw(l);
    if (l->producers)
        producers_draw(l, p);
    l->w->tally.parts++;
    trace("  add part %u to store %u, durability %d", p->number, store, p->durability);
    load_add_again(l, p);
    struct part *part = load_part(l, p);
    if (part)
        part_durability_set(part, p->durability);
}

void load_add(struct load *l)
{
    uint32_t number = l->topic_next, count = l->w->store_count;
    load_add_to(l, number < count ? number : (uint32_t)rng_below(l->w->rng, count));
}

/* ---- one operation ---- */

static uint64_t value_draw(struct load *l)
{
    struct rng *rng = l->w->rng;
    uint64_t max = rng_chance(rng, 1, 16) ? l->record_max : min_u64(l->record_max, 32u << 10);
    return rng_log_uniform(rng, max);
}

static void op_append_draw(struct load *l, struct o_part *p)
{
    if (p->producer_count && rng_chance(l->w->rng, 1, 10)) {
        load_again(l, p);
        return;
    }
    uint64_t burst = rng_chance(l->w->rng, 1, 8) ? 1 + rng_below(l->w->rng, 8) : 1;
    while (burst--) {
        enum durability want = rng_chance(l->w->rng, 1, 5) ? durability_draw(l) : p->durability;
        load_append(l, p, value_draw(l), want);
        l->w->tally.ops++;
    }
    l->w->tally.ops--; /* one of them is counted by the caller */
}

static void op_read_draw(struct load *l, struct o_part *p)
{
    struct rng *rng = l->w->rng;
    uint64_t end = oracle_end_off(p);
    uint32_t bytes = 1 + (uint32_t)rng_log_uniform(rng, 512u << 10);
    bool scan = rng_chance(rng, 1, 4);
    if (rng_chance(rng, 1, 2))
        load_read(l, p, p->reader_off, bytes, true, scan);
    else if (rng_chance(rng, 1, 2))
        load_read(l, p, end - rng_log_uniform(rng, end), bytes, false, false);
    else
        load_read(l, p, rng_below(rng, end + 2), bytes, false, scan);
}

/* Retention by size: to the start of a later extent; or a client's delete-records. */
static void op_trim_draw(struct load *l, struct o_part *p)
{
    struct part *part = load_part(l, p);
    struct part_extent_info e;
    if (!part)
        return;
    struct part_state_info info = part_info(part);
    uint64_t off = info.start_off + rng_below(l->w->rng, info.visible_off - info.start_off + 1);
    uint32_t keep = 1 + (uint32_t)rng_below(l->w->rng, 3);
    if (rng_chance(l->w->rng, 2, 3) && info.extents > keep &&
        part_extent_at(part, info.extents - keep, &e))
        off = min_u64(e.base_off, info.visible_off);
    load_trim(l, p, off);
}

static void disk_limit(struct load *l, bool on)
{
    struct world *w = l->w;
    struct io_stat st;
    sim_disk_limit(w->node, 0);
    l->limit_until_ns = 0;
    int fd = io_dir_open(w->shards[0].io, w->stores[0].path, 0, NULL);
    if (!on || fd < 0)
        return;
    check(io_fd_stat(w->shards[0].io, fd, &st) == ERR_OK);
    io_fd_close(w->shards[0].io, fd);
    uint64_t used = (1ull << 50) - st.free_bytes;
    sim_disk_limit(w->node, used + rng_log_uniform(w->rng, 4u << 20));
    l->limit_until_ns = sim_now_ns(w->sim) + rng_log_uniform(w->rng, 5 * SEC_NS);
    w->full = true;
    trace("  disk full");
}

static bool op_idle(struct load *l)
{
    return world_sleep(l->w, MS_NS + rng_log_uniform(l->w->rng, 3 * SEC_NS));
}

static bool op_rare(struct load *l, uint64_t dice)
{
    struct rng *rng = l->w->rng;
    if (dice < 12 && l->idles)
        return op_idle(l);
    if (dice < 16 && l->disk_full)
        disk_limit(l, true);
    else if (dice < 20 && l->clock_jumps)
        sim_clock_jump(l->w->node, (int64_t)rng_below(rng, 20000) - 10000);
    else if (dice < 24)
        return world_until(l->w, world_ops_done, ANSWER_NS) || !world_dead(l->w);
    return true;
}

static void op_draw(struct load *l, struct o_part *p, uint64_t dice)
{
    if (dice < 640)
        op_append_draw(l, p);
    else if (dice < 800)
        op_read_draw(l, p);
    else if (dice < 830)
        load_time(l, p);
    else if (dice < 890)
        op_trim_draw(l, p);
    else if (dice < 910 && l->seals)
        load_seal(l, p);
    else if (dice < 925 && parts_now(l) > 1)
        load_drop(l, p);
    else if (dice < 935)
        load_add_again(l, p);
    else
        load_part_check(l, p);
}

static bool flight_full(const struct load *l)
{
    uint32_t n = 0;
    list_each (&l->w->ops, node)
        n += node != NULL;
    return n >= l->flight_max || l->w->op_bytes >= OP_BYTES_MAX;
}

/* Takes space of a store where some was asked to come free: a new partition, or an old one. */
static void op_grab(struct load *l)
{
    struct world *w = l->w;
    struct o_part *p = NULL;
    if (rng_chance(w->rng, 1, 3) && parts_now(l) < l->part_max)
        load_add_to(l, w->burst_store);
    for (uint32_t i = 0; i < w->oracle.part_count; i++) {
        struct o_part *each = w->oracle.parts[i];
        bool there = each->store == w->burst_store && each->state <= O_LIVE;
        if (there && (!p || rng_chance(w->rng, 1, 2))) /* the young ones have small extents */
            p = each;
    }
    if (p)
        load_append(l, p, (8u << 10) + rng_log_uniform(w->rng, 120u << 10), p->durability);
}

bool load_op(struct load *l)
{
    struct world *w = l->w;
    uint64_t dice = rng_below(w->rng, 1000);
    struct o_part *p = part_draw(l);
    if (l->churn && rng_chance(w->rng, 1, 4))
        dice = 830 + rng_below(w->rng, 170); /* trims, seals, drops, adds */
    uint64_t until = sim_now_ns(w->sim) + ANSWER_NS;
    if (l->limit_until_ns && l->limit_until_ns <= sim_now_ns(w->sim))
        disk_limit(l, false);
    if (w->burst && w->burst--)
        op_grab(l);
    else if (!p || (dice >= 960 && parts_now(l) < l->part_max))
        load_add(l);
    else if (dice >= 960) /* as many as there may be: an append */
        op_draw(l, p, 0);
    else if (dice >= 935 && !op_rare(l, dice - 935))
        return false;
    else if (dice < 935)
        op_draw(l, p, dice);
    w->tally.ops++;
    for (uint64_t steps = rng_log_uniform(w->rng, 24); steps && !world_dead(w); steps--)
        if (!world_turn(w, until))
            break;
    while (flight_full(l) && world_turn(w, until))
        ;
    demand(world_dead(w) || !flight_full(l) || w->full, "operations are not answered within %llu s",
           LLU(ANSWER_NS / SEC_NS));
    return !world_dead(w);
}

/* ---- a whole life ---- */

static void store_reopened(struct load *l, uint32_t number)
{
    struct store *s = l->w->stores[number].store;
    for (uint32_t i = 0; i < store_part_count(s); i++) {
        struct part *part = store_part_at(s, i);
        if (!part)
            continue;
        struct part_state_info info = part_info(part);
        struct o_part *p = oracle_part_find(&l->w->oracle, info.topic, info.index);
        demand(p && p->store == number, "store %u holds a partition that nobody added", number);
    }
}

void load_reopened(struct load *l, enum end end)
{
    struct oracle *o = &l->w->oracle;
    for (uint32_t i = 0; i < l->w->store_count; i++)
        store_reopened(l, i);
    for (uint32_t i = 0; i < o->part_count; i++) {
        struct o_part *p = o->parts[i];
        struct part *part = load_part(l, p);
        if (!part && p->state != O_GONE)
            oracle_missing(o, p, end);
        if (!part)
            continue;
        part_durability_set(part, p->durability);
        struct part_state_info info = part_info(part);
        oracle_reopened(o, p, &info, end);
        oracle_producers(p, part);
        load_part_check(l, p);
    }
}

bool load_verify(struct load *l)
{
    struct oracle *o = &l->w->oracle;
    for (uint32_t i = 0; i < o->part_count; i++) {
        struct part *part = load_part(l, o->parts[i]);
        if (part)
            load_read(l, o->parts[i], part_info(part).start_off, SCAN_BYTES, false, true);
    }
    bool done = world_until(l->w, world_ops_done, ANSWER_NS);
    demand(done || world_dead(l->w), "reading everything back does not end");
    return done;
}

bool load_alive(struct load *l)
{
    struct oracle *o = &l->w->oracle;
    load_resend(l);
    (void)world_until(l->w, world_ops_done, ANSWER_NS);
    uint64_t acked = o->acked, sent = o->sent;
    for (uint32_t i = 0; i < o->part_count; i++)
        if (o->parts[i]->state <= O_LIVE) {
            demand(load_part(l, o->parts[i]), "part %u: not available", o->parts[i]->number);
            load_append(l, o->parts[i], rng_below(l->w->rng, 100), DURABILITY_SYNCED);
        }
    bool done = world_until(l->w, world_ops_done, ANSWER_NS);
    if (world_dead(l->w))
        return false;
    demand(done && o->acked - acked == o->sent - sent,
           "faults have stopped, and %llu of %llu partitions take no record",
           LLU((o->sent - sent) - (o->acked - acked)), LLU(o->sent - sent));
    return load_verify(l);
}

bool load_drop_all(struct load *l)
{
    struct oracle *o = &l->w->oracle;
    for (uint32_t i = 0; i < o->part_count; i++)
        if (o->parts[i]->state <= O_LIVE)
            load_drop(l, o->parts[i]);
    bool done = world_until(l->w, world_ops_done, ANSWER_NS);
    demand(done || world_dead(l->w), "deleting everything does not end");
    return done;
}
