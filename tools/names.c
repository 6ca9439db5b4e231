/* names.c -- see names.h. */
#include "tools/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/meta_record.h"
#include "tools/out.h"

#define READ_BYTES  (1u << 20)
#define WAIT_MAX_NS (10 * SEC_NS)

/* The id of the metadata partition's topic; drawn ids are never this one. */
static const struct id16 metadata_topic = { { [15] = 1 } };

/* That of the logs of consumer groups; likewise. */
static const struct id16 groups_topic = { { [14] = 1, [15] = 2 } };

bool topic_is_metadata(struct id16 id)
{
    return id16_equal(id, metadata_topic);
}

bool topic_is_groups(struct id16 id)
{
    return id16_equal(id, groups_topic);
}

static void read_over(struct read *r)
{
    *(bool *)r->arg = true;
}

void read_wait(struct io *io, struct store *s, struct part *p, struct read *r)
{
    bool over = false;
    r->done = read_over;
    r->arg = &over;
    part_read(p, r);
    while (!over) {
        store_turn(s);
        if (over)
            return;
        uint64_t due = store_due_ns(s), now = io_now_ns(io);
        io_turn(io, due <= now ? 0 : min_u64(due - now, WAIT_MAX_NS));
    }
}

static struct name *name_at(struct names *n, struct id16 id)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (id16_equal(n->at[i].id, id))
            return &n->at[i];
    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 32;
        n->at = realloc(n->at, n->cap * sizeof(*n->at));
        check(n->at);
    }
    struct name *one = &n->at[n->count++];
    *one = (struct name){ .id = id };
    id_text(id, one->text);
    return one;
}

static void record_learn(struct names *n, struct bytes value)
{
    struct meta_record m;
    if (meta_record_decode(value, &m, NULL) != ERR_OK)
        return;
    if (m.kind == META_TOPIC) {
        struct name *one = name_at(n, m.id);
        snprintf(one->text, sizeof(one->text), "%.*s", (int)m.name_len, m.name);
        one->partitions = m.partitions;
    } else if (m.kind == META_GROWTH) {
        name_at(n, m.id)->partitions = m.first + m.partitions;
    } else if (m.kind == META_GONE || m.kind == META_DELETE) {
        name_at(n, m.id)->gone = true;
    }
}

static void batches_learn(struct names *n, struct bytes left)
{
    struct batch_info info;
    while (left.len && batch_peek(left, &info) == ERR_OK) {
        struct batch_walk w;
        struct batch_record rec;
        enum err err = batch_walk_open(&w, (struct bytes){ left.at, info.bytes });
        while (!err && batch_walk_next(&w, &rec, &err))
            record_learn(n, rec.value);
        left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
    }
}

void names_learn(struct names *n, struct io *io, struct store *s)
{
    struct part *p = part_find(s, metadata_topic, 0);
    if (!p)
        return;
    struct part_state_info info = part_info(p);
    struct read r = { .off = info.start_off, .bytes_max = READ_BYTES, .beyond_visible = true };
    for (;;) {
        read_wait(io, s, p, &r);
        bool end = r.err != ERR_OK || !r.batches.len;
        if (r.err == ERR_OK)
            batches_learn(n, r.batches);
        uint64_t next = r.next_off;
        read_give(&r);
        if (end)
            break;
        r = (struct read){ .off = next, .bytes_max = READ_BYTES, .beyond_visible = true };
    }
    n->complete |= r.err == ERR_OK;
}

const struct name *names_find(const struct names *n, struct id16 id)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (id16_equal(n->at[i].id, id))
            return &n->at[i];
    return NULL;
}

void names_text(const struct names *n, struct id16 id, char text[256])
{
    const struct name *one = names_find(n, id);
    if (one)
        snprintf(text, 256, "%s", one->text);
    else if (topic_is_metadata(id))
        snprintf(text, 256, "(metadata)");
    else if (topic_is_groups(id))
        snprintf(text, 256, "(groups)");
    else
        id_text(id, text);
}

void names_close(struct names *n)
{
    free(n->at);
    *n = (struct names){ 0 };
}
