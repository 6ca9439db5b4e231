/* produce.c -- `shardlog produce`: lines to records.
 *
 * Lines gather in a batch for each partition; one is sent when it is full, and all when no line
 * came for the linger. Sends are pipelined. A partition's lines keep their order, so what is in
 * the log after a cut is a beginning of what was sent there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "tools/remote.h"

#define BATCH_RECORDS 1000u
#define BATCH_BYTES   KIB(512) /* under the default max.message.bytes */
#define READ_BYTES    KIB(256)
#define LINGER_MS     5u

struct line {
    size_t at, key_bytes, value_at, value_bytes; /* in the batch's bytes */
    bool keyed;
};
struct batch {
    uint8_t *bytes;
    size_t len, cap;
    struct line *lines;
    uint32_t count;
};

struct produce {
    struct remote remote;
    const char *separator, *durability;
    uint64_t partition, batch, linger_ms;
    bool partition_given, json;
    struct sl_client_topic topic;
    struct sl_append_options options;
    struct batch *batches; /* one for each partition */
    struct sl_record *records;
    uint32_t next; /* partition of lines without a key */
    uint64_t lines, bytes, acked, sent_batches;
    enum sl_err err; /* the first */
    char why[sizeof(((struct sl_client_error *)0)->text)];
    enum sl_durability bought; /* the least */
    uint8_t *in;
    size_t in_len, in_cap;
};

/* ---- sending ---- */

static void produce_fail(struct produce *p, enum sl_err err)
{
    if (p->err != SL_ERR_OK || err == SL_ERR_OK)
        return;
    p->err = err;
    snprintf(p->why, sizeof(p->why), "%s", sl_client_error(p->remote.client)->text);
}

static void batch_acked(void *arg, const struct sl_appended *a)
{
    struct produce *p = arg;
    produce_fail(p, a->err);
    if (a->err != SL_ERR_OK)
        return;
    p->acked += a->count;
    p->bought = a->bought < p->bought ? a->bought : p->bought;
}

static struct sl_record record_of(const struct batch *b, const struct line *l, int64_t now_ms)
{
    return (struct sl_record){ .key = l->keyed ? b->bytes + l->at : NULL,
                               .key_bytes = l->key_bytes,
                               .value = b->bytes + l->value_at,
                               .value_bytes = l->value_bytes,
                               .time_ms = now_ms };
}

static void batch_send(struct produce *p, uint32_t partition)
{
    struct batch *b = &p->batches[partition];
    int64_t now_ms = sl_time_ms();
    enum sl_err err = SL_ERR_BUSY;
    for (uint32_t i = 0; i < b->count; i++)
        p->records[i] = record_of(b, &b->lines[i], now_ms);
    while (b->count && p->err == SL_ERR_OK && err == SL_ERR_BUSY) {
        err = sl_client_append(p->remote.client, &p->topic, partition, p->records, b->count,
                               &p->options, batch_acked, p);
        if (err == SL_ERR_BUSY) /* as many under way as may be */
            produce_fail(p, sl_client_poll(p->remote.client, SEC_NS, NULL));
        else
            produce_fail(p, err);
    }
    p->sent_batches += b->count > 0;
    b->len = b->count = 0;
}

static void batches_send(struct produce *p)
{
    for (uint32_t i = 0; i < p->topic.partitions; i++)
        batch_send(p, i);
    produce_fail(p, sl_client_poll(p->remote.client, 0, NULL));
}

/* ---- lines ---- */

static uint32_t line_partition(struct produce *p, const uint8_t *key, size_t key_bytes, bool keyed)
{
    if (p->partition_given)
        return (uint32_t)p->partition;
    if (keyed)
        return sl_key_partition(key, key_bytes, p->topic.partitions);
    uint32_t partition = p->next;
    if (p->batches[partition].count + 1 >= p->batch) /* whole batches in turn */
        p->next = (p->next + 1) % p->topic.partitions;
    return partition;
}

static void line_take(struct produce *p, const uint8_t *at, size_t bytes)
{
    size_t separator = p->separator ? strlen(p->separator) : 0;
    const uint8_t *cut = separator ? memmem(at, bytes, p->separator, separator) : NULL;
    size_t key_bytes = cut ? (size_t)(cut - at) : 0, skip = cut ? key_bytes + separator : 0;
    uint32_t partition = line_partition(p, at, key_bytes, cut != NULL);
    struct batch *b = &p->batches[partition];
    if (b->len && b->len + bytes > BATCH_BYTES)
        batch_send(p, partition);
    if (b->len + bytes > b->cap) {
        b->cap = 2 * b->cap + bytes + KIB(4);
        b->bytes = realloc(b->bytes, b->cap);
        check(b->bytes);
    }
    if (bytes)
        memcpy(b->bytes + b->len, at, bytes);
    b->lines[b->count++] =
        (struct line){ b->len, key_bytes, b->len + skip, bytes - skip, cut != NULL };
    b->len += bytes;
    p->lines++;
    p->bytes += bytes;
    if (b->count == p->batch)
        batch_send(p, partition);
}

/* Whole lines; at the end of the file also one without a newline. */
static void lines_take(struct produce *p, bool end)
{
    uint8_t *at = p->in, *newline;
    size_t left = p->in_len;
    while (left && p->err == SL_ERR_OK && (newline = memchr(at, '\n', left))) {
        line_take(p, at, (size_t)(newline - at));
        left -= (size_t)(newline + 1 - at);
        at = newline + 1;
    }
    if (end && left && p->err == SL_ERR_OK) {
        line_take(p, at, left);
        left = 0;
    }
    memmove(p->in, at, left);
    p->in_len = left;
}

