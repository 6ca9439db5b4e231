/* Tail memory was full of partly filled chunks whose bytes were all on disk: they counted as dirty,
 * their partitions kept them, and checkpoints ran for ever without freeing a byte. Partitions that
 * waited for memory themselves also kept their newest chunk out of the evictable ones.
 * Goal: all appends are answered. Method: forty partitions, each with a chunk of 64 KiB half full,
 * in 1 MiB of memory; then one large batch to each at once. */
#include "tests/unit/log/fixture.h"

TEST(r0003, tail_memory_deadlock)
{
    struct fixture f;
    struct sent *sent[BOOKS];
    fixture_init(&f, 3);
    f.opts.tail_bytes = MIB(1);
    fixture_boot(&f);
    REQUIRE_OK(fixture_create(&f));
    REQUIRE_OK(fixture_start(&f));
    for (uint32_t i = 0; i < BOOKS; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 30000);
    }
    for (uint32_t i = 0; i < BOOKS; i++)
        sent[i] = fixture_send(&f, i, (struct spec){ .bytes = 120000 });
    for (uint32_t i = 0; i < BOOKS; i++) {
        EXPECT(fixture_until(&f, &sent[i]->done));
        EXPECT_OK(sent[i]->a.err);
        fixture_verify(&f, i, 1 << 20);
    }
    fixture_close(&f);
}
