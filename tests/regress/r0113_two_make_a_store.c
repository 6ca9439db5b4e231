/* Two processes that were started at once, on a directory without a store, made one each: the
 * second gave its files the names of the first one's, which acknowledged records already. Goal: of
 * two, one makes a store, and the other is told. Method: another descriptor holds the directory, as
 * one that makes a store in it does. */
#include "tests/unit/log/fixture.h"

TEST(r0113, two_make_a_store)
{
    struct fixture f;
    fixture_init(&f, 113);
    fixture_boot(&f);
    int other = io_dir_open(f.io, FIXTURE_DIR, IO_DIRECTORY, &f.why);
    REQUIRE(other >= 0);
    REQUIRE_OK(io_fd_lock(f.io, other, 0));
    EXPECT_ERR(fixture_create(&f), ERR_LOCKED);
    EXPECT(strstr(f.why.text, "another process makes a store"));
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "journal"), 0);
    io_fd_close(f.io, other);
    EXPECT_OK(fixture_create(&f));
    EXPECT_OK(fixture_start(&f));
    fixture_close(&f);
}
