/* Goal: the same tables give the same bytes, whatever was in memory before; either copy serves for
 * the other. Method: pages built in memory that was full of other bytes; images damaged in one copy
 * and in both. */
#include "engine/log/image.h"

#include "tests/unit/log/fixture.h"

TEST(image, pages_are_zero_behind_their_rows)
{
    struct image_build b = { .head = { .generation = 7 } };
    struct part_row row = { .part = 3, .slot = NO_SLOT, .state = PART_FREE };
    uint64_t bytes = 0, again = 0;
    image_build_part(&b, &row);
    uint8_t *pages = image_build_pages(&b, (struct id16){ { 1 } }, &bytes);
    REQUIRE(pages);
    uint8_t *dirty[16]; /* the allocator gives them out again, as they are */
    for (uint32_t i = 0; i < 16; i++) {
        dirty[i] = io_buffer_take(bytes);
        memset(dirty[i], 0xa5, bytes);
    }
    for (uint32_t i = 0; i < 16; i++)
        io_buffer_give(dirty[i]);
    memset(pages, 0xa5, bytes);
    io_buffer_give(pages);
    pages = image_build_pages(&b, (struct id16){ { 1 } }, &again);
    EXPECT_EQ(again, bytes);
    EXPECT_EQ(bytes, 3 * BLOCK_BYTES); /* the head, one page of rows, sections */
    uint32_t behind = 0;
    for (uint32_t i = PART_ROW_BYTES; i < PAGE_PAYLOAD_BYTES; i++)
        behind += pages[BLOCK_BYTES + i] != 0;
    EXPECT_EQ(behind, 0);
    io_buffer_give(pages);
    image_build_close(&b);
}

TEST(image, one_copy_is_enough)
{
    // Goal: whichever copy it is, and in whichever region the newest image lies.
    struct fixture f;
    fixture_open(&f, 119);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 500);
    fixture_checkpoint(&f);
    for (uint32_t n = 0; n < 4; n++) {
        uint64_t generation = f.store->generation;
        uint64_t at = image_copy_pos(f.store->image_capacity, generation, n % 2) + 5;
        fixture_crash(&f, SIM_POWER);
        fixture_flip(&f, "image", at);
        REQUIRE_OK(fixture_start(&f));
        EXPECT_EQ(f.store->generation, generation);
        EXPECT_EQ(store_report(f.store)->healed, 1);
        fixture_verify(&f, 0, 4000);
        fixture_flip(&f, "image", at);
        if (n == 1) {
            fixture_fill(&f, 0, 1, 500);
            fixture_checkpoint(&f);
            EXPECT((f.store->generation ^ generation) & 1);
        }
    }
    fixture_close(&f);
}
