/* front_ask.c -- requests of clients, whatever they speak. Their answers are front_answer.c's. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/front_in.h"
#include "tests/sim/pick.h"
#include "tests/sim/verdict.h"

#define LLU(v)      ((unsigned long long)(v))
#define PING_MAX    4096u
#define FETCH_MAX   (64u << 10)
#define REQUEST_CAP (256u << 10)

static const char *const names[ASKS] = {
#define VERB(name, number, text, ...) [VERB_##name] = text,
#include "net/native/verb.def"
#undef VERB
#define ASK(name, text) [ASK_##name] = text,
    ASK_LIST
#undef ASK
};

const char *ask_name(const struct ask *a)
{
    return names[a->verb];
}

bool ask_placed(const struct ask *a)
{
    return a->verb < VERB_COUNT && verb_row(a->verb)->flags & VERB_PLACE;
}

/* ---- asking ---- */

struct ask *ask_new(struct wire *w, uint32_t verb, struct f_topic *t, uint32_t part)
{
    struct front *f = w->f;
    struct ask *a = calloc(1, sizeof(*a));
    check(a);
    *a = (struct ask){ .wire = w, .verb = verb, .topic = t, .part = part };
    a->correlation = rng_next(f->rng);
    a->serial = t ? t->serial : 0;
    a->gone = t && t->state == FRONT_GONE;
    a->refused = t && t->refuses;
    a->audit = w->client == &f->auditor;
    a->member = f->asking;
    a->sent_ns = front_now(f);
    list_push(&w->asks, &a->node);
    w->ask_count++;
    return a;
}

/* `part`: of the request's bytes, the first ones; UINT64_MAX: all. */
static void ask_put(struct ask *a, const void *request, uint64_t part)
{
    static uint8_t at[REQUEST_CAP];
    struct wire *w = a->wire;
    uint64_t len = w->f->speech->make(a, request, at, sizeof(at));
    a->from_pos = w->pos;
    a->end_pos = w->pos + len;
    wire_put(w, at, min_u64(len, part));
    sim_trace(w->f->sim, a->correlation ^ a->verb);
}

void ask_send(struct ask *a, const void *request)
{
    ask_put(a, request, UINT64_MAX);
}

void append_send(struct wire *w, struct f_topic *t, uint32_t part, uint64_t number,
                 struct bytes batch)
{
    struct front *f = w->f;
    struct ask *a = ask_new(w, VERB_APPEND, t, part);
    a->number = number;
    f->speech->want(a);
    struct append_request request = { .durability = (uint8_t)(a->want_set ? a->want + 1u : 0u),
                                      .batch = batch };
    trace("  wire %llu append %s/%u batch %llu: %zu bytes, want %d", LLU(w->serial), t->name, part,
          LLU(number), batch.len, a->want);
    if (f->finishing || !rng_chance(f->rng, 1, 60)) {
        ask_send(a, &request);
        if (a->silent)
            ask_ping(w); /* what is answered in order says that it was heard */
        return;
    }
    ask_put(a, &request,
            1 + rng_below(f->rng, batch.len)); /* it leaves in the middle of the frame */
    w->ends_after_send = true;
}

void ask_append(struct client *c, struct f_topic *t, uint32_t part, uint64_t value_bytes)
{
    struct wire *w = c->wire;
    struct f_part *p = &t->parts[part];
    uint64_t number, *last = &w->last_number[t - c->f->topics][part];
    if (*last != L_NONE && c->f->ledger.batches[*last].part != p->ledger)
        *last = L_NONE; /* of a topic that was here before */
    struct bytes batch = batch_make(c->f, p, value_bytes, NULL, *last, &number);
    *last = number;
    append_send(w, t, part, number, batch);
}

void ask_fetch(struct wire *w, struct f_topic *t, uint32_t part, uint64_t off, uint32_t wait_ms)
{
    struct front *f = w->f;
    struct ask *a = ask_new(w, VERB_FETCH, t, part);
    const struct l_part *p = t->parts[part].ledger;
    a->off = off;
    a->high_then = p ? p->high_off : 0;
    a->start_then = p ? p->start_min : 0;
    a->bytes_max = a->audit ? FETCH_MAX : 1 + (uint32_t)rng_log_uniform(f->rng, FETCH_MAX);
    struct fetch_request request = { .offset = off,
                                     .bytes_max = a->bytes_max,
                                     .bytes_min =
                                         wait_ms ? 1 + (uint32_t)rng_below(f->rng, 5000) : 0,
                                     .wait_ms = wait_ms };
    ask_send(a, &request);
}

