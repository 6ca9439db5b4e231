/* Goal: the same tables give the same bytes, whatever was in memory before; either copy serves for
 * the other. Method: pages built in memory that was full of other bytes; images damaged in one copy
 * and in both. */
#include "engine/log/image.h"

#include <stdlib.h>

#include "tests/unit/log/fixture.h"

TEST(image, pages_are_zero_behind_their_rows)
{
    struct image_build b = { .head = { .generation = 7, .seq = 9 } };
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
    struct section section;
    EXPECT_OK(section_decode(pages + 2 * BLOCK_BYTES, PAGE_PAYLOAD_BYTES, &section));
    EXPECT_EQ(section.kind, SECTION_EPOCHS);
    EXPECT_EQ(section.seq, 9);
    io_buffer_give(pages);
    image_build_close(&b);
}

TEST(image, a_closed_one_is_none)
{
    struct image im = { .head.generation = 5, .healed = 1, .sections = malloc(1) };
    image_close(&im);
    EXPECT_EQ(im.head.generation, 0);
    EXPECT_EQ(im.healed, 0);
    EXPECT(!im.sections);
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

TEST(image, rows_that_make_no_sense_are_not_taken)
{
    // Goal: a newer image whose pages verify and whose rows do not is passed over. Method: one of
    // each kind of row is wrong, in both copies of the next generation.
    struct fixture f;
    fixture_open(&f, 120);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 500);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 3, 500);
    uint64_t generation = f.store->generation, capacity = f.store->image_capacity;
    struct id16 store = f.store->id.store;
    f.hurt = true;
    for (uint32_t kind = 0; kind < 3; kind++) {
        struct image_build b = { .head = { .generation = generation + 1, .seq = 1 } };
        image_build_part(&b, &(struct part_row){ .slot = NO_SLOT });
        image_build_extent(&b, &(struct extent_row){ .id = 1 });
        b.head.vols = 1;
        vol_row_encode(&(struct vol_row){ .number = 1, .slabs = 4 },
                       buf_grow(&b.vols, VOL_ROW_BYTES));
        struct buf *rows[] = { &b.parts, &b.extents, &b.vols };
        memset(rows[kind]->at, 0xff, rows[kind]->len);
        uint64_t bytes;
        uint8_t *pages = image_build_pages(&b, store, &bytes);
        REQUIRE(pages);
        fixture_crash(&f, SIM_POWER);
        for (uint32_t copy = 0; copy < 2; copy++)
            sim_file_write(f.node, FIXTURE_DIR, "image",
                           image_copy_pos(capacity, generation + 1, copy), pages, bytes);
        io_buffer_give(pages);
        image_build_close(&b);
        REQUIRE_OK(fixture_start(&f));
        EXPECT_EQ(f.store->generation, generation);
        fixture_verify(&f, 0, 4000);
    }
    fixture_close(&f);
}
