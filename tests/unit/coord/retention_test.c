/* retention_test.c -- what is old or too much, over lists of extents. */
#include "engine/coord/retention.h"

#include "tests/test.h"

static struct settings settings;

static bool extent_of(void *arg, uint32_t i, struct retention_extent *out)
{
    const struct retention_extent *list = arg;
    for (uint32_t k = 0; k <= i; k++)
        if (list[k].end_off == 0)
            return false;
    *out = list[i];
    return true;
}

static struct retention_verdict decide(struct retention_extent *list, int64_t now_ms)
{
    struct retention r = { .settings = &settings,
                           .now_ms = now_ms,
                           .start_off = 5,
                           .visible_off = 100,
                           .extent = extent_of,
                           .arg = list };
    return retention_decide(&r);
}

static void keep(int64_t ms, int64_t bytes, int64_t idle_ms)
{
    settings = settings_default();
    settings.value[SETTING_RETENTION_MS] = ms;
    settings.value[SETTING_RETENTION_BYTES] = bytes;
    settings.value[SETTING_SEGMENT_MS] = idle_ms;
}

TEST(retention, age_takes_the_smaller_time)
{
    /* Goal: neither clock alone keeps an extent. Method: record times in the future, append times
     * old; then the other way round. */
    struct retention_extent list[] = {
        { .end_off = 10, .bytes = 10, .max_time = 999999, .max_append = 1000, .sealed = true },
        { .end_off = 20, .bytes = 10, .max_time = 1000, .max_append = 1900, .sealed = true },
        { .end_off = 30, .bytes = 10, .max_time = 1900, .max_append = 1950, .sealed = true },
        { .end_off = 0 },
    };
    keep(500, -1, 10000);
    EXPECT_EQ(decide(list, 1499).trim_off, 5);
    EXPECT_EQ(decide(list, 1500).trim_off, 20);
    EXPECT_EQ(decide(list, 2400).trim_off, 30);
    keep(-1, -1, 10000);
    EXPECT_EQ(decide(list, INT64_MAX).trim_off, 5);
}

TEST(retention, without_record_times_age_is_since_the_append)
{
    /* Goal: where no record has a time since 1970, what counts is when the log took them; time 0
     * is 1970. Method: one extent, its largest time below and at 0. */
    static const struct {
        int64_t max_time, max_append;
        uint64_t trim;
    } rows[] = {
        { -1, 1000, 5 }, { -1, 500, 10 },  { INT64_MIN + 1, 1000, 5 }, { INT64_MIN, 500, 10 },
        { 0, 1000, 10 }, { 501, 1000, 5 }, { -1, INT64_MIN, 5 },       { INT64_MIN, INT64_MIN, 5 }
    };
    keep(500, -1, 10000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct retention_extent list[] = { { .end_off = 10,
                                             .bytes = 10,
                                             .max_time = rows[i].max_time,
                                             .max_append = rows[i].max_append,
                                             .sealed = true },
                                           { .end_off = 0 } };
        EXPECT_EQ(decide(list, 1000).trim_off, rows[i].trim);
    }
}

TEST(retention, only_a_prefix_goes)
{
    /* Goal: a young extent keeps the old ones after it. Method: the middle one is young. */
    struct retention_extent list[] = {
        { .end_off = 10, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 20, .bytes = 10, .max_time = 900, .max_append = 900, .sealed = true },
        { .end_off = 30, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 0 },
    };
    keep(500, -1, 10000);
    EXPECT_EQ(decide(list, 1000).trim_off, 10);
}

TEST(retention, size_keeps_the_newest)
{
    /* Goal: at least retention.bytes stay, and no whole extent more. Method: limits around the
     * sums of three extents of 10 bytes. */
    struct retention_extent list[] = {
        { .end_off = 10, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 20, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 30, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 0 },
    };
    static const struct {
        int64_t bytes;
        uint64_t trim;
    } rows[] = { { 0, 30 }, { 1, 20 }, { 10, 20 }, { 11, 10 }, { 20, 10 }, { 21, 5 }, { 30, 5 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        keep(-1, rows[i].bytes, 10000);
        EXPECT_EQ(decide(list, 0).trim_off, rows[i].trim);
    }
}

TEST(retention, what_readers_do_not_see_stays)
{
    /* Goal: an extent with invisible records is not deleted. Method: its end is beyond. */
    struct retention_extent list[] = {
        { .end_off = 100, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 101, .bytes = 10, .max_time = 0, .max_append = 0, .sealed = true },
        { .end_off = 0 },
    };
    keep(1, 0, 10000);
    EXPECT_EQ(decide(list, 1000).trim_off, 100);
}

TEST(retention, an_idle_open_extent_is_sealed)
{
    /* Goal: an idle partition loses its old records too: first a seal, then the trim. Method: an
     * open extent, due by age, by idleness, and not at all; then sealed. */
    struct retention_extent list[] = {
        { .end_off = 10, .bytes = 10, .max_time = 1000, .max_append = 1000 },
        { .end_off = 0 },
    };
    keep(500, -1, 10000);
    EXPECT_EQ(decide(list, 1499).seal, false);
    EXPECT_EQ(decide(list, 1500).seal, true);
    EXPECT_EQ(decide(list, 1500).trim_off, 5);
    keep(-1, -1, 700);
    EXPECT_EQ(decide(list, 1699).seal, false);
    EXPECT_EQ(decide(list, 1700).seal, true);
    keep(500, -1, 10000);
    list[0].sealed = true;
    EXPECT_EQ(decide(list, 1500).trim_off, 10);
    EXPECT_EQ(decide(list, 1500).seal, false);
}

TEST(retention, empty_and_extreme_times)
{
    /* Goal: no sum overflows, an empty extent is not old. Method: the ends of the range. */
    struct retention_extent list[] = {
        { .end_off = 10, .bytes = 10, .max_time = INT64_MIN, .max_append = INT64_MIN },
        { .end_off = 0 },
    };
    keep(1, 0, 1);
    EXPECT_EQ(decide(list, INT64_MAX).seal, false);
    list[0].max_time = list[0].max_append = INT64_MIN + 1;
    EXPECT_EQ(decide(list, INT64_MAX).seal, true);
    list[0].sealed = true;
    keep(INT64_MAX, -1, 1);
    EXPECT_EQ(decide(list, INT64_MAX).trim_off, 10);
    list[0].max_time = list[0].max_append = INT64_MAX;
    EXPECT_EQ(decide(list, 0).trim_off, 5);
}
