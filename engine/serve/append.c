/* append.c -- the verb append.
 *
 * front's thread   batch_verify(), where the bytes are hot
 * shard            limit of the topic, the time of appending where it wants that; part_append(),
 *                  which knows the batches that are here already
 * store's done     end, with what was bought; or refused, where the topic came into doubt */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

enum { TIME_OF_APPENDING = 1 }; /* message.timestamp.type: index of its word */

static struct verb_append *append_of(struct letter *l)
{
    return container_of(l, struct verb_append, verb.letter);
}

static void append_end(struct verb_append *v, enum err err)
{
    slot_leave(v->slot);
    if (v->copy)
        loan_give(v->copy);
    if (v->here) /* never inside the start */
        verb_refuse(v->verb.serve, &v->verb, v->place.shard, err);
    else
        verb_end(&v->verb, err);
}

/* It was in flight when the topic came into doubt: what the store has may be lost with the topic.
 */
static enum err append_result(const struct verb_append *v)
{
    return v->append.err != ERR_OK ? v->append.err : slot_refuses(v->slot);
}

static void append_done(struct append *a)
{
    struct verb_append *v = container_of(a, struct verb_append, append);
    v->bought = a->bought;
    v->base_off = a->base_off;
    v->append_ms = a->append_ms;
    v->duplicate = a->duplicate;
    append_end(v, append_result(v));
}

/* Every record has the time of appending; the CRC, which was verified, fits again. */
static void append_stamp(struct verb_append *v, struct desk *d)
{
    int64_t now_ms = io_wall_ms(d->shard.io);
    if (v->fixed) {
        v->copy = loan_take(d, v->batch.len);
        memcpy(v->copy, v->batch.at, v->batch.len);
        v->batch.at = v->copy;
    }
    v->max_time = now_ms;
    batch_time_set((uint8_t *)(uintptr_t)v->batch.at, true, now_ms);
}

static void append_start(struct verb_append *v)
{
    struct append *a = &v->append;
    *a = (struct append){ .done = append_done,
                          .batch = v->batch,
                          .sums = v->sums,
                          .max_time = v->max_time,
                          .count = v->count,
                          .timed = v->append_timed,
                          .want = v->want };
    part_append(v->slot->part, a);
}

/* With the slot's user counted. */
static void append_at(struct verb_append *v, struct desk *d, struct slot *slot)
{
    v->slot = slot;
    enum err refuses = slot_refuses(slot);
    if (refuses != ERR_OK) {
        append_end(v, refuses);
        return;
    }
    const struct settings *settings = &v->slot->topic->settings;
    if (!v->want_set)
        v->want = (enum durability)setting_get(settings, SETTING_DURABILITY);
    if (v->batch.len > (uint64_t)setting_get(settings, SETTING_MAX_MESSAGE_BYTES)) {
        append_end(v, ERR_TOO_LARGE);
        return;
    }
    d->shard.turn_bytes += v->batch.len;
    v->append_timed = setting_get(settings, SETTING_TIMESTAMP_TYPE) == TIME_OF_APPENDING;
    if (v->append_timed)
        append_stamp(v, d);
    append_start(v);
    slot_stir(d, v->slot);
}

static void append_open(struct letter *l, struct shard *at)
{
    struct verb_append *v = append_of(l);
    struct slot *slot = verb_slot(l, desk_of(at), &v->place);
    if (slot)
        append_at(v, desk_of(at), slot);
}

bool serve_append_here(struct serve *s, struct verb_append *v)
{
    struct desk *d = &s->desks[v->place.shard];
    check(v->verified && v->place.err == ERR_OK && shard_current() == &d->shard);
    check(v->verb.home == d->shard.number);
    v->duplicate = v->append_timed = false;
    v->slot = NULL;
    v->copy = NULL;
    v->append.borrowed = false;
    v->verb.serve = s;
    enum err err = verb_admittance(d);
    struct slot *slot = err == ERR_OK ? slot_find(d, v->place.topic, v->place.index) : NULL;
    if (!slot) {
        err = err != ERR_OK ? err : slot_missing(d, v->place.topic);
        verb_refuse(s, &v->verb, v->place.shard, err);
        return true;
    }
    slot->users++;
    v->here = true;
    append_at(v, d, slot);
    v->here = false;
    return !v->append.borrowed;
}

uint32_t serve_append_phase(const struct serve *s, const struct place *place)
{
    const struct desk *d = &s->desks[place->shard];
    check(shard_current() == &d->shard);
    const struct slot *slot = slot_find(d, place->topic, place->index);
    return slot ? part_append_phase(slot->part) : 0;
}

void serve_append_move(struct verb_append *v, const void *at)
{
    check(v->append.borrowed);
    v->batch.at = v->append.batch.at = at;
}

void serve_append(struct serve *s, struct verb_append *v)
{
    v->duplicate = v->append_timed = false;
    v->slot = NULL;
    v->copy = NULL;
    v->sums = NULL;
    if (!v->verified) {
        struct batch_info info;
        enum err err = batch_verify(v->batch, &info, &v->max_time, NULL);
        if (err == ERR_OK && info.bytes != v->batch.len)
            err = ERR_BAD_BATCH;
        if (err != ERR_OK) {
            verb_refuse(s, &v->verb, v->place.shard, err);
            return;
        }
        v->count = info.last_off_delta + 1;
        v->verified = true;
    }
    verb_send_place(s, &v->verb, &v->place, append_open);
}
