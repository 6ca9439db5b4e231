/* load_op.c -- single operations: started, answered, compared. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/log/store_in.h"
#include "tests/sim/load_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

struct part *load_part(struct load *l, const struct o_part *p)
{
    struct store *s = l->w->stores[p->store].store;
    return s ? part_find(s, p->topic, p->index) : NULL;
}

void *load_op_new(struct load *l, size_t bytes, void (*forget)(struct world_op *))
{
    struct world_op *op = calloc(1, bytes);
    check(op);
    op->forget = forget;
    list_push(&l->w->ops, &op->node);
    return op;
}

static struct part_state_info info_of(struct load *l, const struct o_part *p)
{
    struct part *part = load_part(l, p);
    return part ? part_info(part) : (struct part_state_info){ 0 };
}

static bool poisoned(const struct load *l, const struct o_part *p)
{
    struct store *s = l->w->stores[p->store].store;
    return s && store_poisoned(s, NULL);
}

/* Errors that need no excuse: the partition is being dropped, or (eio) the disk failed. */
bool load_excused(const struct load *l, const struct o_part *p, enum err err)
{
    if (err == ERR_NOT_FOUND)
        return p->state >= O_DROPPING;
    if (err == ERR_POISONED || err == ERR_CORRUPT) /* a failed sync took what was written */
        return poisoned(l, p);
    return err == ERR_CLOSED ? l->w->stopping : world_failed(l->w, err);
}

/* ---- read ---- */

struct op_read {
    struct world_op op;
    struct load *load;
    struct o_part *part;
    struct read read;
    uint64_t visible_off, start_off;
    bool follow; /* the partition's consumer: moves its position */
    bool scan;   /* goes on to the visible end */
};

static void read_forget(struct world_op *op)
{
    struct op_read *r = container_of(op, struct op_read, op);
    node_unlink(&op->node);
    read_give(&r->read);
    r->part->busy--;
    free(r);
}

static void read_begin(struct op_read *r, struct part *part)
{
    struct part_state_info info = part_info(part);
    r->visible_off = info.visible_off;
    r->start_off = info.start_off;
    part_read(part, &r->read);
}

static void read_failed(struct op_read *r, uint64_t start_now)
{
    enum err err = r->read.err;
    bool range = err == ERR_OFFSET_RANGE && (r->read.off < start_now || r->read.off > r->start_off);
    demand(range || r->part->state >= O_DROPPING || load_excused(r->load, r->part, err),
           "part %u: a read from %llu gives %s", r->part->number, LLU(r->read.off), err_name(err));
}

/* What was lent, as one piece of the caller's own: out of the tail, or out of the volume as the
 * kernel would send it. */
static uint8_t *lent_copy(struct op_read *r)
{
    const struct read *read = &r->read;
    const struct read_lent *lent = &read->lent;
    struct world *w = r->load->w;
    uint8_t *copy = malloc(read->batches.len), *at = copy;
    check(copy);
    for (uint32_t i = 0; i < lent->count; at += lent->pieces[i++].len)
        memcpy(at, lent->pieces[i].at, lent->pieces[i].len);
    if (lent->extent)
        sim_file_read(w->node, w->stores[r->part->store].path, lent->extent->vol->name, lent->pos,
                      copy, read->batches.len);
    return copy;
}

static void read_compare(struct op_read *r, const struct part_state_info *now)
{
    bool lent = r->read.batches.len && !r->read.batches.at;
    uint8_t *copy = lent ? lent_copy(r) : NULL;
    struct o_read o = { .batches = { copy ? copy : r->read.batches.at, r->read.batches.len },
                        .off = r->read.off,
                        .next_off = r->read.next_off,
                        .bytes_max = r->read.bytes_max,
                        .visible_off = r->visible_off,
                        .visible_now = now->visible_off,
                        .start_off = r->start_off,
                        .start_now = now->start_off };
    oracle_read(&r->load->w->oracle, r->part, &o);
    free(copy);
    if (r->follow)
        r->part->reader_off = r->read.next_off;
}

