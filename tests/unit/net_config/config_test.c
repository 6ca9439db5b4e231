/* config_test.c -- the table agrees with itself; values from four places; what is refused. */
#include "net/config/config.h"

#include "tests/unit/net_config/said.h"

TEST(config, defaults_are_sound)
{
    /* Goal: the table agrees with itself. Method: what a default prints is read back as a file;
     * names are found again; every row has a sentence. */
    struct config c, back;
    struct said s;
    said_open(&c, &s);
    for (uint32_t i = 0; i < CONFIG_COUNT; i++) {
        enum config_key which = (enum config_key)i;
        char from[64];
        EXPECT_EQ(config_find(config_row(which)->key), i);
        EXPECT(config_row(which)->text[0]);
        config_from_text(&c, which, from, sizeof(from));
        EXPECT_STR(from, "default");
        struct said none;
        said_open(&back, &none);
        config_set(&back, which, config_text(&c, which), CONFIG_FILE, 1);
        EXPECT_EQ(none.count, 0);
        EXPECT_STR(config_text(&back, which), config_text(&c, which));
        EXPECT_EQ(back.values[i].number, c.values[i].number);
        EXPECT_EQ(back.values[i].count, c.values[i].count);
        config_close(&back);
    }
    config_check(&c);
    EXPECT_EQ(s.count, 0);
    EXPECT_EQ(c.faults, 0);
    config_close(&c);
    config_close(&c);
}

TEST(config, a_file)
{
    /* Goal: every kind, quotes, comments, both line ends. */
    struct config c;
    struct said s;
    uint32_t count;
    bool automatic;
    said_open(&c, &s);
    said_file(&c, "\xef\xbb\xbf# a comment\n"
                  "\n"
                  "  data.dirs = /a, /b c ,/d#1   # and why\n"
                  "memory.tail=1GiB\r\n"
                  "connection.idle = \"5 min\"   # quoted\n"
                  "\tinsecure = yes\n"
                  "io = plain\n"
                  "listen.http = none\n"
                  "listen.native = 127.0.0.1:1, [::1]:2\n"
                  "pin = 0-2,7\n"
                  "shards = 4");
    EXPECT_EQ(c.faults, 0);
    EXPECT_STR(said_at(&s, 0), "");
    const char *const *paths = config_paths(&c, CONFIG_DATA_DIRS, &count);
    REQUIRE(count == 3);
    EXPECT_STR(paths[0], "/a");
    EXPECT_STR(paths[1], "/b c");
    EXPECT_STR(paths[2], "/d#1");
    EXPECT_EQ(config_number(&c, CONFIG_MEMORY_TAIL), GIB(1));
    EXPECT_EQ(config_number(&c, CONFIG_CONNECTION_IDLE), 300 * SEC_NS);
    EXPECT_EQ(config_on(&c, CONFIG_INSECURE), true);
    EXPECT_EQ(config_number(&c, CONFIG_IO), CONFIG_IO_PLAIN);
    config_addresses(&c, CONFIG_LISTEN_HTTP, &count);
    EXPECT_EQ(count, 0);
    const struct io_address *at = config_addresses(&c, CONFIG_LISTEN_NATIVE, &count);
    REQUIRE(count == 2);
    EXPECT(at[0].version == 4 && at[0].port == 1 && at[1].version == 6 && at[1].port == 2);
    const uint32_t *cpus = config_cpus(&c, CONFIG_PIN, &count, &automatic);
    REQUIRE(count == 4);
    EXPECT(cpus[0] == 0 && cpus[2] == 2 && cpus[3] == 7 && !automatic);
    config_check(&c);
    EXPECT_EQ(c.faults, 0);
    char from[64];
    config_from_text(&c, CONFIG_SHARDS, from, sizeof(from));
    EXPECT_STR(from, "f:11");
    config_close(&c);
}

TEST(config, quotes)
{
    /* Goal: any path can be written. */
    struct config c;
    struct said s;
    uint32_t count;
    said_open(&c, &s);
    said_file(&c, "data.dirs = \"/a # \\\"b\\\" \\\\ \\c\"");
    EXPECT_EQ(s.count, 0);
    EXPECT_STR(config_paths(&c, CONFIG_DATA_DIRS, &count)[0], "/a # \"b\" \\ \\c");
    config_close(&c);
}

TEST(config, the_strongest_place_wins)
{
    /* Goal: flag > environment > file > default in any order. Method: all six orders of three. */
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                      { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (int o = 0; o < 6; o++) {
        struct config c;
        struct said s;
        char from[64];
        char *env[] = { "SHARDLOG_SHARDS=2", "SHARDLOG_NODE_ID=2", "PATH=/bin", NULL };
        char *flags[] = { "--shards", "3", NULL };
        int argc = 2;
        said_open(&c, &s);
        for (int i = 0; i < 3; i++) {
            if (orders[o][i] == 0)
                said_file(&c, "shards = 1\nnode.id = 1\nrequests.max = 1");
            else if (orders[o][i] == 1)
                config_environment(&c, env);
            else
                config_flags(&c, &argc, flags);
        }
        EXPECT_EQ(s.count, 0);
        EXPECT_EQ(config_number(&c, CONFIG_SHARDS), 3);
        EXPECT_EQ(config_number(&c, CONFIG_NODE_ID), 2);
        EXPECT_EQ(config_number(&c, CONFIG_REQUESTS_MAX), 1);
        config_from_text(&c, CONFIG_SHARDS, from, sizeof(from));
        EXPECT_STR(from, "--shards");
        config_from_text(&c, CONFIG_NODE_ID, from, sizeof(from));
        EXPECT_STR(from, "SHARDLOG_NODE_ID");
        config_from_text(&c, CONFIG_REQUESTS_MAX, from, sizeof(from));
        EXPECT_STR(from, "f:3");
        config_close(&c);
    }
}

TEST(config, flags_leave_the_rest)
{
    /* Goal: both forms, a flag without a value, words of others, and the end at "--". */
    struct config c;
    struct said s;
    char *argv[] = { "word",       "--log-level=debug",
                     "--other",    "--topic-partitions=3",
                     "--insecure", "next",
                     "--",         "--shards",
                     "9",          NULL };
    char *off[] = { "--insecure=off", NULL };
    int argc = 9;
    said_open(&c, &s);
    config_flags(&c, &argc, argv);
    REQUIRE(argc == 6);
    EXPECT_STR(argv[0], "word");
    EXPECT_STR(argv[1], "--other");
    EXPECT_STR(argv[2], "next");
    EXPECT_STR(argv[3], "--");
    EXPECT_STR(argv[4], "--shards");
    EXPECT_EQ(config_on(&c, CONFIG_INSECURE), true);
    EXPECT_EQ(config_number(&c, CONFIG_TOPIC_PARTITIONS), 3);
    EXPECT_STR(config_text(&c, CONFIG_LOG_LEVEL), "debug");
    EXPECT_EQ(config_number(&c, CONFIG_SHARDS), 0);
    config_close(&c);
    said_open(&c, &s);
    argc = 1;
    config_flags(&c, &argc, off);
    EXPECT_EQ(argc, 0);
    EXPECT_EQ(config_on(&c, CONFIG_INSECURE), false);
    EXPECT_STR(config_text(&c, CONFIG_INSECURE), "false");
    config_close(&c);
}
