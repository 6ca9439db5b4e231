/* A repair gave up a slot, and the index block with the last tile before it could not be read just
 * then: that the batch over the tile's end is lost was said nowhere, and no later repair said it.
 * Goal: such a repair fails and is done again. Method: an open extent whose last tile ends an index
 * block; its slot is damaged, reads of the index fail; then a repair. */
#include "tests/unit/log/damage.h"

#define EIO_ 5

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];

/* Batches of a little more than two blocks: a tile each, the rest of the last one in the slot. */
static void fill_index_block(struct fixture *f)
{
    struct part *p = fixture_add(f, 0);
    for (uint32_t n = 0; n < 1000; n++) {
        const struct extent *e = part_open_extent(p);
        if (e && e->tile_count == TILES_PER_BLOCK && p->head_pos > p->flight_pos)
            return;
        fixture_fill(f, 0, 1, 8292);
    }
    EXPECT(false);
}

TEST(r0026, gap_without_index)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct repair_report report;
    fixture_init(f, 26);
    f->geometry.extent_max = MIB(1);
    f->opts.direct_min = BLOCK_BYTES;
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    fill_index_block(f);
    fixture_stop_again(f);
    uint64_t slot = fixture_part(f, 0)->slot;
    fixture_stop(f);
    for (uint64_t side = 0; side < 2; side++)
        fixture_flip(f, "tails", BLOCK_BYTES + (2 * slot + side) * BLOCK_BYTES + 3);
    for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
        if (strstr((*s)->file, "log/index.c"))
            sim_fault(f->node, *s, EIO_, 0);
    EXPECT_ERR(repair_run(f->io, f->dir, &report, &f->why), ERR_IO);
    sim_fault_clear(f->node);
    REQUIRE_OK(repair_run(f->io, f->dir, &report, &f->why));
    EXPECT_EQ(report.slots, 1);
    damage_look(&d);
    EXPECT(damage_none(&d));
    fixture_close(f);
}
