/* fixture.c -- see fixture.h. */
#include "tests/unit/embed/fixture.h"

#include <stdio.h>
#include <string.h>

#include "tests/test.h"

struct sl_engine_options options_of(const char *const *dirs, uint32_t dir_count)
{
    return (struct sl_engine_options){ .size = sizeof(struct sl_engine_options),
                                       .dirs = dirs,
                                       .dir_count = dir_count,
                                       .journal_bytes = (64u << 20) + 4096,
                                       .tail_bytes = 64u << 20 };
}

struct sl_engine *engine_open(const struct sl_engine_options *o)
{
    struct sl_engine *e;
    struct sl_why why;
    if (!EXPECT_OK(sl_engine_open(&e, o, &why)))
        fprintf(stderr, "%s\n", why.text);
    return e;
}

struct sl_topic *topic_open(struct sl_engine *e, const char *name, uint32_t partitions)
{
    struct sl_topic_options o = { .size = sizeof(o), .partitions = partitions };
    struct sl_topic *t;
    struct sl_why why;
    enum sl_err err = sl_topic_create(e, name, &o, &why);
    EXPECT(err == SL_ERR_OK || err == SL_ERR_EXISTS);
    EXPECT_OK(sl_topic_open(e, name, &t, &why));
    return t;
}

struct sl_record record_of(const char *text)
{
    return (
        struct sl_record){ .value = text, .value_bytes = strlen(text), .time_ms = sl_time_ms() };
}

enum sl_err append_text(struct sl_topic *t, uint32_t partition, const char *text,
                        struct sl_appended *out)
{
    struct sl_record r = record_of(text);
    return sl_append_wait(t, partition, &r, 1, NULL, out);
}

const char *values_of(struct sl_topic *t, uint32_t partition, uint64_t from)
{
    static char text[1 << 16];
    size_t len = 0;
    struct sl_fetch_options o = { .size = sizeof(o), .offset = from };
    for (;;) {
        struct sl_batches b;
        struct sl_records it;
        struct sl_record_view r;
        enum sl_err err;
        if (!EXPECT_OK(sl_fetch_wait(t, partition, &o, &b)) || b.bytes == 0)
            break;
        sl_records_open(&it, b.at, b.bytes, o.offset);
        while (sl_records_next(&it, &r, &err))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s;", (int)r.value_bytes,
                                    (const char *)r.value);
        EXPECT_OK(err);
        o.offset = b.next_offset;
        sl_batches_free(&b);
        sl_batches_free(&b); /* again is fine */
    }
    text[len] = '\0';
    return text;
}
