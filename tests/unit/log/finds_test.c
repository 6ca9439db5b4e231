/* Goal: what verify says of a damaged store, and what repair does to it, stays exactly what it is.
 * Method: one bit is flipped at many places of each file; all that is found, and all that a repair
 * reports and leaves, goes into the lines (lines.h). */
#include "tests/unit/log/damage.h"
#include "tests/unit/log/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LLU(v)   ((unsigned long long)(v))
#define PLACE_AT 3u /* the first place in a file */

static void find_add(struct lines *l, uint64_t at, const struct find *f)
{
    line_add(l, "%llu: %s %s %llu+%llu %d %u %u %llu %llu [%llu, %llu) %s", LLU(at),
             find_kind_info(f->kind)->name, f->file, LLU(f->pos), LLU(f->len), f->of_part, f->part,
             f->index, LLU(f->part_pos), LLU(f->extent), LLU(f->from_off), LLU(f->to_off),
             f->why.text);
}

static void counts_add(struct lines *l, const struct verify_counts *c)
{
    line_add(l, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", LLU(c->files), LLU(c->pages),
             LLU(c->entries), LLU(c->parts), LLU(c->extents), LLU(c->index_blocks), LLU(c->tiles),
             LLU(c->batches), LLU(c->slots), LLU(c->bytes));
}

/* Where the file has nothing more to damage. */
static uint64_t places_end(const struct damage *d, const char *file)
{
    if (strcmp(file, "journal") == 0)
        return d->entries[d->entry_count - 1] + 2ull * BLOCK_BYTES;
    return sim_file_bytes(d->f.node, FIXTURE_DIR, file);
}

TEST(finds, of_one_bit_anywhere)
{
    static const struct lines_row rows[] = {
        { "journal", 93, 3524, 0xa57d7bc0 },
        { "image", 251, 1404, 0xdc5f5b16 },
        { "tails", 251, 584, 0x04fb15fa },
        { "vol-0001", 1021, 1295, 0x56541347 },
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lines lines = { 0 };
        struct damage d;
        damage_open(&d, 470);
        uint64_t end = places_end(&d, rows[i].file);
        for (uint64_t at = PLACE_AT; at < end; at += rows[i].step) {
            damage_flip(&d, rows[i].file, at);
            damage_look(&d);
            for (uint32_t n = 0; n < d.find_count; n++)
                find_add(&lines, at, &d.finds[n]);
            counts_add(&lines, &d.counts);
            damage_flip(&d, rows[i].file, at); /* the same bit: whole again */
        }
        lines_same(&lines, &rows[i]);
        damage_close(&d);
    }
}

#define READS_MAX 512u

/* Lets one read fail, whose memory holds what was read before. */
struct one_read {
    struct sim_watch watch;
    uint32_t fails, started, ended; /* reads, from 1 on */
    uint8_t *before[READS_MAX];
};

static int one_read_starts(struct sim_watch *w, const struct op *op)
{
    struct one_read *one = container_of(w, struct one_read, watch);
    if (op->verb != IO_READ || ++one->started != one->fails)
        return 0;
    memcpy(op->buf, one->before[one->fails], op->len);
    return EIO;
}

static void one_read_ends(struct sim_watch *w, const struct op *op, int sys)
{
    struct one_read *one = container_of(w, struct one_read, watch);
    if (op->verb != IO_READ || one->fails || sys)
        return;
    check(++one->ended < READS_MAX);
    one->before[one->ended] = malloc(op->len);
    memcpy(one->before[one->ended], op->buf, op->len);
}

TEST(finds, of_any_read_that_fails)
{
    /* What cannot be read is damage: nothing of it is believed, though the memory that it would
     * have been read into may hold what an earlier look read there. */
    static const struct lines_row row = { "reads", 1, 112, 0xba19ac55 };
    struct lines lines = { 0 };
    struct one_read one = { .watch = { one_read_starts, one_read_ends } };
    struct damage d;
    damage_open(&d, 468);
    sim_watch(d.f.node, &one.watch);
    damage_look(&d);
    for (one.fails = 1; one.fails <= one.ended; one.fails++) {
        one.started = 0;
        damage_look(&d);
        for (uint32_t n = 0; n < d.find_count; n++)
            find_add(&lines, one.fails, &d.finds[n]);
        counts_add(&lines, &d.counts);
        free(one.before[one.fails]);
    }
    sim_watch(d.f.node, NULL);
    lines_same(&lines, &row);
    damage_close(&d);
}

TEST(finds, repaired_one_by_one)
{
    static const struct lines_row rows[] = {
        { "journal", 1021, 167, 0x7c34f6e0 },
        { "image", 4093, 308, 0x232426be },
        { "tails", 2039, 56, 0x306e0f01 },
        { "vol-0001", 6151, 434, 0x0d6270d2 },
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lines lines = { 0 };
        struct damage d;
        uint64_t end = PLACE_AT + 1;
        for (uint64_t at = PLACE_AT; at < end; at += rows[i].step) {
            damage_open(&d, 470);
            end = places_end(&d, rows[i].file);
            damage_flip(&d, rows[i].file, at);
            damage_look(&d);
            if (!damage_none(&d))
                damage_repair_lines(&d, &lines);
            damage_close(&d);
        }
        lines_same(&lines, &rows[i]);
    }
}

TEST(finds, none_when_the_machine_ends_at_any_io)
{
    // Goal: then verify is over, and nothing is told that it did not see.
    struct damage d;
    damage_open(&d, 469);
    uint32_t ends = 0;
    for (uint32_t k = 1; k < 1000; k++, ends++) {
        struct verify_counts counts;
        struct verify_opts opts = { 0 };
        sim_crash_at_io(d.f.node, k, SIM_KILL);
        enum err err = verify_run(d.f.io, d.f.dir, &opts, &counts, &d.f.why);
        bool dead = sim_dead(d.f.node);
        EXPECT_ERR(err, dead ? ERR_DEAD : ERR_OK);
        EXPECT_EQ(counts.finds[FIND_HEALABLE] + counts.finds[FIND_DAMAGE], 0);
        fixture_crash(&d.f, SIM_KILL);
        if (!dead)
            break;
    }
    EXPECT(ends > 40 && ends < 999);
    damage_close(&d);
}
