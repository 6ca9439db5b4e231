/* units_test.c -- every unit, every way to write it wrong, and text that comes back. */
#include "engine/base/units.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/base/rng.h"
#include "tests/test.h"

struct good {
    const char *text;
    uint64_t value;
};
struct bad {
    const char *text, *says;
};
typedef enum err units_parse(const char *text, uint64_t *out, struct why *why);

static void units_good(units_parse *parse, const struct good *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t v = 42;
        struct why why = { "" };
        if (!EXPECT_OK(parse(rows[i].text, &v, &why)) || !EXPECT_EQ(v, rows[i].value))
            fprintf(stderr, "  the text was '%s' (%s)\n", rows[i].text, why.text);
    }
}

static void units_bad(units_parse *parse, const struct bad *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t v = 42;
        struct why why = { "" };
        EXPECT_ERR(parse(rows[i].text, &v, &why), ERR_INVALID);
        EXPECT_STR(why.text, rows[i].says);
        EXPECT_EQ(v, 42);
        EXPECT_ERR(parse(rows[i].text, &v, NULL), ERR_INVALID);
    }
}

#define GOOD(parse, rows) units_good(parse, rows, sizeof(rows) / sizeof((rows)[0]))
#define BAD(parse, rows)  units_bad(parse, rows, sizeof(rows) / sizeof((rows)[0]))

TEST(units, sizes)
{
    /* Goal: SI and IEC are distinct; blanks, case and fractions do not matter. */
    static const struct good rows[] = {
        { "0", 0 },
        { "1", 1 },
        { "4096", 4096 },
        { "7B", 7 },
        { "7 b", 7 },
        { "1 kB", 1000 },
        { "1KB", 1000 },
        { "1 KiB", 1024 },
        { "1kib", 1024 },
        { "64 MiB", MIB(64) },
        { "64mb", 64000000 },
        { "64MiB", MIB(64) },
        { "1GiB", GIB(1) },
        { "1 GB", 1000000000 },
        { "2 TiB", GIB(2048) },
        { "2 TB", 2000000000000 },
        { "3 PiB", 3ull << 50 },
        { "3 PB", 3000000000000000 },
        { " \t8\t KiB  ", 8192 },
        { "1.5 GiB", GIB(3) / 2 },
        { "0.1 kB", 100 },
        { "1.000000000000000000 MB", 1000000 },
        { "00012", 12 },
        { "18446744073709551615", UINT64_MAX },
        { "16383.5 PiB", 18446181123756130304ull },
        { "0.0", 0 },
    };
    GOOD(units_bytes, rows);
}

TEST(units, sizes_refused)
{
    /* Goal: nothing ambiguous, rounded or overflown is taken, and the text says what to write. */
#define NO_SIZE "is not a size: write it like 64 MiB"
#define NO_UNIT "has no unit of size: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB"
    static const struct bad rows[] = {
        { "", "'' " NO_SIZE },
        { " ", "' ' " NO_SIZE },
        { "MiB", "'MiB' " NO_SIZE },
        { "-1", "'-1' " NO_SIZE },
        { "+1", "'+1' " NO_SIZE },
        { ".5 KiB", "'.5 KiB' " NO_SIZE },
        { "1. KiB", "'1. KiB' " NO_SIZE },
        { "0.1234567890123456789 KiB", "'0.1234567890123456789 KiB' " NO_SIZE },
        { "1e6", "'1e6' " NO_UNIT },
        { "0x10", "'0x10' " NO_UNIT },
        { "1 2", "'1 2' " NO_UNIT },
        { "1,5 GiB", "'1,5 GiB' " NO_UNIT },
        { "1 MiB/s", "'1 MiB/s' " NO_UNIT },
        { "1 M iB", "'1 M iB' " NO_UNIT },
        { "1 EiB", "'1 EiB' " NO_UNIT },
        { "30 s", "'30 s' " NO_UNIT },
        { "64M", "'64M' could mean two sizes: write MiB (1024) or MB (1000)" },
        { "64 k ", "'64 k ' could mean two sizes: write KiB (1024) or KB (1000)" },
        { "1.5", "'1.5' is not a whole number of bytes" },
        { "0.0001 KiB", "'0.0001 KiB' is not a whole number of bytes" },
        { "18446744073709551616", "'18446744073709551616' is too large" },
        { "99999999999999999999 B", "'99999999999999999999 B' is too large" },
        { "16384 PiB", "'16384 PiB' is too large" },
        { "18446744073709551616 KiB", "'18446744073709551616 KiB' is too large" },
    };
    BAD(units_bytes, rows);
}

