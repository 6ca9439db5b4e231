/* append.c -- the verb append.
 *
 * front's thread   batch_verify(), where the bytes are hot
 * shard            limit of the topic; producer's sequence; part_append()
 * store's done     settle the producer; end, with what was bought
 *
 * A batch that is here already is acknowledged with its first offset, and with the durability that
 * it has by now; if that is less than what is asked for, the answer is BUSY: its own append is
 * still on the way. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

static struct verb_append *append_of(struct letter *l)
{
    return container_of(l, struct verb_append, verb.letter);
}

static void append_end(struct verb_append *v, enum err err)
{
    slot_leave(v->slot);
    if (v->here) /* never inside the start */
        verb_refuse(v->verb.serve, &v->verb, v->place.shard, err);
    else
        verb_end(&v->verb, err);
}

/* What the batch claims, looked at while its bytes are here. */
static struct producer_claim append_claim(const struct verb_append *v)
{
    struct batch_info info;
    if (batch_peek(v->batch, &info) != ERR_OK || info.producer_id < 0)
        return (struct producer_claim){ .id = -1 };
    return (struct producer_claim){ .id = info.producer_id,
                                    .epoch = info.producer_epoch,
                                    .sequence = info.base_sequence,
                                    .count = v->count };
}

static void append_done(struct append *a)
{
    struct verb_append *v = container_of(a, struct verb_append, append);
    v->bought = a->bought;
    v->base_off = a->base_off;
    v->append_ms = a->append_ms;
    if (v->slot->producers && v->claim.id >= 0)
        producer_settle(v->slot->producers, &v->claim, a->err == ERR_OK, a->base_off, a->append_ms);
    append_end(v, a->err);
}

static enum err append_duplicate(struct verb_append *v, const struct producer_batch *old)
{
    struct part_state_info info = part_info(v->slot->part);
    v->duplicate = true;
    v->base_off = old->base_off;
    v->append_ms = old->append_ms;
    v->bought = old->base_off + v->count <= info.synced_off ? DURABILITY_SYNCED : DURABILITY_MEMORY;
    return v->bought >= v->want ? ERR_OK : ERR_BUSY;
}

/* OK: append it. DUPLICATE: it is here, and the results say where. */
static enum err append_producer(struct verb_append *v)
{
    struct slot *slot = v->slot;
    struct producer_batch old;
    v->claim = append_claim(v);
    if (v->claim.id < 0)
        return ERR_OK;
    if (!slot->producers) {
        slot->producers = malloc(sizeof(*slot->producers));
        check(slot->producers);
        producers_open(slot->producers);
    }
    switch (producer_claim(slot->producers, &v->claim, &old)) {
    case PRODUCER_NEW:
        return ERR_OK;
    case PRODUCER_DUPLICATE:
        probe("append: a duplicate");
        if (pitfall(FRONT_TAKE_AGAIN))
            return ERR_OK;
        TRY(append_duplicate(v, &old));
        return ERR_DUPLICATE;
    case PRODUCER_PENDING:
        return ERR_BUSY;
    case PRODUCER_SEQUENCE:
        return ERR_SEQUENCE;
    default:
        return ERR_FENCED;
    }
}

static void append_start(struct verb_append *v)
{
    struct append *a = &v->append;
    *a = (struct append){ .done = append_done,
                          .batch = v->batch,
                          .max_time = v->max_time,
                          .count = v->count,
                          .want = v->want };
    part_append(v->slot->part, a);
}

/* With the slot's user counted. */
static void append_at(struct verb_append *v, struct desk *d, struct slot *slot)
{
    v->slot = slot;
    const struct settings *settings = &v->slot->topic->settings;
    if (!v->want_set)
        v->want = (enum durability)setting_get(settings, SETTING_DURABILITY);
    if (v->batch.len > (uint64_t)setting_get(settings, SETTING_MAX_MESSAGE_BYTES)) {
        append_end(v, ERR_TOO_LARGE);
        return;
    }
    enum err err = append_producer(v);
    if (err == ERR_DUPLICATE) {
        append_end(v, ERR_OK);
    } else if (err != ERR_OK) {
        append_end(v, err);
    } else {
        d->shard.turn_bytes += v->batch.len;
        append_start(v);
        slot_stir(d, v->slot);
    }
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
    v->duplicate = false;
    v->slot = NULL;
    v->append.borrowed = false;
    v->verb.serve = s;
    enum err err = verb_admittance(d);
    struct slot *slot = err == ERR_OK ? slot_find(d, v->place.topic, v->place.index) : NULL;
    if (!slot) {
        verb_refuse(s, &v->verb, v->place.shard, err != ERR_OK ? err : ERR_NOT_FOUND);
        return true;
    }
    slot->users++;
    v->here = true;
    append_at(v, d, slot);
    v->here = false;
    return !v->append.borrowed;
}

void serve_append_move(struct verb_append *v, const void *at)
{
    check(v->append.borrowed);
    v->batch.at = v->append.batch.at = at;
}

void serve_append(struct serve *s, struct verb_append *v)
{
    v->duplicate = false;
    v->slot = NULL;
    if (!v->verified) {
        struct batch_info info;
        enum err err = batch_verify(v->batch, &info, &v->max_time, NULL);
        if (err != ERR_OK) {
            verb_refuse(s, &v->verb, v->place.shard, err);
            return;
        }
        v->count = info.last_off_delta + 1;
        v->verified = true;
    }
    verb_send_place(s, &v->verb, &v->place, append_open);
}
