/* api_offset.c -- ListOffsets, OffsetForLeaderEpoch, DeleteRecords: places in a partition.
 *
 * The engine finds the batch in which a time is; where it is compressed, the record is looked for
 * in here: the batch is fetched and unpacked, elsewhere if that is long. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/far.h"
#include "net/kafka/handler.h"

#define TIME_LATEST   (-1)
#define TIME_EARLIEST (-2)
#define TIME_MAX      (-3)
#define TIME_MAX_FROM 7 /* version */
#define ATTR_CODEC    7u

/* What is asked of a partition, whatever the API. */
struct place_part {
    struct errand *errand;
    const struct topic_want *want;
    int32_t index;
    enum kafka_error error;
    struct place place;
};

/* ---- one loop for three requests ---- */

/* NONE: `place` is filled in. */
static void part_place(struct place_part *p, int32_t epoch)
{
    const struct topic *t = p->want->topic;
    if (!t)
        p->error = topic_error(p->want);
    else if (!topic_place(t, p->index, &p->place))
        p->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    else
        p->error = topic_epoch_check(t, p->index, epoch);
}

static void part_failed(struct place_part *p, enum err err)
{
    struct desk_kafka *d = errand_desk(p->errand);
    if (err == ERR_OK)
        return;
    p->error = kafka_error_of(err);
    metrics_error(d->desk->metrics, err);
    if (err == ERR_NOT_FOUND)
        topic_forget(d, p->place.topic);
}

/* ---- ListOffsets ---- */

struct batch_fetch;

struct offset_part {
    struct place_part part;
    const struct kafka_list_offsets_request_partition *ask;
    struct verb_offset offset;
    struct batch_fetch *batch; /* while it is unpacked elsewhere */
    struct unpack unpack;
    struct far far;
    int64_t found_off, found_ms;
};

struct offsets {
    uint32_t count;
    struct offset_part *parts;
};

static void offsets_answer(struct errand *c)
{
    const struct kafka_list_offsets_request *ask = c->asked;
    const struct offsets *s = c->state;
    RESPONSE(list_offsets, r);
    uint32_t next = 0;
    r.topics.at = errand_items(c, kafka_list_offsets_response_topic_shape(), ask->topics.count);
    if (!r.topics.at)
        return;
    r.topics.count = ask->topics.count;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        struct kafka_list_offsets_response_topic *to = &r.topics.at[t];
        uint32_t count = ask->topics.at[t].partitions.count;
        to->name = ask->topics.at[t].name;
        to->partitions.at = errand_items(c, kafka_list_offsets_response_partition_shape(), count);
        if (!to->partitions.at)
            return;
        to->partitions.count = count;
        for (uint32_t i = 0; i < count; i++) {
            const struct offset_part *p = &s->parts[next++];
            struct kafka_list_offsets_response_partition *one = &to->partitions.at[i];
            one->partition_index = p->part.index;
            one->error_code = (int16_t)p->part.error;
            if (p->part.error != KAFKA_NONE || p->found_off < 0)
                continue;
            one->offset = p->found_off;
            one->timestamp = p->found_ms;
            one->leader_epoch = (int32_t)p->offset.leader_epoch;
        }
    }
    errand_answer(c, &r);
}

static void offset_end(struct offset_part *p)
{
    if (errand_less(p->part.errand))
        offsets_answer(p->part.errand);
}

/* In memory of its own: giving back ends later, and elsewhere. */
struct batch_fetch {
    struct verb_fetch fetch;
    struct offset_part *part;
};

static void batch_given(struct verb_fetch *v)
{
    free(container_of(v, struct batch_fetch, fetch));
}

static void unpacked(struct offset_part *p, struct batch_fetch *b)
{
    part_failed(&p->part, p->unpack.err == ERR_NO_MEMORY ? ERR_NO_MEMORY : ERR_OK);
    if (p->unpack.err == ERR_OK && p->unpack.found) {
        p->found_off = (int64_t)p->unpack.found_off;
        p->found_ms = p->unpack.found_ms;
    }
    serve_fetch_give(&b->fetch, batch_given);
    offset_end(p);
}

static void far_run(struct far *f)
{
    struct unpacker *with = NULL;
    struct offset_part *p = container_of(f, struct offset_part, far);
    p->unpack.bytes_max = UNPACK_BYTES_MAX;
    p->unpack.gone = far_gone(f);
    unpack_run(&with, &p->unpack);
    unpacker_close(&with);
}