void ask_offsets(struct wire *w, struct f_topic *t, uint32_t part, uint32_t what)
{
    struct front *f = w->f;
    struct ask *a = ask_new(w, VERB_OFFSETS, t, part);
    const struct l_part *p = t->parts[part].ledger;
    a->what = what;
    a->high_then = p->high_off;
    a->start_then = p->start_min;
    if (what == OFFSET_TIME && f->ledger.count) {
        a->time_ms = f->ledger.batches[rng_below(f->rng, f->ledger.count)].content.time_ms;
        a->time_ms += (int64_t)rng_below(f->rng, 5) - 1;
    }
    ask_send(a, &(struct offsets_request){ .what = what, .time_ms = a->time_ms });
}

void ask_trim(struct wire *w, struct f_topic *t, uint32_t part)
{
    struct l_part *p = t->parts[part].ledger;
    struct ask *a = ask_new(w, VERB_TRIM, t, part);
    a->off = rng_below(w->f->rng, p->high_off + 1);
    p->trim_asked = max_u64(p->trim_asked, a->off);
    w->f->tally.trims++;
    trace("  wire %llu trim part %u to %llu", LLU(w->serial), p->number, LLU(a->off));
    ask_send(a, &(struct trim_request){ .offset = a->off });
}

void ask_create(struct wire *w, struct f_topic *t)
{
    static const char *const words[] = { "memory", "written", "synced" };
    struct front *f = w->f;
    uint8_t at[256];
    struct writer to;
    struct fault fault;
    if (t->state == FRONT_GONE) {
        uint32_t serial = ++f->topic_serial;
        *t = (struct f_topic){ .serial = serial, .state = FRONT_CREATING };
        snprintf(t->name, sizeof(t->name), "topic-%u", serial);
        t->durability = (enum durability)PICK(f->rng, 0, 1, 1, 2, 2, 2);
        t->retention = rng_chance(f->rng, 1, 5);
        t->append_time = f->speech->kafka && rng_chance(f->rng, 1, 4);
    }
    t->asked = true;
    struct create_request request = { .partitions = FRONT_PARTS, .name = text_of(t->name) };
    struct item_setting how = { text_of("shardlog.durability"), text_of(words[t->durability]) };
    struct item_setting keep = { text_of("retention.bytes"), text_of("200000") };
    writer_open(&to, at, sizeof(at));
    check(items_add(&request.settings, ITEM_SETTING, &how, &to, &fault));
    check(!t->retention || items_add(&request.settings, ITEM_SETTING, &keep, &to, &fault));
    trace("  wire %llu create %s, durability %d", LLU(w->serial), t->name, t->durability);
    ask_send(ask_new(w, VERB_CREATE, t, 0), &request);
}

void ask_delete(struct wire *w, struct f_topic *t)
{
    struct delete_request request = { .name = text_of(t->name) };
    t->state = FRONT_DELETING;
    t->asked = true;
    w->f->tally.drops += FRONT_PARTS;
    trace("  wire %llu delete %s", LLU(w->serial), t->name);
    ask_send(ask_new(w, VERB_DELETE, t, 0), &request);
}

void ask_describe(struct wire *w, struct f_topic *t)
{
    struct describe_request request = { .name = text_of(t->name) };
    t->describe_asked = true;
    ask_send(ask_new(w, VERB_DESCRIBE, t, 0), &request);
}

void ask_ping(struct wire *w)
{
    static const uint8_t zeros[PING_MAX];
    struct ask *a = ask_new(w, VERB_PING, NULL, 0);
    a->ping_bytes = (uint32_t)rng_log_uniform(w->f->rng, PING_MAX);
    ask_send(a, &(struct ping){ .bytes = { zeros, a->ping_bytes } });
}

void ask_stats(struct wire *w)
{
    struct stats_request request = { .shard = SHARD_ANY };
    ask_send(ask_new(w, VERB_STATS, NULL, 0), &request);
}

void ask_topics(struct wire *w, const char *after)
{
    struct topics_request request = { .count_max = (uint32_t)rng_below(w->f->rng, 4),
                                      .after = text_of(after) };
    ask_send(ask_new(w, VERB_TOPICS, NULL, 0), &request);
}

void ask_producer(struct client *c)
{
    if (c->producer_asked)
        return;
    c->producer_asked = true;
    ask_send(ask_new(c->wire, ASK_PRODUCER, NULL, c->number), NULL);
}
