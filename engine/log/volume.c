/* volume.c -- the space map: which slabs and extents of which volume are in use.
 *
 * Never stored: derived from the extents' rows at open, so it cannot drift. A slab (extent_max
 * bytes) holds extents of one size while it is in use, so that long-lived small ones do not
 * fragment the space of large ones. Making, zeroing and removing files is grow.c's.
 *
 * The spare is what deletes are recorded in when the disk is full (docs/STORE.md B8). It is the
 * smallest extent that can be had, holds some hundred records, and each topic that goes may bring
 * the next one. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/bits.h"
#include "engine/base/check.h"
#include "engine/log/grow.h"

static uint32_t slab_extents(const struct store *s, uint8_t order)
{
    return (uint32_t)(s->id.geometry.extent_max / extent_bytes(&s->id.geometry, order));
}

static uint32_t slab_units(const struct store *s)
{
    return s->id.geometry.extent_max / s->id.geometry.extent_min;
}

static void slab_begin(const struct store *s, struct vol *v, struct slab *b, uint8_t order)
{
    b->order = order;
    b->map = bits_open(slab_extents(s, order));
    v->free_slabs--;
}

static void slab_end(struct vol *v, struct slab *b)
{
    free(b->map);
    b->map = NULL;
    b->order = SLAB_FREE;
    v->free_slabs++;
}

static void slab_set(struct slab *b, uint32_t i)
{
    bits_set(b->map, i);
    b->used++;
}

/* A free place in slabs of this size class that are in use already. */
static struct slab *slab_with_room(const struct store *s, uint8_t order, struct vol **vol)
{
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        for (uint32_t j = 0; v->state == VOL_LIVE && j < s->id.geometry.slabs; j++) {
            struct slab *b = &v->slabs[j];
            if (b->order == order && b->used < slab_extents(s, order)) {
                *vol = v;
                return b;
            }
        }
    }
    return NULL;
}

/* A slab that nothing is in; one with written blocks if there is one. */
static struct slab *slab_unused(const struct store *s, struct vol **vol)
{
    struct slab *raw = NULL;
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        if (v->state != VOL_LIVE || !v->free_slabs)
            continue;
        for (uint32_t j = 0; j < s->id.geometry.slabs; j++) {
            struct slab *b = &v->slabs[j];
            if (b->order != SLAB_FREE || b->zeroing || (raw && !b->written))
                continue;
            *vol = v;
            if (b->written)
                return b;
            raw = b;
        }
    }
    return raw;
}

static uint32_t slab_place(const struct store *s, struct vol *v, struct slab *b)
{
    uint32_t i = 0;
    while (bits_get(b->map, i))
        i++;
    check(i < slab_extents(s, b->order));
    slab_set(b, i);
    return (uint32_t)(b - v->slabs) * slab_units(s) + (i << b->order);
}

static struct slab *slab_choose(struct store *s, uint8_t order, bool unwritten, struct vol **v)
{
    struct slab *b = slab_with_room(s, order, v);
    if (b)
        return b;
    b = slab_unused(s, v);
    if (!b || (!b->written && !unwritten))
        return NULL;
    slab_begin(s, *v, b, order);
    return b;
}

/* The wanted size, or the next smaller one that is free, down to `least`. */
enum err volume_take(struct store *s, uint8_t least, uint8_t *order, struct vol **v, uint32_t *unit)
{
    for (int o = *order; o >= least; o--) {
        struct slab *b = slab_choose(s, (uint8_t)o, true, v);
        if (!b)
            continue;
        if (o != *order)
            probe("extent smaller than wanted");
        *unit = slab_place(s, *v, b);
        *order = (uint8_t)o;
        s->counts.extents_reused += b->written;
        return ERR_OK;
    }
    return ERR_NO_SPACE;
}

/* ---- the spare ---- */

void spare_keep(struct store *s, bool unwritten)
{
    struct spare *k = &s->spare;
    for (uint8_t o = 0; k->wanted && !k->vol && o <= extent_order_max(&s->id.geometry); o++) {
        struct vol *v;
        struct slab *b = slab_choose(s, o, unwritten, &v);
        if (!b)
            continue; /* soon there will be better ones: others would lie beside it for long */
        *k = (struct spare){ .wanted = true, .vol = v, .unit = slab_place(s, v, b), .order = o };
    }
}