static void far_done(struct far *f)
{
    struct offset_part *p = container_of(f, struct offset_part, far);
    unpacked(p, p->batch);
}

/* Where it is not compressed, what the engine found is the record. */
static void batch_came(struct verb *verb)
{
    struct batch_fetch *b = container_of(verb, struct batch_fetch, fetch.verb);
    struct offset_part *p = b->part;
    struct errand *c = p->part.errand;
    struct desk_kafka *d = errand_desk(c);
    struct batch_info info;
    part_failed(&p->part, verb->err);
    if (verb->err != ERR_OK) {
        free(b);
        offset_end(p);
        return;
    }
    p->unpack = (struct unpack){ .batch = b->fetch.batches };
    p->unpack.find_ms = p->offset.what == OFFSET_TIME ? p->offset.time_ms : p->found_ms;
    p->unpack.find_off = b->fetch.start_off;
    bool packed = batch_peek(b->fetch.batches, &info) == ERR_OK && info.attributes & ATTR_CODEC;
    if (packed && !unpack_near(&d->unpack, &p->unpack)) {
        p->batch = b;
        p->far = (struct far){ .run = far_run, .done = far_done };
        far_do(c, &p->far);
        return;
    }
    unpacked(p, b);
}

static void record_find(struct offset_part *p)
{
    struct errand *c = p->part.errand;
    struct batch_fetch *b = calloc(1, sizeof(*b));
    check(b); /* a few hundred bytes */
    b->part = p;
    b->fetch = (struct verb_fetch){ .verb = errand_verb(c, batch_came),
                                    .place = p->part.place,
                                    .off = p->offset.off,
                                    .bytes_max = 1,
                                    .client = c->conn->number };
    serve_fetch(errand_serve(c), &b->fetch);
}

/* That there is no such record is an answer, and no error. */
static void offset_done(struct verb *verb)
{
    struct offset_part *p = container_of(verb, struct offset_part, offset.verb);
    bool timed = p->offset.what == OFFSET_TIME || p->offset.what == OFFSET_MAX_TIME;
    bool none = timed && verb->err == ERR_NOT_FOUND;
    part_failed(&p->part, none ? ERR_OK : verb->err);
    if (verb->err == ERR_OK) {
        p->found_off = (int64_t)p->offset.off;
        p->found_ms = timed ? p->offset.found_ms : -1;
    }
    if (verb->err == ERR_OK && timed && !pitfall(KAFKA_BATCH_FOUND))
        record_find(p);
    else
        offset_end(p);
}

static void offset_start(struct offset_part *p)
{
    struct errand *c = p->part.errand;
    int64_t time = p->ask->timestamp;
    struct verb_offset *v = &p->offset;
    v->verb = errand_verb(c, offset_done);
    v->place = p->part.place;
    v->what = OFFSET_TIME;
    v->time_ms = time;
    if (time == TIME_LATEST || time == TIME_EARLIEST)
        v->what = time == TIME_LATEST ? OFFSET_LATEST : OFFSET_EARLIEST;
    else if (time == TIME_MAX && errand_version(c) >= TIME_MAX_FROM)
        v->what = OFFSET_MAX_TIME;
    else if (time < 0)
        p->part.error = KAFKA_UNSUPPORTED_VERSION;
    if (p->part.error != KAFKA_NONE)
        return;
    errand_more(c);
    serve_offset(errand_serve(c), v);
}

static int part_order(const void *a, const void *b)
{
    const struct place_part *one = &(*(struct offset_part *const *)a)->part;
    const struct place_part *other = &(*(struct offset_part *const *)b)->part;
    int order = memcmp(&one->want->topic->info->id, &other->want->topic->info->id, 16);
    return order ? order : one->index < other->index ? -1 : one->index > other->index;
}

/* Who is named twice is refused, as in Kafka. False: no memory, the errand was ended. */
static bool refuse_twice(struct errand *c)
{
    const struct offsets *s = c->state;
    struct offset_part **all = errand_take(c, s->count * sizeof(*all) + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; all && i < s->count; i++)
        if (s->parts[i].part.want->topic)
            all[count++] = &s->parts[i];
    if (all)
        qsort(all, count, sizeof(struct offset_part *), part_order);
    for (uint32_t i = 1; i < count; i++)
        if (part_order(&all[i - 1], &all[i]) == 0)
            all[i - 1]->part.error = all[i]->part.error = KAFKA_INVALID_REQUEST;
    return all;
}

