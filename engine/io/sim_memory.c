/* sim_memory.c -- sheets and flights: taken from slabs, recycled through free lists.
 *
 * A seed moves tens of megabytes through a few thousand live sheets; recycling keeps them in the
 * processor's cache. A sheet's bytes are garbage when taken: every path fills or clears them.
 */
#include <stdlib.h>

#include "engine/io/sim_in.h"

#define SLAB_SHEETS  64u
#define SLAB_FLIGHTS 128u

struct sim_slab {
    struct sim_slab *next;
};

static void *slab_take(struct sim *sim, size_t bytes)
{
    size_t head = (sizeof(struct sim_slab) + 63) & ~(size_t)63;
    struct sim_slab *slab = aligned_alloc(64, (head + bytes + 63) & ~(size_t)63);
    check(slab);
    slab->next = sim->slabs;
    sim->slabs = slab;
    return (char *)slab + head;
}

struct sim_sheet *sim_sheet_take(struct sim *sim)
{
    if (!sim->sheets_free) {
        struct sim_sheet *fresh = slab_take(sim, SLAB_SHEETS * sizeof *fresh);
        for (uint32_t i = 0; i < SLAB_SHEETS; i++)
            sim_sheet_give(sim, &fresh[i]);
    }
    struct sim_sheet *sheet = sim->sheets_free;
    sim->sheets_free = sheet->older;
    sheet->older = NULL;
    sheet->seq = 0;
    sheet->on_media = false;
    sheet->buffered = false;
    return sheet;
}

void sim_sheet_give(struct sim *sim, struct sim_sheet *sheet)
{
    sheet->older = sim->sheets_free;
    sim->sheets_free = sheet;
}

void sim_sheets_give(struct sim *sim, struct sim_sheet *chain)
{
    while (chain) {
        struct sim_sheet *older = chain->older;
        sim_sheet_give(sim, chain);
        chain = older;
    }
}

struct sim_flight *sim_flight_take(struct sim *sim)
{
    if (list_empty(&sim->flights_free)) {
        struct sim_flight *fresh = slab_take(sim, SLAB_FLIGHTS * sizeof *fresh);
        memset(fresh, 0, SLAB_FLIGHTS * sizeof *fresh);
        for (uint32_t i = 0; i < SLAB_FLIGHTS; i++)
            list_push(&sim->flights_free, &fresh[i].in_io);
    }
    struct sim_flight *f = container_of(list_pop(&sim->flights_free), struct sim_flight, in_io);
    *f = (struct sim_flight){ 0 };
    return f;
}

void sim_flight_give(struct sim *sim, struct sim_flight *f)
{
    node_unlink(&f->in_disk);
    node_unlink(&f->in_inode);
    node_unlink(&f->in_io);
    sim_sheets_give(sim, f->sheets);
    f->sheets = NULL;
    f->order = 0; /* its event, if one is still in the heap, is stale */
    if (f->inode)
        sim_inode_drop(f->inode);
    f->inode = NULL;
    list_push_front(&sim->flights_free, &f->in_io);
}

void sim_memory_close(struct sim *sim)
{
    while (sim->slabs) {
        struct sim_slab *next = sim->slabs->next;
        free(sim->slabs);
        sim->slabs = next;
    }
}

void *sim_grow(void *at, uint32_t *cap, uint32_t need, size_t each)
{
    if (need <= *cap)
        return at;
    uint32_t grown = *cap ? *cap * 2 : 16;
    while (grown < need)
        grown *= 2;
    at = realloc(at, grown * each);
    check(at);
    *cap = grown;
    return at;
}