enum err spare_take(struct store *s, uint8_t least, uint8_t *order, struct vol **v, uint32_t *unit)
{
    struct spare *k = &s->spare;
    if (!k->vol || k->order < least)
        return ERR_NO_SPACE;
    probe("a record that frees space takes the spare extent");
    *order = k->order;
    *v = k->vol;
    *unit = k->unit;
    k->vol = NULL;
    return ERR_OK;
}

/* ---- use ---- */

static struct slab *slab_of(const struct store *s, struct vol *v, uint32_t unit)
{
    uint32_t i = unit / slab_units(s);
    return i < s->id.geometry.slabs ? &v->slabs[i] : NULL;
}

bool volume_claim(struct store *s, struct vol *v, uint32_t unit, uint8_t order)
{
    struct slab *b = slab_of(s, v, unit);
    uint32_t in = unit % slab_units(s);
    if (!b || extent_bytes(&s->id.geometry, order) > s->id.geometry.extent_max ||
        in % (1u << order) != 0)
        return false;
    if (b->order == SLAB_FREE)
        slab_begin(s, v, b, order);
    if (b->order != order || bits_get(b->map, in >> order))
        return false;
    slab_set(b, in >> order);
    return true;
}

void volume_give(struct store *s, struct vol *v, uint32_t unit, uint8_t order)
{
    struct slab *b = slab_of(s, v, unit);
    uint32_t in = (unit % slab_units(s)) >> order;
    check(b && b->order == order && bits_get(b->map, in));
    bits_clear(b->map, in);
    b->used--;
    if (!b->used)
        slab_end(v, b);
    s->full = false;
}

bool volume_unwritten(const struct store *s, const struct vol *v, uint32_t unit)
{
    return !v->slabs[unit / slab_units(s)].written;
}

bool volume_sync_due(const struct store *s, const struct vol *v, uint32_t unit)
{
    return volume_unwritten(s, v, unit) || !v->on_device;
}

struct vol *volume_find(const struct store *s, uint32_t number)
{
    for (uint32_t i = 0; i < s->vol_count; i++)
        if (s->vols[i]->number == number)
            return s->vols[i];
    return NULL;
}

bool volume_row(const struct vol *v, struct vol_row *out)
{
    if (v->state != VOL_LIVE)
        return false;
    *out = (struct vol_row){ .number = v->number,
                             .slabs = v->store->id.geometry.slabs,
                             .opening = v->opening };
    for (uint32_t i = 0; i < out->slabs; i++)
        out->written |= (uint64_t)v->slabs[i].written << i;
    return true;
}

struct vol *vol_new(struct store *s, uint32_t number)
{
    struct vol *v = calloc(1, sizeof(*v));
    struct slab *slabs = calloc(s->id.geometry.slabs, sizeof(*slabs));
    check(v && slabs);
    v->store = s;
    v->number = number;
    v->fd = -1;
    v->slabs = slabs;
    v->opening = s->opening;
    v->free_slabs = s->id.geometry.slabs;
    vol_name(v->name, number);
    for (uint32_t i = 0; i < s->id.geometry.slabs; i++)
        slabs[i].order = SLAB_FREE;
    return v;
}

void vol_add(struct store *s, struct vol *v)
{
    s->vols = array_grow(s->vols, &s->vol_cap, s->vol_count + 1, sizeof(struct vol *));
    s->vols[s->vol_count++] = v;
}

void vol_free(struct vol *v)
{
    for (uint32_t i = 0; i < v->store->id.geometry.slabs; i++)
        free(v->slabs[i].map);
    free(v->slabs);
    free(v);
}

void vol_remove(struct store *s, struct vol *v)
{
    uint32_t i = 0;
    while (s->vols[i] != v)
        i++;
    s->vols[i] = s->vols[--s->vol_count];
    vol_free(v);
}
