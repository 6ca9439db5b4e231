/* record.c -- append, fetch, offsets, trim.
 *
 * An append's batch is built where it is sent from: behind the head of its frame. The functions
 * that wait are those that start, and a turn until their callback ran. */
#include "net/client/client_in.h"

#include <stdlib.h>

#include "engine/base/batch_public.h"
#include "engine/base/check.h"

#define APPEND_HEAD  (FRAME_HEADER_BYTES + 8u)
#define SEQUENCE_MAX 0x80000000ull /* after 2^31 - 1 comes 0 */

/* ---- producers ---- */

static struct map_key place_key(const uint8_t id[16], uint32_t partition)
{
    struct map_key key = { .index = partition };
    memcpy(key.id.b, id, 16);
    return key;
}

static struct producer_place *place_find(struct sl_client *c, const struct sl_client_topic *topic,
                                         uint32_t partition)
{
    struct map_key key = place_key(topic->id, partition);
    struct producer_place *place = map_get(&c->producer_places, key);
    if (place)
        return place;
    place = calloc(1, sizeof(*place));
    if (place && map_put(&c->producer_places, key, place) == ERR_OK)
        return place;
    free(place);
    client_note(c, ERR_NO_MEMORY, "no memory for a sequence");
    return NULL;
}

enum sl_err sl_client_producer(struct sl_client *c, int64_t id, int16_t epoch)
{
    struct producer_place *place;
    uint32_t at = 0;
    if (id < -1 || (id >= 0 && epoch < 0))
        return (enum sl_err)client_note(c, ERR_INVALID, "producer %lld, epoch %d: not negative",
                                        (long long)id, epoch);
    while ((place = map_next(&c->producer_places, &at)))
        if (place_open(place))
            return (enum sl_err)client_note(c, ERR_BUSY, "appends of a producer are under way");
    at = 0;
    while ((place = map_next(&c->producer_places, &at)))
        place->sequence = 0;
    c->producer_id = id;
    c->producer_epoch = epoch;
    return SL_ERR_OK;
}

enum sl_err sl_client_sequence(struct sl_client *c, const struct sl_client_topic *topic,
                               uint32_t partition, int32_t sequence)
{
    struct producer_place *place = place_find(c, topic, partition);
    if (!place)
        return SL_ERR_NO_MEMORY;
    if (sequence < 0 || place_open(place))
        return (enum sl_err)client_note(c, sequence < 0 ? ERR_INVALID : ERR_BUSY,
                                        "sequence %d, %u appends under way", sequence,
                                        place_open(place));
    place->sequence = sequence;
    return SL_ERR_OK;
}

/* ---- append ---- */

static void append_answer(struct sl_client *c, struct client_call *call,
                          const struct call_result *r)
{
    struct sl_appended out = { .err = (enum sl_err)r->err };
    (void)c;
    if (r->err == ERR_OK) {
        const struct append_answer *a = &r->payload->append_answer;
        out.bought = (enum sl_durability)a->bought;
        out.base_offset = a->base_offset;
        out.count = a->count;
        out.append_ms = a->append_ms;
        out.duplicate = a->duplicate;
    }
    if (call->done)
        ((sl_append_done *)call->done)(call->arg, &out);
}

/* Room for the batch; 0: some record fits no frame. */
static size_t records_room(const struct sl_record *records, uint32_t count)
{
    size_t sum = BATCH_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        struct batch_record r = batch_record_of(&records[i]);
        size_t bytes = batch_record_bytes_max(&r);
        if (bytes > FRAME_PAYLOAD_MAX - sum)
            return 0;
        sum += bytes;
    }
    return sum;
}

static enum err records_build(struct sl_client *c, struct client_call *call, size_t room,
                              const struct sl_record *records, uint32_t count, struct bytes *batch)
{
    struct batch_builder b;
    batch_builder_open(&b, call->bytes + APPEND_HEAD, room);
    if (call->place) {
        b.producer_id = c->producer_id;
        b.producer_epoch = c->producer_epoch;
        b.base_sequence = call->place->sequence;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct batch_record r = batch_record_of(&records[i]);
        enum err err = batch_builder_add(&b, &r);
        if (err != ERR_OK)
            return client_note(c, err, "record %u of %u: %s", i, count, err_text(err));
    }
    *batch = batch_builder_done(&b);
    return ERR_OK;
}

static enum err append_begin(struct sl_client *c, struct client_call *call,
                             const struct sl_client_topic *topic, uint32_t partition,
                             struct bytes batch, const struct sl_append_options *options)
{
    uint32_t want = CLIENT_FIELD(options, durability, SL_DURABILITY_TOPIC);
    struct append_request r = { .durability = (uint8_t)min_u64(want, UINT8_MAX), .batch = batch };
    memcpy(call->frame.topic.b, topic->id, 16);
    call->frame.partition = partition;
    call->len = APPEND_HEAD + batch.len;
    call->answer = append_answer;
    if (!call_fill(c, call, &r)) {
        call_free(call);
        return (enum err)c->error.err;
    }
    return call_start(c, call);
}

