/* group_table.c -- groups by id, in chains that double with the count; and a heap of when to look
 * at which. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/coord/group_in.h"

#define BUCKETS_MIN 64u

struct bytes group_text_copy(struct bytes b)
{
    if (!b.at)
        return b;
    uint8_t *at = malloc(b.len + 1);
    check(at);
    memcpy(at, b.at, b.len);
    return (struct bytes){ at, b.len };
}

void group_text_free(struct bytes *b)
{
    free((void *)b->at);
    *b = (struct bytes){ NULL, 0 };
}

void group_text_set(struct bytes *to, struct bytes from)
{
    struct bytes old = *to;
    *to = group_text_copy(from);
    group_text_free(&old);
}

/* FNV-1a. */
static uint32_t id_hash(struct bytes id)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < id.len; i++)
        h = (h ^ id.at[i]) * 16777619u;
    return h;
}

static struct group **bucket_of(const struct groups *gs, struct bytes id)
{
    return &gs->buckets[id_hash(id) & (gs->bucket_count - 1)];
}

struct group *group_find(const struct groups *gs, struct bytes id)
{
    if (!gs->bucket_count)
        return NULL;
    struct group *g = *bucket_of(gs, id);
    while (g && !bytes_equal(g->id, id))
        g = g->next;
    return g;
}

static void chain_in(struct groups *gs, struct group *g)
{
    struct group **at = bucket_of(gs, g->id);
    g->next = *at;
    *at = g;
}

static void buckets_grow(struct groups *gs)
{
    struct group **old = gs->buckets;
    uint32_t count = gs->bucket_count;
    gs->bucket_count = count ? 2 * count : BUCKETS_MIN;
    gs->buckets = calloc(gs->bucket_count, sizeof(*gs->buckets));
    check(gs->buckets);
    for (uint32_t i = 0; i < count; i++) {
        for (struct group *g = old[i], *next; g; g = next) {
            next = g->next;
            chain_in(gs, g);
        }
    }
    free(old);
}

struct group *group_make(struct groups *gs, struct bytes id)
{
    if (gs->count >= gs->bucket_count)
        buckets_grow(gs);
    struct group *g = calloc(1, sizeof(*g) + id.len);
    check(g);
    if (id.len)
        memcpy(g->id_at, id.at, id.len);
    g->id = (struct bytes){ g->id_at, id.len };
    g->join_due_ms = g->sync_due_ms = g->due_ms = NEVER_MS;
    list_init(&g->members);
    list_init(&g->pending);
    list_init(&g->parked);
    chain_in(gs, g);
    gs->count++;
    gs->bytes += group_note_head_bytes(id);
    return g;
}

void group_type_set(struct groups *gs, struct group *g, struct bytes type)
{
    gs->bytes -= g->protocol_type.len;
    gs->bytes += type.len;
    group_text_set(&g->protocol_type, type);
}

void group_free(struct groups *gs, struct group *g)
{
    struct group **at = bucket_of(gs, g->id);
    check(g->under_way == 0 && list_empty(&g->parked));
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    gs->count--;
    group_disarm(gs, g);
    members_clear(gs, g);
    group_offsets_clear(gs, g);
    gs->bytes -= group_note_head_bytes(g->id) + g->protocol_type.len;
    group_text_free(&g->protocol_type);
    group_text_free(&g->protocol);
    group_text_free(&g->note);
    free(g);
}

static struct group *first_from(const struct groups *gs, uint32_t bucket)
{
    for (; bucket < gs->bucket_count; bucket++)
        if (gs->buckets[bucket])
            return gs->buckets[bucket];
    return NULL;
}

struct group *group_first(const struct groups *gs)
{
    return first_from(gs, 0);
}

struct group *group_next(const struct groups *gs, const struct group *g)
{
    if (g->next)
        return g->next;
    return first_from(gs, (id_hash(g->id) & (gs->bucket_count - 1)) + 1);
}

/* ---- the heap ---- */

static void heap_set(struct groups *gs, uint32_t place, struct group *g)
{
    gs->heap[place] = g;
    g->place = place;
}

static void heap_up(struct groups *gs, struct group *g, uint32_t place)
{
    for (; place > 1 && gs->heap[place / 2]->due_ms > g->due_ms; place /= 2)
        heap_set(gs, place, gs->heap[place / 2]);
    heap_set(gs, place, g);
}

static void heap_down(struct groups *gs, struct group *g, uint32_t place)
{
    for (uint32_t child; (child = 2 * place) <= gs->heap_count; place = child) {
        if (child < gs->heap_count && gs->heap[child + 1]->due_ms < gs->heap[child]->due_ms)
            child++;
        if (gs->heap[child]->due_ms >= g->due_ms)
            break;
        heap_set(gs, place, gs->heap[child]);
    }
    heap_set(gs, place, g);
}

void group_arm(struct groups *gs, struct group *g, uint64_t at_ms)
{
    if (at_ms >= g->due_ms)
        return;
    g->due_ms = at_ms;
    if (!g->place) {
        gs->heap = array_grow(gs->heap, &gs->heap_cap, (uint64_t)gs->heap_count + 2,
                              sizeof(struct group *));
        g->place = ++gs->heap_count;
    }
    heap_up(gs, g, g->place);
}

void group_disarm(struct groups *gs, struct group *g)
{
    uint32_t place = g->place;
    g->due_ms = NEVER_MS;
    if (!place)
        return;
    g->place = 0;
    struct group *last = gs->heap[gs->heap_count--];
    if (last == g)
        return;
    heap_down(gs, last, place);
    heap_up(gs, last, last->place);
}
