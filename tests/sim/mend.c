/* mend.c -- `repair`, once for each kind of damage.
 *
 * Claim: afterwards verify finds nothing, every batch that was not hit is served, reads go on
 * behind what was lost, the store takes appends, and all of that is durable. What verifies is not
 * written. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/repair.h"
#include "tests/sim/rot.h"

static void mend_open(struct rot *r, uint64_t seed)
{
    rot_open(r, seed, MIB(4));
}

static const struct target *target_of(const struct rot *r, enum rot_class c, uint32_t skip)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->targets[i].class_ == c && !r->targets[i].carried && !skip--)
            return &r->targets[i];
    check(!"a target of this kind");
    return NULL;
}

static void damage(struct rot *r, const struct target *t, uint32_t at)
{
    uint8_t byte;
    rot_read(r, t, &byte, t->pos + t->from + at, 1);
    byte ^= 0x10;
    rot_write(r, t, &byte, t->pos + t->from + at, 1);
}

static void find_tell(const struct find *f, void *arg)
{
    (void)arg;
    const struct find_kind_info *info = find_kind_info(f->kind);
    if (info->class_ != FIND_NOTE)
        printf("    %s: %s at %llu+%llu, part %u, offsets %llu..%llu: %s\n", info->name, f->file,
               (unsigned long long)f->pos, (unsigned long long)f->len, f->part,
               (unsigned long long)f->from_off, (unsigned long long)f->to_off, f->why.text);
}

static struct verify_counts verify_all(struct rot *r, void (*tell)(const struct find *, void *))
{
    struct verify_counts v;
    struct verify_opts opts = { .found = tell };
    EXPECT_OK(verify_run(r->f.io, r->f.dir, &opts, &v, &r->f.why));
    return v;
}

static void verify_clean(struct rot *r)
{
    struct verify_counts v = verify_all(r, find_tell);
    EXPECT_EQ(v.finds[FIND_DAMAGE] + v.finds[FIND_HEALABLE], 0);
}

static void seen_clean(const struct rot_seen *seen)
{
    if (!EXPECT(!seen->errors && !seen->wrong && !seen->shortened && !seen->damaged))
        printf("    %u errors, %u wrong, %u short, %u damaged\n", seen->errors, seen->wrong,
               seen->shortened, seen->damaged);
}

/* Appends to every partition, stops in order, starts again: everything is there. */
static void goes_on(struct rot *r, uint32_t lost)
{
    struct fixture *f = &r->f;
    if (!EXPECT_OK(fixture_start(f))) {
        printf("    %s\n", f->why.text);
        return;
    }
    for (uint32_t i = 0; i < ROT_BOOKS; i++) {
        if (!fixture_part(f, i)) {
            fixture_add(f, i);
            f->books[i].count = 0;
        }
        for (uint32_t k = 0; k < 30; k++)
            EXPECT_OK(fixture_append(f, i, (struct spec){ .bytes = 3000 }));
        r->next_off[i] = fixture_part(f, i)->next_off;
    }
    fixture_stop(f);
    struct rot_seen seen = rot_look(r, NULL, true);
    EXPECT_OK(seen.open_err);
    seen_clean(&seen);
    EXPECT_EQ(seen.lost, lost);
    verify_clean(r);
}

/* What only a lost entry knew, with no later row of that partition: its end is where it was before.
 * Those offsets are given again, in a new leader epoch. Returns how many batches that takes. */
static uint32_t ends_taken_back(struct rot *r)
{
    struct fixture *f = &r->f;
    struct store_opts opts = { .read_only = true };
    uint32_t n = 0;
    if (!EXPECT_OK(store_open(&f->store, f->io, f->dir, &opts, &f->why)))
        return 0;
    for (uint32_t i = 0; i < ROT_BOOKS; i++) {
        struct book *b = &f->books[i];
        r->next_off[i] = fixture_part(f, i)->next_off;
        while (b->count && b->at[b->count - 1]->a.base_off >= r->next_off[i]) {
            struct sent *s = b->at[--b->count];
            free(s->bytes);
            free(s);
            n++;
        }
    }
    store_close(&f->store);
    return n;
}

/* Repairs, and holds the result against what may be lost: between `least` and `most` batches. */
static struct repair_report mend(struct rot *r, uint32_t least, uint32_t most)
{
    struct repair_report report;
    struct verify_counts before = verify_all(r, NULL);
    EXPECT(before.finds[FIND_DAMAGE] + before.finds[FIND_HEALABLE] > 0);
    if (!EXPECT_OK(repair_run(r->f.io, r->f.dir, &report, &r->f.why)))
        printf("    %s\n", r->f.why.text);
    verify_clean(r);
    uint32_t back = ends_taken_back(r);
    struct rot_seen seen = rot_look(r, NULL, true);
    EXPECT_OK(seen.open_err);
    seen_clean(&seen);
    if (!EXPECT(seen.lost + back >= least && seen.lost + back <= most))
        printf("    lost %u and %u, expected %u to %u\n", seen.lost, back, least, most);
    goes_on(r, seen.lost);
    return report;
}

static void mend_one(enum rot_class c, uint32_t skip, uint32_t at, uint32_t least, uint32_t most,
                     struct repair_report *report)
{
    struct rot r;
    mend_open(&r, 11);
    damage(&r, target_of(&r, c, skip), at);
    *report = mend(&r, least, most);
    rot_close(&r);
}

