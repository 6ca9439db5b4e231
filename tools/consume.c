/* consume.c -- `shardlog consume`: records to lines. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/log/utf8.h"
#include "tools/position.h"
#include "tools/remote.h"

#define FETCH_BYTES    (uint32_t)MIB(1)
#define FOLLOW_NS      SEC_NS       /* one partition: a long poll of so long */
#define FOLLOW_MANY_NS (20 * MS_NS) /* several: each in its turn */

struct consume {
    struct remote remote;
    const char *from, *format;
    uint64_t partition, max;
    bool partition_given, follow, json;
    struct sl_client_topic topic;
    uint64_t *next; /* by partition */
    uint64_t given;
    enum sl_err damage; /* of a batch that does not open; the first */
    void (*write)(uint32_t partition, const struct sl_record_view *r);
};

/* ---- formats ---- */

static void value_write(uint32_t partition, const struct sl_record_view *r)
{
    (void)partition;
    fwrite(r->value, 1, r->value ? r->value_bytes : 0, stdout);
    putchar('\n');
}

static void key_value_write(uint32_t partition, const struct sl_record_view *r)
{
    fwrite(r->key, 1, r->key ? r->key_bytes : 0, stdout);
    putchar('\t');
    value_write(partition, r);
}

static bool is_utf8(struct bytes left)
{
    uint32_t code, took;
    for (; left.len; left = (struct bytes){ left.at + took, left.len - took })
        if (!(took = utf8_next(left, &code)))
            return false;
    return true;
}

static void base64_write(struct bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < b.len; i += 3) {
        uint32_t n = min_u64(b.len - i, 3), v = 0;
        for (uint32_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? b.at[i + k] : 0u);
        for (uint32_t k = 0; k < 4; k++)
            putchar(k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
}

static void text_write(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] == '"' || b.at[i] == '\\')
            printf("\\%c", b.at[i]);
        else if (b.at[i] < 0x20 || b.at[i] == 0x7f)
            printf("\\u%04x", b.at[i]);
        else
            putchar(b.at[i]);
    }
}

/* A text, or base64 under another name where it is none. */
static void field_write(const char *name, const void *at, size_t len)
{
    struct bytes b = { at, at ? len : 0 };
    bool text = is_utf8(b);
    printf(",\"%s%s\":", name, text ? "" : "_base64");
    if (!at) {
        printf("null");
        return;
    }
    putchar('"');
    if (text)
        text_write(b);
    else
        base64_write(b);
    putchar('"');
}

static void json_write(uint32_t partition, const struct sl_record_view *r)
{
    printf("{\"partition\":%u,\"offset\":%llu,\"time\":%lld", partition,
           (unsigned long long)r->offset, (long long)r->time_ms);
    field_write("key", r->key, r->key_bytes);
    field_write("value", r->value, r->value_bytes);
    printf("}\n");
}

struct format {
    const char *word;
    void (*write)(uint32_t partition, const struct sl_record_view *r);
};
static const struct format formats[] = { { "value", value_write },
                                         { "key-value", key_value_write },
                                         { "json", json_write } };

static bool format_choose(struct consume *c)
{
    const char *word = c->format ? c->format : c->json ? "json" : "value";
    for (uint32_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i].word, word) == 0)
            c->write = formats[i].write;
    if (!c->write)
        complain("--format wants value, key-value or json, not `%s`", word);
    return c->write != NULL;
}

/* ---- from where ---- */

static int from_find(struct consume *c, uint32_t part)
{
    struct position p;
    const char *from = c->from ? c->from : "earliest";
    if (!position_read(from, &p)) {
        complain("--from wants " POSITION_WORDS ", not `%s`", from);
        return EXIT_TROUBLE;
    }
    enum sl_err err = position_find(c->remote.client, &c->topic, part, &p, &c->next[part]);
    return remote_exit(&c->remote, err, "offset");
}

/* ---- reading ---- */

