/* log_format.c -- one line as bytes: logfmt for programs, text for people.
 *
 * A logfmt value stands bare if it is not empty and has neither blanks, quotes, '=' nor anything
 * unsafe; else in quotes, with \" \\ \n \r \t and \uXXXX inside. Bytes that are no UTF-8 become
 * \ufffd. Text escapes what is unsafe in the same way, without quotes.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "engine/base/check.h"
#include "net/log/log.h"
#include "net/log/utf8.h"

#define MESSAGE_MAX 2048u /* bytes of a value as it is written; longer ones are cut */
#define VALUE_MAX   512u
#define ESCAPE_MAX  6u              /* \uXXXX */
#define TIME_MAX_MS 253402300799999 /* the end of year 9999 */

static_assert(MESSAGE_MAX + 3 * VALUE_MAX + 300 <= LOG_LINE_MAX,
              "message, partition, client and subsystem, and everything whose length is known");

struct writer {
    char *at;
    size_t len;
};

static const struct {
    const char *word, *loud;
    char priority; /* of syslog */
} levels[] = {
    [LOG_LEVEL_ERROR] = { "error", "ERROR", '3' },
    [LOG_LEVEL_WARN] = { "warn", "WARN ", '4' },
    [LOG_LEVEL_INFO] = { "info", "info ", '6' },
    [LOG_LEVEL_DEBUG] = { "debug", "debug", '7' },
};

static void put(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(w->at + w->len, LOG_LINE_MAX - w->len, fmt, args);
    va_end(args);
    check(n >= 0 && (size_t)n < LOG_LINE_MAX - w->len);
    w->len += (size_t)n;
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* ---- values ---- */

/* The next character as it is written; *step: bytes of `text` it stands for. */
static size_t piece(struct bytes text, bool quoted, char out[ESCAPE_MAX + 1], uint32_t *step)
{
    static const char shorts[] = "\nn\rr\tt";
    uint32_t code;
    *step = utf8_next(text, &code);
    if (!*step) {
        *step = 1;
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\ufffd");
    }
    for (size_t i = 0; i + 1 < sizeof(shorts); i += 2)
        if (code == (uint32_t)shorts[i])
            return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\%c", shorts[i + 1]);
    if (utf8_unsafe(code)) /* all of them have four digits */
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\u%04" PRIx32, code & 0xffff);
    if (quoted && (code == '"' || code == '\\'))
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\%c", (char)code);
    memcpy(out, text.at, *step);
    return *step;
}

static void escaped_put(struct writer *w, struct bytes text, bool quoted, size_t max)
{
    char out[ESCAPE_MAX + 1];
    uint32_t step;
    for (size_t used = 0; text.len; text.at += step, text.len -= step) {
        size_t n = piece(text, quoted, out, &step);
        if (used + n > max - 3) {
            put(w, "...");
            return;
        }
        memcpy(w->at + w->len, out, n);
        w->len += n;
        used += n;
    }
}

static bool bare(struct bytes text)
{
    bool fine = text.len > 0;
    uint32_t code, step;
    for (; fine && text.len; text.at += step, text.len -= step) {
        step = utf8_next(text, &code);
        fine = step && code != ' ' && code != '"' && code != '=' && !utf8_unsafe(code);
    }
    return fine;
}

static void value_put(struct writer *w, const char *key, struct bytes text, size_t max)
{
    bool quoted = !bare(text);
    put(w, quoted ? " %s=\"" : " %s=", key);
    escaped_put(w, text, quoted, max);
    if (quoted)
        put(w, "\"");
}

/* ---- lines ---- */

static void time_put(struct writer *w, int64_t ms)
{
    struct tm tm = { 0 };
    char text[32];
    ms = ms < 0 ? 0 : ms > TIME_MAX_MS ? TIME_MAX_MS : ms;
    time_t s = (time_t)(ms / 1000);
    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    put(w, "%s.%03dZ", text, (int)(ms % 1000));
}

/* "topic/3": a field of its own, and the topic's name is escaped like any other. */
static struct bytes partition_text(const struct log_line *line, char out[VALUE_MAX])
{
    snprintf(out, VALUE_MAX, "%.400s/%" PRIu32, line->topic, line->partition);
    return bytes_of(out);
}

static void logfmt_put(struct writer *w, const struct log_line *line)
{
    char partition[VALUE_MAX];
    put(w, "time=");
    time_put(w, line->time_ms);
    put(w, " level=%s", levels[line->level].word);
    if (line->shard != LOG_NO_SHARD)
        put(w, " shard=%" PRIu32, line->shard);
    value_put(w, "subsystem", bytes_of(line->subsystem), VALUE_MAX);
    if (line->topic)
        value_put(w, "partition", partition_text(line, partition), VALUE_MAX);
    if (line->client.len)
        value_put(w, "client", line->client, VALUE_MAX);
    value_put(w, "msg", bytes_of(line->message), MESSAGE_MAX);
    if (line->err)
        put(w, " error=%s", err_name(line->err));
    if (line->suppressed)
        put(w, " suppressed=%" PRIu64, line->suppressed);
}

static void text_put(struct writer *w, const struct log_line *line)
{
    char partition[VALUE_MAX];
    time_put(w, line->time_ms);
    put(w, " %s ", levels[line->level].loud);
    escaped_put(w, bytes_of(line->subsystem), false, VALUE_MAX);
    if (line->shard != LOG_NO_SHARD)
        put(w, "[%" PRIu32 "]", line->shard);
    if (line->topic) {
        put(w, " ");
        escaped_put(w, partition_text(line, partition), false, VALUE_MAX);
    }
    if (line->client.len) {
        put(w, " <");
        escaped_put(w, line->client, false, VALUE_MAX);
        put(w, ">");
    }
    put(w, ": ");
    escaped_put(w, bytes_of(line->message), false, MESSAGE_MAX);
    if (line->err)
        put(w, " (%s)", err_name(line->err));
    if (line->suppressed)
        put(w, " (%" PRIu64 " suppressed)", line->suppressed);
}

size_t log_format(const struct log_opts *opts, const struct log_line *line, char out[LOG_LINE_MAX])
{
    struct writer w = { .at = out };
    if (opts->journal)
        put(&w, "<%c>", levels[line->level].priority);
    if (opts->text)
        text_put(&w, line);
    else
        logfmt_put(&w, line);
    put(&w, "\n");
    return w.len;
}

bool log_journal_is(const char *journal_stream, uint64_t device, uint64_t inode)
{
    char text[48];
    if (!journal_stream)
        return false;
    snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64, device, inode);
    return strcmp(text, journal_stream) == 0;
}
