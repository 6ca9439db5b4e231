/* api_produce.c -- Produce and InitProducerId.
 *
 *   topics known --> each batch checked, long ones elsewhere --> appended, in the order of the
 *   request --> the next request may start --> all done --> answered
 *
 * acks: -1 and 1 wait for the durability of the topic, 0 has no answer; its errors end the
 * connection, as nothing else can tell of them. */
#include <stdlib.h>

#include "engine/base/batch_sums.h"
#include "engine/base/check.h"
#include "net/kafka/batch_check.h"
#include "net/kafka/far.h"
#include "net/kafka/handler.h"

/* What comes out of a request's batches elsewhere: UNPACK_BYTES_MAX, or so many times its bytes. It
 * bounds how long a request may take: some seconds. */
#define UNPACK_TIMES_MAX 64u

struct produce_part {
    struct verb_append append;
    struct far far;
    struct errand *errand;
    const struct topic_want *want;
    int32_t index;
    bool lent; /* a helper, or the verb, looks at the batch until it is done */
    struct batch_check check;
};

struct produce {
    uint64_t unpack_left; /* what may still come out of its batches elsewhere */
    uint32_t count;
    bool any_refused;
    struct produce_part parts[];
};

/* ---- answer ---- */

/* False: the errand ended. */
static bool part_fill(struct errand *c, const struct produce_part *p,
                      struct kafka_produce_response_partition_response *to)
{
    const struct verb_append *v = &p->append;
    to->index = p->index;
    to->error_code = (int16_t)p->check.error;
    to->base_offset = -1;
    if (p->check.error == KAFKA_NONE) {
        to->base_offset = (int64_t)v->base_off;
        if (v->append_timed)
            to->log_append_time_ms = v->append_ms;
        else if (v->duplicate)
            to->log_append_time_ms = p->check.info.header_max_time;
    } else if (p->check.why.text[0]) {
        char *text = errand_text(c, text_bytes(p->check.why.text));
        to->error_message = text_bytes(text);
        return text;
    }
    return true;
}

static bool answer_fill(struct errand *c, struct kafka_produce_response *r)
{
    const struct kafka_produce_request *ask = c->asked;
    const struct produce *s = c->state;
    uint32_t next = 0, topics = ask->topic_data.count;
    r->responses.at = errand_items(c, kafka_produce_response_response_shape(), topics);
    if (!r->responses.at)
        return false;
    for (uint32_t t = 0; t < topics; t++) {
        uint32_t count = ask->topic_data.at[t].partition_data.count;
        if (!count)
            continue;
        struct kafka_produce_response_response *to = &r->responses.at[r->responses.count++];
        to->name = ask->topic_data.at[t].name;
        to->partition_responses.at =
            errand_items(c, kafka_produce_response_partition_response_shape(), count);
        if (!to->partition_responses.at)
            return false;
        to->partition_responses.count = count;
        for (uint32_t i = 0; i < count; i++)
            if (!part_fill(c, &s->parts[next++], &to->partition_responses.at[i]))
                return false;
    }
    return true;
}

static void produce_answer(struct errand *c)
{
    const struct kafka_produce_request *ask = c->asked;
    struct produce *s = c->state;
    struct desk_kafka *d = errand_desk(c);
    metrics_latency(d->desk->metrics, METRIC_LATENCY_APPEND, desk_now(d->desk) - c->begin_ns);
    if (ask->acks == 0) {
        if (s->any_refused && !errand_gone(c))
            errand_break(c, ERR_INVALID, "produce without acknowledgement: a batch was refused");
        if (!c->ended)
            errand_answer_not(c);
        return;
    }
    RESPONSE(produce, r);
    if (answer_fill(c, &r))
        errand_answer(c, &r);
}

/* ---- append ---- */

static void part_refuse(struct produce_part *p, enum kafka_error error, const char *why)
{
    p->check.error = error;
    why_set(&p->check.why, "%s", why ? why : "");
    ((struct produce *)p->errand->state)->any_refused = true;
}

static void append_done(struct verb *verb)
{
    struct produce_part *p = container_of(verb, struct produce_part, append.verb);
    struct errand *c = p->errand;
    struct desk_kafka *d = errand_desk(c);
    if (verb->err != ERR_OK) {
        part_refuse(p, kafka_error_of(verb->err), err_text(verb->err));
        metrics_error(d->desk->metrics, verb->err);
    }
    if (verb->err == ERR_NOT_FOUND)
        topic_forget(d, p->append.place.topic);
    p->lent = false;
    if (errand_less(c))
        produce_answer(c);
    errand_frame_settle(c);
}

static bool part_here(const struct produce_part *p)
{
    return conn_serves(p->errand->conn, &p->append.place);
}

