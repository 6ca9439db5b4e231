/* Goal: pieces never overlap, come back joined, and are aligned to their size. Method: a model that
 * knows the owner of every block, driven at random. */
#include "engine/log/arena.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/rng.h"
#include "tests/test.h"

#define PIECES 500u

TEST(arena, nothing_to_give)
{
    struct arena a = { 0 };
    EXPECT_OK(arena_open(&a, 0));
    EXPECT(!arena_take(&a, 0));
    arena_close(&a);
    arena_close(&a);
    EXPECT_OK(arena_open(&a, 1)); /* a whole grain */
    EXPECT(arena_take(&a, ARENA_ORDERS - 1));
    EXPECT(!arena_take(&a, 0));
    arena_close(&a);
}

TEST(arena, cuts_and_joins)
{
    struct arena a;
    EXPECT_OK(arena_open(&a, 256u << 10));
    uint8_t *small = arena_take(&a, 0), *big = arena_take(&a, ARENA_ORDERS - 2);
    EXPECT(small && big && big != small);
    EXPECT(!arena_take(&a, ARENA_ORDERS - 2));
    EXPECT(!arena_take(&a, ARENA_ORDERS - 1));
    EXPECT(arena_owns(&a, small) && !arena_owns(&a, small + (256u << 10)) && !arena_owns(&a, &a));
    arena_give(&a, small, 0);
    arena_give(&a, big, ARENA_ORDERS - 2);
    uint8_t *whole = arena_take(&a, ARENA_ORDERS - 1);
    EXPECT(whole == small); /* what was given back is used again */
    arena_give(&a, whole, ARENA_ORDERS - 1);
    arena_close(&a);
}

TEST(arena, random_pieces_against_a_model)
{
    struct piece {
        uint8_t *at;
        uint32_t order;
    } pieces[PIECES];
    struct arena a;
    struct rng rng;
    uint32_t count = 0, refused = 0;
    uint64_t blocks = MIB(4) / BLOCK_BYTES;
    uint8_t *taken = calloc(blocks, 1);
    rng_seed(&rng, 1);
    EXPECT_OK(arena_open(&a, MIB(4)));
    for (uint32_t i = 0; i < 20000; i++) {
        if (count == PIECES || (count && rng_chance(&rng, 1, 2))) {
            struct piece *p = &pieces[rng_below(&rng, count)];
            uint64_t from = (uint64_t)(p->at - a.at) / BLOCK_BYTES;
            for (uint64_t b = from; b < from + (1u << p->order); b++)
                taken[b] = 0;
            arena_give(&a, p->at, p->order);
            *p = pieces[--count];
            continue;
        }
        uint32_t order = (uint32_t)rng_below(&rng, ARENA_ORDERS);
        uint8_t *at = arena_take(&a, order);
        refused += at == NULL;
        if (!at)
            continue;
        uint64_t from = (uint64_t)(at - a.at) / BLOCK_BYTES;
        EXPECT(from % (1u << order) == 0 && from + (1u << order) <= blocks);
        for (uint64_t b = from; b < from + (1u << order); b++) {
            EXPECT_EQ(taken[b], 0);
            taken[b] = 1;
        }
        at[0] = at[((uint64_t)BLOCK_BYTES << order) - 1] = 1;
        pieces[count++] = (struct piece){ at, order };
        if (i % 1000 == 0)
            arena_rest(&a);
    }
    EXPECT(refused > 0);
    while (count--)
        arena_give(&a, pieces[count].at, pieces[count].order);
    arena_rest(&a);
    for (uint32_t i = 0; i < 16; i++) /* all of it, in whole grains */
        EXPECT(arena_take(&a, ARENA_ORDERS - 1));
    EXPECT(!arena_take(&a, 0));
    arena_close(&a);
    free(taken);
}

TEST(arena, rest_keeps_what_is_taken)
{
    struct arena a;
    EXPECT_OK(arena_open(&a, MIB(8)));
    uint8_t *at[32];
    for (uint32_t i = 0; i < 32; i++) {
        at[i] = arena_take(&a, ARENA_ORDERS - 1);
        memset(at[i], (int)i + 1, 256u << 10);
    }
    for (uint32_t i = 0; i < 32; i++)
        if (i != 9)
            arena_give(&a, at[i], ARENA_ORDERS - 1);
    arena_rest(&a);
    EXPECT_EQ(at[9][0], 10);
    EXPECT_EQ(at[9][(256u << 10) - 1], 10);
    EXPECT_EQ(at[16][0], 0); /* its huge page held nothing else */
    arena_close(&a);
}
