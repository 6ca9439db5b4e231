/* Goal: rows that do not fit the tables are refused with the reason, those that just fit are taken,
 * and pieces that extents hold in part are taken in part. Method: forged entries (forge.h). */
#include "tests/unit/log/forge.h"

#include <stdio.h>
#include <string.h>

#define DATA KIB(12) /* of an extent of the smallest size */

static struct row inline_row(uint32_t part, uint64_t pos, uint32_t len, uint64_t off, uint32_t n)
{
    return (struct row){ .kind = ROW_INLINE,
                         .part = part,
                         .pos = pos,
                         .len = len,
                         .base_off = off,
                         .next_off = off + n,
                         .max_time = 1000 };
}

static struct row extent_row(const struct forge *g, uint32_t part, uint64_t pos, uint64_t off,
                             uint32_t len)
{
    return (struct row){ .kind = ROW_EXTENT,
                         .part = part,
                         .pos = pos,
                         .base_off = off,
                         .extent = g->next_extent,
                         .vol = 1,
                         .unit = g->unit,
                         .len = len };
}

static struct row add_row(uint32_t part, uint32_t book)
{
    return (
        struct row){ .kind = ROW_ADD, .part = part, .topic = fixture_topic(book), .index = book };
}

/* The rows are taken (why NULL), or refused so. The entry's bytes are `bytes`. */
static void judged(struct forge *g, const char *why, const struct row *rows, uint32_t n,
                   const uint8_t *bytes)
{
    forge_clear(g);
    forge_entry(g, rows, n, bytes);
    enum err err = forge_start(g);
    EXPECT_ERR(err, why ? ERR_CORRUPT : ERR_OK);
    if (why && !EXPECT(strstr(g->f.why.text, why)))
        EXPECT_STR(g->f.why.text, why);
}

TEST(replay, numbers_and_names)
{
    struct forge g;
    forge_open(&g, 1130);
    uint32_t most = 2 + (uint32_t)(g.ring / ROW_BYTES); /* that honest rows could have reached */
    const struct row rows[] = { add_row(0, 1),         add_row(5, 0),    add_row(0, 0),
                                add_row(2, 2),         add_row(most, 2), add_row(most - 1, 2),
                                add_row(UINT32_MAX, 2) };
    judged(&g, "the number belongs to another partition", &rows[0], 1, NULL);
    judged(&g, "the partition exists under another number", &rows[1], 1, NULL);
    judged(&g, NULL, &rows[2], 1, NULL);
    judged(&g, NULL, &rows[3], 1, NULL);
    EXPECT_EQ(store_part_count(g.f.store), 3);
    judged(&g, "no partition can have that number", &rows[4], 1, NULL);
    judged(&g, "no partition can have that number", &rows[6], 1, NULL);
    judged(&g, NULL, &rows[5], 1, NULL);
    EXPECT_EQ(store_part_count(g.f.store), most);
    judged(&g, "no such partition", &(struct row){ .kind = ROW_DROP, .part = 2 }, 1, NULL);
    judged(&g, NULL, &(struct row){ .kind = ROW_DROP, .part = 1 }, 1, NULL);
    EXPECT(!fixture_part(&g.f, 1));
    EXPECT_EQ(g.f.store->free_number_count, 1);
    const struct row again[] = { { .kind = ROW_DROP, .part = 1 }, add_row(1, 7) };
    judged(&g, NULL, again, 2, NULL);
    EXPECT(fixture_part(&g.f, 7) && fixture_part(&g.f, 7)->number == 1);
    EXPECT_EQ(fixture_part(&g.f, 7)->next_off, 0);
    forge_close(&g);
}

