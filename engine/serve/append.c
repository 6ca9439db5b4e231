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
    verb_end(&v->verb, err);
}

/* The batch's claim; false: it has no producer. */
static bool append_claim(const struct verb_append *v, struct producer_claim *c)
{
    struct batch_info info;
    if (batch_peek(v->batch, &info) != ERR_OK || info.producer_id < 0)
        return false;
    *c = (struct producer_claim){ .id = info.producer_id,
                                  .epoch = info.producer_epoch,
                                  .sequence = info.base_sequence,
                                  .count = v->count };
    return true;
}

static void append_done(struct append *a)
{
    struct verb_append *v = container_of(a, struct verb_append, append);
    struct producer_claim c;
    v->bought = a->bought;
    v->base_off = a->base_off;
    v->append_ms = a->append_ms;
    if (v->slot->producers && append_claim(v, &c))
        producer_settle(v->slot->producers, &c, a->err == ERR_OK, a->base_off, a->append_ms);
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
    struct producer_claim c;
    struct producer_batch old;
    if (!append_claim(v, &c))
        return ERR_OK;
    if (!slot->producers) {
        slot->producers = malloc(sizeof(*slot->producers));
        check(slot->producers);
        producers_open(slot->producers);
    }
    switch (producer_claim(slot->producers, &c, &old)) {
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

static void append_open(struct letter *l, struct shard *at)
{
    struct verb_append *v = append_of(l);
    struct desk *d = desk_of(at);
    struct slot *slot = verb_slot(l, d, &v->place);
    if (!slot)
        return;
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
        at->turn_bytes += v->batch.len;
        append_start(v);
        slot_stir(d, v->slot);
    }
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
