/* embed_fetch.c -- the embedded front: fetch, and giving the bytes back. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/embed_in.h"

#define BYTES_MAX_DEFAULT (1u << 20)

struct call_fetch {
    struct verb_fetch v;
    struct sl_engine *engine;
    sl_fetch_done *done;
    void *arg;
};

static void call_end(struct call_fetch *c)
{
    struct sl_engine *e = c->engine;
    free(c);
    calls_give(e);
}

static void fetch_rung(struct verb *verb)
{
    struct call_fetch *c = container_of(verb, struct call_fetch, v.verb);
    struct sl_batches b = { .err = (enum sl_err)verb->err,
                            .at = c->v.batches.at,
                            .bytes = c->v.batches.len,
                            .next_offset = c->v.next_off,
                            .high_offset = c->v.visible_off,
                            .start_offset = c->v.start_off,
                            .private_ = c->v.batches.len ? c : NULL };
    bool given = b.private_; /* the caller may free it inside the callback */
    c->done(c->arg, &b);
    if (!given)
        call_end(c);
}

static void fetch_freed(struct verb_fetch *v)
{
    call_end(container_of(v, struct call_fetch, v));
}

void sl_batches_free(struct sl_batches *b)
{
    struct call_fetch *c = b->private_;
    b->private_ = NULL;
    b->at = NULL;
    b->bytes = 0;
    if (c)
        serve_fetch_give(&c->v, fetch_freed);
}

enum sl_err sl_fetch(struct sl_topic *t, uint32_t partition, const struct sl_fetch_options *o,
                     sl_fetch_done *done, void *arg)
{
    if (partition >= t->info->partitions || !HAS(o, offset))
        return SL_ERR_INVALID;
    struct call_fetch *c = calloc(1, sizeof(*c));
    if (!c)
        return SL_ERR_NO_MEMORY;
    uint32_t bytes_max = FIELD(o, bytes_max, 0);
    c->engine = t->engine;
    c->done = done;
    c->arg = arg;
    c->v.verb.done = fetch_rung;
    c->v.verb.home = HOME_ANY;
    c->v.place = t->info->places[partition];
    c->v.off = o->offset;
    c->v.bytes_max = bytes_max ? bytes_max : BYTES_MAX_DEFAULT;
    c->v.bytes_min = FIELD(o, bytes_min, 0);
    c->v.wait_ns = FIELD(o, wait_ns, 0);
    enum err err = calls_take(t->engine);
    if (err != ERR_OK) {
        free(c);
        return (enum sl_err)err;
    }
    serve_fetch(t->engine->serve, &c->v);
    return SL_ERR_OK;
}

/* ---- waiting ---- */

struct fetch_wait {
    struct waiter waiter;
    struct sl_batches *out;
};

static void fetch_waited(void *arg, struct sl_batches *b)
{
    struct fetch_wait *w = arg;
    *w->out = *b;
    waiter_ring(&w->waiter);
}

enum sl_err sl_fetch_wait(struct sl_topic *t, uint32_t partition, const struct sl_fetch_options *o,
                          struct sl_batches *out)
{
    struct fetch_wait w = { .out = out };
    *out = (struct sl_batches){ .err = SL_ERR_BUSY };
    enum err err = waiter_open(&w.waiter, t->engine);
    if (err != ERR_OK)
        return (enum sl_err)err;
    enum sl_err started = sl_fetch(t, partition, o, fetch_waited, &w);
    if (started != SL_ERR_OK) {
        out->err = started;
        waiter_ring(&w.waiter);
    }
    waiter_wait(&w.waiter);
    return out->err;
}
