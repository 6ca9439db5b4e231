/* Goal: tables that are exactly full are walked to their end and no further. Method: as many
 * partitions and volumes as the tables have room for before they grow, lived through everything
 * that walks them; what lies behind a table is nonsense (tests/memory.h). */
#include "tests/unit/log/audit.h"
#include "tests/unit/log/damage.h"

#define PARTS 64u /* store.parts begins with so many */
#define VOLS  8u  /* and store.vols */

struct many {
    struct part_request r[PARTS];
    struct append a[PARTS];
    uint32_t done;
};

static void request_done(struct part_request *r)
{
    ++*(uint32_t *)r->arg;
}

static void append_done(struct append *a)
{
    ++*(uint32_t *)a->arg;
}

static void all_done(struct fixture *f, const struct many *m, uint32_t want)
{
    for (uint32_t i = 0; i < 200000 && m->done < want; i++)
        fixture_turn(f);
    EXPECT_EQ(m->done, want);
}

static void parts_add(struct fixture *f, struct many *m)
{
    m->done = 0;
    for (uint32_t i = 0; i < PARTS; i++) {
        m->r[i] = (struct part_request){ .done = request_done, .arg = &m->done };
        part_add(f->store, &m->r[i], fixture_topic(BOOKS + 1), i);
    }
    all_done(f, m, PARTS);
}

/* One batch for each, or only for those up to `count`. */
static void parts_fill(struct fixture *f, struct many *m, uint32_t count)
{
    static uint8_t bytes[1000 + 64];
    struct rng rng;
    rng_seed(&rng, 1);
    struct bytes batch =
        fixture_batch(bytes, (struct spec){ .bytes = 1000, .count = 1, .time = 1000 }, &rng);
    m->done = 0;
    for (uint32_t i = 0; i < count; i++) {
        m->a[i] = (struct append){ .done = append_done,
                                   .arg = &m->done,
                                   .batch = batch,
                                   .max_time = 1000,
                                   .count = 1,
                                   .want = DURABILITY_SYNCED };
        part_append(store_part_at(f->store, i), &m->a[i]);
    }
    all_done(f, m, count);
    for (uint32_t i = 0; i < count; i++)
        EXPECT_OK(m->a[i].err);
}

static void full_is(struct fixture *f, uint64_t each)
{
    const struct store *s = f->store;
    EXPECT_EQ(s->part_count, PARTS);
    EXPECT(s->part_cap == PARTS && s->vol_count == s->vol_cap);
    EXPECT_EQ(s->vol_count, VOLS);
    for (uint32_t i = 0; i < PARTS; i++)
        if (EXPECT(s->parts[i]))
            EXPECT_EQ(s->parts[i]->next_off, each);
    store_audit(s);
}

static void open_full(struct damage *d, struct many *m, uint64_t seed)
{
    struct fixture *f = &d->f;
    *d = (struct damage){ 0 };
    fixture_init(f, seed);
    f->opts.zero_ahead = 4 * (VOLS - 1); /* free slabs beside the one volume that is in use */
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    parts_add(f, m);
    parts_fill(f, m, PARTS);
    fixture_settle(f);
}

TEST(full, tables_live_through_checkpoints_and_openings)
{
    struct damage d;
    struct many m;
    open_full(&d, &m, 990);
    struct fixture *f = &d.f;
    full_is(f, 1);
    fixture_checkpoint(f);
    parts_fill(f, &m, PARTS);
    fixture_again(f, SIM_POWER);
    full_is(f, 2);
    fixture_stop_again(f);
    full_is(f, 2);
    EXPECT(!volume_find(f->store, VOLS + 1));
    EXPECT(!store_part_at(f->store, PARTS));
    fixture_stop(f);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    EXPECT_EQ(d.counts.parts, PARTS);
    EXPECT_EQ(d.counts.batches, 2 * PARTS);
    REQUIRE_OK(fixture_start(f));
    fixture_close(f);
}

TEST(full, tables_are_repaired_whole)
{
    // Goal: a lost entry before those that take new extents; a poisoned store ends all it has.
    struct damage d;
    struct many m;
    open_full(&d, &m, 991);
    struct fixture *f = &d.f;
    fixture_checkpoint(f);
    for (uint32_t i = 0; i < 14; i++)
        parts_fill(f, &m, 3);
    damage_entries(&d);
    fixture_crash(f, SIM_POWER);
    damage_flip(&d, "journal", d.entries[2] + 9);
    damage_repair(&d);
    EXPECT_EQ(f->store->part_count, PARTS);
    store_audit(f->store);
    parts_fill(f, &m, PARTS);
    fixture_settle(f);
    sim_fault(f->node, NULL, 5, 1);
    m.done = 0;
    m.a[0].node = (struct node){ 0 };
    part_append(store_part_at(f->store, PARTS - 1), &m.a[0]);
    all_done(f, &m, 1);
    EXPECT(store_poisoned(f->store, NULL));
    fixture_close(f);
}
