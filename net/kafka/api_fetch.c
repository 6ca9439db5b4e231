/* api_fetch.c -- Fetch.
 *
 *   topics known --> every partition's fetch starts, and waits for itself --the first one has
 *   enough, or fails--> the others wait no longer --> all done --> answered
 *
 * The bytes of an answer are shared evenly: max_bytes, or what the door grants, by the number of
 * partitions. What comes over it nevertheless, since a batch is given whole, is left out again but
 * for the first (KIP-74). Batches are not copied: they go out from where the engine has them.
 *
 * What is done holds memory while the rest is under way, and while older requests of its connection
 * are: answers go out in order, so an answer is made when all older ones are. If somebody waits for
 * memory then, it is given back, and that partition's answer is empty; clients ask again. An older
 * one that only waits for records is told to wait no longer first, and after SHED_NS whether
 * somebody waits or not.
 *
 * So who waits for memory waits for none who waits himself: memory is of reads under way, of what
 * gives it back within two looks, and of answers in the send, which move or are cut (net/door).
 *
 * Fetches that remember what was asked (KIP-227) are not offered: every request is whole. */
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/handler.h"

#define LOOK_NS            (50 * MS_NS)
#define ENCODED_PART_BYTES 96u /* of a topic, or of a partition, its name aside; about 60 */

struct fetch_part {
    struct verb_fetch fetch;
    struct verb_epoch epoch;
    struct verb_part about; /* where it diverges: what else there is to say */
    struct fetch *all;
    const struct topic_want *want;
    const struct kafka_fetch_request_partition *ask;
    enum kafka_error error;
    bool found, done, holds, diverges;
};

/* Outlives its errand until the last part's memory was given back. */
struct fetch {
    struct errand *errand;
    atomic_uint users;
    struct timer look; /* while it holds memory and is not answered */
    uint64_t bytes;
    uint64_t done_ns; /* all parts were; 0: not yet */
    uint32_t count, part_bytes, wait_ms;
    bool hurried;
    bool urged; /* older requests were told that others wait for what it holds */
    struct fetch_part parts[];
};

static void fetch_let_go(struct fetch *f)
{
    if (atomic_fetch_sub(&f->users, 1) == 1)
        free(f);
}

/* On the partition's shard. */
static void part_returned(struct verb_fetch *v)
{
    fetch_let_go(container_of(v, struct fetch_part, fetch)->all);
}

static void part_give(struct fetch_part *p)
{
    if (!p->holds)
        return;
    p->holds = false;
    atomic_fetch_add(&p->all->users, 1);
    serve_fetch_give(&p->fetch, part_returned);
}

void fetch_free(struct errand *c, bool alive)
{
    struct fetch *f = c->state;
    if (alive)
        timer_stop(&c->conn->desk->shard->timers, &f->look);
    for (uint32_t i = 0; i < f->count; i++)
        if (alive)
            part_give(&f->parts[i]);
        else if (f->parts[i].holds)
            io_buffer_give(f->parts[i].fetch.read.buf);
    fetch_let_go(f);
}

/* ---- answer ---- */

static void part_fill(struct fetch_part *p, struct kafka_fetch_response_partition *to,
                      const struct kafka_fetch_request *ask)
{
    const struct verb_fetch *v = &p->fetch;
    to->partition_index = p->ask->partition;
    to->error_code = (int16_t)p->error;
    to->high_watermark = -1;
    if (ask->isolation_level == 0 && p->found) /* as Kafka has it: no list, or an empty one */
        to->aborted_transactions.at = NULL;
    if (p->error != KAFKA_NONE)
        return;
    if (p->diverges) {
        to->diverging_epoch.epoch = (int32_t)p->epoch.found_epoch;
        to->diverging_epoch.end_offset = (int64_t)p->epoch.end_off;
        to->high_watermark = to->last_stable_offset = (int64_t)p->about.info.visible_off;
        to->log_start_offset = (int64_t)p->about.info.start_off;
        return;
    }
    to->high_watermark = to->last_stable_offset = (int64_t)v->visible_off;
    to->log_start_offset = (int64_t)v->start_off;
}

/* The batches of a part, if the answer has room for them. */
static void part_batches(struct errand *c, struct fetch_part *p, uint64_t bytes_max,
                         struct errand_batches *to, uint32_t *count,
                         struct kafka_fetch_response_partition *answer)
{
    const struct verb_fetch *v = &p->fetch;
    if (!p->holds || !v->batches.len || p->error != KAFKA_NONE)
        return;
    if (c->batch_bytes && c->batch_bytes + v->batches.len > bytes_max && !pitfall(KAFKA_OVER_MAX))
        return;
    to[(*count)++] = (struct errand_batches){ v->batches, &v->read.lent };
    c->batch_bytes += v->batches.len;
    answer->records = (struct bytes){ kafka_elsewhere, v->batches.len };
}

