/* Goal: what is done for some partitions at a time is done for each of them. Method: three hundred,
 * each with a partial block in its slot and bytes in the journal behind it. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

#define MANY 300u

struct many {
    struct fixture f;
    struct part_request adds[MANY];
    struct append appends[MANY];
    uint8_t bytes[2][MANY][400];
    uint32_t done;
};

static void added(struct part_request *r)
{
    EXPECT_OK(r->err);
    ++*(uint32_t *)r->arg;
}

static void appended(struct append *a)
{
    EXPECT_OK(a->err);
    ++*(uint32_t *)a->arg;
}

static void until_done(struct many *m)
{
    for (uint32_t i = 0; i < 1000000 && m->done < MANY; i++)
        fixture_turn(&m->f);
    EXPECT_EQ(m->done, MANY);
    m->done = 0;
}

static struct id16 topic_of(uint32_t i)
{
    return (struct id16){ { 'm', (uint8_t)(i / 100) } };
}

static struct part *part_of(struct many *m, uint32_t i)
{
    return part_find(m->f.store, topic_of(i), i);
}

static uint32_t size_of(uint32_t i, uint32_t round)
{
    return 100 + 4 * ((i * 7 + round) % 50);
}

/* A batch to each. */
static void append_all(struct many *m, uint32_t round)
{
    for (uint32_t i = 0; i < MANY; i++) {
        struct rng r;
        rng_seed(&r, 1000 * round + i);
        struct spec spec = { .bytes = size_of(i, round), .count = 1, .time = 1000 };
        m->appends[i] = (struct append){ .done = appended,
                                         .arg = &m->done,
                                         .batch = fixture_batch(m->bytes[round][i], spec, &r),
                                         .max_time = 1000,
                                         .count = 1,
                                         .want = DURABILITY_SYNCED };
        part_append(part_of(m, i), &m->appends[i]);
    }
    until_done(m);
}

static void read_ended(struct read *r)
{
    *(bool *)r->arg = true;
}

static bool reads_back(struct many *m, uint32_t i, uint32_t round)
{
    bool done = false;
    struct read r = { .done = read_ended, .arg = &done, .off = round, .bytes_max = 1 };
    part_read(part_of(m, i), &r);
    EXPECT(fixture_until(&m->f, &done));
    uint32_t want = size_of(i, round);
    bool same = !r.err && r.batches.len == want &&
                memcmp((const uint8_t *)r.batches.at + 16, m->bytes[round][i] + 16, want - 16) == 0;
    read_give(&r);
    return same;
}

TEST(many, slots_are_read_for_each)
{
    struct many *m = calloc(1, sizeof(*m));
    struct fixture *f = &m->f;
    fixture_open(f, 1160);
    for (uint32_t i = 0; i < MANY; i++) {
        m->adds[i] = (struct part_request){ .done = added, .arg = &m->done };
        part_add(f->store, &m->adds[i], topic_of(i), i);
    }
    until_done(m);
    append_all(m, 0);
    fixture_checkpoint(f);
    append_all(m, 1);
    const struct part *p = part_of(m, 250);
    uint64_t slot_at = slot_place(p->slot, p->slot_side);
    fixture_again(f, SIM_POWER);
    for (uint32_t i = 0; i < MANY; i++)
        for (uint32_t round = 0; round < 2; round++)
            EXPECT(reads_back(m, i, round));
    f->hurt = true;
    fixture_crash(f, SIM_POWER);
    fixture_flip(f, "tails", slot_at + 20);
    REQUIRE_OK(fixture_start(f));
    for (uint32_t i = 0; i < MANY; i++) {
        EXPECT_EQ(part_of(m, i)->damaged, i == 250);
        EXPECT_EQ(reads_back(m, i, 1), i != 250);
    }
    EXPECT_EQ(store_report(f->store)->parts_damaged, 1);
    fixture_close(f);
    free(m);
}
