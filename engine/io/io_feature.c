/* io_feature.c -- what the kernel may lack: names that hide it, and what the lack costs. */
#include "engine/io/io_in.h"

#include <stdio.h>
#include <stdlib.h>

/* One row per feature: where its flag is, and the sentence when it is missing. */
static const struct {
    const char *name;
    size_t flag_at;
    const char *cost;
} rows[] = {
    { "io_uring", offsetof(struct io_features, io_uring),
      "worker threads instead, durable acks take 1.4x as long" },
    { "defer_taskrun", offsetof(struct io_features, defer_taskrun),
      "completions interrupt the thread: up to 1.5x CPU with many connections" },
    { "dsync", offsetof(struct io_features, dsync), "a durable write is a write and a sync" },
    { "direct", offsetof(struct io_features, direct),
      "O_DIRECT refused: through the page cache, a sync for each file, `written` waits for it" },
    { "fallocate", offsetof(struct io_features, fallocate),
      "space is not reserved: a full disk shows late" },
    { "msg_ring", offsetof(struct io_features, msg_ring),
      "shards wake each other by eventfd: +17 us" },
    { "recv_ring", offsetof(struct io_features, recv_ring),
      "a connection is polled before it is read: a system call more for each receive" },
    { "page_cache", offsetof(struct io_features, page_cache),
      "cachestat needs Linux 6.5: what is read again is read from the disk again" },
    { "large_pages", offsetof(struct io_features, large_pages),
      "no huge pages of 2 MiB: what is read again is sent in pages of 4 KiB, 1.2x CPU" },
};

static bool flag_of(const struct io *io, size_t at)
{
    return *(const bool *)((const char *)&io->features + at);
}

static void why_add(struct why *why, const char *name, const char *cost)
{
    size_t used = strnlen(why->text, sizeof(why->text) - 1);
    snprintf(why->text + used, sizeof(why->text) - used, "%s%s: %s", used ? "\n" : "", name, cost);
}

/* Without a ring the rows that are parts of one say nothing of their own. */
void io_features_say(const struct io *io, struct why *why)
{
    if (!why)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t at = rows[i].flag_at;
        bool of_ring = at == offsetof(struct io_features, defer_taskrun) ||
                       at == offsetof(struct io_features, msg_ring) ||
                       at == offsetof(struct io_features, recv_ring);
        if (flag_of(io, at) || (of_ring && !io->features.io_uring))
            continue;
        if (at == offsetof(struct io_features, io_uring))
            why_add(why, io->lack[0] ? io->lack : "io_uring", rows[i].cost);
        else
            why_add(why, rows[i].name, rows[i].cost);
    }
}

struct io_features io_features(const struct io *io)
{
    return io->features;
}

bool io_masked(const char *feature)
{
    const char *at = getenv("SHARDLOG_MASK");
    size_t len = strlen(feature);
    while (at && *at) {
        size_t word = strcspn(at, ",");
        if (word == len && memcmp(at, feature, len) == 0)
            return true;
        at += word + (at[word] == ',');
    }
    return false;
}