static void fetch_answer(struct errand *c)
{
    const struct kafka_fetch_request *ask = c->asked;
    struct fetch *f = c->state;
    struct desk_kafka *d = errand_desk(c);
    RESPONSE(fetch, r);
    uint32_t next = 0, holes = 0, topics = ask->topics.count;
    uint64_t bytes_max = ask->max_bytes > 0 ? (uint64_t)ask->max_bytes : 0, waited_ns = 0;
    struct errand_batches *batches = errand_take(c, f->count * sizeof(*batches) + 1);
    timer_stop(&d->desk->shard->timers, &f->look);
    r.responses.at =
        batches ? errand_items(c, kafka_fetch_response_response_shape(), topics) : NULL;
    if (!r.responses.at)
        return;
    r.responses.count = topics;
    for (uint32_t t = 0; t < topics; t++) {
        struct kafka_fetch_response_response *to = &r.responses.at[t];
        uint32_t count = ask->topics.at[t].partitions.count;
        to->topic = ask->topics.at[t].topic;
        to->topic_id = ask->topics.at[t].topic_id;
        to->partitions.at = errand_items(c, kafka_fetch_response_partition_shape(), count);
        if (!to->partitions.at)
            return;
        to->partitions.count = count;
        for (uint32_t i = 0; i < count; i++) {
            struct fetch_part *p = &f->parts[next++];
            part_fill(p, &to->partitions.at[i], ask);
            part_batches(c, p, bytes_max, batches, &holes, &to->partitions.at[i]);
            waited_ns = max_u64(waited_ns, p->fetch.waited_ns);
        }
    }
    uint64_t ns = f->done_ns - c->begin_ns;
    metrics_latency(d->desk->metrics, METRIC_LATENCY_FETCH, ns - min_u64(ns, waited_ns));
    errand_answer_around(c, &r, batches, holes);
}

/* ---- waiting ---- */

/* The rest waits no longer. */
static void fetch_hurry_all(struct fetch *f)
{
    if (f->hurried)
        return;
    f->hurried = true;
    for (uint32_t i = 0; i < f->count; i++)
        if (!f->parts[i].done && f->parts[i].fetch.verb.serve)
            serve_fetch_hurry(&f->parts[i].fetch);
}

/* ---- holding ---- */

static bool fetch_holds(const struct fetch *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->parts[i].holds)
            return true;
    return false;
}

/* What those parts have that are done. */
static void fetch_give(struct fetch *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->parts[i].done)
            part_give(&f->parts[i]);
}

static void fetch_look(struct timer *t);

static void fetch_watch(struct fetch *f)
{
    struct door_desk *d = f->errand->conn->desk;
    if (f->look.place)
        return;
    f->look.fire = fetch_look;
    timer_start(&d->shard->timers, &f->look, desk_now(d) + LOOK_NS);
}

/* Older requests may wait for records alone. Also without anybody who waits for memory: what is
 * lent cannot be used for anything else. */
static void fetch_urge(struct fetch *f)
{
    probe("kafka: a fetch waits no longer, for the answer behind it holds batches");
    f->urged = true;
    errands_hurry(f->errand->conn);
}

static void fetch_look(struct timer *t)
{
    struct fetch *f = container_of(t, struct fetch, look);
    struct errand *c = f->errand;
    bool wanted = serve_reads_wait(errand_serve(c));
    if (f->done_ns && !f->urged && (wanted || desk_now(c->conn->desk) >= c->begin_ns + SHED_NS)) {
        fetch_urge(f);
    } else if (wanted) {
        probe("kafka: a fetch gives back what it has, for others wait for memory");
        fetch_give(f);
    }
    if (fetch_holds(f))
        fetch_watch(f);
}

/* All parts are done. */
static void fetch_ready(struct errand *c)
{
    struct fetch *f = c->state;
    f->done_ns = desk_now(c->conn->desk);
    if (errand_first(c) || !fetch_holds(f)) {
        fetch_answer(c);
        return;
    }
    c->first = fetch_answer;
    fetch_watch(f);
    errand_started(c);
}

void fetch_hurry(struct errand *c)
{
    struct fetch *f = c->state;
    if (!f)
        return;
    fetch_hurry_all(f);
    if (errand_gone(c)) /* freed in its order; nobody wants what it has */
        fetch_give(f);
}