static void read_answered(struct read *read)
{
    struct op_read *r = read->arg;
    struct load *l = r->load;
    struct part *part = load_part(l, r->part);
    struct part_state_info now = info_of(l, r->part);
    trace("    read part %u from %llu: %s, %llu bytes, next %llu", r->part->number, LLU(read->off),
          err_name(read->err), LLU(read->batches.len), LLU(read->next_off));
    sim_trace(l->w->sim, (uint64_t)read->err << 56 ^ read->next_off ^ read->batches.len << 20);
    if (read->err)
        read_failed(r, now.start_off);
    else if (part)
        read_compare(r, &now);
    uint64_t next = read->next_off;
    bool more = r->scan && !read->err && part && (read->batches.len || next >= r->visible_off);
    if (more && next < now.visible_off) {
        read_give(read);
        read->off = next;
        read_begin(r, part);
        return;
    }
    demand(!r->scan || !part || read->err || next >= now.visible_off || next < now.start_off ||
               r->part->batches[r->part->count - 1].gap,
           "part %u: reading stops at %llu, visible is %llu", r->part->number, LLU(next),
           LLU(now.visible_off));
    read_forget(&r->op);
}

static struct op_read *read_new(struct load *l, struct o_part *p, uint64_t off, uint32_t bytes_max)
{
    struct op_read *r = load_op_new(l, sizeof(*r), read_forget);
    r->load = l;
    r->part = p;
    r->read = (struct read){ .done = read_answered, .arg = r, .off = off, .bytes_max = bytes_max };
    p->busy++;
    return r;
}

void load_read(struct load *l, struct o_part *p, uint64_t off, uint32_t bytes_max, bool follow,
               bool scan)
{
    struct part *part = load_part(l, p);
    if (!part)
        return;
    struct op_read *r = read_new(l, p, off, bytes_max);
    r->follow = follow;
    r->scan = scan;
    read_begin(r, part);
}

void load_read_lent(struct load *l, struct o_part *p, uint64_t off, uint32_t bytes_max)
{
    struct part *part = load_part(l, p);
    if (!part)
        return;
    struct op_read *r = read_new(l, p, off, bytes_max);
    r->read.lends = true;
    read_begin(r, part);
}

/* ---- search by time ---- */

struct op_time {
    struct world_op op;
    struct load *load;
    struct o_part *part;
    struct time_find find;
    uint64_t visible_off;
};

static void time_forget(struct world_op *op)
{
    struct op_time *t = container_of(op, struct op_time, op);
    node_unlink(&op->node);
    read_give(&t->find.read);
    t->part->busy--;
    free(t);
}

static void time_answered(struct time_find *find)
{
    struct op_time *t = find->arg;
    struct load *l = t->load;
    struct part_state_info now = info_of(l, t->part);
    bool gone = !load_part(l, t->part);
    bool trimmed = find->err == ERR_OFFSET_RANGE; /* the log start passed it */
    trace("    time part %u: %lld gives %s, offset %llu", t->part->number, (long long)find->time_ms,
          err_name(find->err), LLU(find->off));
    if (!gone && (find->err == ERR_OK || find->err == ERR_NOT_FOUND))
        oracle_time(t->part, find->time_ms, find->err == ERR_OK, find->off, find->found_ms,
                    t->visible_off, now.start_off);
    else
        demand(gone || trimmed || load_excused(l, t->part, find->err),
               "part %u: search by time gives %s", t->part->number, err_name(find->err));
    time_forget(&t->op);
}

void load_time(struct load *l, struct o_part *p)
{
    struct part *part = load_part(l, p);
    if (!part || !p->count)
        return;
    struct op_time *t = load_op_new(l, sizeof(*t), time_forget);
    uint32_t i = (uint32_t)rng_below(l->w->rng, p->count);
    t->load = l;
    t->part = p;
    t->visible_off = part_info(part).visible_off;
    t->find = (struct time_find){ .done = time_answered,
                                  .arg = t,
                                  .time_ms = p->batches[i].content.time_ms +
                                             (int64_t)rng_below(l->w->rng, 5) - 1 };
    p->busy++;
    l->w->tally.searches++;
    part_time_find(part, &t->find);
}

