/* banner_test.c -- the text of a start, word for word. */
#include "tools/banner.h"

#include <stdio.h>

#include "engine/io/socket.h"
#include "tests/test.h"

static char said[16384];

/* Warnings begin with "! ". */
static void keep(void *arg, bool warning, const char *text)
{
    size_t len = strlen(said);
    (void)arg;
    EXPECT(strlen(text) < BANNER_LINE_MAX && !strchr(text, '\n'));
    snprintf(said + len, sizeof(said) - len, "%s%s\n", warning ? "! " : "", text);
}

static const char *text_of(const struct banner *b)
{
    said[0] = '\0';
    banner_say(b, keep, NULL);
    return said;
}

static struct io_address address_of(const char *text)
{
    struct io_address a = { .port = 0 };
    EXPECT_OK(io_address_parse(text, &a, NULL));
    return a;
}

TEST(banner, a_machine_that_has_everything)
{
    uint32_t cpus[] = { 0, 3 };
    struct io_address native[] = { address_of("127.0.0.1:9700"), address_of("[::1]:9700") };
    struct banner_listener listeners[] = { { "native protocol", native, 2 },
                                           { "metrics and health", NULL, 0 } };
    struct banner_memory memory[] = { { "tails", MIB(512) }, { "network", MIB(256) } };
    struct banner_store stores[] = {
        { .dir = "data", .partitions = 12, .entries = 3, .open_ns = 4125000, .sync_ns = 85400 },
        { .dir = "data", .number = 1, .partitions = 1, .entries = 1, .open_ns = 12 * MS_NS },
    };
    struct banner b = { .features = { true, true, true, true, true, true, true, true, true },
                        .cluster = { { 0x7f, [15] = 1 } },
                        .node = 4,
                        .shards = 2,
                        .cpus = cpus,
                        .memory = memory,
                        .memory_count = 2,
                        .memory_machine = MIB(8000),
                        .stores = stores,
                        .store_count = 2,
                        .listeners = listeners,
                        .listener_count = 2,
                        .durability = DURABILITY_SYNCED,
                        .ready_ns = 22600001 };
    EXPECT_STR(
        text_of(&b),
        "kernel: io_uring, defer_taskrun, dsync, direct, fallocate, msg_ring, recv_ring, "
        "page_cache\n"
        "node 4 of cluster 7f000000000000000000000000000001: 2 shards, on cores 0, 3\n"
        "memory: 512 MiB tails, 256 MiB network: 768 MiB planned, 7.8 GiB in the machine\n"
        "data/store-00: 12 partitions, 3 journal entries replayed in 4.125 ms, a sync takes "
        "0.085 ms\n"
        "data/store-01: 1 partition, 1 journal entry replayed in 12 ms\n"
        "native protocol on 127.0.0.1:9700\n"
        "native protocol on [::1]:9700\n"
        "metrics and health: nowhere\n"
        "topics are synced: an acknowledged record survives a power cut, if the disk honours "
        "flushes\n"
        "ready in 23 ms\n");
}

TEST(banner, what_is_wrong_is_a_warning)
{
    /* Goal: every bad news has its line: stores, memory, reach. */
    struct io_address open = address_of("0.0.0.0:9700");
    struct banner_listener listener = { "native protocol", &open, 1 };
    struct banner_memory memory = { "tails", GIB(4) };
    struct banner_store stores[] = {
        { .dir = "a", .error = "another process holds the store" },
        { .dir = "b", .number = 7, .partitions = 5, .damaged = 2, .open_ns = MS_NS },
    };
    struct banner b = {
        .shards = 1,
        .memory = &memory,
        .memory_count = 1,
        .memory_machine = GIB(2),
        .stores = stores,
        .store_count = 2,
        .listeners = &listener,
        .listener_count = 1,
        .durability = DURABILITY_WRITTEN,
    };
    EXPECT_STR(text_of(&b),
               "kernel: none of the features that are used where they exist\n"
               "node 0 of cluster 00000000000000000000000000000000: 1 shard\n"
               "memory: 4.0 GiB tails: 4.0 GiB planned, 2.0 GiB in the machine\n"
               "! more memory is planned than there is: lower memory.tail or memory.network\n"
               "! a/store-00: DOES NOT OPEN, its partitions are unavailable: another process "
               "holds the store\n"
               "! b/store-07: 5 partitions, 0 journal entries replayed in 1.000 ms; DAMAGED: 2 "
               "of them, `shardlog check` says where\n"
               "native protocol on 0.0.0.0:9700\n"
               "! insecure: whoever reaches these addresses may read and write everything\n"
               "topics are written: an acknowledged record survives kill and kernel crash, not "
               "a power cut\n"
               "ready in 0 ms\n");
}

TEST(banner, long_lines_are_cut)
{
    /* Goal: bounds. Method: a directory and a reason of 2,000 letters. */
    static char path[2001];
    memset(path, 'p', sizeof(path) - 1);
    struct banner_store store = { .dir = path, .error = path };
    struct banner b = { .stores = &store, .store_count = 1 };
    EXPECT(strstr(text_of(&b), "ppp...\n") != NULL);
    EXPECT(strstr(said, "are memory: an acknowledged record is lost when the process ends"));
}