static void part_end(struct fetch_part *p)
{
    struct fetch *f = p->all;
    struct errand *c = f->errand;
    const struct kafka_fetch_request *ask = c->asked;
    p->done = true;
    if (errand_gone(c) || !p->fetch.batches.len)
        part_give(p);
    f->bytes += p->holds ? p->fetch.batches.len : 0;
    if (p->error != KAFKA_NONE || p->diverges || (int64_t)f->bytes >= ask->min_bytes)
        fetch_hurry_all(f);
    if (errand_less(c))
        fetch_ready(c);
    else if (p->holds)
        fetch_watch(f);
}

static void fetch_done(struct verb *verb)
{
    struct fetch_part *p = container_of(verb, struct fetch_part, fetch.verb);
    struct desk_kafka *d = errand_desk(p->all->errand);
    p->holds = verb->err == ERR_OK;
    if (verb->err != ERR_OK) {
        p->error = kafka_error_of_fetch(verb->err);
        metrics_error(d->desk->metrics, verb->err);
    }
    if (verb->err == ERR_NOT_FOUND)
        topic_forget(d, p->fetch.place.topic);
    part_end(p);
}

/* ---- start ---- */

static void part_fetch(struct fetch_part *p)
{
    struct fetch *f = p->all;
    struct errand *c = f->errand;
    const struct kafka_fetch_request *ask = c->asked;
    bool waits = !f->hurried && c->conn->state < CONN_CLOSING;
    int64_t most = p->ask->partition_max_bytes;
    struct verb_fetch *v = &p->fetch;
    v->verb = errand_verb(c, fetch_done);
    v->off = (uint64_t)p->ask->fetch_offset;
    v->client = c->conn->number;
    v->bytes_max = (uint32_t)min_u64(most > 0 ? (uint64_t)most : 1, f->part_bytes);
    v->bytes_min = ask->min_bytes > 1 ? (uint32_t)ask->min_bytes : 1;
    v->bytes_min = (uint32_t)min_u64(v->bytes_min, v->bytes_max);
    v->wait_ns = waits ? f->wait_ms * MS_NS : 0;
    v->lends = true;
    serve_fetch(errand_serve(c), v);
}

static void about_done(struct verb *verb)
{
    struct fetch_part *p = container_of(verb, struct fetch_part, about.verb);
    if (verb->err != ERR_OK)
        p->error = kafka_error_of_fetch(verb->err);
    part_end(p);
}

static void part_diverges(struct fetch_part *p)
{
    struct errand *c = p->all->errand;
    p->diverges = true;
    p->about.verb = errand_verb(c, about_done);
    p->about.place = p->fetch.place;
    serve_part(errand_serve(c), &p->about);
}

/* An epoch that is still to come is of another log. Where the log knows none, as nothing was
 * appended yet, there is nothing to compare with. */
static void epoch_done(struct verb *verb)
{
    struct fetch_part *p = container_of(verb, struct fetch_part, epoch.verb);
    const struct verb_epoch *e = &p->epoch;
    int32_t theirs = p->ask->last_fetched_epoch;
    if (verb->err != ERR_OK)
        p->error = kafka_error_of_fetch(verb->err);
    else if (topic_epoch_check(p->want->topic, p->ask->partition, theirs) ==
             KAFKA_UNKNOWN_LEADER_EPOCH)
        p->error = KAFKA_OFFSET_OUT_OF_RANGE;
    if (p->error != KAFKA_NONE)
        part_end(p);
    else if (e->found &&
             ((int32_t)e->found_epoch < theirs || (int64_t)e->end_off < p->ask->fetch_offset))
        part_diverges(p);
    else
        part_fetch(p);
}

static enum kafka_error part_refusal(struct fetch_part *p)
{
    const struct topic *t = p->want->topic;
    if (!t && p->want->err == ERR_NOT_FOUND)
        return topic_error(p->want);
    if (!t)
        return kafka_error_of_fetch(p->want->err);
    if (!topic_place(t, p->ask->partition, &p->fetch.place))
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    p->found = true;
    if (p->ask->fetch_offset < 0)
        return KAFKA_OFFSET_OUT_OF_RANGE;
    return topic_epoch_check(t, p->ask->partition, p->ask->current_leader_epoch);
}

static void part_start(struct fetch_part *p)
{
    struct errand *c = p->all->errand;
    errand_more(c);
    if (p->ask->last_fetched_epoch < 0) {
        part_fetch(p);
        return;
    }
    p->epoch.verb = errand_verb(c, epoch_done);
    p->epoch.place = p->fetch.place;
    p->epoch.epoch = (uint32_t)p->ask->last_fetched_epoch;
    serve_epoch(errand_serve(c), &p->epoch);
}

