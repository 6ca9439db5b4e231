/* log_test.c -- lines as they are written, byte by byte; limits over a time that is made up. */
#include "net/log/log.h"

#include <stdio.h>

#include "tests/test.h"

#define T0 1795682846123 /* 2026-11-26T08:47:26.123Z */

static struct bytes b(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static struct log_line line_of(const char *message)
{
    return (struct log_line){ .time_ms = T0,
                              .level = LOG_LEVEL_INFO,
                              .shard = 2,
                              .subsystem = "native",
                              .message = message };
}

static void line_is(const struct log_opts *opts, const struct log_line *line, const char *want)
{
    char out[LOG_LINE_MAX + 1];
    size_t len = log_format(opts, line, out);
    out[len] = '\0';
    EXPECT_STR(out, want);
}

TEST(log, golden_lines)
{
    /* Goal: every field, present and absent, in both formats and for the journal. */
    struct log_opts logfmt = { .level = LOG_LEVEL_DEBUG }, text = { .text = true };
    struct log_opts journal = { .journal = true };
    struct log_line l = line_of("listening");
    line_is(&logfmt, &l,
            "time=2026-11-26T08:47:26.123Z level=info shard=2 subsystem=native "
            "msg=listening\n");
    line_is(&text, &l, "2026-11-26T08:47:26.123Z info  native[2]: listening\n");
    line_is(&journal, &l,
            "<6>time=2026-11-26T08:47:26.123Z level=info shard=2 subsystem=native "
            "msg=listening\n");
    l = (struct log_line){ .time_ms = T0 + 1,
                           .level = LOG_LEVEL_WARN,
                           .shard = LOG_NO_SHARD,
                           .subsystem = "http",
                           .topic = "events",
                           .partition = 3,
                           .client = b("10.0.0.7:40312"),
                           .message = "the batch is too large: 2 MiB",
                           .err = ERR_TOO_LARGE,
                           .suppressed = 12 };
    line_is(&logfmt, &l,
            "time=2026-11-26T08:47:26.124Z level=warn subsystem=http partition=events/3 "
            "client=10.0.0.7:40312 msg=\"the batch is too large: 2 MiB\" error=TOO_LARGE "
            "suppressed=12\n");
    line_is(&text, &l,
            "2026-11-26T08:47:26.124Z WARN  http events/3 <10.0.0.7:40312>: the batch is too "
            "large: 2 MiB (TOO_LARGE) (12 suppressed)\n");
    text.journal = true;
    l = line_of("x");
    l.level = LOG_LEVEL_ERROR;
    line_is(&text, &l, "<3>2026-11-26T08:47:26.123Z ERROR native[2]: x\n");
    l.level = LOG_LEVEL_DEBUG;
    line_is(&text, &l, "<7>2026-11-26T08:47:26.123Z debug native[2]: x\n");
}

TEST(log, escaping)
{
    /* Goal: what a client sends stays one value of one line. Method: a message of each kind. */
    static const struct {
        const char *message, *logfmt, *text;
    } rows[] = {
        { "plain", "plain", "plain" },
        { "", "\"\"", "" },
        { "two words", "\"two words\"", "two words" },
        { "a=b", "\"a=b\"", "a=b" },
        { "say \"hi\"", "\"say \\\"hi\\\"\"", "say \"hi\"" },
        { "C:\\x", "C:\\x", "C:\\x" },
        { "C:\\x y", "\"C:\\\\x y\"", "C:\\x y" },
        { "a\nlevel=error", "\"a\\nlevel=error\"", "a\\nlevel=error" },
        { "\r\t", "\"\\r\\t\"", "\\r\\t" },
        { "\x1b[2J\x07", "\"\\u001b[2J\\u0007\"", "\\u001b[2J\\u0007" },
        { "\x7f", "\"\\u007f\"", "\\u007f" },
        { "\xc2\x9b", "\"\\u009b\"", "\\u009b" },     /* C1: CSI in one byte */
        { "\xe2\x80\xae", "\"\\u202e\"", "\\u202e" }, /* turns the direction */
        { "\xe2\x80\xa8", "\"\\u2028\"", "\\u2028" }, /* a line end to some */
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xf0\x9f\x92\xa1", "\xf0\x9f\x92\xa1", "\xf0\x9f\x92\xa1" },
        { "a\xff", "\"a\\ufffd\"", "a\\ufffd" },
        { "\xc0\xaf", "\"\\ufffd\\ufffd\"", "\\ufffd\\ufffd" },                   /* overlong */
        { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", "\\ufffd\\ufffd\\ufffd" }, /* surrogate */
        { "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"",
          "\\ufffd\\ufffd\\ufffd\\ufffd" },                     /* beyond the last */
        { "\xe2\x82", "\"\\ufffd\\ufffd\"", "\\ufffd\\ufffd" }, /* cut off */
    };
    struct log_opts logfmt = { 0 }, text = { .text = true };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[512];
        struct log_line l = line_of(rows[i].message);
        snprintf(want, sizeof(want),
                 "time=2026-11-26T08:47:26.123Z level=info shard=2 subsystem=native msg=%s\n",
                 rows[i].logfmt);
        line_is(&logfmt, &l, want);
        snprintf(want, sizeof(want), "2026-11-26T08:47:26.123Z info  native[2]: %s\n",
                 rows[i].text);
        line_is(&text, &l, want);
    }
}

TEST(log, zero_bytes_of_a_client)
{
    /* Goal: a client's name is bytes with a length, not a text. */
    struct log_opts logfmt = { 0 };
    struct log_line l = line_of("x");
    l.client = (struct bytes){ (const uint8_t *)"a\0b", 3 };
    line_is(&logfmt, &l,
            "time=2026-11-26T08:47:26.123Z level=info shard=2 subsystem=native "
            "client=\"a\\u0000b\" msg=x\n");
}

TEST(log, times)
{
    /* Goal: RFC 3339 at the edges; impossible times are clamped, not printed as nonsense. */
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { -1, "1970-01-01T00:00:00.000Z" },
        { 951782399999, "2000-02-28T23:59:59.999Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
        { INT64_MAX, "9999-12-31T23:59:59.999Z" },
    };
    struct log_opts opts = { .text = true };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[128];
        struct log_line l = line_of("x");
        l.time_ms = rows[i].ms;
        snprintf(want, sizeof(want), "%s info  native[2]: x\n", rows[i].text);
        line_is(&opts, &l, want);
    }
}