TEST(replay, extents)
{
    struct forge g;
    forge_open(&g, 1131);
    const struct geometry *geo = &g.f.geometry;
    uint32_t units = geo->slabs * (geo->extent_max / geo->extent_min);
    struct row r = extent_row(&g, 0, BLOCK_BYTES, FORGE_NEXT, FORGE_HEAD);
    judged(&g, NULL, &r, 1, NULL);
    const struct part *p = fixture_part(&g.f, 0);
    EXPECT_EQ(p->extent_count, 2);
    EXPECT(p->extents[0]->sealed && p->extents[0]->close_named && p->extents[1]->named);
    EXPECT_EQ(p->extents[0]->data_bytes, FORGE_HEAD);
    EXPECT_EQ(p->extents[1]->base_pos, BLOCK_BYTES);
    EXPECT_EQ(p->extents[1]->base_off, FORGE_NEXT);
    EXPECT_EQ(p->extents[1]->id, g.next_extent);
    EXPECT_EQ(p->head_pos, BLOCK_BYTES);
    EXPECT_EQ(p->next_off, FORGE_NEXT);
    EXPECT_EQ(g.f.store->next_extent, g.next_extent + 1);
    r.base_off = FORGE_NEXT + 4; /* offsets may have gaps */
    judged(&g, NULL, &r, 1, NULL);
    EXPECT_EQ(fixture_part(&g.f, 0)->next_off, FORGE_NEXT + 4);
    r.extent = 1; /* an older id: the next one stays */
    r.vol = 2;
    judged(&g, "the extent lies in a volume file that is missing", &r, 1, NULL);
    r = extent_row(&g, 0, 2 * BLOCK_BYTES, FORGE_NEXT, FORGE_HEAD);
    judged(&g, "the extent does not follow the partition's last byte", &r, 1, NULL);
    r.pos = 0;
    judged(&g, "the extent does not follow the partition's last byte", &r, 1, NULL);
    r = extent_row(&g, 0, BLOCK_BYTES, FORGE_NEXT, FORGE_HEAD);
    r.unit = units;
    judged(&g, "the extent lies outside of its volume", &r, 1, NULL);
    r.unit = g.part_unit[1];
    judged(&g, "its extent overlaps another one", &r, 1, NULL);
    r = extent_row(&g, 0, BLOCK_BYTES, FORGE_NEXT, 0);
    judged(&g, "the extent before it ends elsewhere", &r, 1, NULL);
    r.len = BLOCK_BYTES + 1;
    judged(&g, "the extent before it ends elsewhere", &r, 1, NULL);
    const struct row two[] = { extent_row(&g, 2, 0, 9, 0), extent_row(&g, 2, 0, 8, 0) };
    const struct row below[] = { add_row(2, 2), two[0], two[1] };
    judged(&g, NULL, below, 2, NULL);
    judged(&g, "the extent begins below the one before it", below, 3, NULL);
    forge_close(&g);
}

TEST(replay, inline_bytes)
{
    static uint8_t bytes[KIB(16)];
    static const uint32_t sizes[] = { 3000, 3000, DATA - FORGE_HEAD - 6000 };
    struct forge g;
    forge_open(&g, 1132);
    forge_batches(&g, bytes, sizes, 3, FORGE_NEXT);
    struct row r = inline_row(0, FORGE_HEAD, 6000, FORGE_NEXT, 2);
    judged(&g, NULL, &r, 1, bytes);
    EXPECT_EQ(fixture_part(&g.f, 0)->head_pos, FORGE_HEAD + 6000);
    EXPECT_EQ(fixture_part(&g.f, 0)->next_off, FORGE_NEXT + 2);
    for (int32_t by = -1; by <= 1; by += 2) {
        r = inline_row(0, FORGE_HEAD + (uint64_t)by, 3000, FORGE_NEXT, 1);
        judged(&g, "the bytes do not follow the partition's last byte", &r, 1, bytes);
    }
    r = inline_row(0, FORGE_HEAD, DATA - FORGE_HEAD, FORGE_NEXT, 3);
    judged(&g, NULL, &r, 1, bytes); /* full, to the last byte */
    EXPECT_EQ(fixture_part(&g.f, 0)->head_pos, DATA);
    r.len++;
    judged(&g, "the bytes lie in no open extent", &r, 1, bytes);
    const struct row none[] = { add_row(2, 2), inline_row(2, 0, 3000, 0, 1) };
    judged(&g, "the bytes lie in no open extent", none, 2, bytes);
    const struct row closed[] = { { .kind = ROW_CLOSE,
                                    .part = 0,
                                    .pos = BLOCK_BYTES,
                                    .extent = g.extent[0],
                                    .len = FORGE_HEAD },
                                  inline_row(0, BLOCK_BYTES, 3000, FORGE_NEXT, 1) };
    judged(&g, NULL, closed, 1, bytes);
    judged(&g, "the bytes lie in no open extent", closed, 2, bytes);
    forge_close(&g);
}