/* False: the end, or an error. */
static bool input_read(struct produce *p, int fd, const char *name, int *code)
{
    struct pollfd want = { .fd = fd, .events = POLLIN };
    if (poll(&want, 1, (int)p->linger_ms) == 0) {
        batches_send(p);
        poll(&want, 1, 100); /* acknowledgements are looked at meanwhile */
        return true;
    }
    if (p->in_len + READ_BYTES > p->in_cap) {
        p->in_cap = 2 * p->in_cap + READ_BYTES;
        p->in = realloc(p->in, p->in_cap);
        check(p->in);
    }
    ssize_t n = read(fd, p->in + p->in_len, READ_BYTES);
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0) {
        complain("%s: %s", name, strerror(errno));
        *code = EXIT_TROUBLE;
        return false;
    }
    p->in_len += (size_t)n;
    lines_take(p, n == 0);
    return n > 0;
}

static int input_take(struct produce *p, const char *name)
{
    int code = EXIT_CLEAN;
    int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("%s: %s", name, strerror(errno));
        return EXIT_TROUBLE;
    }
    while (p->err == SL_ERR_OK && input_read(p, fd, name, &code))
        ;
    if (fd != STDIN_FILENO)
        close(fd);
    return code;
}

/* ---- the command ---- */

static const char *const durability_texts[] = { "topic", "memory", "written", "synced" };

static bool durability_word(const char *word, enum sl_durability *out)
{
    for (uint32_t i = 0; i < 4; i++)
        if (!word || strcmp(word, durability_texts[i]) == 0) {
            *out = (enum sl_durability)i;
            return true;
        }
    complain("--durability wants topic, memory, written or synced, not `%s`", word);
    return false;
}

static int produce_tell(struct produce *p, const char *topic)
{
    struct out o;
    if (p->err != SL_ERR_OK)
        complain("%s: %s (%s); %llu of %llu lines were acknowledged", topic, p->why,
                 sl_err_name(p->err), (unsigned long long)p->acked, (unsigned long long)p->lines);
    out_open(&o, stdout, p->json);
    if (p->json) {
        out_count(&o, "lines", "", p->lines);
        out_count(&o, "acknowledged", "", p->acked);
        out_count(&o, "bytes", "", p->bytes);
        out_count(&o, "batches", "", p->sent_batches);
        out_text(&o, "durability", "", "%s", p->acked ? durability_texts[p->bought] : "");
    }
    out_say(&o, "%llu lines acknowledged%s%s\n", (unsigned long long)p->acked, p->acked ? ": " : "",
            p->acked ? durability_texts[p->bought] : "");
    out_close(&o);
    return remote_code(p->err);
}

static void batches_open(struct produce *p)
{
    p->batches = calloc(p->topic.partitions, sizeof(*p->batches));
    p->records = calloc(p->batch, sizeof(*p->records));
    check(p->batches && p->records);
    for (uint32_t i = 0; i < p->topic.partitions; i++) {
        p->batches[i].lines = calloc(p->batch, sizeof(*p->batches[i].lines));
        check(p->batches[i].lines);
    }
}

static void produce_free(struct produce *p)
{
    for (uint32_t i = 0; p->batches && i < p->topic.partitions; i++) {
        free(p->batches[i].lines);
        free(p->batches[i].bytes);
    }
    free(p->batches);
    free(p->records);
    free(p->in);
}

static int produce_run(struct produce *p, const char *topic, int files, char **names)
{
    int code = remote_topic(&p->remote, topic, &p->topic);
    if (code != EXIT_CLEAN)
        return code;
    if (p->partition_given && p->partition >= p->topic.partitions) {
        complain("%s has the partitions 0 to %u", topic, p->topic.partitions - 1);
        return EXIT_NOT_FOUND;
    }
    batches_open(p);
    if (!files)
        code = input_take(p, "-");
    for (int i = 0; i < files && code == EXIT_CLEAN && p->err == SL_ERR_OK; i++)
        code = input_take(p, names[i]);
    batches_send(p);
    enum sl_err err = sl_client_flush(p->remote.client);
    produce_fail(p, err);
    int told = produce_tell(p, topic);
    return told != EXIT_CLEAN ? told : code;
}

int produce_command(int argc, char **argv)
{
    struct produce p = { .batch = BATCH_RECORDS, .linger_ms = LINGER_MS, .bought = SL_SYNCED };
    const struct option_row rows[] = {
        OPTIONS_OUT(&p.json),
        OPTIONS_REMOTE(&p.remote),
        { .name = "--key-separator", .text = &p.separator },
        { .name = "--partition", .number = &p.partition, .given = &p.partition_given },
        { .name = "--batch", .number = &p.batch },
        { .name = "--linger", .number = &p.linger_ms },
        { .name = "--durability", .text = &p.durability },
    };
    p.options.size = sizeof(p.options);
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) ||
        !durability_word(p.durability, &p.options.durability))
        return EXIT_TROUBLE;
    if (argc < 1 || p.batch < 1 || p.batch > 100000 || p.linger_ms > 60000) {
        complain(argc < 1 ? "which topic?"
                          : "--batch is 1 to 100000 records, --linger 0 to 60000 ms");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&p.remote);
    if (code == EXIT_CLEAN)
        code = produce_run(&p, argv[0], argc - 1, argv + 1);
    remote_close(&p.remote);
    produce_free(&p);
    return code;
}