static void offsets_known(struct errand *c)
{
    struct offsets *s = c->state;
    if (!refuse_twice(c))
        return;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct offset_part *p = &s->parts[i];
        if (p->part.error == KAFKA_NONE)
            part_place(&p->part, p->ask->current_leader_epoch);
        if (p->part.error == KAFKA_NONE)
            offset_start(p);
    }
    if (errand_less(c))
        offsets_answer(c);
    else
        errand_started(c);
}

void offsets_start(struct errand *c)
{
    const struct kafka_list_offsets_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count && count <= ERRAND_PARTS_MAX; t++)
        count += ask->topics.at[t].partitions.count + 1u;
    if (!errand_parts_within(c, count))
        return;
    struct topic_want *wants = errand_take(c, ask->topics.count * sizeof(*wants) + 1);
    struct offsets *s = wants ? errand_take(c, sizeof(*s)) : NULL;
    struct offset_part *parts = s ? errand_take(c, count * sizeof(*parts) + 1) : NULL;
    if (!parts)
        return;
    s->parts = parts;
    c->state = s;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        const struct kafka_list_offsets_request_topic *from = &ask->topics.at[t];
        wants[t] = (struct topic_want){ .name = from->name };
        for (uint32_t i = 0; i < from->partitions.count; i++) {
            struct offset_part *p = &parts[s->count++];
            p->ask = &from->partitions.at[i];
            p->part = (struct place_part){ .errand = c, .want = &wants[t] };
            p->part.index = p->ask->partition_index;
            p->found_off = p->found_ms = -1;
        }
    }
    topics_find(c, wants, ask->topics.count, offsets_known);
}

/* ---- OffsetForLeaderEpoch ---- */

struct epoch_part {
    struct place_part part;
    const struct kafka_offset_for_leader_epoch_request_partition *ask;
    struct verb_epoch epoch;
};
struct epochs {
    uint32_t count;
    struct epoch_part *parts;
};

static void epochs_answer(struct errand *c)
{
    const struct kafka_offset_for_leader_epoch_request *ask = c->asked;
    const struct epochs *s = c->state;
    RESPONSE(offset_for_leader_epoch, r);
    const struct kafka_shape *shape = kafka_offset_for_leader_epoch_response_partition_shape();
    uint32_t next = 0;
    r.topics.at =
        errand_items(c, kafka_offset_for_leader_epoch_response_topic_shape(), ask->topics.count);
    if (!r.topics.at)
        return;
    r.topics.count = ask->topics.count;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        struct kafka_offset_for_leader_epoch_response_topic *to = &r.topics.at[t];
        uint32_t count = ask->topics.at[t].partitions.count;
        to->topic = ask->topics.at[t].topic;
        to->partitions.at = errand_items(c, shape, count);
        if (!to->partitions.at)
            return;
        to->partitions.count = count;
        for (uint32_t i = 0; i < count; i++) {
            const struct epoch_part *p = &s->parts[next++];
            struct kafka_offset_for_leader_epoch_response_partition *one = &to->partitions.at[i];
            one->partition = p->part.index;
            one->error_code = (int16_t)p->part.error;
            if (p->part.error != KAFKA_NONE || !p->epoch.found)
                continue;
            one->leader_epoch = (int32_t)p->epoch.found_epoch;
            one->end_offset = (int64_t)p->epoch.end_off;
        }
    }
    errand_answer(c, &r);
}

static void epoch_done(struct verb *verb)
{
    struct epoch_part *p = container_of(verb, struct epoch_part, epoch.verb);
    part_failed(&p->part, verb->err);
    if (errand_less(p->part.errand))
        epochs_answer(p->part.errand);
}

static void epochs_known(struct errand *c)
{
    struct epochs *s = c->state;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct epoch_part *p = &s->parts[i];
        part_place(&p->part, p->ask->current_leader_epoch);
        if (p->part.error != KAFKA_NONE || p->ask->leader_epoch < 0)
            continue;
        p->epoch.verb = errand_verb(c, epoch_done);
        p->epoch.place = p->part.place;
        p->epoch.epoch = (uint32_t)p->ask->leader_epoch;
        errand_more(c);
        serve_epoch(errand_serve(c), &p->epoch);
    }
    if (errand_less(c))
        epochs_answer(c);
    else
        errand_started(c);
}