TEST(replay, closes_trims_and_producers)
{
    struct forge g;
    forge_open(&g, 1133);
    const struct row close = {
        .kind = ROW_CLOSE, .pos = BLOCK_BYTES, .extent = g.extent[0], .len = FORGE_HEAD
    };
    static const char *const not_open = "the extent closed is not the open one";
    struct row r = close;
    judged(&g, NULL, &r, 1, NULL);
    EXPECT_EQ(fixture_part(&g.f, 0)->head_pos, BLOCK_BYTES);
    EXPECT_EQ(fixture_part(&g.f, 0)->extents[0]->data_bytes, FORGE_HEAD);
    EXPECT(fixture_part(&g.f, 0)->extents[0]->close_named);
    r.extent = g.extent[1];
    judged(&g, not_open, &r, 1, NULL);
    r = close;
    r.pos = 2 * BLOCK_BYTES;
    judged(&g, not_open, &r, 1, NULL);
    r = close;
    r.len = BLOCK_BYTES + 1;
    judged(&g, not_open, &r, 1, NULL);
    r.len = 0;
    judged(&g, not_open, &r, 1, NULL);
    r = (struct row){ .kind = ROW_TRIM, .base_off = FORGE_NEXT };
    judged(&g, NULL, &r, 1, NULL);
    EXPECT_EQ(fixture_part(&g.f, 0)->start_off, FORGE_NEXT);
    r.base_off++;
    judged(&g, "the log start lies beyond the log end", &r, 1, NULL);
    r = (struct row){ .kind = ROW_PRODUCER,
                      .producer = {
                          .id = 9, .n = 1, .batches = { { .count = 2, .base_off = 1 } } } };
    judged(&g, NULL, &r, 1, NULL);
    EXPECT_EQ(part_info(fixture_part(&g.f, 0)).producers, 1);
    r.producer.batches[0].count++;
    judged(&g, "the producer's batch lies beyond the log end", &r, 1, NULL);
    forge_close(&g);
}

/* DIRECT [0, len) of partition 0, with its bytes in the extent; `starts` batches begin in it. */
static struct row direct_row(struct forge *g, const uint8_t *bytes, uint32_t len, uint32_t starts)
{
    sim_file_write(g->f.node, FIXTURE_DIR, "vol-0001", vol_place(&g->f.geometry, g->part_unit[0]),
                   bytes, len);
    return (struct row){ .kind = ROW_DIRECT,
                         .len = len,
                         .crc = piece_crc(g->extent[0], 0, bytes, len),
                         .extent = g->extent[0],
                         .next_off = starts,
                         .max_time = 1000 };
}