/* Wrong ones are seen before anything waits. */
static void fetch_known(struct errand *c)
{
    struct fetch *f = c->state;
    uint32_t fine = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct fetch_part *p = &f->parts[i];
        p->error = part_refusal(p);
        p->done = p->error != KAFKA_NONE;
        fine += !p->done;
    }
    if (fine < f->count)
        f->wait_ms = 0;
    errand_more(c); /* ours, for as long as the loop runs */
    for (uint32_t i = 0; i < f->count; i++)
        if (!f->parts[i].done)
            part_start(&f->parts[i]);
    if (errand_less(c))
        fetch_ready(c);
    else
        errand_started(c);
}

/* Of the answer, at most: as structs, and as bytes. */
static uint64_t answer_bytes(const struct kafka_fetch_request *ask)
{
    uint64_t part = kafka_fetch_response_partition_shape()->bytes + sizeof(struct errand_batches) +
                    ENCODED_PART_BYTES;
    uint64_t sum = KIB(16); /* memory is taken in chunks */
    for (uint32_t t = 0; t < ask->topics.count; t++)
        sum += kafka_fetch_response_response_shape()->bytes + ask->topics.at[t].topic.len +
               ENCODED_PART_BYTES + ask->topics.at[t].partitions.count * part;
    return sum;
}

/* NULL: too many, or no memory: as errand_take(). */
static struct fetch *fetch_make(struct errand *c, struct topic_want *wants)
{
    const struct kafka_fetch_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count && count <= ERRAND_PARTS_MAX; t++)
        count += ask->topics.at[t].partitions.count;
    size_t bytes = sizeof(struct fetch) + count * sizeof(struct fetch_part);
    if (!errand_parts_within(c, count) || !errand_charge(c, bytes) ||
        !errand_set_aside(c, answer_bytes(ask)))
        return NULL;
    struct fetch *f = calloc(1, bytes);
    check(f); /* within the budget: the system is out of memory */
    f->errand = c;
    f->users = 1;
    c->state = f;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        const struct kafka_fetch_request_topic *from = &ask->topics.at[t];
        bool by_id = errand_version(c) >= 13;
        wants[t] = (struct topic_want){ .name = by_id ? (struct bytes){ NULL, 0 } : from->topic,
                                        .id = from->topic_id };
        for (uint32_t i = 0; i < from->partitions.count; i++) {
            struct fetch_part *p = &f->parts[f->count++];
            p->all = f;
            p->want = &wants[t];
            p->ask = &from->partitions.at[i];
        }
    }
    return f;
}

static void fetch_plan(struct errand *c, struct fetch *f)
{
    const struct kafka_fetch_request *ask = c->asked;
    uint64_t most = ask->max_bytes > 0 ? (uint64_t)ask->max_bytes : 1;
    int32_t wait_ms = ask->min_bytes > 0 && ask->max_wait_ms > 0 ? ask->max_wait_ms : 0;
    c->granted = conn_grant(c->conn, most);
    f->part_bytes = (uint32_t)max_u64(c->granted / max_u64(f->count, 1), CONN_GRANT_LEAST);
    f->part_bytes = (uint32_t)min_u64(f->part_bytes, most);
    f->wait_ms = (uint32_t)min_u64((uint64_t)wait_ms, KAFKA_WAIT_MAX_MS);
}

/* Epochs 0 and -1 begin and end what a broker may remember of fetches: both name all they want. */
static enum kafka_error fetch_whole(const struct kafka_fetch_request *ask)
{
    bool whole = ask->session_epoch == 0 || ask->session_epoch == -1;
    return whole ? KAFKA_NONE : KAFKA_FETCH_ID_NOT_FOUND;
}

void fetch_start(struct errand *c)
{
    const struct kafka_fetch_request *ask = c->asked;
    enum kafka_error error = fetch_whole(ask);
    if (error != KAFKA_NONE) {
        RESPONSE(fetch, r);
        r.error_code = (int16_t)error;
        errand_answer(c, &r);
        return;
    }
    if (!errand_parts_within(c, ask->topics.count))
        return;
    struct topic_want *wants = errand_take(c, ask->topics.count * sizeof(*wants) + 1);
    struct fetch *f = wants ? fetch_make(c, wants) : NULL;
    if (!f)
        return;
    fetch_plan(c, f);
    topics_find(c, wants, ask->topics.count, fetch_known);
}
