/* A power cut left the newest image in two copies with different pages missing: whole to recovery,
 * which takes each page from either copy. A repair asked for one whole copy and went by; verify
 * went on to call it healable.
 * Goal: repair heals what recovery reads. Method: the first copy still begins with the page of the
 * image before it, the second one lost another page. */
#include "engine/log/image.h"
#include "tests/unit/log/damage.h"

TEST(r0201, image_of_two_halves)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct repair_report report;
    uint8_t older[BLOCK_BYTES];
    fixture_open(f, 201);
    fixture_add(f, 0);
    fixture_fill(f, 0, 5, 1000);
    fixture_checkpoint(f);
    uint64_t capacity = f->store->image_capacity, generation = f->store->generation;
    uint64_t first = image_copy_pos(capacity, generation, 0);
    uint64_t second = image_copy_pos(capacity, generation, 1);
    sim_file_read(f->node, FIXTURE_DIR, "image", first, older, sizeof(older));
    fixture_checkpoint(f);
    fixture_checkpoint(f);
    REQUIRE(image_copy_pos(f->store->image_capacity, f->store->generation, 0) == first);
    fixture_crash(f, SIM_KILL);
    sim_file_write(f->node, FIXTURE_DIR, "image", first, older, sizeof(older));
    fixture_flip(f, "image", second + BLOCK_BYTES + 30);
    REQUIRE_OK(repair_heal(f->io, f->dir, &report, &f->why));
    EXPECT_EQ(report.image_pages, 2);
    damage_look(&d);
    EXPECT(damage_none(&d));
    fixture_close(f);
}