TEST(replay, runs)
{
    static uint8_t bytes[KIB(32)];
    struct forge g;
    forge_open(&g, 1134);
    memcpy(bytes, g.slot, FORGE_HEAD);
    forge_batches(&g, bytes + FORGE_HEAD, (const uint32_t[]){ DATA - FORGE_HEAD }, 1, FORGE_NEXT);
    struct row r = direct_row(&g, bytes, DATA, FORGE_NEXT + 1);
    judged(&g, NULL, &r, 1, NULL); /* up to the extent's last byte */
    EXPECT_EQ(fixture_part(&g.f, 0)->head_pos, DATA);
    EXPECT_EQ(fixture_part(&g.f, 0)->disk_pos, DATA);
    EXPECT_EQ(fixture_part(&g.f, 0)->next_off, FORGE_NEXT + 1);
    /* The last entry's runs are checked before its rows are: these come before another entry. */
    static const struct row seal = { .kind = ROW_SEAL };
    const char *const whys[] = { "a hole before the run", "the run lies in another extent",
                                 "the run has no place in its extent" };
    for (uint32_t i = 0; i < 3; i++) {
        r = direct_row(&g, bytes, DATA, FORGE_NEXT + 1);
        if (i == 0) {
            r.pos = BLOCK_BYTES;
            r.len -= BLOCK_BYTES;
        } else if (i == 1) {
            r.extent = g.extent[1];
        } else {
            r.len += BLOCK_BYTES;
        }
        forge_clear(&g);
        forge_entry(&g, &r, 1, NULL);
        forge_entry(&g, &seal, 1, NULL);
        EXPECT_ERR(forge_start(&g), ERR_CORRUPT);
        EXPECT(strstr(g.f.why.text, whys[i]));
    }
    forge_close(&g);
}

TEST(replay, a_run_takes_the_beginning_of_a_piece)
{
    // Goal: of a piece that an extent holds in part, the rest comes from the journal, and the marks
    // begin with the first batch that begins in it. Method: runs that end in the middle of a batch,
    // between two, in the last one.
    static const struct {
        uint32_t sizes[3], run, marks, starts;
        uint64_t first; /* mark */
    } rows[] = {
        { { 3000, 3000, 3000 }, 4096, 2, 4, 4500 }, { { 2596, 3000, 3000 }, 4096, 2, 4, 4096 },
        { { 2595, 3000, 3000 }, 4096, 1, 5, 7095 }, { { 3000, 3000, 3000 }, 8192, 0, 6, 0 },
        { { 3000, 3692, 3000 }, 8192, 1, 5, 8192 }, { { 1000, 1000, 6000 }, 4096, 0, 6, 0 },
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static uint8_t bytes[KIB(32)];
        struct forge g;
        struct got got;
        uint32_t len = rows[i].sizes[0] + rows[i].sizes[1] + rows[i].sizes[2];
        forge_open(&g, 1135 + i);
        memcpy(bytes, g.slot, FORGE_HEAD);
        forge_batches(&g, bytes + FORGE_HEAD, rows[i].sizes, 3, FORGE_NEXT);
        struct row piece = inline_row(0, FORGE_HEAD, len, FORGE_NEXT, 3);
        struct row run = direct_row(&g, bytes, rows[i].run, rows[i].starts);
        forge_entry(&g, &piece, 1, bytes + FORGE_HEAD);
        forge_entry(&g, &run, 1, NULL);
        REQUIRE_OK(forge_start(&g));
        const struct part *p = fixture_part(&g.f, 0);
        EXPECT_EQ(p->head_pos, FORGE_HEAD + len);
        EXPECT_EQ(p->disk_pos, rows[i].run);
        EXPECT_EQ(p->next_off, FORGE_NEXT + 3);
        if (EXPECT_EQ(p->mark_count, rows[i].marks) && p->mark_count)
            EXPECT_EQ(mark_at(p, 0)->pos, rows[i].first);
        uint64_t pos = 0;
        for (uint64_t off = 0; off < p->next_off; off++) {
            fixture_read(&g.f, &got, 0, off, 1);
            EXPECT_OK(got.r.err);
            EXPECT_EQ(got.r.next_off, off + 1);
            EXPECT_BYTES(got.r.batches.at, bytes + pos, got.r.batches.len);
            pos += got.r.batches.len;
            read_give(&got.r);
        }
        EXPECT_EQ(pos, FORGE_HEAD + len);
        forge_close(&g);
    }
}

