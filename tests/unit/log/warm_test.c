/* Goal: what is read again is lent out of the page cache, as they were appended,
 * and nothing that does not verify is. Method: partitions read several times after a restart, which
 * leaves their bytes on disk alone; flips of the disk, evictions and drops in between. */
#include "engine/log/lend.h"
#include "tests/unit/log/fixture.h"

static void open_on_disk(struct fixture *f, uint64_t seed, uint32_t bytes)
{
    fixture_open(f, seed);
    fixture_add(f, 0);
    fixture_fill(f, 0, 2000000 / bytes, bytes);
    fixture_stop_again(f);
    f->lends = true;
}

static void read_through(struct fixture *f, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        fixture_verify(f, 0, 200000);
}

TEST(warm, the_first_reader_is_read_for_directly_the_next_ones_are_lent)
{
    static const uint32_t sizes[] = { 300, 5000, 60000, 65000, 120000 };
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fixture f;
        open_on_disk(&f, 10 + i, sizes[i]);
        read_through(&f, 1);
        EXPECT(f.store->counts.cache_lent_bytes < 400000);
        read_through(&f, 1);
        uint64_t loaded = f.store->counts.cache_load_bytes, lent = f.store->counts.cache_lent_bytes;
        EXPECT(loaded > 0);
        EXPECT(lent > 1000000);
        read_through(&f, 2);
        EXPECT(f.store->counts.cache_lent_bytes >= 2 * lent);
        EXPECT_EQ(f.store->warming + f.store->large_loads, 0);
        fixture_close(&f);
    }
}

TEST(warm, an_extent_that_still_grows_is_lent_as_far_as_it_is_on_disk)
{
    // Goal: its whole blocks are written once, so pages of them stay right while others are written
    // behind them. Method: it is lent, grows, and is read through again.
    struct fixture f;
    struct got g;
    fixture_open(&f, 60);
    fixture_add(&f, 0);
    struct part *p = fixture_part(&f, 0);
    fixture_fill(&f, 0, 100, 10000);
    while (!part_open_extent(p) || part_open_extent(p)->tile_count < 4)
        fixture_fill(&f, 0, 1, 10000);
    fixture_checkpoint(&f);
    fixture_stop_again(&f);
    f.lends = true;
    read_through(&f, 2);
    p = fixture_part(&f, 0);
    struct extent *e = part_open_extent(p);
    REQUIRE(e);
    fixture_read(&f, &g, 0, e->base_off, 200000);
    EXPECT_OK(g.r.err);
    EXPECT(g.r.lent.extent == e);
    fixture_fill(&f, 0, 3, 10000);
    EXPECT(part_open_extent(p) == e);
    read_give(&g.r);
    read_through(&f, 3);
    fixture_fill(&f, 0, 30, 10000);
    fixture_checkpoint(&f);
    read_through(&f, 3);
    fixture_close(&f);
}

TEST(warm, what_is_read_out_of_the_tail_again_and_again_is_lent_too)
{
    struct fixture f;
    fixture_open(&f, 61);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 60, 10000);
    fixture_checkpoint(&f);
    f.lends = true;
    read_through(&f, 3);
    EXPECT_EQ(f.store->counts.cache_load_bytes, 0);
    read_through(&f, 3);
    EXPECT(f.store->counts.cache_lent_bytes > 300000);
    EXPECT_EQ(f.store->counts.reads_cold, 0);
    fixture_fill(&f, 0, 20, 10000);
    read_through(&f, 6);
    EXPECT_EQ(f.store->warming + f.store->large_loads, 0);
    fixture_close(&f);
}

TEST(warm, one_who_reads_all_of_it_once_is_read_for_directly)
{
    // Goal: neither that reads overlap, nor that they are small, makes it look read again.
    static const uint32_t budgets[] = { 65536, 70000, 200000, 1000000 };
    for (uint32_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        struct fixture f;
        open_on_disk(&f, 70 + i, 10000);
        fixture_verify(&f, 0, budgets[i]);
        EXPECT_EQ(f.store->counts.cache_load_bytes, 0);
        fixture_close(&f);
    }
}