TEST(log, longest_line)
{
    /* Goal: the bound holds. Method: every field too long, of bytes that grow most. */
    static char big[10000];
    char out[LOG_LINE_MAX];
    for (int text = 0; text < 2; text++) {
        struct log_opts opts = { .text = text, .journal = true };
        memset(big, '\x01', sizeof(big) - 1);
        struct log_line l = { .time_ms = INT64_MAX,
                              .level = LOG_LEVEL_ERROR,
                              .shard = UINT32_MAX - 1,
                              .subsystem = big,
                              .topic = big,
                              .partition = UINT32_MAX,
                              .client = b(big),
                              .message = big,
                              .err = ERR_OFFSET_RANGE,
                              .suppressed = UINT64_MAX };
        size_t len = log_format(&opts, &l, out);
        EXPECT(len > 2000 && len <= LOG_LINE_MAX);
        EXPECT(memchr(out, '\n', len) == out + len - 1);
        out[len - 1] = '\0';
        EXPECT(strstr(out, "\\u0001...") != NULL);
        EXPECT(strstr(out, text ? "(OFFSET_RANGE)" : "...\" error=OFFSET_RANGE") != NULL);
    }
}

/* ---- limits ---- */

struct kept {
    char text[65536];
    size_t len;
    uint32_t lines;
};

static void keep(void *arg, const char *line, size_t len)
{
    struct kept *k = arg;
    if (len < sizeof(k->text) - k->len) {
        memcpy(k->text + k->len, line, len);
        k->len += len;
    }
    k->lines++;
}

static void say(struct log *l, uint64_t now_ns, const char *client)
{
    struct log_line line = line_of("x");
    line.client = b(client);
    log_say(l, now_ns, &line);
}

