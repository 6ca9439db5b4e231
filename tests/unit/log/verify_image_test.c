/* Goal: verify believes a page of the image by its seal alone, and says exactly which pages are
 * none. Method: heads that are sealed and lie. */
#include "tests/unit/log/damage.h"

/* Both copies of the image before the live one get a head that claims so many pages. */
static void head_forge(struct damage *d, const struct id16 *store, uint64_t pages)
{
    uint8_t page[BLOCK_BYTES];
    struct image_head head;
    struct page_seal seal = { *store, d->generation - 1, 0 };
    uint64_t at = image_copy_pos(d->capacity, d->generation - 1, 0);
    sim_file_read(d->f.node, FIXTURE_DIR, "image", at, page, sizeof(page));
    REQUIRE_OK(image_head_decode(page, &head));
    head.section_bytes += (pages - head.pages) * PAGE_PAYLOAD_BYTES;
    head.pages = image_pages(&head);
    REQUIRE(head.pages == pages);
    image_head_encode(&head, page);
    page_seal(page, &seal);
    for (uint32_t copy = 0; copy < 2; copy++)
        sim_file_write(d->f.node, FIXTURE_DIR, "image",
                       image_copy_pos(d->capacity, d->generation - 1, copy), page, sizeof(page));
}

TEST(verify_image, a_head_that_claims_more_pages_than_fit)
{
    // Goal: it is none, in either copy, and the whole region is named; one that fits is believed,
    // and the pages that it has not are told one by one.
    struct damage d;
    damage_open(&d, 468);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    uint64_t whole = d.counts.pages, fit = d.capacity / BLOCK_BYTES;
    REQUIRE_OK(fixture_start(&d.f));
    struct id16 store = d.f.store->id.store;
    fixture_crash(&d.f, SIM_POWER);
    d.f.hurt = true;
    head_forge(&d, &store, fit);
    damage_look(&d);
    EXPECT(d.counts.pages > whole);
    EXPECT(d.find_count > 2 && d.find_count % 2 == 0);
    for (uint32_t i = 0; i < d.find_count; i++) {
        uint64_t page = fit - d.find_count / 2 + i / 2;
        EXPECT_EQ(d.finds[i].kind, FOUND_IMAGE);
        EXPECT_EQ(d.finds[i].len, BLOCK_BYTES);
        EXPECT_EQ(d.finds[i].pos,
                  image_copy_pos(d.capacity, d.generation - 1, i % 2) + page * BLOCK_BYTES);
    }
    head_forge(&d, &store, fit + 1);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 1);
    EXPECT_EQ(d.finds[0].kind, FOUND_IMAGE);
    EXPECT_EQ(d.finds[0].pos, image_copy_pos(d.capacity, d.generation - 1, 0));
    EXPECT_EQ(d.finds[0].len, 2 * d.capacity);
    EXPECT_STR(d.finds[0].why.text, "");
    damage_close(&d);
}
