/* Goal: an open store holds its files, each locked and each once, and lets go of all of them; what
 * it makes is zero where it wrote nothing. Method: other descriptors for the same files; the number
 * that the next descriptor gets. */
#include "tests/unit/log/fixture.h"

#include <stdio.h>
#include <string.h>

#define EIO_ 5

static int file_open(struct fixture *f, const char *name)
{
    struct op op = { 0 };
    io_open_file(f->io, &op, f->dir, name, IO_DIRECT, NULL);
    return io_wait(f->io, &op) == ERR_OK ? (int)op.got : -1;
}

/* How many descriptors are open, but for the directory and what came before it. */
static uint32_t held(struct fixture *f)
{
    int fds[32];
    for (uint32_t i = 0; i < 32; i++) /* numbers are given from below: these fill all holes */
        fds[i] = io_dir_open(f->io, FIXTURE_DIR, 0, NULL);
    for (uint32_t i = 0; i < 32; i++)
        io_fd_close(f->io, fds[i]);
    return (uint32_t)(fds[31] - f->dir - 32);
}

struct names {
    char at[16][32];
    uint32_t count;
};

static void name_seen(const char *name, void *arg)
{
    struct names *n = arg;
    check(n->count < 16);
    snprintf(n->at[n->count++], sizeof(n->at[0]), "%s", name);
}

static void all_locked(struct fixture *f, bool locked)
{
    struct names names = { .count = 0 };
    sim_dir_each(f->node, FIXTURE_DIR, name_seen, &names);
    EXPECT(names.count >= 4);
    for (uint32_t i = 0; i < names.count; i++) {
        int fd = file_open(f, names.at[i]);
        REQUIRE(fd >= 0);
        EXPECT_ERR(io_fd_lock(f->io, fd, 0), locked ? ERR_LOCKED : ERR_OK);
        io_fd_close(f->io, fd);
    }
}

TEST(files, are_locked_and_held_once)
{
    struct fixture f;
    fixture_init(&f, 1100);
    fixture_boot(&f);
    EXPECT_EQ(held(&f), 0);
    REQUIRE_OK(fixture_create(&f));
    EXPECT_EQ(held(&f), 0);
    REQUIRE_OK(fixture_start(&f));
    fixture_settle(&f); /* the first volume is made */
    EXPECT_EQ(held(&f), 3 + f.store->vol_count);
    all_locked(&f, true);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 12; i++)
        fixture_fill(&f, 0, 1, 120000);
    fixture_settle(&f);
    EXPECT(f.store->vol_count >= 2);
    EXPECT_EQ(held(&f), 3 + f.store->vol_count);
    all_locked(&f, true);
    fixture_stop(&f);
    EXPECT_EQ(held(&f), 0);
    all_locked(&f, false);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(held(&f), 3 + f.store->vol_count);
    all_locked(&f, true);
    fixture_stop(&f);
    f.opts.read_only = true;
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(held(&f), 3 + f.store->vol_count);
    all_locked(&f, false);
    store_close(&f.store);
    EXPECT_EQ(held(&f), 0);
    f.opts.read_only = false;
    REQUIRE_OK(fixture_start(&f));
    fixture_close(&f);
}

TEST(files, of_removed_volumes_are_let_go)
{
    struct fixture f;
    fixture_open(&f, 1101);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 26; i++)
        fixture_fill(&f, 0, 1, 120000);
    EXPECT_OK(fixture_drop(&f, 0));
    for (uint32_t i = 0; i < 6; i++)
        fixture_checkpoint(&f);
    EXPECT(f.store->counts.vols_removed >= 2);
    EXPECT_EQ(held(&f), 3 + f.store->vol_count);
    all_locked(&f, true);
    fixture_close(&f);
}