TEST(log, levels)
{
    static struct kept k;
    static struct log l;
    k = (struct kept){ .len = 0 };
    log_open(&l, &(struct log_opts){ .level = LOG_LEVEL_WARN, .put = keep, .arg = &k });
    EXPECT(log_wants(&l, LOG_LEVEL_ERROR) && log_wants(&l, LOG_LEVEL_WARN));
    EXPECT(!log_wants(&l, LOG_LEVEL_INFO));
    struct log_line line = line_of("x");
    log_say(&l, 0, &line);
    EXPECT_EQ(k.lines, 0);
    line.level = LOG_LEVEL_WARN;
    log_say(&l, 0, &line);
    EXPECT_EQ(k.lines, 1);
}

TEST(log, a_client_is_limited)
{
    /* Goal: ten lines at once, one a second, others unharmed; the next one says how many. */
    static struct kept k;
    static struct log l;
    k = (struct kept){ .len = 0 };
    log_open(&l,
             &(struct log_opts){ .level = LOG_LEVEL_INFO, .text = true, .put = keep, .arg = &k });
    for (int i = 0; i < 100; i++)
        say(&l, SEC_NS, "noisy");
    EXPECT_EQ(k.lines, 10);
    say(&l, SEC_NS, "quiet");
    EXPECT_EQ(k.lines, 11);
    k = (struct kept){ .len = 0 };
    say(&l, 2 * SEC_NS - 1, "noisy");
    EXPECT_EQ(k.lines, 0);
    say(&l, 2 * SEC_NS, "noisy");
    EXPECT_STR(k.text, "2026-11-26T08:47:26.123Z info  native[2] <noisy>: x (91 suppressed)\n");
    for (int i = 0; i < 100; i++)
        say(&l, 60 * SEC_NS, "noisy");
    EXPECT_EQ(k.lines, 11);
    for (int i = 0; i < 100; i++) { /* lines without a client have no limit */
        struct log_line line = line_of("x");
        log_say(&l, 60 * SEC_NS, &line);
    }
    EXPECT_EQ(k.lines, 111);
}

TEST(log, silence_is_swept)
{
    /* Goal: suppressed lines are told of when their client says no more. */
    static struct kept k;
    static struct log l;
    k = (struct kept){ .len = 0 };
    log_open(&l,
             &(struct log_opts){ .level = LOG_LEVEL_INFO, .text = true, .put = keep, .arg = &k });
    for (int i = 0; i < 15; i++)
        say(&l, 0, "noisy");
    k = (struct kept){ .len = 0 };
    EXPECT(log_sweep(&l, 14 * SEC_NS, T0, 2)); /* too early: again later */
    EXPECT_EQ(k.lines, 0);
    EXPECT(!log_sweep(&l, 15 * SEC_NS, T0, 2));
    EXPECT_STR(k.text, "2026-11-26T08:47:26.123Z WARN  log[2] <noisy>: lines of this client were "
                       "suppressed (5 suppressed)\n");
    log_sweep(&l, 16 * SEC_NS, T0, 2);
    EXPECT_EQ(k.lines, 1);
}

TEST(log, many_clients_are_limited_together)
{
    /* Goal: a new name for every line does not help. Method: 10,000 names in no time; every line
     * is written or counted. */
    static struct kept k;
    static struct log l;
    k = (struct kept){ .len = 0 };
    log_open(&l,
             &(struct log_opts){ .level = LOG_LEVEL_INFO, .text = true, .put = keep, .arg = &k });
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        say(&l, SEC_NS, name);
    }
    EXPECT_EQ(k.lines, 200);
    k = (struct kept){ .len = 0 };
    log_sweep(&l, SEC_NS, T0, 2);
    EXPECT_STR(k.text, "2026-11-26T08:47:26.123Z WARN  log[2]: lines of several clients were "
                       "suppressed (9800 suppressed)\n");
}

TEST(log, journal_stream)
{
    EXPECT(log_journal_is("8:1234", 8, 1234));
    EXPECT(!log_journal_is("8:1234", 8, 123));
    EXPECT(!log_journal_is("8:1234 ", 8, 1234));
    EXPECT(!log_journal_is("", 8, 1234));
    EXPECT(!log_journal_is(NULL, 8, 1234));
}
