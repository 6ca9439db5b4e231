/* time_find.c -- the first record at or after a time: extent, tile, batch, record.
 *
 * Extents and tiles know their largest record time, so whole ranges are stepped over; what is left
 * is read and walked. Times inside a partition need not grow with offsets. */
#include "engine/base/check.h"
#include "engine/log/store_in.h"

#define FIND_BYTES (256u << 10)

static void find_read(struct time_find *f, uint64_t off);

static void find_finish(struct time_find *f, enum err err)
{
    struct store *s = f->store;
    f->err = err;
    f->node = (struct node){ 0 };
    list_push(&s->find_dones, &f->node);
}

/* Where to go on from `off`: the next extent, and if its index is in memory the next tile, that
 * may hold a record so late. False when nothing can. */
static bool find_next(const struct time_find *f, uint64_t off, uint64_t *from)
{
    const struct part *p = f->part;
    for (uint32_t i = 0; i < p->extent_count; i++) {
        const struct extent *e = p->extents[i];
        uint32_t tile;
        bool last = i + 1 == p->extent_count;
        if (e->max_time < f->time_ms || (!last && p->extents[i + 1]->base_off <= off))
            continue;
        *from = max_u64(off, e->base_off);
        if (e->tile_from == 0 && index_find_time(e, f->time_ms, &tile))
            *from = max_u64(*from, e->tiles[tile].base_off);
        return true;
    }
    return false;
}

/* Looks through one batch; true when the record was found. */
static bool find_in_batch(struct time_find *f, struct bytes batch, const struct batch_info *info)
{
    struct batch_walk walk;
    struct batch_record record;
    enum err err = batch_walk_open(&walk, batch);
    if (err == ERR_UNSUPPORTED && info->header_max_time >= f->time_ms) {
        f->off = info->base_off;
        f->found_ms = info->header_max_time;
        return true;
    }
    while (err == ERR_OK && batch_walk_next(&walk, &record, &err)) {
        if (record.time >= f->time_ms && record.off >= f->part->start_off) {
            f->off = record.off;
            f->found_ms = record.time;
            return true;
        }
    }
    return false;
}

static bool find_in(struct time_find *f, struct bytes batches)
{
    struct batch_info info;
    while (batches.len && batch_peek(batches, &info) == ERR_OK) {
        if (find_in_batch(f, (struct bytes){ batches.at, info.bytes }, &info))
            return true;
        batches.at += info.bytes;
        batches.len -= info.bytes;
    }
    return false;
}

static void find_done(struct read *r)
{
    struct time_find *f = container_of(r, struct time_find, read);
    uint64_t next = r->next_off, from;
    if (r->err || !r->part) { /* without a partition there is nothing to compare with */
        read_give(r);
        find_finish(f, r->err ? r->err : ERR_NOT_FOUND);
        return;
    }
    bool empty = !r->batches.len;
    bool found = find_in(f, r->batches);
    read_give(r);
    if (found)
        find_finish(f, ERR_OK);
    else if (empty || !find_next(f, next, &from))
        find_finish(f, ERR_NOT_FOUND);
    else
        find_read(f, from);
}

static void find_read(struct time_find *f, uint64_t off)
{
    f->read = (struct read){ .done = find_done, .off = off, .bytes_max = FIND_BYTES };
    part_read(f->part, &f->read);
}

void part_time_find(struct part *p, struct time_find *f)
{
    uint64_t from;
    f->part = p;
    f->store = p->store;
    if (find_next(f, p->start_off, &from))
        find_read(f, from);
    else
        find_finish(f, ERR_NOT_FOUND);
}