static bool enough(const struct consume *c)
{
    return c->max && c->given >= c->max;
}

static void batches_write(struct consume *c, uint32_t part, const struct sl_client_batches *b)
{
    struct sl_records records;
    struct sl_record_view record;
    enum sl_err err = SL_ERR_OK;
    sl_records_open(&records, b->at, b->bytes, c->next[part]);
    while (!enough(c) && sl_records_next(&records, &record, &err)) {
        c->write(part, &record);
        c->given++;
    }
    if (err != SL_ERR_OK && c->damage == SL_ERR_OK) {
        complain("partition %u: a batch from offset %llu on: %s (%s)", part,
                 (unsigned long long)c->next[part], sl_err_text(err), sl_err_name(err));
        c->damage = err;
    }
    c->next[part] = b->next_offset;
}

/* *more: there is, or was something. */
static enum sl_err part_read(struct consume *c, uint32_t part, uint64_t wait_ns, bool *more)
{
    struct sl_fetch_options o = { .size = sizeof(o),
                                  .offset = c->next[part],
                                  .bytes_max = FETCH_BYTES,
                                  .bytes_min = 1,
                                  .wait_ns = wait_ns };
    struct sl_client_batches b;
    enum sl_err err = sl_client_fetch_wait(c->remote.client, &c->topic, part, &o, &b);
    if (err != SL_ERR_OK)
        return err;
    *more = *more || b.bytes > 0;
    if (b.bytes)
        batches_write(c, part, &b);
    return SL_ERR_OK;
}

static int consume_all(struct consume *c, uint32_t first, uint32_t count)
{
    bool more = true;
    uint64_t wait_ns = 0;
    while (!enough(c) && (more || c->follow) && !ferror(stdout)) {
        more = false;
        for (uint32_t i = first; i < first + count && !enough(c); i++) {
            enum sl_err err = part_read(c, i, wait_ns, &more);
            if (err != SL_ERR_OK)
                return remote_exit(&c->remote, err, "fetch");
        }
        fflush(stdout);
        wait_ns = more || !c->follow ? 0 : count == 1 ? FOLLOW_NS : FOLLOW_MANY_NS;
    }
    return c->damage != SL_ERR_OK ? EXIT_PARTLY : EXIT_CLEAN;
}

static int consume_run(struct consume *c, const char *topic)
{
    int code = remote_topic(&c->remote, topic, &c->topic);
    if (code != EXIT_CLEAN)
        return code;
    if (c->partition_given && c->partition >= c->topic.partitions) {
        complain("%s has the partitions 0 to %u", topic, c->topic.partitions - 1);
        return EXIT_NOT_FOUND;
    }
    uint32_t first = (uint32_t)c->partition;
    uint32_t count = c->partition_given ? 1 : c->topic.partitions;
    c->next = calloc(c->topic.partitions, sizeof(*c->next));
    check(c->next);
    for (uint32_t i = first; i < first + count && code == EXIT_CLEAN; i++)
        code = from_find(c, i);
    if (code == EXIT_CLEAN)
        code = consume_all(c, first, count);
    free(c->next);
    return code;
}

int consume_command(int argc, char **argv)
{
    struct consume c = { 0 };
    const struct option_row rows[] = {
        OPTIONS_OUT(&c.json),
        OPTIONS_REMOTE(&c.remote),
        { .name = "--from", .text = &c.from },
        { .name = "--format", .text = &c.format },
        { .name = "--partition", .number = &c.partition, .given = &c.partition_given },
        { .name = "--max", .number = &c.max },
        { .name = "--follow", .flag = &c.follow },
    };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !format_choose(&c))
        return EXIT_TROUBLE;
    if (argc != 1) {
        complain("which topic? One at a time");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&c.remote);
    if (code == EXIT_CLEAN)
        code = consume_run(&c, argv[0]);
    remote_close(&c.remote);
    return code;
}