/* ---- requests ---- */

enum request_kind { REQUEST_ADD, REQUEST_DROP, REQUEST_TRIM, REQUEST_SEAL };

struct op_request {
    struct world_op op;
    struct load *load;
    struct o_part *part;
    struct part_request request;
    enum request_kind kind;
    uint64_t off;
};

static void request_forget(struct world_op *op)
{
    struct op_request *r = container_of(op, struct op_request, op);
    node_unlink(&op->node);
    r->part->busy--;
    free(r);
}

static void request_kept(struct op_request *r)
{
    struct o_part *p = r->part;
    switch (r->kind) {
    case REQUEST_ADD:
        p->state = p->state == O_ADDING ? O_LIVE : p->state;
        return;
    case REQUEST_DROP:
        p->state = O_GONE;
        demand(!load_part(r->load, p), "part %u: still found after it was dropped", p->number);
        return;
    case REQUEST_TRIM:
        p->start_min = max_u64(p->start_min, r->off);
        return;
    case REQUEST_SEAL:
        return;
    }
}

static void request_answered(struct part_request *request)
{
    struct op_request *r = request->arg;
    enum err err = request->err;
    trace("    request %d part %u: %s", r->kind, r->part->number, err_name(err));
    sim_trace(r->load->w->sim, (uint64_t)r->kind << 8 ^ (uint64_t)err ^ r->part->number << 16);
    if (err == ERR_OK)
        request_kept(r);
    else
        demand(load_excused(r->load, r->part, err) || (err == ERR_BUSY && r->kind == REQUEST_SEAL),
               "part %u: request %d gives %s", r->part->number, r->kind, err_name(err));
    request_forget(&r->op);
}

static struct part_request *request_new(struct load *l, struct o_part *p, enum request_kind kind)
{
    struct op_request *r = load_op_new(l, sizeof(*r), request_forget);
    r->load = l;
    r->part = p;
    r->kind = kind;
    r->request = (struct part_request){ .done = request_answered, .arg = r };
    p->busy++;
    trace("  request %d part %u", kind, p->number);
    return &r->request;
}

void load_trim(struct load *l, struct o_part *p, uint64_t off)
{
    struct part *part = load_part(l, p);
    if (!part || poisoned(l, p))
        return;
    struct part_request *r = request_new(l, p, REQUEST_TRIM);
    container_of(r, struct op_request, request)->off = off;
    p->trim_asked = max_u64(p->trim_asked, off);
    l->w->tally.trims++;
    part_trim(part, r, off);
    world_freeing(l->w, p->store);
}

void load_seal(struct load *l, struct o_part *p)
{
    struct part *part = load_part(l, p);
    if (!part)
        return;
    l->w->tally.seals++;
    part_seal(part, request_new(l, p, REQUEST_SEAL));
}

void load_drop(struct load *l, struct o_part *p)
{
    struct part *part = load_part(l, p);
    if (!part || p->state >= O_DROPPING || poisoned(l, p))
        return;
    p->state = O_DROPPING;
    l->w->tally.drops++;
    part_drop(part, request_new(l, p, REQUEST_DROP));
    world_freeing(l->w, p->store);
}

void load_add_again(struct load *l, struct o_part *p)
{
    struct store *s = l->w->stores[p->store].store;
    part_add(s, request_new(l, p, REQUEST_ADD), p->topic, p->index);
}

void load_part_check(struct load *l, struct o_part *p)
{
    struct part *part = load_part(l, p);
    const struct part_epoch *rows;
    if (!part)
        return;
    struct part_state_info info = part_info(part);
    oracle_info(p, &info);
    uint32_t count = part_epochs(part, &rows);
    oracle_epochs(p, rows, count);
}
