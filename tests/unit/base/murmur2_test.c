/* murmur2_test.c -- the vectors of Kafka's own unit test, and those of kafka-python, which shares
 * no code with it. tests/kafka/keys.py compares where records really go. */
#include "engine/base/murmur2.h"

#include <string.h>

#include "tests/test.h"

struct vector {
    const char *key;
    uint32_t hash;
};

/* As Java prints them they are signed: -973932308, -790332482, -985981536, -1486304829, -58897971,
 * 479470107. */
TEST(murmur2, is_java_s)
{
    static const struct vector rows[] = {
        { "21", 3321034988 },
        { "foobar", 3504634814 },
        { "a-little-bit-long-string", 3308985760 },
        { "a-little-bit-longer-string", 2808662467 },
        { "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 4236069325 },
        { "abc", 479470107 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        EXPECT_EQ(murmur2(rows[i].key, strlen(rows[i].key)), rows[i].hash);
}

TEST(murmur2, is_that_of_kafka_python)
{
    static const struct vector rows[] = {
        { "", 275646681 },
        { "a", 2731586172 },
        { "schl\xc3\xbcssel", 331429656 },
        { "\x80\x81\x82", 2319327235 },
        { "\xff\xff\xff\xff\xff\xff\xff", 4223673747 },
    };
    uint8_t all[256];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        EXPECT_EQ(murmur2(rows[i].key, strlen(rows[i].key)), rows[i].hash);
    for (uint32_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    EXPECT_EQ(murmur2(all, sizeof(all)), 2346620022);
}

/* Every length from 0 to 64, at every alignment: one number for all, as kafka-python has it. */
TEST(murmur2, takes_every_length)
{
    uint8_t room[64 + 8];
    for (uint32_t shift = 0; shift < 8; shift++) {
        uint64_t all = 0;
        for (uint32_t len = 0; len <= 64; len++) {
            for (uint32_t i = 0; i < len; i++)
                room[shift + i] = (uint8_t)(7 * i + len);
            all = all * 31 + murmur2(room + shift, len);
        }
        EXPECT_EQ(all, 0x97aac456c1842582);
    }
}

TEST(murmur2, gives_a_partition)
{
    static const struct {
        const char *key;
        uint32_t of_3, of_8, of_1000;
    } rows[] = { { "", 0, 1, 681 },
                 { "a", 1, 4, 524 },
                 { "21", 0, 4, 340 },
                 { "foobar", 0, 6, 166 },
                 { "\x80\x81\x82", 2, 3, 587 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].key);
        EXPECT_EQ(murmur2_partition(rows[i].key, len, 1), 0);
        EXPECT_EQ(murmur2_partition(rows[i].key, len, 3), rows[i].of_3);
        EXPECT_EQ(murmur2_partition(rows[i].key, len, 8), rows[i].of_8);
        EXPECT_EQ(murmur2_partition(rows[i].key, len, 1000), rows[i].of_1000);
    }
}