TEST(units, durations)
{
    /* Goal: every unit; only zero may go without one. */
    static const struct good rows[] = {
        { "0", 0 },
        { "0.0", 0 },
        { "0 s", 0 },
        { "1ns", 1 },
        { "1 us", 1000 },
        { "250ms", 250 * MS_NS },
        { "30 s", 30 * SEC_NS },
        { "1.5s", 1500 * MS_NS },
        { "2 min", 120 * SEC_NS },
        { "2m", 120 * SEC_NS },
        { "1h", 3600 * SEC_NS },
        { "7 d", 604800 * SEC_NS },
        { "0.5 us", 500 },
        { "213503 d", 213503ull * 86400 * SEC_NS },
    };
    GOOD(units_duration, rows);
}

TEST(units, durations_refused)
{
#define NO_TIME "has no unit of time: ns, us, ms, s, min, h, d"
    static const struct bad rows[] = {
        { "", "'' is not a duration: write it like 30 s" },
        { "s", "'s' is not a duration: write it like 30 s" },
        { "-1 s", "'-1 s' is not a duration: write it like 30 s" },
        { "30", "'30' " NO_TIME },
        { "0.5", "'0.5' " NO_TIME },
        { "18446744073709551616", "'18446744073709551616' " NO_TIME },
        { "1 M", "'1 M' " NO_TIME },
        { "1 S", "'1 S' " NO_TIME },
        { "1h30m", "'1h30m' " NO_TIME },
        { "1 w", "'1 w' " NO_TIME },
        { "0.5 ns", "'0.5 ns' is not a whole number of nanoseconds" },
        { "213504 d", "'213504 d' is too large" },
    };
    BAD(units_duration, rows);
}

TEST(units, counts)
{
    static const struct good good[] = { { "0", 0 }, { " 12 ", 12 }, { "65536", 65536 } };
    static const struct bad bad[] = {
        { "", "'' is not a whole number" },
        { "1.0", "'1.0' is not a whole number" },
        { "1 k", "'1 k' is not a whole number" },
        { "-1", "'-1' is not a whole number" },
        { "one", "'one' is not a whole number" },
        { "18446744073709551616", "'18446744073709551616' is too large" },
    };
    GOOD(units_count, good);
    BAD(units_count, bad);
}

TEST(units, print)
{
    /* Goal: the largest unit that divides, never a rounded value. */
    static const struct good sizes[] = {
        { "0", 0 },
        { "1 B", 1 },
        { "1000 B", 1000 },
        { "1 KiB", 1024 },
        { "1025 B", 1025 },
        { "64 MiB", MIB(64) },
        { "1536 MiB", GIB(3) / 2 },
        { "1 PiB", 1ull << 50 },
        { "18446744073709551615 B", UINT64_MAX },
    };
    static const struct good times[] = {
        { "0", 0 },
        { "1 ns", 1 },
        { "250 ms", 250 * MS_NS },
        { "90 s", 90 * SEC_NS },
        { "10 min", 600 * SEC_NS },
        { "1 h", 3600 * SEC_NS },
        { "7 d", 604800 * SEC_NS },
    };
    char text[UNITS_TEXT_MAX];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        units_bytes_print(sizes[i].value, text);
        EXPECT_STR(text, sizes[i].text);
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        units_duration_print(times[i].value, text);
        EXPECT_STR(text, times[i].text);
    }
}

TEST(units, what_is_printed_parses)
{
    /* Goal: print and parse are inverse. Method: values of every size, many of them round. */
    struct rng rng;
    rng_seed(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        uint64_t v = rng_next(&rng) >> (rng_next(&rng) % 64), back = 0;
        uint64_t round = v << (rng_next(&rng) % 50);
        char text[UNITS_TEXT_MAX];
        units_bytes_print(round, text);
        EXPECT_OK(units_bytes(text, &back, NULL));
        EXPECT_EQ(back, round);
        v -= v % (i % 2 ? 1 : SEC_NS);
        units_duration_print(v, text);
        EXPECT_OK(units_duration(text, &back, NULL));
        EXPECT_EQ(back, v);
    }
}
