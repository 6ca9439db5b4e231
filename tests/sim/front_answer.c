/* front_answer.c -- what the answers of the front must be, and what it means that none came. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/member.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

void ask_forget(struct ask *a)
{
    node_unlink(&a->node);
    a->wire->ask_count--;
    free(a);
}

/* ---- excuses ---- */

static struct f_part *part_of(const struct ask *a)
{
    return &a->topic->parts[a->part];
}

/* Its topic has another name by now, or is on its way out. */
static bool topic_left(const struct ask *a)
{
    return a->topic && (a->topic->serial != a->serial || a->topic->state == FRONT_DELETING ||
                        a->topic->state == FRONT_GONE);
}

/* A store that was stopped takes nothing, and a topic that was made then may have partitions that
 * were not. */
static bool poison_excuses(const struct ask *a)
{
    const struct front *f = a->wire->f;
    bool reads = a->verb == VERB_FETCH || a->verb == VERB_OFFSETS;
    if (reads && !a->topic->doubtful)
        return false;
    if (!ask_placed(a) || a->topic->serial != a->serial)
        return f->poisoned;
    if (!reads && a->topic->state == FRONT_DELETING && front_poisoned(f, 0))
        return true; /* whatever its store could do: it may be deleted */
    uint32_t store = part_of(a)->place.store;
    return store == PLACE_UNKNOWN ? f->poisoned : front_poisoned(f, store);
}

static bool excused(const struct ask *a, enum err err)
{
    const struct front *f = a->wire->f;
    if (err == ERR_POISONED)
        return poison_excuses(a);
    if (err == ERR_IO)
        return f->failing;
    if (err == ERR_CLOSED)
        return f->stopping;
    if (err == ERR_BUSY) /* the same, asked for before the connection ended, is on its way */
        return f->limited || (a->topic && a->topic->doubtful);
    if (err == ERR_NO_SPACE) /* there is room to record a delete */
        return f->full && a->verb != VERB_DELETE;
    return err == ERR_NOT_FOUND && topic_left(a);
}

void excuse_demand(const struct ask *a, enum err err, const struct error_answer *e)
{
    demand(excused(a, err), "wire %llu: %s of %s/%u gives %s: %.*s", LLU(a->wire->serial),
           ask_name(a), a->topic ? a->topic->name : "", a->part, err_name(err), (int)e->text.len,
           (const char *)e->text.at);
}

/* What the next start may find deleted takes nothing. */
static void taken_demand(const struct ask *a)
{
    demand(!a->refused,
           "topic %s: its deletion is in doubt, and a later %s of partition %u is acknowledged",
           a->topic->name, verb_name(a->verb), a->part);
}

/* ---- answers: records ---- */

/* The records of a topic that is gone are nobody's business. */
static bool part_there(const struct ask *a)
{
    return a->topic->serial == a->serial && part_of(a)->ledger;
}

static void append_answered(struct ask *a, enum err err, const union payload *p)
{
    struct front *f = a->wire->f;
    const struct append_answer *tell = &p->append_answer;
    struct client *c = a->wire->client;
    trace("    batch %llu: %s, bought %d, offset %llu%s", LLU(a->number), err_name(err),
          err ? 0 : tell->bought - 1, err ? 0 : LLU(tell->base_offset),
          !err && tell->duplicate ? ", again" : "");
    const struct l_batch *b = &f->ledger.batches[a->number];
    bool produced = b->content.producer != 0;
    if (!err) {
        taken_demand(a);
        demand(tell->count == b->content.count, "batch %llu: %u records, %u were sent",
               LLU(a->number), tell->count, b->content.count);
        demand(!tell->duplicate || produced, "batch %llu: a duplicate without a producer",
               LLU(a->number));
        f->tally.duplicates += tell->duplicate;
        f->tally.recognised_after += tell->duplicate && b->kept;
        f->tally.lost_again += b->retaken;
        ledger_acked(&f->ledger, a->number, a->want, (enum durability)(tell->bought - 1u),
                     tell->base_offset, tell->append_ms);
    }
    f->tally.no_space += err == ERR_NO_SPACE;
    if (produced)
        line_answered(c, a, err, &p->error);
    else if (err) {
        excuse_demand(a, err, &p->error);
        if (err == ERR_POISONED)
            ledger_doubt(&f->ledger, a->number);
        else if (err != ERR_NOT_FOUND) /* a crash may bring the topic back, and the batch with it */
            ledger_refused(&f->ledger, a->number);
    }
    if (!err)
        front_acked(f, (enum durability)(tell->bought - 1u));
}