TEST(warm, verify_always_reads_the_disk_each_time)
{
    struct fixture f;
    fixture_init(&f, 20);
    f.opts.verify_always = true;
    fixture_boot(&f);
    EXPECT_OK(fixture_create(&f));
    EXPECT_OK(fixture_start(&f));
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 200, 10000);
    fixture_stop_again(&f);
    f.lends = true;
    read_through(&f, 4);
    EXPECT_EQ(f.store->counts.cache_load_bytes, 0);
    EXPECT_EQ(f.store->counts.cache_lent_bytes, 0);
    fixture_close(&f);
}

/* The byte in the volume file where the first batch of an extent lies. */
static uint64_t extent_at(struct fixture *f, uint32_t i)
{
    struct extent *e = fixture_part(f, 0)->extents[i];
    return extent_place(e, e->base_pos);
}

TEST(warm, a_flip_after_the_check_is_found_when_the_pages_are_read_again)
{
    // Goal: a run that was not resident since its check is checked again. Method: a flip takes the
    // page out of the simulated cache; the read that wants it must say so, and give nothing of it.
    struct fixture f;
    struct got g;
    open_on_disk(&f, 30, 10000);
    read_through(&f, 3);
    struct part *p = fixture_part(&f, 0);
    struct extent *e = p->extents[p->extent_count - 2];
    EXPECT(e->sealed && e->cached);
    uint64_t off = e->base_off, lent = f.store->counts.cache_lent_bytes;
    fixture_read(&f, &g, 0, off, 200000);
    EXPECT_OK(g.r.err);
    read_give(&g.r);
    EXPECT(f.store->counts.cache_lent_bytes > lent);
    fixture_flip(&f, e->vol->name, extent_at(&f, p->extent_count - 2) + 5000);
    fixture_read(&f, &g, 0, off, 200000);
    EXPECT_EQ(g.r.err, ERR_CORRUPT);
    EXPECT_EQ(g.r.batches.len, 0);
    EXPECT(f.store->counts.cache_gone > 0);
    fixture_close(&f);
}

TEST(warm, a_flip_before_the_load_is_found)
{
    struct fixture f;
    struct got g;
    open_on_disk(&f, 31, 10000);
    read_through(&f, 1);
    struct part *p = fixture_part(&f, 0);
    struct extent *e = p->extents[p->extent_count - 2];
    warm_note_cold(e, 0, e->base_pos + e->data_bytes); /* the next reader is not the first */
    fixture_flip(&f, e->vol->name, extent_at(&f, p->extent_count - 2) + 70000);
    uint64_t off = e->base_off, good = 0;
    for (;;) {
        fixture_read(&f, &g, 0, off, 100000);
        if (g.r.err)
            break;
        good += g.r.batches.len;
        off = g.r.next_off;
        read_give(&g.r);
    }
    EXPECT_EQ(g.r.err, ERR_CORRUPT);
    EXPECT(good <= 80000);
    fixture_close(&f);
}

TEST(warm, what_another_process_read_into_the_page_cache_is_checked)
{
    // Goal: to be resident is not to be checked. Method: behind the first tiles of an extent a bit
    // flips, and another reader of the file brings its pages in.
    struct fixture f;
    struct got g;
    open_on_disk(&f, 32, 10000);
    read_through(&f, 1);
    struct part *p = fixture_part(&f, 0);
    struct extent *e = p->extents[p->extent_count - 2];
    uint32_t i = e->tile_count / 2;
    const struct tile *t = extent_tile(e, i);
    REQUIRE(e->sealed && e->tile_count >= 4 && t->batch_at != NO_BATCH);
    warm_note_cold(e, 0, e->base_pos + e->data_bytes);
    uint64_t at = extent_place(e, e->base_pos + t->at), len = e->data_bytes - t->at;
    fixture_flip(&f, e->vol->name, at + t->batch_at + 1000);
    int fd = io_cache_open(f.io, f.dir, e->vol->name);
    REQUIRE(fd > 0);
    struct op op = { 0 };
    uint8_t *there = io_buffer_take(block_ceil(len));
    io_read(f.io, &op, fd, there, len, at, NULL);
    EXPECT_OK(io_wait(f.io, &op));
    EXPECT(io_cache_holds(f.io, fd, at, len));
    io_buffer_give(there);
    io_fd_close(f.io, fd);
    fixture_read(&f, &g, 0, t->base_off, 200000);
    EXPECT_EQ(g.r.err, ERR_CORRUPT);
    EXPECT_EQ(g.r.batches.len, 0);
    EXPECT(f.store->counts.cache_load_bytes > 0);
    fixture_close(&f);
}