void epochs_start(struct errand *c)
{
    const struct kafka_offset_for_leader_epoch_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count && count <= ERRAND_PARTS_MAX; t++)
        count += ask->topics.at[t].partitions.count + 1u;
    if (!errand_parts_within(c, count))
        return;
    struct topic_want *wants = errand_take(c, ask->topics.count * sizeof(*wants) + 1);
    struct epochs *s = wants ? errand_take(c, sizeof(*s)) : NULL;
    struct epoch_part *parts = s ? errand_take(c, count * sizeof(*parts) + 1) : NULL;
    if (!parts)
        return;
    s->parts = parts;
    c->state = s;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        const struct kafka_offset_for_leader_epoch_request_topic *from = &ask->topics.at[t];
        wants[t] = (struct topic_want){ .name = from->topic };
        for (uint32_t i = 0; i < from->partitions.count; i++) {
            struct epoch_part *p = &parts[s->count++];
            p->ask = &from->partitions.at[i];
            p->part = (struct place_part){ .errand = c, .want = &wants[t] };
            p->part.index = p->ask->partition;
        }
    }
    topics_find(c, wants, ask->topics.count, epochs_known);
}

/* ---- DeleteRecords ---- */

struct trim_part {
    struct place_part part;
    const struct kafka_delete_records_request_partition *ask;
    struct verb_trim trim;
};
struct trims {
    uint32_t count;
    struct trim_part *parts;
};

static void trims_answer(struct errand *c)
{
    const struct kafka_delete_records_request *ask = c->asked;
    const struct trims *s = c->state;
    RESPONSE(delete_records, r);
    uint32_t next = 0;
    r.topics.at = errand_items(c, kafka_delete_records_response_topic_shape(), ask->topics.count);
    if (!r.topics.at)
        return;
    r.topics.count = ask->topics.count;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        struct kafka_delete_records_response_topic *to = &r.topics.at[t];
        uint32_t count = ask->topics.at[t].partitions.count;
        to->name = ask->topics.at[t].name;
        to->partitions.at = errand_items(c, kafka_delete_records_response_partition_shape(), count);
        if (!to->partitions.at)
            return;
        to->partitions.count = count;
        for (uint32_t i = 0; i < count; i++) {
            const struct trim_part *p = &s->parts[next++];
            to->partitions.at[i].partition_index = p->part.index;
            to->partitions.at[i].error_code = (int16_t)p->part.error;
            to->partitions.at[i].low_watermark =
                p->part.error == KAFKA_NONE ? (int64_t)p->trim.start_off : -1;
        }
    }
    errand_answer(c, &r);
}

static void trim_done(struct verb *verb)
{
    struct trim_part *p = container_of(verb, struct trim_part, trim.verb);
    part_failed(&p->part, verb->err);
    if (errand_less(p->part.errand))
        trims_answer(p->part.errand);
}

static void trims_known(struct errand *c)
{
    struct trims *s = c->state;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct trim_part *p = &s->parts[i];
        part_place(&p->part, KAFKA_NO_EPOCH);
        if (p->part.error == KAFKA_NONE && p->ask->offset < -1)
            p->part.error = KAFKA_OFFSET_OUT_OF_RANGE;
        if (p->part.error != KAFKA_NONE)
            continue;
        p->trim.verb = errand_verb(c, trim_done);
        p->trim.place = p->part.place;
        p->trim.off = p->ask->offset < 0 ? UINT64_MAX : (uint64_t)p->ask->offset;
        errand_more(c);
        serve_trim(errand_serve(c), &p->trim);
    }
    if (errand_less(c))
        trims_answer(c);
    else
        errand_started(c);
}

void trims_start(struct errand *c)
{
    const struct kafka_delete_records_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count && count <= ERRAND_PARTS_MAX; t++)
        count += ask->topics.at[t].partitions.count + 1u;
    if (!errand_parts_within(c, count))
        return;
    struct topic_want *wants = errand_take(c, ask->topics.count * sizeof(*wants) + 1);
    struct trims *s = wants ? errand_take(c, sizeof(*s)) : NULL;
    struct trim_part *parts = s ? errand_take(c, count * sizeof(*parts) + 1) : NULL;
    if (!parts)
        return;
    s->parts = parts;
    c->state = s;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        const struct kafka_delete_records_request_topic *from = &ask->topics.at[t];
        wants[t] = (struct topic_want){ .name = from->name };
        for (uint32_t i = 0; i < from->partitions.count; i++) {
            struct trim_part *p = &parts[s->count++];
            p->ask = &from->partitions.at[i];
            p->part = (struct place_part){ .errand = c, .want = &wants[t] };
            p->part.index = p->ask->partition_index;
        }
    }
    topics_find(c, wants, ask->topics.count, trims_known);
}
