/* Goal: what an operation costs the disk is known: how many reads, writes and syncs, and of how
 * many bytes. Method: operations one by one on a store at rest, counted in the simulator as they
 * start. Who changes a figure here has changed what users pay. */
#include "tests/unit/log/fixture.h"

#include <string.h>

struct cost {
    uint32_t reads, writes, syncs;
    uint64_t read_bytes, write_bytes;
};

struct meter {
    struct sim_watch watch;
    struct cost sum;
};

static int starts(struct sim_watch *w, const struct op *op)
{
    struct cost *c = &container_of(w, struct meter, watch)->sum;
    c->reads += op->verb == IO_READ;
    c->read_bytes += op->verb == IO_READ ? op->len : 0;
    c->writes += op->verb == IO_WRITE;
    c->write_bytes += op->verb == IO_WRITE ? op->len : 0;
    c->syncs += op->verb == IO_SYNC;
    return 0;
}

static void ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

static void meter_open(struct meter *m, struct fixture *f)
{
    *m = (struct meter){ .watch = { .starts = starts, .ends = ends } };
    sim_watch(f->node, &m->watch);
}

/* What was counted since the last call. */
static struct cost meter_read(struct meter *m)
{
    struct cost c = m->sum;
    m->sum = (struct cost){ 0 };
    return c;
}

/* At rest: nothing seals, nothing is zeroed, the file system has one device. */
static void open_still(struct fixture *f, uint64_t seed)
{
    fixture_init(f, seed);
    f->opts.seal_idle_ns = 100000 * SEC_NS;
    f->opts.zero_ahead = 4;
    f->geometry.extent_min = f->geometry.extent_max; /* nobody takes another one */
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    fixture_settle(f);
}

TEST(cost, of_a_commit)
{
    // Small appends: one write of whole blocks, with DSYNC, whatever their number.
    static const struct {
        uint32_t count, bytes, blocks;
    } rows[] = { { 1, 200, 1 }, { 5, 200, 1 }, { 1, 3904, 1 }, { 1, 3905, 2 }, { 10, 1000, 3 } };
    struct fixture f;
    struct meter m;
    open_still(&f, 900);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 200);
    fixture_settle(&f);
    meter_open(&m, &f);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sent *s = NULL;
        for (uint32_t n = 0; n < rows[i].count; n++)
            s = fixture_send(&f, 0, (struct spec){ .bytes = rows[i].bytes });
        EXPECT(fixture_until(&f, &s->done));
        struct cost c = meter_read(&m);
        EXPECT_EQ(c.writes, 1);
        EXPECT_EQ(c.write_bytes, rows[i].blocks * BLOCK_BYTES);
        EXPECT_EQ(c.syncs + c.reads, 0);
    }
    fixture_close(&f);
}

TEST(cost, of_a_checkpoint_of_one_partition)
{
    // Whole blocks behind, the partial one to its slot, two copies of four pages: the head, one of
    // parts, one of extents, one of volumes, and the sections'.
    struct fixture f;
    struct meter m;
    open_still(&f, 901);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 10, 1000);
    fixture_settle(&f);
    meter_open(&m, &f);
    fixture_checkpoint(&f);
    struct cost c = meter_read(&m);
    EXPECT_EQ(c.write_bytes, 2 * BLOCK_BYTES + BLOCK_BYTES + 2 * 5 * BLOCK_BYTES);
    EXPECT_EQ(c.writes, 4);
    EXPECT_EQ(c.reads, 0);
    EXPECT(c.syncs >= 2 && c.syncs <= 3); /* tails and image; the volume's own where it must be */
    fixture_checkpoint(&f);               /* nothing is new: the image alone */
    c = meter_read(&m);
    EXPECT_EQ(c.writes, 2);
    EXPECT_EQ(c.write_bytes, 2 * 5 * BLOCK_BYTES);
    EXPECT_EQ(c.syncs, 2);
    fixture_close(&f);
}

TEST(cost, of_a_read)
{
    // From memory nothing; from an extent the tiles that hold what is wanted, at once; from an
    // idle partition's slot one block.
    struct fixture f;
    struct meter m;
    struct got g;
    open_still(&f, 902);
    struct part *p = fixture_add(&f, 0);
    for (uint32_t i = 0; i < 6; i++) {
        fixture_fill(&f, 0, 4, 2048);
        fixture_checkpoint(&f); /* a tile of two blocks */
    }
    fixture_fill(&f, 0, 1, 500);
    meter_open(&m, &f);
    fixture_read(&f, &g, 0, p->next_off - 1, 1000);
    read_give(&g.r);
    EXPECT_EQ(meter_read(&m).reads, 0);
    fixture_stop_again(&f);
    p = fixture_part(&f, 0);
    const struct extent *e = part_open_extent(p);
    REQUIRE(e && e->tile_count >= 2 && e->tile_from == 0);
    (void)meter_read(&m);
    for (uint32_t i = 0; i + 1 < e->tile_count; i++) { /* tile by tile */
        fixture_read(&f, &g, 0, e->tiles[i].base_off, 2048);
        EXPECT_EQ(g.r.batches.len, 2048);
        read_give(&g.r);
        struct cost c = meter_read(&m);
        EXPECT_EQ(c.reads, 1);
        EXPECT_EQ(c.read_bytes, e->tiles[i].len);
    }
    fixture_read(&f, &g, 0, e->tiles[0].base_off, e->tiles[0].len + 1); /* a byte of the next */
    read_give(&g.r);
    struct cost c = meter_read(&m);
    EXPECT_EQ(c.reads, 1);
    EXPECT_EQ(c.read_bytes, e->tiles[0].len + e->tiles[1].len);
    EXPECT_EQ(p->tail_state, TAIL_OUT);
    fixture_read(&f, &g, 0, p->next_off - 1, 100);
    EXPECT_EQ(g.r.batches.len, 500);
    read_give(&g.r);
    c = meter_read(&m);
    EXPECT_EQ(c.reads, 1);
    EXPECT_EQ(c.read_bytes, BLOCK_BYTES);
    fixture_close(&f);
}