/* A read that ends within a large page, and a tile behind it that is in that page as a whole. */
struct beside {
    const struct extent *e;
    uint32_t from, beside; /* tiles: where the read begins; the one that it has nothing of */
    uint64_t bytes;        /* of the read */
};

static uint64_t first_batch(const struct extent *e, uint32_t i)
{
    return extent_tile(e, i)->at + extent_tile(e, i)->batch_at;
}

static bool is_beside(const struct extent *e, uint32_t from, uint32_t last)
{
    const struct tile *begin = extent_tile(e, from), *end = extent_tile(e, last);
    const struct tile *t = extent_tile(e, last + 1);
    uint64_t size = e->vol->cache_large, place = extent_place(e, e->base_pos);
    uint64_t large = (place + begin->at) / size * size;
    return begin->batch_at != NO_BATCH && end->batch_at != NO_BATCH && end->batch_at > 0 &&
           t->batch_at != NO_BATCH && first_batch(e, last) >= first_batch(e, from) + KIB(64) &&
           large >= place && large + size <= place + extent_tiles_end(e) &&
           place + t->at + t->len <= large + size;
}

static bool beside_find(const struct part *p, struct beside *out)
{
    for (uint32_t n = 0; n + 1 < p->extent_count; n++) {
        const struct extent *e = p->extents[n];
        if (!e->tiles || e->tile_from || !e->vol->cache_large)
            continue;
        for (uint32_t from = 0; from + 2 < e->tile_count; from++)
            for (uint32_t last = from + 1; last < from + 4 && last + 1 < e->tile_count; last++)
                if (is_beside(e, from, last)) {
                    *out = (struct beside){ e, from, last + 1,
                                            first_batch(e, last) - first_batch(e, from) };
                    return true;
                }
    }
    return false;
}

/* The store of the first seed from this one on in which some tiles lie so; all was lent before. */
static bool open_beside(struct fixture *f, uint64_t seed, struct beside *b)
{
    *b = (struct beside){ 0 };
    for (uint64_t end = seed + 100; seed < end; seed++) {
        open_on_disk(f, seed, 4000);
        read_through(f, 3);
        if (beside_find(fixture_part(f, 0), b))
            return true;
        fixture_close(f);
    }
    return false;
}

TEST(warm, what_comes_back_with_a_large_page_is_checked_again)
{
    // Goal: a load that brings in a large page has only its own piece checked. Method: all of an
    // extent is checked, then a large page leaves the page cache and a bit of it flips; a read of
    // tiles before that brings the flipped one back, which then is read.
    struct fixture f;
    struct got g;
    struct beside b;
    REQUIRE(open_beside(&f, 33, &b));
    const struct tile *t = extent_tile(b.e, b.beside);
    uint64_t place = extent_place(b.e, b.e->base_pos);
    int fd = io_cache_open(f.io, f.dir, b.e->vol->name);
    REQUIRE(fd > 0);
    uint64_t size = b.e->vol->cache_large;
    io_cache_drop(f.io, fd, (place + t->at) / size * size, size);
    fixture_flip(&f, b.e->vol->name, place + t->at + t->batch_at + 1000);
    fixture_read(&f, &g, 0, extent_tile(b.e, b.from)->base_off, b.bytes);
    EXPECT_OK(g.r.err);
    EXPECT(g.r.lent.extent == b.e);
    read_give(&g.r);
    EXPECT(io_cache_holds(f.io, fd, place + t->at, t->len));
    io_fd_close(f.io, fd);
    fixture_read(&f, &g, 0, t->base_off, 200000);
    EXPECT_EQ(g.r.err, ERR_CORRUPT);
    EXPECT_EQ(g.r.batches.len, 0);
    fixture_close(&f);
}