TEST(files, that_another_process_holds_stop_the_opening)
{
    // Goal: whichever file it is, the opening waits as long as it was told, says so, and holds
    // nothing afterwards.
    static const char *const names[] = { "journal", "image", "tails", "vol-0001" };
    struct fixture f;
    fixture_open(&f, 1102);
    fixture_settle(&f);
    fixture_stop(&f);
    f.opts.lock_wait_ns = 3 * MS_NS;
    for (uint32_t i = 0; i < 4; i++) {
        int fd = file_open(&f, names[i]);
        REQUIRE_OK(io_fd_lock(f.io, fd, 0));
        uint64_t from_ns = sim_now_ns(f.sim);
        EXPECT_ERR(fixture_start(&f), ERR_LOCKED);
        EXPECT(sim_now_ns(f.sim) - from_ns >= 3 * MS_NS);
        EXPECT(sim_now_ns(f.sim) - from_ns < SEC_NS);
        EXPECT(strlen(f.why.text) > 20);
        io_fd_close(f.io, fd);
        EXPECT_EQ(held(&f), 0);
    }
    REQUIRE_OK(fixture_start(&f));
    fixture_close(&f);
}

TEST(files, an_opening_that_fails_says_why_itself)
{
    // Goal: nothing is left of what was said before.
    struct fixture f;
    fixture_open(&f, 1103);
    fixture_stop(&f);
    why_set(&f.why, "an older story");
    sim_fault(f.node, NULL, EIO_, 1);
    EXPECT_ERR(fixture_start(&f), ERR_IO);
    EXPECT(strstr(f.why.text, "opening the store"));
    EXPECT(strstr(f.why.text, err_text(ERR_IO)));
    EXPECT_EQ(held(&f), 0);
    sim_fault_clear(f.node);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_STR(f.why.text, "");
    fixture_close(&f);
}

static uint64_t not_zero(struct fixture *f, const char *name, uint64_t from, uint64_t to)
{
    static uint8_t piece[KIB(64)];
    uint64_t n = 0;
    for (uint64_t at = from; at < to; at += sizeof(piece)) {
        uint64_t len = min_u64(sizeof(piece), to - at);
        sim_file_read(f->node, FIXTURE_DIR, name, at, piece, len);
        for (uint64_t i = 0; i < len; i++)
            n += piece[i] != 0;
    }
    return n;
}

/* The allocator gives these out again, as they are. */
static void memory_dirty(uint64_t bytes)
{
    void *at[4];
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = io_buffer_take(bytes);
        memset(at[i], 0xa5, bytes);
    }
    for (uint32_t i = 0; i < 4; i++)
        io_buffer_give(at[i]);
}

TEST(files, are_zero_where_nothing_was_written)
{
    struct fixture f;
    fixture_init(&f, 1104);
    f.geometry.journal_bytes = BLOCK_BYTES + MIB(2) + KIB(4); /* more than one piece, and a rest */
    f.geometry.extent_max = MIB(2);                           /* so are slabs */
    fixture_boot(&f);
    memory_dirty(MIB(1));
    REQUIRE_OK(fixture_create(&f));
    EXPECT_EQ(not_zero(&f, "journal", BLOCK_BYTES, f.geometry.journal_bytes), 0);
    uint64_t tails = sim_file_bytes(f.node, FIXTURE_DIR, "tails");
    EXPECT_EQ(tails, slot_place(16, 0));
    EXPECT_EQ(not_zero(&f, "tails", BLOCK_BYTES, tails), 0);
    memory_dirty(MIB(1));
    REQUIRE_OK(fixture_start(&f));
    fixture_settle(&f);
    uint64_t vol = sim_file_bytes(f.node, FIXTURE_DIR, "vol-0001");
    EXPECT_EQ(vol, vol_bytes(&f.geometry));
    EXPECT_EQ(not_zero(&f, "vol-0001", BLOCK_BYTES, vol), 0);
    fixture_close(&f);
}

TEST(files, ids_and_keys_are_random_in_each_half)
{
    struct fixture f;
    uint64_t halves[8];
    for (uint32_t i = 0; i < 2; i++) {
        fixture_open(&f, 1105 + i);
        memcpy(&halves[i * 4], f.store->id.store.b, 16);
        memcpy(&halves[i * 4 + 2], f.store->id.key, 16);
        fixture_close(&f);
    }
    for (uint32_t i = 0; i < 8; i++) {
        EXPECT(halves[i] != 0);
        for (uint32_t j = 0; j < i; j++)
            EXPECT(halves[i] != halves[j]);
    }
}
