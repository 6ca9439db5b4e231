/* front_native.c -- the front's clients speak the native protocol: frames out, answers in. */
#include "engine/base/check.h"
#include "net/native/server.h"
#include "tests/sim/front_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

/* ---- asking ---- */

static void native_hello(struct wire *w)
{
    struct hello_request hello = { .version_min = FRAME_VERSION,
                                   .version_max = FRAME_VERSION,
                                   .frame_max = w->frame_max,
                                   .wanted_shard = w->wanted,
                                   .client_id = text_of("front") };
    ask_send(ask_new(w, VERB_HELLO, NULL, 0), &hello);
}

static void native_want(struct ask *a)
{
    struct rng *rng = a->wire->f->rng;
    a->want_set = rng_chance(rng, 1, 4);
    a->want = a->want_set ? (enum durability)rng_below(rng, 3) : a->topic->durability;
}

static uint64_t native_make(struct ask *a, const void *payload, uint8_t *at, uint64_t cap)
{
    struct frame f = { .version = FRAME_VERSION,
                       .verb = (uint8_t)a->verb,
                       .correlation = a->correlation };
    struct fault fault = { .kind = FAULT_NONE };
    if (ask_placed(a)) {
        f.topic = a->topic->id;
        f.partition = a->part;
    }
    uint64_t len = frame_make(at, cap, &f, payload, FRAME_PAYLOAD_MAX, &fault);
    struct bytes batches = frame_batches(&f, payload);
    check(len && len + batches.len <= cap);
    if (batches.len)
        memcpy(at + len, batches.at, batches.len);
    return len + batches.len;
}

/* ---- answers ---- */

static void hello_answered(struct ask *a, enum err err, const union payload *p)
{
    struct wire *w = a->wire;
    const struct hello_answer *tell = &p->hello_answer;
    if (err) {
        bool fewer = err == ERR_INVALID && w->wanted != SHARD_ANY && w->wanted >= w->f->shards;
        if (!fewer)
            excuse_demand(a, err, &p->error);
        w->refused = true;
        return;
    }
    demand(tell->version == FRAME_VERSION && tell->shards == w->f->shards &&
               tell->shard < tell->shards,
           "hello: version %u, shard %u of %u", tell->version, tell->shard, tell->shards);
    demand(w->wanted == SHARD_ANY || tell->shard == w->wanted, "hello: shard %u, %u was wanted",
           tell->shard, w->wanted);
    w->shard = tell->shard;
    w->state = WIRE_READY;
}

static struct ask *ask_find(const struct wire *w, uint64_t correlation)
{
    list_each (&w->asks, n) {
        struct ask *a = container_of(n, struct ask, node);
        if (a->correlation == correlation)
            return a;
    }
    return NULL;
}

/* Appends of a connection to one partition are answered in their order. */
static void order_check(const struct wire *w, const struct ask *a)
{
    list_each (&w->asks, n) {
        const struct ask *earlier = container_of(n, struct ask, node);
        if (earlier == a)
            return;
        demand(earlier->verb != VERB_APPEND || earlier->topic != a->topic ||
                   earlier->serial != a->serial || earlier->part != a->part,
               "wire %llu: batch %llu is answered before batch %llu", LLU(w->serial),
               LLU(a->number), LLU(earlier->number));
    }
}

static void close_told(struct wire *w, const struct error_answer *e)
{
    demand(e->code == ERR_TIMEOUT || e->code == ERR_CLOSED, "wire %llu: is closed with %s: %.*s",
           LLU(w->serial), err_name((enum err)e->code), (int)e->text.len, (const char *)e->text.at);
    trace("    wire %llu: closed: %.*s", LLU(w->serial), (int)e->text.len,
          (const char *)e->text.at);
}

static void frame_told(struct wire *w, const struct frame *f, const union payload *p)
{
    enum err err = frame_is_error(f) ? (enum err)p->error.code : ERR_OK;
    sim_trace(w->f->sim, f->correlation ^ (uint64_t)err << 8 ^ f->payload_bytes);
    if (f->verb == VERB_CLOSE) {
        close_told(w, &p->error);
        return;
    }
    struct ask *a = ask_find(w, f->correlation);
    if (err)
        trace("    wire %llu: %s: %.*s", LLU(w->serial), err_name(err), (int)p->error.text.len,
              (const char *)p->error.text.at);
    demand(a, "wire %llu: an answer to %s that nobody asked for", LLU(w->serial),
           verb_name(f->verb));
    demand(a->verb == f->verb && (!ask_placed(a) || f->partition == a->part),
           "wire %llu: %s is answered as %s", LLU(w->serial), ask_name(a), verb_name(f->verb));
    if (a->verb == VERB_APPEND)
        order_check(w, a);
    ask_answered(a, err, p);
}

static void fault_demand(const struct wire *w, enum err err, const struct fault *fault,
                         uint32_t verb)
{
    struct why why;
    if (err == ERR_OK)
        return;
    fault_text(fault, verb, &why);
    violated("wire %llu: what comes is no answer: %s", LLU(w->serial), why.text);
}

static bool native_take(struct wire *w)
{
    const struct frame_gate gate = { FRAME_VERSION, true, w->frame_max };
    const uint8_t *at = w->in + w->in_at;
    struct frame f;
    union payload p;
    struct fault fault = { .kind = FAULT_NONE };
    if (w->in_len - w->in_at < FRAME_HEADER_BYTES)
        return false;
    fault_demand(w, frame_decode(at, &gate, &f, &fault), &fault, VERB_COUNT);
    if (w->in_len - w->in_at < FRAME_HEADER_BYTES + f.payload_bytes)
        return false;
    w->in_at += FRAME_HEADER_BYTES + f.payload_bytes;
    struct bytes payload = { at + FRAME_HEADER_BYTES, f.payload_bytes };
    fault_demand(w, payload_decode(&f, payload, &p, &fault), &fault, f.verb);
    frame_told(w, &f, &p);
    if (w->refused)
        wire_end(w);
    return true;
}

const struct speech native_speech = {
    .protocol = &native_protocol,
    .port = NATIVE_PORT,
    .salt = 0x746e6f7266ull,
    .hello = native_hello,
    .want = native_want,
    .make = native_make,
    .take = native_take,
    .greeted = hello_answered,
};
