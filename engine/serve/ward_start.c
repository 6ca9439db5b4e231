/* ward_start.c -- where the wards are, and how they open.
 *
 * A ward's partition stays in the store in which it was made: it is found there at each start. What
 * is in no store is made, one after the other over the open stores; but only while every store that
 * the metadata knows is open, else it may be in the one that is not, and its groups have to wait
 * for that. Opening does not hold up READY: who asks meanwhile is told to try again. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

#define READ_BYTES  MIB(1) /* of the log at a time */
#define RECORD_ROOM 128u   /* batch header and the record's own lengths */

/* ---- placing, on desk 0 ---- */

void ward_found(struct serve *s, uint32_t number, uint32_t store)
{
    if (number >= WARDS)
        return; /* not ours: kept */
    struct ward *w = &s->wards[number];
    w->twice = w->store != STORE_NONE;
    w->store = w->twice ? w->store : store;
}

/* The open stores by number; *all: none that is known is missing. */
static uint32_t stores_open(const struct serve *s, uint32_t *stores, uint32_t cap, bool *all)
{
    const struct meta *meta = s->registry->meta;
    uint32_t count = 0, number;
    uint64_t partitions;
    *all = true;
    for (uint32_t i = 0; meta_store_at(meta, i, &number, &partitions); i++) {
        bool open = meta_store_err(meta, number) == ERR_OK;
        *all = *all && open;
        if (open && count < cap)
            stores[count++] = number;
    }
    return count;
}

void wards_place(struct serve *s)
{
    uint32_t stores[WARDS], lost = 0;
    bool all;
    uint32_t count = stores_open(s, stores, WARDS, &all);
    for (uint32_t i = 0; s->opts.groups && i < WARDS; i++) {
        struct ward *w = &s->wards[i];
        if (w->store == STORE_NONE && all)
            w->store = stores[i % count];
        lost += w->store == STORE_NONE;
        if (w->store != STORE_NONE)
            w->shard = s->store_shard[w->store];
        w->state = w->store == STORE_NONE || w->twice ? WARD_BROKEN : WARD_LOADING;
        if (w->twice)
            serve_note(s,
                       "group partition %u is in store-%02u and in another one: one of them is a "
                       "copy, and none is served; take one away",
                       i, w->store);
    }
    if (lost)
        serve_note(s,
                   "%u of %u group partitions are in none of the stores that are open: their "
                   "consumer groups are not served",
                   lost, WARDS);
}

/* ---- opening, on its desk ---- */

static struct shelf *ward_shelf(const struct ward *w)
{
    return shelf_find(&w->serve->desks[w->shard], w->store);
}

void ward_break(struct ward *w, const char *what, uint64_t off)
{
    w->state = WARD_BROKEN;
    serve_note(w->serve,
               "group partition %u in store-%02u, offset %llu: %s; its consumer groups are not "
               "served",
               w->number, w->store, (unsigned long long)off, what);
}

static void ward_read_done(struct read *r);

static void ward_read(struct ward *w, uint64_t off)
{
    w->read =
        (struct read){ .done = ward_read_done, .arg = w, .off = off, .bytes_max = READ_BYTES };
    w->under_way++;
    part_read(w->part, &w->read);
}

static enum err ward_batch(struct ward *w, struct bytes batch, struct why *why)
{
    struct batch_walk walk;
    struct batch_record record;
    enum err err = ERR_OK;
    TRY(batch_walk_open(&walk, batch));
    while (batch_walk_next(&walk, &record, &err)) {
        struct group_event in = { .kind = GROUP_EVENT_RECORD, .record = record.value, .why = why };
        TRY(ward_step(w, &in));
    }
    return err;
}

static enum err ward_batches(struct ward *w, struct bytes left, struct why *why)
{
    struct batch_info info;
    while (left.len) {
        TRY(batch_peek(left, &info));
        TRY(ward_batch(w, (struct bytes){ left.at, info.bytes }, why));
        left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
    }
    return ERR_OK;
}

static void ward_loaded(struct ward *w)
{
    struct group_event in = { .kind = GROUP_EVENT_START };
    w->state = WARD_OPEN;
    (void)ward_step(w, &in);
}

static void ward_read_next(struct ward *w)
{
    struct read *r = &w->read;
    struct why why = { "" };
    bool end = r->err == ERR_OK && r->batches.len == 0;
    enum err err = r->err != ERR_OK ? r->err : ward_batches(w, r->batches, &why);
    uint64_t off = r->off, next_off = r->next_off;
    read_give(r);
    if (err != ERR_OK)
        ward_break(w, why.text[0] ? why.text : err_text(err), off);
    else if (end)
        ward_loaded(w);
    else
        ward_read(w, next_off);
}

static void ward_read_done(struct read *r)
{
    struct ward *w = r->arg;
    if (w->state == WARD_LOADING)
        ward_read_next(w);
    else
        read_give(r); /* a stop came first */
    ward_ended(w);
}

static void ward_added(struct part_request *r)
{
    struct ward *w = container_of(r, struct ward, add);
    struct part_state_info info = { 0 };
    w->part = r->part;
    if (r->err == ERR_OK)
        info = part_info(w->part);
    if (w->state == WARD_LOADING && r->err != ERR_OK)
        ward_break(w, err_text(r->err), 0);
    else if (w->state == WARD_LOADING && info.damaged)
        ward_break(w, err_text(ERR_DAMAGED), info.damaged_off);
    else if (w->state == WARD_LOADING)
        ward_read(w, info.start_off);
    ward_ended(w);
}

static void ward_start(struct ward *w)
{
    struct shelf *sh = ward_shelf(w);
    check(sh && sh->store);
    struct group_opts opts = w->serve->opts.group;
    opts.record_max = store_identity(sh->store)->geometry.batch_max - RECORD_ROOM;
    opts.record_max = min_u64(opts.record_max, KIB(512));
    w->groups = groups_open(&opts);
    w->add = (struct part_request){ .done = ward_added };
    w->under_way++;
    part_add(sh->store, &w->add, GROUP_TOPIC, w->number);
}

void wards_start(struct desk *d)
{
    for (uint32_t i = 0; i < WARDS; i++) {
        struct ward *w = &d->serve->wards[i];
        if (w->shard == d->shard.number && w->state == WARD_LOADING)
            ward_start(w);
    }
}
