/* What is lent out of the page cache goes to a client as it is in the file. Tiles with an accepted
 * loss in them were left out, but a gap batch amid a tile, where the journal had lost its bytes,
 * was sent: a Kafka client takes its zeros for records. Goal: no reader is ever given a gap batch,
 * and what lies around it is lent all the same, without being loaded again and again. Method: the
 * bytes of a batch are lost in the journal; after a repair, more is appended behind, and all of it
 * is read again and again. */
#include "engine/log/lend.h"
#include "tests/unit/log/damage.h"

enum { LOSER = 0, OTHER = 1 };

#define READ_BYTES 150000u

/* Two large batches, a small one, a lost one; then the repair. */
static void gap_make(struct damage *d, uint64_t seed, uint32_t small, uint32_t lost)
{
    struct fixture *f = &d->f;
    *d = (struct damage){ 0 };
    fixture_init(f, seed);
    f->geometry.extent_min = f->geometry.extent_max = MIB(1);
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    fixture_make(f);
    fixture_add(f, LOSER);
    fixture_add(f, OTHER);
    fixture_fill(f, LOSER, 2, 110000);
    fixture_checkpoint(f);
    fixture_fill(f, LOSER, 1, small);
    fixture_settle(f);
    uint64_t entry = BLOCK_BYTES + journal_next_pos(f->store, f->store->journal.head_pos) %
                                       (f->geometry.journal_bytes - BLOCK_BYTES);
    fixture_fill(f, LOSER, 1, lost);
    fixture_fill(f, OTHER, 1, 100);
    fixture_crash(f, SIM_POWER);
    fixture_flip(f, "journal", entry + ENTRY_HEADER_BYTES + ROW_BYTES + 30);
    EXPECT_EQ(damage_repair(d).parts, 1);
    f->lends = true;
}

/* From off to the end, in several reads; returns how many batches that was. */
static uint32_t read_on(struct fixture *f, uint64_t off)
{
    uint32_t seen = 0;
    while (off < fixture_part(f, LOSER)->next_off) {
        struct got g;
        struct batch_info info;
        fixture_read(f, &g, LOSER, off, READ_BYTES);
        if (!EXPECT_OK(g.r.err) || !EXPECT(g.r.next_off > off))
            return seen;
        for (uint64_t at = 0; at < g.r.batches.len; at += info.bytes, seen++) {
            EXPECT_OK(
                batch_peek((struct bytes){ g.r.batches.at + at, g.r.batches.len - at }, &info));
            EXPECT(!batch_is_gap(&info));
        }
        off = g.r.next_off;
        read_give(&g.r);
    }
    return seen;
}

/* Nothing is loaded any more in the end; returns how much is lent then. */
static uint64_t read_again_and_again(struct fixture *f, uint64_t off, uint32_t batches)
{
    const struct store_counts *c = &f->store->counts;
    for (uint32_t i = 0; i < 8; i++)
        EXPECT_EQ(read_on(f, off), batches);
    uint64_t loaded = c->cache_load_bytes, lent = c->cache_lent_bytes;
    EXPECT_EQ(read_on(f, off), batches);
    EXPECT_EQ(c->cache_load_bytes, loaded);
    return c->cache_lent_bytes - lent;
}

TEST(r0207, gap_batch_amid_a_tile)
{
    struct damage d;
    struct fixture *f = &d.f;
    gap_make(&d, 207, 500, 2000);
    fixture_fill(f, LOSER, 20, 20000);
    fixture_stop_again(f);
    EXPECT(read_again_and_again(f, 0, 23) > 0);
    f->hurt = true;
    damage_close(&d);
}

/* A small batch that ends this far before the end of a block. */
static uint32_t small_before(uint32_t before)
{
    return 3 * BLOCK_BYTES - 2 * 110000 % BLOCK_BYTES - before;
}

TEST(r0207, gap_batch_whose_header_two_tiles_have)
{
    // Goal: it is found wherever loads begin and end. Method: the tile that repair makes ends
    // amid the header; reads that begin at each batch before it: a load of those from the second
    // on ends with that tile.
    static const uint32_t befores[] = { 1, 30, BATCH_HEADER_BYTES - 1, BATCH_HEADER_BYTES };
    for (uint32_t n = 0; n < 4 * 3; n++) {
        struct damage d;
        struct fixture *f = &d.f;
        gap_make(&d, 208, small_before(befores[n / 3]), 2000);
        fixture_fill(f, LOSER, 20, 20000);
        fixture_stop_again(f);
        EXPECT_EQ(read_on(f, 0), 23);
        struct extent *e = fixture_part(f, LOSER)->extents[0];
        warm_note_cold(e, 0, e->base_pos + extent_tiles_end(e));
        EXPECT(read_again_and_again(f, n % 3, 23 - n % 3) > 0);
        f->hurt = true;
        damage_close(&d);
    }
}

TEST(r0207, gap_batch_whose_header_was_not_there_yet)
{
    // Goal: a header of which the tiles had the beginning alone is looked at once they go on.
    // Method: the last tile is lent first, up to where it begins.
    struct damage d;
    struct fixture *f = &d.f;
    gap_make(&d, 209, small_before(30), 2000);
    fixture_stop_again(f);
    struct part *p = fixture_part(f, LOSER);
    struct got g;
    warm_note_cold(p->extents[0], 0, p->head_pos);
    fixture_read(f, &g, LOSER, 0, 1 << 20);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.next_off, 2);
    EXPECT(g.r.lent.extent == p->extents[0]);
    EXPECT_EQ(p->tail_state, TAIL_OUT);
    read_give(&g.r);
    fixture_fill(f, LOSER, 20, 20000);
    fixture_checkpoint(f);
    read_again_and_again(f, 1, 22);
    f->hurt = true;
    damage_close(&d);
}
