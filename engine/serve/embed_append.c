/* embed_append.c -- the embedded front: append.
 *
 * Records become a batch on the calling thread, inside the request, so that nothing of the caller
 * is borrowed; a ready batch is verified there and borrowed. Then both are one letter. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/serve/embed_in.h"

struct call_append {
    struct verb_append v;
    struct sl_engine *engine;
    sl_append_done *done;
    void *arg;
    uint8_t batch[]; /* records: built here */
};

static const struct {
    enum sl_durability out;
    enum durability in;
} durabilities[] = {
    { SL_MEMORY, DURABILITY_MEMORY },
    { SL_WRITTEN, DURABILITY_WRITTEN },
    { SL_SYNCED, DURABILITY_SYNCED },
};

static enum sl_durability durability_out(enum durability d)
{
    return durabilities[d].out;
}

static void append_rung(struct verb *verb)
{
    struct call_append *c = container_of(verb, struct call_append, v.verb);
    struct sl_engine *e = c->engine;
    struct sl_appended r = { .err = (enum sl_err)verb->err,
                             .base_offset = c->v.base_off,
                             .count = c->v.count,
                             .append_ms = c->v.append_ms,
                             .duplicate = c->v.duplicate };
    if (verb->err == ERR_OK)
        r.bought = durability_out(c->v.bought);
    c->done(c->arg, &r);
    free(c);
    calls_give(e);
}

static enum err options_take(struct verb_append *v, const struct sl_append_options *o)
{
    enum sl_durability d = FIELD(o, durability, SL_DURABILITY_TOPIC);
    if ((unsigned)d > SL_SYNCED)
        return ERR_INVALID;
    v->want_set = d != SL_DURABILITY_TOPIC;
    if (v->want_set)
        v->want = durabilities[d - SL_MEMORY].in;
    return ERR_OK;
}

/* A request with room for a batch of `room` bytes. */
static enum err call_make(struct call_append **out, struct sl_topic *t, uint32_t partition,
                          size_t room, const struct sl_append_options *o)
{
    if (partition >= t->info->partitions)
        return ERR_INVALID;
    struct call_append *c = malloc(sizeof(*c) + room);
    if (!c)
        return ERR_NO_MEMORY;
    memset(c, 0, sizeof(*c));
    c->engine = t->engine;
    c->v.verb.done = append_rung;
    c->v.verb.home = HOME_ANY;
    c->v.place = t->info->places[partition];
    *out = c;
    return options_take(&c->v, o);
}

static enum err call_verify(struct call_append *c)
{
    struct batch_info info;
    TRY(batch_verify(c->v.batch, &info, &c->v.max_time, NULL));
    if (info.bytes !=
        c->v.batch.len) /* a second batch, as in a buffer of many: no offsets for it */
        return ERR_BAD_BATCH;
    c->v.count = info.last_off_delta + 1;
    c->v.verified = true;
    return ERR_OK;
}

static enum err call_build(struct call_append *c, size_t room, const struct sl_record *records,
                           uint32_t count)
{
    size_t bytes;
    enum sl_err err = sl_batch_build(c->batch, room, records, count, &bytes);
    if (err != SL_ERR_OK)
        return (enum err)err;
    c->v.batch = (struct bytes){ c->batch, bytes };
    c->v.count = count;
    c->v.max_time = records[0].time_ms;
    for (uint32_t i = 1; i < count; i++)
        c->v.max_time = max_i64(c->v.max_time, records[i].time_ms);
    c->v.verified = true;
    return ERR_OK;
}

static enum err call_send(struct call_append *c, sl_append_done *done, void *arg)
{
    c->done = done;
    c->arg = arg;
    TRY(calls_take(c->engine));
    serve_append(c->engine->serve, &c->v);
    return ERR_OK;
}

enum sl_err sl_append(struct sl_topic *t, uint32_t partition, const struct sl_record *records,
                      uint32_t count, const struct sl_append_options *o, sl_append_done *done,
                      void *arg)
{
    struct call_append *c = NULL;
    size_t room = count ? sl_batch_bytes_max(records, count) : 0;
    enum err err = room > INT32_MAX ? ERR_TOO_LARGE : call_make(&c, t, partition, room, o);
    if (err == ERR_OK)
        err = call_build(c, room, records, count);
    if (err == ERR_OK)
        err = call_send(c, done, arg);
    if (err != ERR_OK)
        free(c);
    return (enum sl_err)err;
}

enum sl_err sl_append_batch(struct sl_topic *t, uint32_t partition, const void *batch, size_t bytes,
                            const struct sl_append_options *o, sl_append_done *done, void *arg)
{
    struct call_append *c = NULL;
    enum err err = call_make(&c, t, partition, 0, o);
    if (err == ERR_OK) {
        c->v.batch = (struct bytes){ batch, bytes };
        c->v.fixed = true;
        err = call_verify(c);
    }
    if (err == ERR_OK)
        err = call_send(c, done, arg);
    if (err != ERR_OK)
        free(c);
    return (enum sl_err)err;
}

/* ---- waiting ---- */

struct append_wait {
    struct waiter waiter;
    struct sl_appended result;
};

static void append_waited(void *arg, const struct sl_appended *result)
{
    struct append_wait *w = arg;
    w->result = *result;
    waiter_ring(&w->waiter);
}

static enum sl_err wait_result(struct append_wait *w, enum sl_err started, struct sl_appended *out)
{
    if (started != SL_ERR_OK) {
        w->result = (struct sl_appended){ .err = started };
        waiter_ring(&w->waiter);
    }
    waiter_wait(&w->waiter);
    if (out)
        *out = w->result;
    return w->result.err;
}

enum sl_err sl_append_wait(struct sl_topic *t, uint32_t partition, const struct sl_record *records,
                           uint32_t count, const struct sl_append_options *o,
                           struct sl_appended *out)
{
    struct append_wait w;
    enum err err = waiter_open(&w.waiter, t->engine);
    if (err != ERR_OK)
        return (enum sl_err)err;
    return wait_result(&w, sl_append(t, partition, records, count, o, append_waited, &w), out);
}

enum sl_err sl_append_batch_wait(struct sl_topic *t, uint32_t partition, const void *batch,
                                 size_t bytes, const struct sl_append_options *o,
                                 struct sl_appended *out)
{
    struct append_wait w;
    enum err err = waiter_open(&w.waiter, t->engine);
    if (err != ERR_OK)
        return (enum sl_err)err;
    return wait_result(&w, sl_append_batch(t, partition, batch, bytes, o, append_waited, &w), out);
}
