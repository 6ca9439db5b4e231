/* slot.c -- the partitions of a shard, by topic and index. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/serve/serve_in.h"

#define BUCKETS_MIN 64u

/* Topic ids are random bytes: any eight of them are a hash. */
static struct local_topic **bucket_of(const struct desk *d, struct id16 id)
{
    return &d->buckets[le64_get(id.b + 8) & (d->bucket_count - 1)];
}

struct local_topic *topic_here(const struct desk *d, struct id16 id)
{
    if (!d->bucket_count)
        return NULL;
    struct local_topic *t = *bucket_of(d, id);
    while (t && !id16_equal(t->id, id))
        t = t->next;
    return t;
}

static void buckets_grow(struct desk *d)
{
    struct local_topic **old = d->buckets;
    uint32_t count = d->bucket_count;
    d->bucket_count = count ? 2 * count : BUCKETS_MIN;
    d->buckets = calloc(d->bucket_count, sizeof(*d->buckets));
    check(d->buckets);
    for (uint32_t i = 0; i < count; i++) {
        for (struct local_topic *t = old[i], *next; t; t = next) {
            next = t->next;
            struct local_topic **at = bucket_of(d, t->id);
            t->next = *at;
            *at = t;
        }
    }
    free(old);
}

static void topic_here_widen(struct local_topic *t, uint32_t partitions)
{
    if (partitions <= t->partitions)
        return;
    t->slots = realloc(t->slots, partitions * sizeof(t->slots[0]));
    check(t->slots);
    memset(t->slots + t->partitions, 0, (partitions - t->partitions) * sizeof(t->slots[0]));
    t->partitions = partitions;
}

static void topic_here_free(struct local_topic *t)
{
    free(t->slots);
    free(t);
}

static struct local_topic *topic_here_make(struct desk *d, struct id16 id,
                                           const struct settings *settings)
{
    if (d->topic_count >= d->bucket_count)
        buckets_grow(d);
    struct local_topic *t = calloc(1, sizeof(*t));
    check(t);
    t->id = id;
    t->settings = *settings;
    struct local_topic **at = bucket_of(d, id);
    t->next = *at;
    *at = t;
    d->topic_count++;
    return t;
}

struct local_topic *topic_here_add(struct desk *d, struct id16 id, uint32_t partitions,
                                   const struct settings *settings)
{
    struct local_topic *t = topic_here(d, id);
    if (!t)
        t = topic_here_make(d, id, settings);
    topic_here_widen(t, partitions);
    return t;
}

static enum durability topic_durability(const struct local_topic *t)
{
    return (enum durability)setting_get(&t->settings, SETTING_DURABILITY);
}

void topic_here_settings(struct local_topic *t, const struct settings *settings)
{
    t->settings = *settings;
    for (uint32_t i = 0; i < t->partitions; i++)
        if (t->slots[i])
            part_durability_set(t->slots[i]->part, topic_durability(t));
}

static void topic_here_remove(struct desk *d, struct local_topic *t)
{
    struct local_topic **at = bucket_of(d, t->id);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    d->topic_count--;
    topic_here_free(t);
}

struct slot *slot_find(const struct desk *d, struct id16 topic, uint32_t index)
{
    const struct local_topic *t = topic_here(d, topic);
    return t && index < t->partitions ? t->slots[index] : NULL;
}

enum err slot_missing(const struct desk *d, struct id16 topic)
{
    const struct local_topic *t = topic_here(d, topic);
    return t && t->unplaced ? t->unplaced : ERR_NOT_FOUND;
}

void topic_here_leave(struct desk *d, struct local_topic *t)
{
    t->unplaced = ERR_OK;
    if (t->slot_count == 0)
        topic_here_remove(d, t);
}

struct slot *slot_add(struct desk *d, struct local_topic *t, uint32_t index, uint32_t store,
                      struct part *part)
{
    check(index < t->partitions);
    if (t->slots[index])
        return t->slots[index];
    struct slot *slot = loan_take(d, sizeof(*slot));
    slot->topic = t;
    slot->part = part;
    slot->index = index;
    slot->store = store;
    list_init(&slot->parked);
    list_push(&d->round, &slot->round);
    t->slots[index] = slot;
    t->slot_count++;
    d->slot_count++;
    part_durability_set(part, topic_durability(t));
    return slot;
}

void slot_hide(struct desk *d, struct slot *slot)
{
    struct local_topic *t = slot->topic;
    t->slots[slot->index] = NULL;
    slot->topic = NULL;
    d->slot_count--;
    node_unlink(&slot->round);
    node_unlink(&slot->moving);
    slot->users++; /* the caller's, for what it still does */
    slot_end_fetches(slot, ERR_NOT_FOUND);
    if (--t->slot_count == 0)
        topic_here_remove(d, t);
}

enum err slot_refuses(const struct slot *slot)
{
    return slot->topic ? slot->topic->refuses : ERR_OK;
}

void slot_leave(struct slot *slot)
{
    check(slot->users > 0);
    if (--slot->users == 0 && !slot->topic)
        loan_give(slot);
}

void slots_close(struct desk *d)
{
    for (uint32_t i = 0; i < d->bucket_count; i++) {
        for (struct local_topic *t = d->buckets[i], *next; t; t = next) {
            next = t->next;
            topic_here_free(t);
        }
    }
    free(d->buckets);
    d->buckets = NULL;
    d->bucket_count = 0;
}
