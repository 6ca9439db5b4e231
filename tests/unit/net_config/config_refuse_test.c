/* config_refuse_test.c -- every fault is one line with place, key, value, limit, what to do. */
#include "net/config/config.h"

#include "tests/unit/net_config/said.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

TEST(config, file_faults)
{
    /* Goal: the text of each kind of fault; the value stays what it was. */
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "memory.tial = 1 GiB",
          "f:1: unknown setting 'memory.tial': did you mean 'memory.tail'?" },
        { "\n\ncolour = red", "f:3: unknown setting 'colour': `shardlog config print` lists them" },
        { "memory.tail = 1 KiB",
          "f:1: memory.tail: '1 KiB' is outside 64 MiB .. 16 TiB; 0: 96 MiB for each shard" },
        { "memory.tail = 64M",
          "f:1: memory.tail: '64M' could mean two sizes: write MiB (1024) or MB (1000)" },
        { "shards = 257",
          "f:1: shards: '257' is outside 1 .. 256; 0: one for each core the process may use" },
        { "shards = two", "f:1: shards: 'two' is not a whole number" },
        { "space.max = 5",
          "f:1: space.max: '5' is outside 64 MiB and more; 0: what the file system "
          "has" },
        { "connection.idle = 10", "f:1: connection.idle: '10' has no unit of time: ns, us, ms, s, "
                                  "min, h, d" },
        { "io = urign", "f:1: io: 'urign' is not one of: auto, uring, plain; did you mean uring?" },
        { "insecure = maybe", "f:1: insecure: 'maybe' is not one of: false, true" },
        { "verify = ", "f:1: verify has no value" },
        { "verify =   # nothing", "f:1: verify has no value" },
        { "verify", "f:1: 'verify' is no setting: write key = value" },
        { "[server]", "f:1: '[server]' is no setting: write key = value" },
        { "verify: always", "f:1: 'verify: always' is no setting: write key = value" },
        { "= 5", "f:1: unknown setting '': `shardlog config print` lists them" },
        { "verify = \"load", "f:1: 'verify' the quote is not closed" },
        { "verify = \"load\" x", "f:1: 'verify' something stands behind the closing quote" },
        { "verify = load\nverify = load",
          "f:2: verify stands in line 1 already: keep one of them" },
        { "data.dirs = /a,,/b", "f:1: data.dirs: '/a,,/b' has an empty item" },
        { "data.dirs = /a, /a", "f:1: data.dirs: '/a, /a' names '/a' twice" },
        { "pin = 3-1", "f:1: pin: '3-1' is no core: write none, auto, or a list like 0-3,6" },
        { "pin = 0-3,2", "f:1: pin: '0-3,2' names core 2 twice" },
        { "listen.http = 127.0.0.1:1, ::1",
          "f:1: listen.http: '::1' needs digits for the machine: names are not looked up; this "
          "machine is 127.0.0.1 or [::1], every interface 0.0.0.0 or [::]" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c, before;
        struct said s, none;
        said_open(&c, &s);
        said_open(&before, &none);
        said_file(&c, rows[i].text);
        EXPECT_EQ(c.faults, 1);
        EXPECT_STR(said_at(&s, 0), rows[i].says);
        for (uint32_t k = 0; k < CONFIG_COUNT; k++)
            EXPECT_STR(config_text(&c, (enum config_key)k),
                       config_text(&before, (enum config_key)k));
        config_close(&c);
        config_close(&before);
    }
}

TEST(config, every_fault_is_said)
{
    /* Goal: one look at the file is enough. Method: three faults between sound lines. */
    struct config c;
    struct said s;
    said_open(&c, &s);
    said_file(&c, "shards = 0.5\nnode.id = 3\nio = 7\nverify = always\nwhat\n");
    EXPECT_EQ(c.faults, 3);
    EXPECT_STR(said_at(&s, 0), "f:1: shards: '0.5' is not a whole number");
    EXPECT_STR(said_at(&s, 1), "f:3: io: '7' is not one of: auto, uring, plain");
    EXPECT_STR(said_at(&s, 2), "f:5: 'what' is no setting: write key = value");
    EXPECT_EQ(config_number(&c, CONFIG_NODE_ID), 3);
    config_close(&c);
}

TEST(config, odd_bytes)
{
    /* Goal: bounds. Method: a zero byte, a line beyond the limit, an empty file. */
    static uint8_t big[20000];
    struct config c;
    struct said s;
    said_open(&c, &s);
    memset(big, 'x', sizeof(big));
    config_file(&c, "f", (struct bytes){ big, sizeof(big) });
    config_file(&c, "f", (struct bytes){ (const uint8_t *)"io = \0plain\nio = plain", 22 });
    config_file(&c, "f", (struct bytes){ big, 0 });
    EXPECT_EQ(c.faults, 2);
    EXPECT_STR(said_at(&s, 0), "f:1: the line is too long, or no text");
    EXPECT_STR(said_at(&s, 1), "f:1: the line is too long, or no text");
    EXPECT_EQ(config_number(&c, CONFIG_IO), CONFIG_IO_PLAIN);
    config_close(&c);
}