void fetch_answered(struct ask *a, enum err err, const union payload *p)
{
    struct front *f = a->wire->f;
    const struct fetch_answer *tell = &p->fetch_answer;
    if (!part_there(a) || a->gone)
        return;
    struct l_part *l = part_of(a)->ledger;
    if (err) {
        bool range = err == ERR_OFFSET_RANGE &&
                     (l->retention || a->off < l->trim_asked || a->off > a->high_then);
        if (!range)
            excuse_demand(a, err, &p->error);
        return;
    }
    struct l_read r = { .batches = tell->batches,
                        .off = a->off,
                        .next_off = tell->next_offset,
                        .high_off = tell->high_offset,
                        .start_off = tell->start_offset,
                        .high_then = a->high_then,
                        .start_then = a->start_then,
                        .bytes_max = a->bytes_max,
                        .partial = a->many || f->reads_short };
    ledger_read(&f->ledger, l, &r);
    a->next_off = tell->next_offset;
    l->reader_off = a->follow ? max_u64(l->reader_off, tell->next_offset) : l->reader_off;
    trace("    fetch part %u from %llu: %zu bytes, next %llu of %llu", l->number, LLU(a->off),
          tell->batches.len, LLU(tell->next_offset), LLU(tell->high_offset));
}

static void offsets_answered(struct ask *a, enum err err, const union payload *p)
{
    struct front *f = a->wire->f;
    const struct offsets_answer *tell = &p->offsets_answer;
    if (!part_there(a))
        return;
    struct l_part *l = part_of(a)->ledger;
    bool time = a->what == OFFSET_TIME;
    if (time && (!err || (err == ERR_NOT_FOUND && !topic_left(a)))) {
        f->tally.searches++;
        ledger_time(&f->ledger, l, a->time_ms, !err, err ? 0 : tell->offset,
                    err ? 0 : tell->found_ms, a->high_then);
        return;
    }
    if (err) {
        if (!(time && err == ERR_OFFSET_RANGE)) /* the log start passed it */
            excuse_demand(a, err, &p->error);
        return;
    }
    a->next_off = tell->offset;
    if (a->what == OFFSET_EARLIEST)
        demand(tell->offset >= a->start_then && (l->retention || tell->offset <= l->trim_asked),
               "part %u: earliest is %llu, not within [%llu, %llu]", l->number, LLU(tell->offset),
               LLU(a->start_then), LLU(l->trim_asked));
    else
        demand(tell->offset >= a->high_then, "part %u: latest is %llu, and was %llu", l->number,
               LLU(tell->offset), LLU(a->high_then));
}

static void trim_answered(struct ask *a, enum err err, const union payload *p)
{
    uint64_t start_off = p->trim_answer.start_offset;
    if (err) {
        excuse_demand(a, err, &p->error);
        return;
    }
    taken_demand(a);
    if (!part_there(a))
        return;
    struct l_part *l = part_of(a)->ledger;
    trace("    trim part %u to %llu: starts at %llu", l->number, LLU(a->off), LLU(start_off));
    demand(start_off >= a->off && (l->retention || start_off <= l->trim_asked),
           "part %u: trimmed to %llu, the log starts at %llu", l->number, LLU(a->off),
           LLU(start_off));
    l->start_min = max_u64(l->start_min, start_off);
    l->start_kept = max_u64(l->start_kept, a->off);
}

/* ---- answers: topics ---- */

static void create_answered(struct ask *a, enum err err, const union payload *p)
{
    struct f_topic *t = a->topic;
    if (err && err != ERR_EXISTS)
        excuse_demand(a, err, &p->error);
    demand(err != ERR_EXISTS || t->doubtful, "topic %s: exists, and nobody created it", t->name);
    t->asked = false;
    t->doubtful |= err == ERR_POISONED;
    if (err && err != ERR_EXISTS)
        return;
    t->state = FRONT_LIVE;
    if (!err) {
        t->id = p->create_answer.topic;
        t->known = !id16_zero(t->id); /* Kafka: from version 7 on it is told */
    }
}

static void topic_gone(struct f_topic *t)
{
    t->state = FRONT_GONE;
    t->placed = false;
}

/* In doubt, or it was not done. */
static void delete_poisoned(const struct ask *a, const struct error_answer *e)
{
    struct f_topic *t = a->topic;
    bool doubt = memmem(e->text.at, e->text.len, "in doubt", strlen("in doubt"));
    a->wire->f->tally.deletes_doubted += doubt;
    if (doubt)
        t->refuses = t->doubtful = true;
    else if (!t->doubtful)
        t->state = FRONT_LIVE;
}

static void delete_answered(struct ask *a, enum err err, const union payload *p)
{
    struct f_topic *t = a->topic;
    t->asked = false;
    if (err && err != ERR_NOT_FOUND)
        excuse_demand(a, err, &p->error);
    demand(err != ERR_NOT_FOUND || t->doubtful, "topic %s: nobody deleted it", t->name);
    if (!err || err == ERR_NOT_FOUND)
        topic_gone(t);
    else if (err == ERR_POISONED)
        delete_poisoned(a, &p->error);
    a->wire->f->tally.full_deletes += !err && a->wire->f->limit_until_ns;
}