TEST(cost, of_an_index)
{
    // As many blocks as hold the extent's tiles, once.
    struct fixture f;
    struct meter m;
    struct got g;
    fixture_init(&f, 903);
    f.geometry.extent_max = MIB(2);
    f.opts.direct_min = BLOCK_BYTES;
    fixture_make(&f);
    struct part *p = fixture_add(&f, 0);
    while (!p->extent_count || p->extents[p->extent_count - 1]->order < 7)
        fixture_fill(&f, 0, 1, 8292); /* a tile each */
    fixture_stop_again(&f);
    p = fixture_part(&f, 0);
    meter_open(&m, &f);
    for (uint32_t i = 0; i + 1 < p->extent_count; i++) {
        const struct extent *e = p->extents[i];
        uint32_t blocks = (e->tile_count + TILES_PER_BLOCK - 1) / TILES_PER_BLOCK;
        EXPECT_EQ(e->index_blocks, blocks);
        for (uint32_t n = 0; n < 2; n++) {
            fixture_read(&f, &g, 0, e->base_off, 8292);
            EXPECT_OK(g.r.err);
            read_give(&g.r);
            uint32_t tiles = 0, bytes = 0; /* as many as hold the batch */
            while (bytes < e->tiles[0].batch_at + 8292)
                bytes += e->tiles[tiles++].len;
            struct cost c = meter_read(&m);
            EXPECT_EQ(c.reads, n ? 1 : 2);
            EXPECT_EQ(c.read_bytes, (n ? 0 : blocks * BLOCK_BYTES) + bytes);
        }
    }
    EXPECT(p->extents[p->extent_count - 2]->index_blocks == 2);
    fixture_close(&f);
}

/* Writes that begin where an extent's index does, and what of it they hold. */
struct index_meter {
    struct sim_watch watch;
    uint64_t place;
    uint32_t writes;
    uint64_t bytes;
};

static int index_starts(struct sim_watch *w, const struct op *op)
{
    struct index_meter *m = container_of(w, struct index_meter, watch);
    if (op->verb == IO_WRITE && op->pos >= m->place && op->pos < m->place + 2 * BLOCK_BYTES) {
        m->writes++;
        m->bytes += op->len;
    }
    return 0;
}

TEST(cost, of_an_index_that_was_filled_at_once)
{
    // Its blocks lie side by side: one write.
    struct fixture f;
    struct index_meter m = { .watch = { .starts = index_starts, .ends = ends } };
    fixture_init(&f, 906);
    f.geometry.extent_min = f.geometry.extent_max = MIB(1);
    f.geometry.journal_bytes = MIB(4) + BLOCK_BYTES; /* no checkpoint comes in between */
    f.opts.direct_min = BLOCK_BYTES;
    fixture_make(&f);
    struct part *p = fixture_add(&f, 0);
    while (p->extent_count < 2)
        fixture_fill(&f, 0, 1, 8292); /* a tile each */
    const struct extent *e = p->extents[0];
    EXPECT_EQ(e->index_blocks, 0);
    EXPECT(e->tile_count > TILES_PER_BLOCK);
    m.place = index_place(&f.store->id.geometry, e->unit, e->order, 0);
    sim_watch(f.node, &m.watch);
    fixture_checkpoint(&f);
    EXPECT_EQ(e->index_blocks, 2);
    EXPECT_EQ(m.writes, 1);
    EXPECT_EQ(m.bytes, 2 * BLOCK_BYTES);
    fixture_verify(&f, 0, 10000);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 10000);
    fixture_close(&f);
}

TEST(cost, of_an_idle_store_is_nothing)
{
    struct fixture f;
    struct meter m;
    fixture_open(&f, 904);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 1000);
    fixture_settle(&f);
    fixture_pass(&f, 10 * SEC_NS);
    meter_open(&m, &f);
    fixture_pass(&f, 100 * SEC_NS);
    struct cost c = meter_read(&m);
    EXPECT_EQ(c.reads + c.writes + c.syncs, 0);
    EXPECT_EQ(store_due_ns(f.store), UINT64_MAX);
    EXPECT_EQ(f.store->tail_used, 0); /* all of it is in its slot */
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++)
        EXPECT(list_empty(&f.store->chunk_pool[i]));
    fixture_close(&f);
}