TEST(mend, identity_block_of_each_file)
{
    // Goal: nothing is lost; the block is what it was. Method: damage one file after the other.
    for (uint32_t file = 0; file < 4; file++) {
        struct rot r;
        uint8_t was[BLOCK_BYTES], is[BLOCK_BYTES];
        mend_open(&r, 5);
        const struct target *t = target_of(&r, ROT_IDENTITY, file);
        rot_read(&r, t, was, 0, BLOCK_BYTES);
        damage(&r, t, 20);
        struct repair_report report = mend(&r, 0, 0);
        EXPECT_EQ(report.identities, 1);
        rot_read(&r, t, is, 0, BLOCK_BYTES);
        if (file != 1 && file != 2) /* image and tails have grown; the rest of them is the same */
            EXPECT_BYTES(is, was, BLOCK_BYTES);
        EXPECT_BYTES(is, was, 96);
        rot_close(&r);
    }
}

TEST(mend, image_copy)
{
    struct repair_report report;
    for (uint32_t page = 0; page < 4; page++) {
        mend_one(ROT_IMAGE, page, 100, 0, 0, &report);
        EXPECT_EQ(report.image_pages, 1);
    }
}

TEST(mend, index_block)
{
    struct repair_report report;
    mend_one(ROT_INDEX, 0, 100, 0, 0, &report);
    EXPECT_EQ(report.index_blocks, 1);
    EXPECT_EQ(report.tiles, 0);
    mend_one(ROT_INDEX, 5, 100, 0, 0, &report);
    EXPECT_EQ(report.tiles, 0);
}

TEST(mend, data_block)
{
    // Goal: a tile is given up, no more. Method: blocks at the beginning, inside, near the end.
    struct repair_report report;
    uint32_t at[] = { 0, 50, 300, 500, 700 };
    for (uint32_t i = 0; i < 5; i++) {
        mend_one(ROT_DATA, at[i], 0, 1, 400, &report);
        EXPECT_EQ(report.tiles, 1);
    }
}

TEST(mend, slot)
{
    struct repair_report report;
    for (uint32_t i = 0; i < 4; i++) {
        mend_one(ROT_SLOT, i, 0, 1, 40, &report);
        EXPECT_EQ(report.parts, 1);
    }
}

TEST(mend, journal_piece)
{
    // Goal: exactly the batches of the damaged piece are lost, not what came after it.
    struct repair_report report;
    for (uint32_t i = 0; i < 6; i++) {
        mend_one(ROT_PIECE, i, 0, 1, 12, &report);
        EXPECT_EQ(report.parts, 1);
    }
}

TEST(mend, journal_entry)
{
    // Goal: behind a lost entry the partitions go on. Method: damage header (C), rows (E).
    struct repair_report report;
    for (uint32_t i = 0; i < 8; i++) {
        mend_one(ROT_HEADER, i, 40, 0, 60, &report);
        mend_one(ROT_HEADER, i, ENTRY_HEADER_BYTES + 20, 0, 60, &report);
    }
}

TEST(mend, nothing_to_do)
{
    // Goal: a sound store loses nothing by a repair.
    struct rot r;
    struct repair_report report;
    mend_open(&r, 3);
    EXPECT_OK(repair_run(r.f.io, r.f.dir, &report, &r.f.why));
    EXPECT_EQ(report.identities + report.image_pages + report.index_blocks + report.tiles, 0);
    EXPECT_EQ(report.slots + report.parts, 0);
    goes_on(&r, 0);
    rot_close(&r);
}

TEST(mend, power_cut_at_any_io)
{
    // Goal: a repair that was interrupted is done again, and loses no more than one that was not.
    // Method: power fails before each I/O of a repair in turn.
    for (uint64_t k = 1;; k++) {
        struct rot r;
        struct repair_report report;
        mend_open(&r, 11);
        damage(&r, target_of(&r, ROT_PIECE, 0), 0);
        damage(&r, target_of(&r, ROT_DATA, 50), 0);
        sim_crash_at_io(r.f.node, k * 7, SIM_POWER);
        enum err err = repair_run(r.f.io, r.f.dir, &report, &r.f.why);
        bool dead = sim_dead(r.f.node);
        if (!dead) { /* it ended before the k-th I/O */
            EXPECT_OK(err);
            rot_close(&r);
            EXPECT(k > 10);
            return;
        }
        fixture_crash(&r.f, SIM_POWER);
        EXPECT_OK(repair_run(r.f.io, r.f.dir, &report, &r.f.why));
        verify_clean(&r);
        struct rot_seen seen = rot_look(&r, NULL, true);
        seen_clean(&seen);
        EXPECT(seen.lost > 0 && seen.lost < 100);
        rot_close(&r);
    }
}

TEST(mend, every_part_of_a_journal)
{
    // Goal: whatever entry is hit, the rest of the store is there afterwards. Method: each header,
    // row and piece of the journals of several stores, one at a time.
    for (uint64_t seed = 21; seed < 21 + 3; seed++) {
        uint32_t count = UINT32_MAX;
        for (uint32_t i = 0; i < count; i++) {
            struct rot r;
            mend_open(&r, seed);
            count = r.count;
            while (i < count && r.targets[i].class_ != ROT_HEADER &&
                   r.targets[i].class_ != ROT_PIECE && r.targets[i].class_ != ROT_SLOT)
                i++;
            if (i < count) {
                const struct target *t = &r.targets[i];
                damage(&r, t, (uint32_t)rng_below(&r.rng, t->to - t->from));
                mend(&r, 0, 120);
            }
            rot_close(&r);
        }
    }
}
