/* map_test.c -- a map against the simplest model there is: an array of values. */
#include "engine/base/map.h"
#include "engine/base/rng.h"
#include "tests/test.h"

#include <stdlib.h>

#define TOPICS     50u
#define PARTITIONS 40u
#define KEYS       (TOPICS * PARTITIONS)

static struct map_key key_of(uint32_t n)
{
    struct map_key key = { .index = n % PARTITIONS };
    key.id.b[0] = (uint8_t)(n / PARTITIONS); /* a poor id, on purpose: clusters */
    return key;
}

static void map_expect(const struct map *m, void *const *model)
{
    uint32_t present = 0, seen = 0, at = 0;

    for (uint32_t n = 0; n < KEYS; n++) {
        EXPECT(map_get(m, key_of(n)) == model[n]);
        present += model[n] != NULL;
    }
    EXPECT_EQ(m->count, present);
    for (void *v; (v = map_next(m, &at)); seen++)
        EXPECT(model[(void **)v - model] == v);
    EXPECT_EQ(seen, present);
}

TEST(map, follows_its_model)
{
    // Goal: put, replace, remove and growth lose nothing. Method: random steps beside an array; a
    // value is the address of its place in the array.
    void **model = calloc(KEYS, sizeof(*model));
    struct map m = { 0 };
    struct rng r;

    rng_seed(&r, 1);
    for (int step = 0; step < 60000; step++) {
        uint32_t n = (uint32_t)rng_below(&r, KEYS);
        bool grows = step / 15000 % 2 == 0; /* waves: mostly in, mostly out */
        if (rng_chance(&r, grows ? 7 : 2, 10)) {
            REQUIRE_OK(map_put(&m, key_of(n), &model[n]));
            model[n] = &model[n];
        } else {
            EXPECT(map_remove(&m, key_of(n)) == model[n]);
            model[n] = NULL;
        }
        if (step % 1000 == 0)
            map_expect(&m, model);
    }
    map_expect(&m, model);
    map_close(&m);
    map_close(&m);
    EXPECT(!map_get(&m, key_of(1)));
    free(model);
}

TEST(map, replaces_a_value)
{
    struct map m = { 0 };
    int a, b;

    EXPECT(!map_get(&m, map_key_u64(7)) && !map_remove(&m, map_key_u64(7)));
    REQUIRE_OK(map_put(&m, map_key_u64(7), &a));
    REQUIRE_OK(map_put(&m, map_key_u64(7), &b));
    EXPECT_EQ(m.count, 1);
    EXPECT(map_get(&m, map_key_u64(7)) == &b);
    EXPECT(map_remove(&m, map_key_u64(7)) == &b);
    EXPECT_EQ(m.count, 0);
    map_close(&m);
}

TEST(map, needs_no_memory_after_reserve)
{
    struct map m = { 0 };
    int value;

    REQUIRE_OK(map_reserve(&m, 100000));
    const struct map_slot *slots = m.slots;
    for (uint64_t n = 0; n < 100000; n++)
        REQUIRE_OK(map_put(&m, map_key_u64(n), &value));
    EXPECT(m.slots == slots);
    REQUIRE_OK(map_reserve(&m, 10));
    EXPECT(m.slots == slots);
    map_close(&m);
}

TEST(map, refuses_what_it_cannot_hold)
{
    struct map m = { 0 };
    EXPECT_ERR(map_reserve(&m, UINT32_MAX), ERR_NO_MEMORY);
    EXPECT_EQ(m.count, 0);
    EXPECT(!m.slots);
    map_close(&m);
}