TEST(replay, salvage_goes_on_up_to_a_lap_behind_and_no_further)
{
    // Goal: an image that is older than the ring reaches is no start. Method: a lost entry; then
    // one that ends just where the next lap would reach the lost one, or a block later.
    static const struct row seal = { .kind = ROW_SEAL };
    for (uint32_t beyond = 0; beyond < 2; beyond++) {
        struct forge g;
        forge_open(&g, 1142 + beyond);
        g.f.opts.salvage = true;
        g.next.ring_pos += g.ring - (1 - beyond) * BLOCK_BYTES;
        g.next.seq += 100;
        forge_entry(&g, &seal, 1, NULL);
        enum err err = forge_start(&g);
        EXPECT_ERR(err, beyond ? ERR_DAMAGED : ERR_OK);
        if (!err) {
            EXPECT_EQ(store_report(g.f.store)->entries, 1);
            EXPECT_EQ(store_report(g.f.store)->cut_pos,
                      journal_next_pos(g.f.store, g.next.ring_pos));
        }
        forge_close(&g);
    }
}

struct reads {
    struct sim_watch watch;
    uint32_t count, now, most;
    uint64_t bytes;
};

static bool is_of_ring(const struct op *op)
{
    return op->verb == IO_READ && op->len >= KIB(64);
}

static int read_starts(struct sim_watch *w, const struct op *op)
{
    struct reads *r = container_of(w, struct reads, watch);
    if (!is_of_ring(op))
        return 0;
    r->count++;
    r->bytes += op->len;
    r->now++;
    r->most = r->now > r->most ? r->now : r->most;
    return 0;
}

static void read_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)sys;
    container_of(w, struct reads, watch)->now -= is_of_ring(op);
}

TEST(replay, the_whole_ring_is_read)
{
    // Goal: each MiB of a ring comes to its place, sixteen at a time. Method: the first entry is
    // lost; a later one in each of them proves it.
    static const struct row seal = { .kind = ROW_SEAL };
    struct forge g;
    struct reads reads = { .watch = { .starts = read_starts, .ends = read_ends } };
    forge_init(&g, 1150);
    g.f.geometry.journal_bytes = BLOCK_BYTES + MIB(18) + KIB(64);
    forge_begin(&g);
    sim_watch(g.f.node, &reads.watch);
    REQUIRE_OK(forge_start(&g));
    EXPECT_EQ(reads.bytes, g.ring);
    EXPECT_EQ(reads.count, 19);
    EXPECT_EQ(reads.most, 16);
    EXPECT_EQ(reads.now, 0);
    sim_watch(g.f.node, NULL);
    for (uint32_t i = 0; i < 19; i++) {
        static const uint8_t zeros[BLOCK_BYTES];
        store_close(&g.f.store);
        g.next = g.first;
        g.next.seq += 9;
        g.next.ring_pos = i * MIB(1) + (i ? 0 : KIB(512)) + KIB(60); /* the last block of all */
        g.next.ring_pos += g.next.ring_pos < g.first.ring_pos ? g.ring : 0;
        uint64_t at = BLOCK_BYTES + g.next.ring_pos % g.ring;
        forge_entry(&g, &seal, 1, NULL);
        EXPECT_ERR(forge_start(&g), ERR_DAMAGED);
        sim_file_write(g.f.node, FIXTURE_DIR, "journal", at, zeros, BLOCK_BYTES);
    }
    EXPECT_OK(forge_start(&g));
    forge_close(&g);
}

