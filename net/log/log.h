/* log.h -- what a node tells its operator: one line for each event, logfmt or text.
 *
 *   time=2026-11-26T08:47:26.123Z level=warn shard=0 subsystem=native partition=events/3
 *   client=10.0.0.7:40312 msg="the batch is larger than max.message.bytes" error=TOO_LARGE
 *
 * (in one line). Fields that do not apply are left out. Whatever comes from outside is escaped: a
 * client cannot end a line, forge a field or reach the terminal.
 *
 * Lines that name a client are limited: ten at once, then one a second for each client, and 200 at
 * once, then 100 a second for all clients of a shard. The next line that passes says how many did
 * not (suppressed=12); log_sweep() says it when no line follows.
 *
 * Owner      a shard (and one more for the program itself).
 * Thread     one; `put` of several logs may run at once.
 * Memory     the struct alone, about 30 KiB; a line is built on the stack.
 * Invariant  a line is at most LOG_LINE_MAX bytes, which a pipe takes whole or not at all, ends
 *            with the only newline in it, and reaches `put` in one call.
 * Fails      never. Values too long are cut and end with "...".
 */
#ifndef NET_LOG_LOG_H
#define NET_LOG_LOG_H

#include "engine/base/err.h"
#include "net/log/limit.h"

/* In the order of the setting log.level. */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_LINE_MAX 4096u /* PIPE_BUF of Linux */
#define LOG_NO_SHARD UINT32_MAX

struct log_line {
    int64_t time_ms; /* since 1970 */
    enum log_level level;
    uint32_t shard;        /* LOG_NO_SHARD: the program itself */
    const char *subsystem; /* "native", "http", "store" */
    const char *topic;     /* NULL: no partition */
    uint32_t partition;
    struct bytes client; /* address or id, from outside; empty: none */
    const char *message;
    enum err err;        /* OK: no field */
    uint64_t suppressed; /* log_say() fills it in */
};

struct log_opts {
    enum log_level level; /* this and graver */
    bool text;            /* for people, else logfmt */
    bool journal;         /* a priority for journald before each line: <4> */
    uint64_t seed;        /* chance, so that no client can choose where it is counted */
    void (*put)(void *arg, const char *line, size_t len);
    void *arg;
};

struct log {
    struct log_opts opts; /* level and text may change between two calls */
    struct limit clients;
    struct bucket all; /* clients together */
};

void log_open(struct log *l, const struct log_opts *opts);
bool log_wants(const struct log *l, enum log_level level);
/* now_ns: monotonic, for the limits. False: the line was suppressed, log_sweep() is wanted later.
 */
bool log_say(struct log *l, uint64_t now_ns, const struct log_line *line);
/* Tells of clients that fell silent while lines of theirs were suppressed, LIMIT_QUIET_NS later.
 * True: some are not silent yet, it is wanted again. */
bool log_sweep(struct log *l, uint64_t now_ns, int64_t time_ms, uint32_t shard);

/* The line, newline included; returns its length. */
size_t log_format(const struct log_opts *opts, const struct log_line *line, char out[LOG_LINE_MAX]);
/* Does JOURNAL_STREAM ("device:inode"; NULL: unset) name this file? */
bool log_journal_is(const char *journal_stream, uint64_t device, uint64_t inode);

#endif
