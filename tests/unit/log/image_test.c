/* Goal: the same tables give the same bytes, whatever was in memory before. Method: pages built in
 * memory that was full of other bytes. */
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