TEST(replay, tells_where_it_does_not_fit)
{
    struct forge g;
    char want[256];
    forge_open(&g, 1151);
    struct row r = { .kind = ROW_TRIM, .part = 1, .base_off = FORGE_NEXT + 1 };
    judged(&g, "the log start", &r, 1, NULL);
    snprintf(want, sizeof(want),
             "entry %llu, partition 1, row kind 7 at pos 0: the log start lies beyond the log end; "
             "run `shardlog check`",
             (unsigned long long)g.first.seq);
    EXPECT_STR(g.f.why.text, want);
    forge_clear(&g);
    g.next.seq++;
    g.next.ring_pos += BLOCK_BYTES;
    forge_entry(&g, &(struct row){ .kind = ROW_SEAL }, 1, NULL);
    EXPECT_ERR(forge_start(&g), ERR_DAMAGED);
    snprintf(want, sizeof(want),
             "journal entry %llu at ring position %llu is damaged (recovery case C), and",
             (unsigned long long)g.first.seq, (unsigned long long)g.first.ring_pos);
    EXPECT(strncmp(g.f.why.text, want, strlen(want)) == 0);
    forge_close(&g);
}

/* The letter that the rows get as the last entry: I is kept, H is dropped. */
static void last_entry(struct forge *g, char letter, const struct row *rows, uint32_t n)
{
    forge_clear(g);
    forge_entry(g, rows, n, NULL);
    REQUIRE_OK(forge_start(g));
    EXPECT_EQ(store_report(g->f.store)->verdict, letter);
    EXPECT_EQ(store_report(g->f.store)->entries, letter == 'I');
    const struct part *p = fixture_part(&g->f, 2);
    EXPECT_EQ(p ? p->next_off : 0, letter == 'I' ? 2 : 0);
}

TEST(replay, the_last_entry_needs_its_runs)
{
    // Goal: in an extent that the same entry names; all of them, and each bit. Method: two runs of
    // a block in a new partition, damaged in turn; then rows that say where they cannot be.
    static uint8_t bytes[2 * BLOCK_BYTES];
    static const uint32_t sizes[] = { BLOCK_BYTES, BLOCK_BYTES };
    struct forge g;
    forge_open(&g, 1152);
    uint64_t place = vol_place(&g.f.geometry, g.unit);
    forge_batches(&g, bytes, sizes, 2, 0);
    sim_file_write(g.f.node, FIXTURE_DIR, "vol-0001", place, bytes, sizeof(bytes));
    struct row rows[4] = { add_row(2, 2), extent_row(&g, 2, 0, 0, 0) };
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t pos = i * BLOCK_BYTES;
        rows[2 + i] = (struct row){ .kind = ROW_DIRECT,
                                    .part = 2,
                                    .pos = pos,
                                    .len = BLOCK_BYTES,
                                    .crc = piece_crc(g.next_extent, pos, bytes + i * BLOCK_BYTES,
                                                     BLOCK_BYTES),
                                    .extent = g.next_extent,
                                    .base_off = i,
                                    .next_off = i + 1,
                                    .max_time = 1000 };
    }
    last_entry(&g, 'I', rows, 4);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t at = place + (i / 2) * BLOCK_BYTES + (i % 2) * (BLOCK_BYTES - 1);
        store_close(&g.f.store);
        fixture_flip(&g.f, "vol-0001", at);
        last_entry(&g, 'H', rows, 4);
        store_close(&g.f.store);
        fixture_flip(&g.f, "vol-0001", at);
    }
    last_entry(&g, 'I', rows, 4);
    struct row bent[4];
    for (uint32_t i = 0; i < 4; i++) {
        memcpy(bent, rows, sizeof(bent));
        if (i == 0)
            bent[1].vol = 2; /* there is none */
        else if (i == 1)
            bent[1].unit = 4 * (g.f.geometry.extent_max / g.f.geometry.extent_min);
        else if (i == 2)
            bent[1].pos = BLOCK_BYTES; /* behind its run */
        else
            bent[1].extent++; /* another one */
        last_entry(&g, 'H', bent, 4);
    }
    forge_close(&g);
}