static void topic_place(struct front *f, struct f_topic *t, const struct describe_answer *tell)
{
    struct items places = tell->places;
    demand(tell->partitions == FRONT_PARTS && places.count == FRONT_PARTS,
           "topic %s: %u partitions, %u places", t->name, tell->partitions, places.count);
    demand(!t->known || id16_equal(t->id, tell->topic), "topic %s: has another id than before",
           t->name);
    t->id = tell->topic;
    t->known = t->placed = true;
    for (uint32_t i = 0; i < FRONT_PARTS; i++) {
        struct f_part *p = &t->parts[i];
        check(items_next(&places, ITEM_PLACE, &p->place));
        demand(p->place.err == 0, "topic %s: partition %u is not available: %u", t->name, i,
               p->place.err);
        demand(p->place.shard < f->shards, "topic %s: partition %u is on shard %u of %u", t->name,
               i, p->place.shard, f->shards);
        if (!p->ledger) {
            p->ledger = ledger_part(&f->ledger, t->durability);
            p->ledger->retention = t->retention;
            p->ledger->append_time = t->append_time;
            f->tally.parts++;
        }
    }
}

static void describe_answered(struct ask *a, enum err err, const union payload *p)
{
    struct f_topic *t = a->topic;
    if (t->serial != a->serial)
        return;
    t->describe_asked = false;
    if (err)
        excuse_demand(a, err, &p->error);
    else if (t->state == FRONT_LIVE || t->state == FRONT_DELETING)
        topic_place(a->wire->f, t, &p->describe_answer);
}

/* ---- answers: the rest ---- */

static void greeted(struct ask *a, enum err err, const union payload *p)
{
    a->wire->f->speech->greeted(a, err, p);
}

static void ping_answered(struct ask *a, enum err err, const union payload *p)
{
    if (err)
        excuse_demand(a, err, &p->error);
    else
        demand(p->ping.bytes.len == a->ping_bytes, "ping: %zu bytes come back of %u",
               p->ping.bytes.len, a->ping_bytes);
}

static void plain_answered(struct ask *a, enum err err, const union payload *p)
{
    if (err)
        excuse_demand(a, err, &p->error);
}

static void (*const answers[ASKS])(struct ask *, enum err, const union payload *) = {
    [VERB_HELLO] = greeted,
    [VERB_PING] = ping_answered,
    [VERB_TOPICS] = plain_answered,
    [VERB_DESCRIBE] = describe_answered,
    [VERB_CREATE] = create_answered,
    [VERB_DELETE] = delete_answered,
    [VERB_APPEND] = append_answered,
    [VERB_FETCH] = fetch_answered,
    [VERB_OFFSETS] = offsets_answered,
    [VERB_TRIM] = trim_answered,
    [VERB_STATS] = plain_answered,
    [ASK_PRODUCER] = plain_answered,
    [ASK_JOIN] = plain_answered,
    [ASK_SYNC] = plain_answered,
    [ASK_BEAT] = plain_answered,
    [ASK_LEAVE] = plain_answered,
    [ASK_COMMIT] = plain_answered,
    [ASK_COMMITTED] = plain_answered,
};

static void answer_count(const struct ask *a, enum err err)
{
    struct tally *t = &a->wire->f->tally;
    bool placed = ask_placed(a);
    t->answers++;
    t->cross_shard += placed && !err && a->topic->placed && a->topic->serial == a->serial &&
                      part_of(a)->place.shard != a->wire->shard;
}

void ask_answered(struct ask *a, enum err err, const union payload *p)
{
    bool placed = ask_placed(a);
    demand(!a->gone || !placed || err == ERR_NOT_FOUND || err == ERR_CLOSED || err == ERR_BUSY,
           "topic %s: answers %s with %s after it was deleted", a->topic->name, ask_name(a),
           err_name(err));
    answer_count(a, err);
    bool fetch = a->verb == VERB_FETCH; /* its batches are compared before the audit goes on */
    if (fetch || !a->audit || !audit_answered(a, err, p))
        answers[a->verb](a, err, p);
    if (a->member && a->topic)
        member_read(a, err);
    if (fetch && a->audit)
        (void)audit_answered(a, err, p);
    ask_forget(a);
}

/* ---- no answer ---- */

void ask_lost(struct ask *a, bool whole)
{
    struct front *f = a->wire->f;
    struct f_topic *t = a->topic;
    bool same = t && t->serial == a->serial;
    bool produced = a->verb == VERB_APPEND && f->ledger.batches[a->number].content.producer;
    if (a->audit)
        audit_lost(a);
    if (a->member)
        member_lost(a, whole);
    if (a->verb == ASK_PRODUCER)
        a->wire->f->clients[a->part].producer_asked = false;
    if (a->verb == VERB_APPEND && whole)
        ledger_doubt(&f->ledger, a->number);
    else if (a->verb == VERB_APPEND && !produced)
        ledger_refused(&f->ledger, a->number);
    if (same && (a->verb == VERB_CREATE || a->verb == VERB_DELETE)) {
        t->asked = false;
        t->doubtful |= whole;
    }
    if (same && a->verb == VERB_CREATE && !whole && !t->doubtful)
        topic_gone(t);
    if (same && a->verb == VERB_DESCRIBE)
        t->describe_asked = false;
    ask_forget(a);
}
