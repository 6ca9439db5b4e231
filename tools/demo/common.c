/* common.c -- records, messages and ends of the demo's programs. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/demo/door.h"

struct sl_topic_options demo_topic(struct sl_setting settings[DEMO_SETTINGS],
                                   const char *durability)
{
    settings[0] = (struct sl_setting){ "shardlog.durability", durability };
    settings[1] = (struct sl_setting){ "max.message.bytes", DEMO_BATCH_MAX };
    settings[2] = (struct sl_setting){ "retention.ms", "-1" };
    return (struct sl_topic_options){ .size = sizeof(struct sl_topic_options),
                                      .partitions = DEMO_PARTITIONS,
                                      .settings = settings,
                                      .setting_count = DEMO_SETTINGS };
}

void origin_put(struct sl_header headers[2], char pos_text[ORIGIN_POS_CHARS], const char *name,
                uint64_t pos)
{
    char *end = pos_text + ORIGIN_POS_CHARS, *at = end;
    do {
        *--at = (char)('0' + pos % 10);
        pos /= 10;
    } while (pos);
    headers[0] = (struct sl_header){ "file", 4, name, strlen(name) };
    headers[1] = (struct sl_header){ "pos", 3, at, (size_t)(end - at) };
}

static bool header_is(const struct sl_header *h, const char *key)
{
    return h->value && h->key_bytes == strlen(key) && memcmp(h->key, key, h->key_bytes) == 0;
}

static bool number_parse(const char *text, size_t chars, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < chars; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return chars > 0 && chars <= ORIGIN_POS_CHARS;
}

bool origin_get(const struct sl_record_view *r, struct origin *out)
{
    struct sl_headers it;
    struct sl_header file, pos;
    sl_headers_open(&it, r);
    if (!sl_headers_next(&it, &file) || !sl_headers_next(&it, &pos) || !header_is(&file, "file") ||
        !header_is(&pos, "pos"))
        return false;
    out->name = file.value;
    out->name_bytes = file.value_bytes;
    return number_parse(pos.value, pos.value_bytes, &out->pos);
}

uint32_t record_hash(uint32_t hash, int64_t time_ms, struct origin o, const void *value,
                     size_t value_bytes)
{
    uint64_t facts[4] = { (uint64_t)time_ms, o.name_bytes, o.pos, value_bytes };
    hash = sl_crc32c(hash, facts, sizeof(facts));
    hash = sl_crc32c(hash, o.name, o.name_bytes);
    return sl_crc32c(hash, value, value_bytes);
}

/* Smaller than PIPE_BUF: a message is in the pipe whole or not at all, whenever we are killed. */
void message_put(int fd, struct message m)
{
    while (write(fd, &m, sizeof(m)) != sizeof(m))
        if (errno != EINTR)
            die("nobody listens any more: %s", strerror(errno));
}

_Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *need(void *at)
{
    if (!at)
        die("out of memory");
    return at;
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool read_all(int fd, void *to, size_t bytes, uint64_t pos)
{
    for (size_t got = 0; got < bytes;) {
        ssize_t n = pread(fd, (char *)to + got, bytes - got, (off_t)(pos + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

const char *printable(const char *name, size_t bytes)
{
    static _Thread_local char text[256];
    size_t i = 0;
    for (; i < bytes && i < sizeof(text) - 1; i++)
        text[i] = name[i] >= ' ' && name[i] < 127 ? name[i] : '?';
    text[i] = 0;
    return text;
}