static enum err append_place(struct sl_client *c, const struct sl_client_topic *topic,
                             uint32_t partition, struct producer_place **out)
{
    *out = NULL;
    if (c->producer_id < 0)
        return ERR_OK;
    *out = place_find(c, topic, partition);
    if (!*out)
        return ERR_NO_MEMORY;
    if (place_open(*out) >= PRODUCER_UNANSWERED_MAX)
        return client_note(c, ERR_BUSY, "%u appends of the producer to partition %u are unanswered",
                           place_open(*out), partition);
    return ERR_OK;
}

static enum err append_records(struct sl_client *c, const struct sl_client_topic *topic,
                               uint32_t partition, const struct sl_record *records, uint32_t count,
                               const struct sl_append_options *options, sl_append_done *done,
                               void *arg)
{
    size_t room = records_room(records, count);
    struct producer_place *place;
    struct bytes batch;
    if (count == 0)
        return client_note(c, ERR_INVALID, "an append has at least one record");
    if (!room)
        return client_note(c, ERR_TOO_LARGE, "the records fit no frame of %u bytes",
                           FRAME_PAYLOAD_MAX);
    TRY(append_place(c, topic, partition, &place));
    struct client_call *call = call_make(c, VERB_APPEND, APPEND_HEAD + room);
    if (!call)
        return (enum err)c->error.err;
    call->done = (void (*)(void))done;
    call->arg = arg;
    call->place = place;
    call->again = place != NULL;
    enum err err = records_build(c, call, room, records, count, &batch);
    if (err != ERR_OK) {
        call_free(call);
        return err;
    }
    TRY(append_begin(c, call, topic, partition, batch, options));
    if (place)
        place->sequence = (int32_t)(((uint64_t)place->sequence + count) % SEQUENCE_MAX);
    return ERR_OK;
}

enum sl_err sl_client_append(struct sl_client *c, const struct sl_client_topic *topic,
                             uint32_t partition, const struct sl_record *records, uint32_t count,
                             const struct sl_append_options *options, sl_append_done *done,
                             void *arg)
{
    return (enum sl_err)append_records(c, topic, partition, records, count, options, done, arg);
}

enum sl_err sl_client_append_batch(struct sl_client *c, const struct sl_client_topic *topic,
                                   uint32_t partition, const void *batch, size_t bytes,
                                   const struct sl_append_options *options, sl_append_done *done,
                                   void *arg)
{
    struct batch_info info;
    int64_t max_time;
    struct why why = { "" };
    if (bytes > FRAME_PAYLOAD_MAX - 8)
        return (enum sl_err)client_note(c, ERR_TOO_LARGE, "a batch of %zu bytes fits no frame",
                                        bytes);
    enum err err = batch_verify((struct bytes){ batch, bytes }, &info, &max_time, &why);
    if (err != ERR_OK || info.bytes != bytes)
        return (enum sl_err)client_note(c, ERR_BAD_BATCH, "%s",
                                        err ? why.text : "bytes follow the batch");
    struct client_call *call = call_make(c, VERB_APPEND, APPEND_HEAD + bytes);
    if (!call)
        return c->error.err;
    call->done = (void (*)(void))done;
    call->arg = arg;
    call->again = info.producer_id >= 0;
    memcpy(call->bytes + APPEND_HEAD, batch, bytes);
    struct bytes copy = { call->bytes + APPEND_HEAD, bytes };
    return (enum sl_err)append_begin(c, call, topic, partition, copy, options);
}

struct append_waiting {
    struct sl_appended result;
    bool done;
};

static void append_waited(void *arg, const struct sl_appended *result)
{
    struct append_waiting *w = arg;
    w->result = *result;
    w->done = true;
}

static enum sl_err append_wait(struct sl_client *c, enum sl_err started, struct append_waiting *w,
                               struct sl_appended *out)
{
    if (started != SL_ERR_OK)
        w->result = (struct sl_appended){ .err = started };
    else
        while (!w->done)
            calls_turn(c, UINT64_MAX, &w->done);
    if (out)
        *out = w->result;
    return w->result.err;
}

enum sl_err sl_client_append_wait(struct sl_client *c, const struct sl_client_topic *topic,
                                  uint32_t partition, const struct sl_record *records,
                                  uint32_t count, const struct sl_append_options *options,
                                  struct sl_appended *out)
{
    struct append_waiting w = { .done = false };
    if (c->inside)
        return (enum sl_err)client_note(c, ERR_BUSY, "a callback must not wait");
    return append_wait(
        c, sl_client_append(c, topic, partition, records, count, options, append_waited, &w), &w,
        out);
}

enum sl_err sl_client_append_batch_wait(struct sl_client *c, const struct sl_client_topic *topic,
                                        uint32_t partition, const void *batch, size_t bytes,
                                        const struct sl_append_options *options,
                                        struct sl_appended *out)
{
    struct append_waiting w = { .done = false };
    if (c->inside)
        return (enum sl_err)client_note(c, ERR_BUSY, "a callback must not wait");
    return append_wait(
        c, sl_client_append_batch(c, topic, partition, batch, bytes, options, append_waited, &w),
        &w, out);
}
