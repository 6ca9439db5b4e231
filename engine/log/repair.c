/* repair.c -- see repair.h: the files, then the tables, then one image. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/gap.h"
#include "engine/log/producer.h"
#include "engine/log/repair_in.h"
#include "engine/log/tail.h"

enum err repair_open(struct repair *r, const char *name, int *fd)
{
    struct op op = { 0 };
    io_open_file(r->io, &op, r->dir, name, IO_DIRECT, NULL);
    TRY(io_wait(r->io, &op));
    *fd = (int)op.got;
    return ERR_OK;
}

enum err repair_write(struct repair *r, int fd, const void *from, uint64_t len, uint64_t pos)
{
    struct op op = { 0 };
    io_write(r->io, &op, fd, from, len, pos, 0, NULL);
    TRY(io_wait(r->io, &op));
    io_sync(r->io, &op, fd, NULL);
    return io_wait(r->io, &op);
}

/* ---- slots ---- */

enum err repair_slot_read(struct repair *r, const struct part *p, uint8_t *block, bool *whole)
{
    uint64_t from = block_floor(p->head_pos), got;
    const struct extent *e = part_extent_of(p, from);
    uint64_t place = slot_place(p->slot, p->slot_side);
    TRY(verify_read(r->io, p->store->tails_fd, block, BLOCK_BYTES, place, &got));
    *whole =
        got == BLOCK_BYTES && e && piece_crc(e->id, from, block, p->head_pos - from) == p->slot_crc;
    return ERR_OK;
}

static enum err slot_whole(struct repair *r, const struct part *p, bool *whole)
{
    uint8_t *block = io_buffer_take(BLOCK_BYTES);
    if (!block)
        return ERR_NO_MEMORY;
    enum err err = repair_slot_read(r, p, block, whole);
    io_buffer_give(block);
    return err;
}

/* The partial block of an idle partition is only in its slot. If that is lost, zeros take its
 * place: no batch begins in them. */
static enum err part_slot(struct repair *r, struct part *p)
{
    bool whole;
    if (p->tail_state != TAIL_OUT)
        return ERR_OK;
    TRY(slot_whole(r, p, &whole));
    if (whole)
        return ERR_OK;
    uint64_t from = block_floor(p->head_pos);
    TRY(tail_reserve(p, from, p->head_pos - from));
    p->tail_state = TAIL_IN;
    p->mark_prev_end = p->next_off;
    p->image_head = 0; /* so that the next image takes another slot */
    gap_damaged(p, p->next_off);
    TRY(gap_after_tiles(p, from));
    producers_forget(p, p->damaged_off, p->next_off);
    r->report->slots++;
    return ERR_OK;
}

/* ---- tables ---- */

static enum err part_repair(struct repair *r, struct part *p)
{
    for (uint32_t i = 0; i < p->extent_count; i++)
        TRY(repair_extent(r, p->extents[i]));
    TRY(part_slot(r, p));
    r->report->parts += p->damaged;
    p->damaged = false;
    return ERR_OK;
}

static void stop_done(struct store_stop *stop)
{
    *(bool *)stop->arg = true;
}

/* Lets what is in flight go on. Waiting for a read of our own is what makes time pass under every
 * implementation of io. */
static enum err store_wait(struct repair *r, struct store *s)
{
    struct op op = { 0 };
    uint8_t *block = io_buffer_take(BLOCK_BYTES);
    if (!block)
        return ERR_NO_MEMORY;
    uint64_t due = store_due_ns(s), now = io_now_ns(r->io);
    io_turn(r->io, due <= now ? 0 : min_u64(due - now, 10 * MS_NS));
    io_read(r->io, &op, s->image_fd, block, BLOCK_BYTES, 0, NULL);
    enum err err = io_wait(r->io, &op);
    io_buffer_give(block);
    return err;
}

/* A clean stop: everything that was decided in memory becomes durable with its image. */
static enum err tables_keep(struct repair *r, struct store *s)
{
    bool done = false;
    struct store_stop stop = { .done = stop_done, .arg = &done };
    s->want_image = true;
    store_stop(s, &stop);
    for (store_turn(s); !done; store_turn(s))
        TRY(store_wait(r, s));
    if (stop.err)
        (void)store_poisoned(s, r->why);
    if (stop.err || !checkpoint_starved(s))
        return stop.err;
    why_set(r->why, "the disk has no room for the image that keeps what was repaired; free some "
                    "space, and repair again");
    return ERR_NO_SPACE;
}

static enum err tables_repair(struct repair *r)
{
    struct store *s = NULL;
    struct store_opts opts = { .salvage = true };
    TRY(store_open(&s, r->io, r->dir, &opts, r->why));
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < s->part_count && !err; i++)
        if (s->parts[i])
            err = part_repair(r, s->parts[i]);
    if (!err)
        err = tables_keep(r, s);
    while (err != ERR_DEAD && io_inflight(r->io)) /* a store is closed with nothing in flight */
        if (store_wait(r, s) == ERR_DEAD)
            err = ERR_DEAD;
    store_close(&s);
    return err;
}

enum err repair_heal(struct io *io, int dir, struct repair_report *out, struct why *why)
{
    struct repair r = { .io = io, .dir = dir, .report = out, .why = why };
    *out = (struct repair_report){ 0 };
    return repair_files(&r);
}

enum err repair_run(struct io *io, int dir, struct repair_report *out, struct why *why)
{
    struct repair r = { .io = io, .dir = dir, .report = out, .why = why };
    TRY(repair_heal(io, dir, out, why));
    return tables_repair(&r);
}