TEST(warm, after_a_large_page_that_fails_its_extent_has_small_ones)
{
    // Goal: what is whole beside damage is lent as before; nobody waits for the damage twice.
    struct fixture f;
    struct got g;
    struct beside b;
    REQUIRE(open_beside(&f, 233, &b));
    const struct tile *from = extent_tile(b.e, b.from), *t = extent_tile(b.e, b.beside);
    uint64_t place = extent_place(b.e, b.e->base_pos), size = b.e->vol->cache_large;
    int fd = io_cache_open(f.io, f.dir, b.e->vol->name);
    REQUIRE(fd > 0);
    io_cache_drop(f.io, fd, (place + t->at) / size * size, size);
    fixture_flip(&f, b.e->vol->name, place + from->at + from->batch_at + 1000);
    for (int i = 0; i < 2; i++) {
        fixture_read(&f, &g, 0, from->base_off, b.bytes);
        EXPECT_EQ(g.r.err, ERR_CORRUPT);
        EXPECT(b.e->small_pages);
        EXPECT_EQ(f.store->warming + f.store->large_loads, 0);
    }
    for (int i = 0; i < 2; i++) {
        fixture_read(&f, &g, 0, t->base_off, 200000);
        EXPECT_OK(g.r.err);
        EXPECT(g.r.lent.extent == b.e);
        read_give(&g.r);
    }
    EXPECT(!io_cache_holds(f.io, fd, (place + t->at) / size * size, size));
    io_fd_close(f.io, fd);
    fixture_close(&f);
}

TEST(warm, an_extent_that_is_lent_is_not_reused)
{
    // Goal: rule 7 for sends: the space of a trimmed extent stays as it is while it is lent.
    struct fixture f;
    struct got g;
    open_on_disk(&f, 40, 10000);
    read_through(&f, 3);
    struct part *p = fixture_part(&f, 0);
    for (uint64_t off = p->start_off;; off = g.r.next_off) {
        fixture_read(&f, &g, 0, off, 200000);
        REQUIRE_OK(g.r.err);
        if (g.r.lent.extent)
            break;
        read_give(&g.r);
    }
    const struct extent *e = g.r.lent.extent;
    EXPECT(e->pins > 0);
    uint64_t freed = f.store->counts.extents_freed;
    EXPECT_OK(fixture_trim(&f, 0, p->next_off));
    fixture_pass(&f, SEC_NS);
    EXPECT(f.store->counts.extents_freed > freed);
    EXPECT(e->dying);
    fixture_fill(&f, 0, 300, 10000);
    struct op op = { 0 };
    uint8_t *now = io_buffer_take(block_ceil(g.r.batches.len));
    io_read(f.io, &op, g.r.lent.fd, now, g.r.batches.len, g.r.lent.pos, NULL);
    EXPECT_OK(io_wait(f.io, &op));
    EXPECT_BYTES(now, g.r.batches.at, g.r.batches.len);
    io_buffer_give(now);
    freed = f.store->counts.extents_freed;
    read_give(&g.r);
    fixture_fill(&f, 0, 3, 10000);
    fixture_settle(&f);
    EXPECT(f.store->counts.extents_freed > freed);
    fixture_close(&f);
}

static bool dropped_done;

static void dropped_read_done(struct read *r)
{
    (void)r;
    dropped_done = true;
}

TEST(warm, a_partition_dropped_while_it_loads)
{
    struct fixture f;
    struct got g;
    dropped_done = false;
    open_on_disk(&f, 50, 10000);
    read_through(&f, 1);
    struct part *p = fixture_part(&f, 0);
    struct extent *e = p->extents[p->extent_count - 2];
    warm_note_cold(e, 0, e->base_pos + e->data_bytes);
    g = (struct got){
        .r = { .done = dropped_read_done, .off = e->base_off, .bytes_max = 200000, .lends = true }
    };
    part_read(p, &g.r);
    EXPECT_EQ(f.store->warming, 1);
    EXPECT_OK(fixture_drop(&f, 0));
    fixture_settle(&f);
    EXPECT(dropped_done);
    EXPECT_EQ(g.r.err, ERR_NOT_FOUND);
    EXPECT_EQ(f.store->warming + f.store->large_loads, 0);
    fixture_close(&f);
}

TEST(warm, nothing_is_lent_where_writes_go_through_the_page_cache)
{
    // Goal: r0175. A slow peer holds pages while their space goes to another partition, whose
    // buffered writes would be in them.
    struct fixture f;
    open_on_disk(&f, 51, 10000);
    for (uint32_t i = 0; i < f.store->vol_count; i++)
        f.store->vols[i]->past_cache = false;
    read_through(&f, 3);
    EXPECT_EQ(f.store->counts.cache_lent_bytes, 0);
    EXPECT_EQ(f.store->counts.cache_load_bytes, 0);
    fixture_close(&f);
}