TEST(config, environment_faults)
{
    /* Goal: a wrong value is a fault; a wrong name a note, but for names that others set. */
    char *env[] = { "SHARDLOG_SHARDS=x",
                    "SHARDLOG_SHARD=1",
                    "SHARDLOG_NODE_ID=",
                    "SHARDLOG_PORT_9700_TCP=tcp://10.0.0.1:9700",
                    "SHARDLOG_SERVICE_HOST=10.0.0.1",
                    "SHARDLOG_CONFIG=/etc/x",
                    "SHARDLOG_COLOUR=red",
                    "SHARDLOG_",
                    "OTHER_SHARDS=1",
                    NULL };
    struct config c;
    struct said s;
    said_open(&c, &s);
    config_environment(&c, env);
    EXPECT_EQ(c.faults, 1);
    EXPECT_EQ(s.count, 3);
    EXPECT_STR(said_at(&s, 0), "SHARDLOG_SHARDS: shards: 'x' is not a whole number");
    EXPECT_STR(said_at(&s, 1),
               "note: SHARDLOG_SHARD in the environment is no setting: did you mean "
               "SHARDLOG_SHARDS?");
    EXPECT_STR(said_at(&s, 2), "note: SHARDLOG_COLOUR in the environment is no setting");
    config_close(&c);
}

TEST(config, flag_faults)
{
    char *argv[] = {
        "--shards", "2", "--shards=3", "--io", "--verify=sometimes", "--node-id", NULL
    };
    int argc = 6;
    struct config c;
    struct said s;
    said_open(&c, &s);
    config_flags(&c, &argc, argv);
    EXPECT_EQ(argc, 0);
    EXPECT_EQ(c.faults, 4);
    EXPECT_STR(said_at(&s, 0), "--shards is given twice: keep one of them");
    EXPECT_STR(said_at(&s, 1), "--io: io has no value");
    EXPECT_STR(said_at(&s, 2), "--verify: verify: 'sometimes' is not one of: load, always");
    EXPECT_STR(said_at(&s, 3), "--node-id: node.id has no value");
    struct near n = near_open("--memory-tial");
    config_flags_near(&n);
    EXPECT_STR(n.best, "--memory-tail");
    config_close(&c);
}

TEST(config, what_values_say_together)
{
    /* Goal: no listener beyond this machine without --insecure; limits that fit each other. */
#define REACH                                                                                 \
    ", and there is no authentication yet: listen on 127.0.0.1 or [::1], or accept the risk " \
    "with --insecure"
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "listen.native = 0.0.0.0:9700",
          "f:1: listen.native: '0.0.0.0:9700' lets other machines reach 0.0.0.0:9700" REACH },
        { "listen.http = 127.0.0.1:1, [::]:2",
          "f:1: listen.http: '127.0.0.1:1, [::]:2' lets other machines reach [::]:2" REACH },
        { "insecure = false\nlisten.http = 10.1.2.3:1",
          "f:2: listen.http: '10.1.2.3:1' lets other machines reach 10.1.2.3:1" REACH },
        { "listen.http = [::ffff:192.168.0.1]:1",
          "f:1: listen.http: '[::ffff:192.168.0.1]:1' lets other machines reach "
          "[::ffff:192.168.0.1]:1" REACH },
        { "listen.native = 0.0.0.0:9700\ninsecure = true", "" },
        { "listen.native = 127.9.9.9:9700", "" },
        { "listen.kafka = 0.0.0.0:1", "f:1: listen.kafka: '0.0.0.0:1' lets other machines reach "
                                      "0.0.0.0:1" REACH },
        { "advertise.kafka = 10.0.0.1:1, 10.0.0.2:1",
          "f:1: advertise.kafka: '10.0.0.1:1, 10.0.0.2:1' is more than one address: clients are "
          "told one" },
        { "advertise.kafka = 10.0.0.1:0",
          "f:1: advertise.kafka: '10.0.0.1:0' is no address that a client can connect to" },
        { "advertise.kafka = 0.0.0.0:9092",
          "f:1: advertise.kafka: '0.0.0.0:9092' is no address that a client can connect to" },
        { "advertise.kafka = 10.0.0.1:9092", "" },
        { "listen.http = 127.0.0.1:9700",
          "f:1: listen.http: '127.0.0.1:9700' names an address that another listener has" },
        { "listen.http = 127.0.0.1:0\nlisten.native = 127.0.0.1:0", "" },
        { "frame.max = 512 MiB", "f:1: frame.max: '512 MiB' is more than memory.network (256 MiB): "
                                 "no such request could be held" },
        { "journal.bytes = 67108865",
          "f:1: journal.bytes: '67108865 B' is not a multiple of 4 KiB" },
        { "volume.bytes = 100 MiB", "f:1: volume.bytes: '100 MiB' is not a multiple of 64 MiB" },
        { "space.max = 1 GiB", "f:1: space.max: '1 GiB' has no room for one volume file: "
                               "volume.bytes (1 GiB) and 64 KiB" },
        { "space.max = 256 MiB\nvolume.bytes = 64 MiB", "" },
        { "shards = 3\npin = 0,1", "f:2: pin: '0,1' names 2 cores for 3 shards: each shard needs "
                                   "one of its own" },
        { "shards = 2\npin = 0-3", "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        struct said s;
        said_open(&c, &s);
        said_file(&c, rows[i].text);
        config_check(&c);
        EXPECT_STR(said_at(&s, 0), rows[i].says);
        EXPECT_EQ(c.faults, rows[i].says[0] ? 1 : 0);
        config_close(&c);
    }
}
