/* inside.c -- see inside.h. */
#include "engine/log/inside.h"

#include "engine/log/store_in.h"

bool part_extent_inside(const struct part *p, uint32_t i, struct extent_inside *out)
{
    if (i >= p->extent_count)
        return false;
    const struct extent *e = p->extents[i];
    *out = (struct extent_inside){ .id = e->id,
                                   .base_pos = e->base_pos,
                                   .vol = e->vol->number,
                                   .unit = e->unit,
                                   .place = extent_place(e, e->base_pos),
                                   .bytes = extent_bytes(&p->store->id.geometry, e->order),
                                   .tiles = e->tile_count,
                                   .index_blocks = e->index_blocks };
    return part_extent_at(p, i, &out->info);
}

bool store_vol_inside(const struct store *s, uint32_t i, struct vol_inside *out)
{
    if (i >= s->vol_count)
        return false;
    const struct vol *v = s->vols[i];
    *out = (struct vol_inside){ .number = v->number,
                                .slabs = s->id.geometry.slabs,
                                .slabs_free = v->free_slabs,
                                .bytes = vol_bytes(&s->id.geometry),
                                .opening = v->opening };
    for (uint32_t j = 0; j < out->slabs; j++)
        out->slabs_written += v->slabs[j].written;
    return true;
}

struct part_inside part_inside(const struct part *p)
{
    return (struct part_inside){ p->head_pos, p->disk_pos, p->slot, p->slot_side };
}

uint64_t store_generation(const struct store *s)
{
    return s->generation;
}