static void part_go(struct errand *c, struct produce_part *p)
{
    const struct kafka_produce_request *ask = c->asked;
    struct verb_append *v = &p->append;
    bool here = part_here(p);
    if (!here)
        errand_frame_own(c);
    v->verb = errand_verb(c, append_done);
    v->batch = p->check.records;
    v->verified = true;
    v->max_time = p->check.max_time;
    v->count = p->check.info.last_off_delta + 1;
    v->sums = p->check.sums;
    v->want_set = ask->acks == 0 || /* nobody waits: its memory comes back soon */
                  (pitfall(KAFKA_LEADER_ACK) && ask->acks == 1);
    v->want = DURABILITY_MEMORY;
    errand_more(c);
    p->lent = true;
    if (here)
        p->lent = !serve_append_here(errand_serve(c), v);
    else
        serve_append(errand_serve(c), v);
}

/* ---- where the batches lie ---- */

static bool produce_looks(const struct errand *c)
{
    const struct produce *s = c->state;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->parts[i].lent)
            return true;
    return false;
}

/* Of those that are still to be looked at, and those that the log has parked. Sums are of where the
 * batches lay. */
static void produce_moved(struct errand *c)
{
    const struct kafka_produce_request *ask = c->asked;
    struct produce *s = c->state;
    uint32_t next = 0;
    for (uint32_t t = 0; t < ask->topic_data.count; t++)
        for (uint32_t i = 0; i < ask->topic_data.at[t].partition_data.count; i++) {
            struct produce_part *p = &s->parts[next++];
            p->check.records = p->check.unpack.batch =
                ask->topic_data.at[t].partition_data.at[i].records;
            p->check.sums = NULL;
            if (p->append.append.borrowed)
                serve_append_move(&p->append, p->check.records.at);
        }
}

const struct handler_frame produce_frame = { .looks = produce_looks, .moved = produce_moved };

static void produce_append(struct errand *c)
{
    struct produce *s = c->state;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->parts[i].check.error == KAFKA_NONE)
            part_go(c, &s->parts[i]);
        else
            s->any_refused = true;
    if (c->left == 0)
        produce_answer(c);
    else
        errand_started(c);
}

/* ---- checks ---- */

static void far_run(struct far *f)
{
    struct produce_part *p = container_of(f, struct produce_part, far);
    const struct produce *s = p->errand->state; /* nobody writes: one at a time is with a helper */
    batch_check_far(&p->check, s->unpack_left, far_gone(f));
}

static void far_done(struct far *f)
{
    struct produce_part *p = container_of(f, struct produce_part, far);
    struct errand *c = p->errand;
    struct produce *s = c->state;
    p->lent = false;
    s->unpack_left -= p->check.unpack.bytes;
    batch_check_end(&p->check);
    if (errand_less(c))
        produce_append(c);
}

/* There is room for sums where they are worth it; another shard does not use them. */
static void part_sums(struct produce_part *p)
{
    if (!part_here(p))
        p->check.sums = NULL;
    if (p->check.sums)
        p->check.sums->phase = serve_append_phase(errand_serve(p->errand), &p->append.place);
}

/* False: it is to be looked at elsewhere. */
static bool part_look(struct produce_part *p, struct desk_kafka *d)
{
    const struct settings *s = &p->want->topic->info->settings;
    p->check.append_time = setting_get(s, SETTING_TIMESTAMP_TYPE) != 0;
    p->check.now_ms = io_wall_ms(d->desk->shard->io);
    p->check.before_max_ms = setting_get(s, SETTING_TIME_BEFORE_MAX);
    p->check.after_max_ms = setting_get(s, SETTING_TIME_AFTER_MAX);
    part_sums(p);
    return batch_check(&p->check, &d->unpack);
}

/* What the engine would refuse anyway is not unpacked before. */
static void part_far(struct errand *c, struct produce_part *p)
{
    const struct settings *s = &p->want->topic->info->settings;
    if (p->check.records.len > (uint64_t)setting_get(s, SETTING_MAX_MESSAGE_BYTES)) {
        part_refuse(p, KAFKA_MESSAGE_TOO_LARGE, err_text(ERR_TOO_LARGE));
        return;
    }
    probe("kafka: a batch is unpacked outside of a turn");
    errand_frame_own(c);
    p->lent = true;
    p->far = (struct far){ .run = far_run, .done = far_done };
    errand_more(c);
    far_do(c, &p->far);
}

static void part_check(struct errand *c, struct produce_part *p)
{
    struct desk_kafka *d = errand_desk(c);
    if (!p->want->topic)
        part_refuse(p, topic_error(p->want), NULL);
    else if (!topic_place(p->want->topic, p->index, &p->append.place))
        part_refuse(p, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "the topic has no such partition");
    else if (!part_look(p, d))
        part_far(c, p);
}

