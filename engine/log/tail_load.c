/* tail_load.c -- an idle partition's partial block comes back from its slot with one 4 KiB read. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/gap.h"
#include "engine/log/tail.h"

struct tail_load {
    struct op op;
    struct part *part; /* NULL when it was dropped meanwhile */
    struct store *s;
    uint8_t *block;
};

/* The newest partial block is lost. What lies wholly before it is still served: everything below
 * the first batch of the last tile, since the batch that reaches into the block begins there. */
void part_tail_damaged(struct part *p)
{
    const struct extent *e = part_extent_of(p, block_floor(p->head_pos));
    gap_damaged(p, e ? extent_straddler_off(p, e) : p->start_off);
}

static bool block_take(struct part *p, const struct tail_load *l)
{
    uint64_t from = block_floor(p->head_pos), len = p->head_pos - from;
    const struct extent *e = part_extent_of(p, from);
    if (l->op.got != BLOCK_BYTES || !e)
        return false;
    if (piece_crc(e->id, from, l->block, len) != p->slot_crc && !pitfall(READ_UNVERIFIED))
        return false;
    check(tail_reserve(p, from, len) == ERR_OK);
    uint8_t *at;
    check(tail_find(p, from, &at) >= len);
    memcpy(at, l->block, len);
    bool marked = p->slot_batch_at == NO_SLOT_BATCH ||
                  marks_walk(p, from + p->slot_batch_at, p->head_pos, INT64_MAX) == ERR_OK;
    if (!p->mark_count)
        p->mark_prev_end = p->next_off;
    return marked;
}

/* The block could not be read, now: who waits for it is told, who comes later tries again. */
static void load_failed(struct part *p, enum err err)
{
    struct node *n;
    probe("an idle partition's slot cannot be read");
    p->tail_state = TAIL_OUT;
    while ((n = list_first(&p->parked)))
        append_finish(container_of(n, struct append, node), err);
    while ((n = list_pop(&p->tail_reads)))
        read_finish(container_of(n, struct read, node), err);
}

static void load_done(struct op *op)
{
    struct tail_load *l = container_of(op, struct tail_load, op);
    struct part *p = l->part;
    struct node *n;
    if (p)
        p->load = NULL;
    if (p && op->err) {
        load_failed(p, op->err);
    } else if (p) {
        p->tail_state = TAIL_IN;
        if (!block_take(p, l)) {
            probe("an idle partition's slot does not verify");
            tail_drop(p);
            p->tail_state = TAIL_OUT;
            part_tail_damaged(p);
        }
        parked_retry(l->s);
        while ((n = list_pop(&p->tail_reads)))
            read_resume(container_of(n, struct read, node));
    }
    io_buffer_give(l->block);
    free(l);
}

void part_tail_load(struct part *p)
{
    struct store *s = p->store;
    if (p->tail_state != TAIL_OUT)
        return;
    struct tail_load *l = calloc(1, sizeof(*l));
    check(l);
    l->part = p;
    l->s = s;
    l->block = io_buffer_take(BLOCK_BYTES);
    check(l->block);
    p->tail_state = TAIL_LOADING;
    p->load = l;
    io_read(s->io, &l->op, s->tails_fd, l->block, BLOCK_BYTES, slot_place(p->slot, p->slot_side),
            load_done);
}

/* The machine is dead: the read will not complete. */
void part_tail_abandon_load(struct part *p)
{
    if (p->load) {
        io_buffer_give(p->load->block);
        free(p->load);
    }
    p->load = NULL;
}

void part_tail_forget_load(struct part *p)
{
    if (p->load)
        p->load->part = NULL;
    p->load = NULL;
}