static void produce_known(struct errand *c)
{
    struct produce *s = c->state;
    errand_more(c); /* ours, for as long as the loop runs */
    for (uint32_t i = 0; i < s->count; i++)
        if (s->parts[i].check.error == KAFKA_NONE)
            part_check(c, &s->parts[i]);
    if (errand_less(c))
        produce_append(c);
}

/* What holds for the whole request; NONE: nothing is wrong. */
static enum kafka_error request_check(const struct kafka_produce_request *ask, const char **why)
{
    if (ask->acks < -1 || ask->acks > 1) {
        *why = "acks are -1, 0 or 1";
        return KAFKA_INVALID_REQUIRED_ACKS;
    }
    if (ask->transactional_id.at) {
        *why = "transactions are not in this version";
        return KAFKA_INVALID_TXN_STATE;
    }
    return KAFKA_NONE;
}

static size_t sums_room(struct bytes batch)
{
    return batch.len >= BATCH_SUMS_MIN ? batch_sums_bytes(batch.len) : 0;
}

/* How many partitions the request names, and what the sums of their batches need. */
static uint32_t parts_count(const struct kafka_produce_request *ask, size_t *sums_bytes)
{
    uint32_t count = 0;
    *sums_bytes = 0;
    for (uint32_t t = 0; t < ask->topic_data.count && count <= ERRAND_PARTS_MAX; t++) {
        const struct kafka_produce_request_topic_data *topic = &ask->topic_data.at[t];
        count += topic->partition_data.count;
        for (uint32_t i = 0; i < topic->partition_data.count; i++)
            *sums_bytes += sums_room(topic->partition_data.at[i].records);
    }
    return count;
}

static bool parts_fill(struct errand *c, struct topic_want *wants)
{
    const struct kafka_produce_request *ask = c->asked;
    const char *why = NULL;
    enum kafka_error error = request_check(ask, &why);
    size_t sums_bytes;
    uint32_t count = parts_count(ask, &sums_bytes), topics = ask->topic_data.count;
    if (!errand_parts_within(c, count))
        return false;
    struct produce *s = errand_take(c, sizeof(*s) + count * sizeof(s->parts[0]) + sums_bytes);
    if (!s)
        return false;
    uint8_t *sums = (uint8_t *)&s->parts[count];
    c->state = s;
    s->unpack_left = max_u64(UNPACK_BYTES_MAX, c->frame.len * UNPACK_TIMES_MAX);
    for (uint32_t t = 0; t < topics; t++) {
        const struct kafka_produce_request_topic_data *from = &ask->topic_data.at[t];
        wants[t] = (struct topic_want){ .name = from->name };
        for (uint32_t i = 0; i < from->partition_data.count; i++) {
            struct produce_part *p = &s->parts[s->count++];
            p->errand = c;
            p->want = &wants[t];
            p->index = from->partition_data.at[i].index;
            p->check.records = from->partition_data.at[i].records;
            p->check.version = errand_version(c);
            if (sums_room(p->check.records))
                p->check.sums = (struct batch_sums *)(void *)sums;
            sums += sums_room(p->check.records);
            if (error != KAFKA_NONE)
                part_refuse(p, error, why);
        }
    }
    return true;
}

void produce_start(struct errand *c)
{
    const struct kafka_produce_request *ask = c->asked;
    uint32_t topics = ask->topic_data.count;
    if (!errand_parts_within(c, topics))
        return;
    struct topic_want *wants = errand_take(c, topics * sizeof(*wants) + 1);
    if (wants && parts_fill(c, wants))
        topics_find(c, wants, topics, produce_known);
}

/* ---- InitProducerId ---- */

/* Ids are drawn, not counted: 62 random bits need no record of what was given. What a client says
 * of an id it had is for transactions; without one it gets a new id. */
void producer_id_start(struct errand *c)
{
    const struct kafka_init_producer_id_request *ask = c->asked;
    RESPONSE(init_producer_id, r);
    r.producer_epoch = -1;
    if ((ask->transactional_id.at && !ask->transactional_id.len) ||
        (ask->producer_id == -1) != (ask->producer_epoch == -1)) {
        r.error_code = KAFKA_INVALID_REQUEST;
    } else if (ask->transactional_id.at) {
        r.error_code = KAFKA_UNSUPPORTED_VERSION;
    } else {
        r.producer_id = (int64_t)(io_random(c->conn->desk->shard->io) >> 2);
        r.producer_epoch = 0;
    }
    errand_answer(c, &r);
}
