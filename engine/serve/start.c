/* start.c -- from directories to READY.
 *
 *   1 desk 0   lists the directories: store-NN in each; plans who opens what (start_scan.c)
 *   2 desk 0   opens (on a virgin start: makes) store-00, adds or finds the system partition
 *   3 desk 0   reads the metadata log, record by record, into the decider
 *   4 desk 0   numbers the stores that are to be made, and sends each desk its list
 *   5 desks    open or make their stores, report identities and the partitions that they hold
 *   6 desk 0   tells the decider; it asks for what is missing or half done, then says READY
 *
 * Which desk: the k-th store of each directory, by number, belongs to shard k modulo the number of
 * shards; a directory with fewer stores than there are shards gets new ones. So with fewer shards
 * than before a shard runs several stores, and with more the new stores take new partitions.
 *
 * A store is made only in a directory of its own that no record names: a store that the metadata
 * knows and that is not there is reported, never replaced. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

#define READ_BYTES  MIB(1) /* of the metadata log at a time */
#define RECORD_ROOM 128u   /* batch header and the record's own lengths */

/* A desk's list of stores to open, and what it found in them. */
struct held {
    uint32_t store, index;
    struct id16 topic;
};

struct opening {
    struct letter letter;
    struct desk *desk;
    struct id16 cluster;
    struct held *held;
    uint32_t held_count, held_cap;
};

void start_close(struct registry *r)
{
    free(r->found);
    r->found = NULL;
    for (uint32_t i = 0; r->openings && r->openings[i].desk; i++)
        free(r->openings[i].held);
    free(r->openings);
    r->openings = NULL;
}

/* A stop may have come between two steps. */
static bool starting(const struct serve *s)
{
    return s->desks[0].state == DESK_STARTING;
}

static void start_fail(struct serve *s, enum err err, struct why *why)
{
    if (!why->text[0])
        why_set(why, "%s", err_text(err));
    serve_fail(s, err, why);
}

static uint64_t tail_share(const struct serve *s)
{
    return s->opts.store.tail_bytes / max_u64(1, s->registry->found_count);
}

/* ---- 2: store-00 ---- */

static void system_added(struct part_request *r);
static void system_read(struct serve *s, uint64_t off);
static void system_read_done(struct read *r);
static void desks_open(struct serve *s);

/* Nothing but store-00 is there, if anything: it may be made, or made again after a crash in the
 * middle of that. */
static bool start_virgin(const struct registry *r)
{
    for (uint32_t i = 0; i < r->found_count; i++)
        if (r->found[i].number != 0 && r->found[i].number != NUMBER_NEW)
            return false;
    return true;
}

static enum err start_store(struct serve *s, struct why *why)
{
    struct registry *r = s->registry;
    struct io *io = s->desks[0].shard.io;
    struct shelf *sh = shelf_find(&s->desks[0], 0);
    struct store_create create = { .node = s->opts.node, .geometry = s->opts.geometry };
    uint64_t halves[2] = { io_random(io), io_random(io) };
    memcpy(create.cluster.b, halves, 16);
    sh->create = start_virgin(r);
    sh->founder = true;
    shelf_open(sh, &create, tail_share(s));
    if (sh->err != ERR_OK) {
        why_set(why, "store-00 in %s: %.180s", s->opts.dirs[sh->dir], sh->why.text);
        return sh->err;
    }
    const struct identity *id = store_identity(sh->store);
    r->cluster = id->cluster;
    r->meta = meta_open(&(struct meta_opts){ .record_max = id->geometry.batch_max - RECORD_ROOM });
    r->add = (struct part_request){ .done = system_added, .arg = s };
    part_add(sh->store, &r->add, SYSTEM_TOPIC, 0);
    return ERR_OK;
}

static void start_broken(struct serve *s, enum err err, const char *what, uint64_t off)
{
    struct why why;
    why_set(&why, "metadata log at offset %llu: %.180s", (unsigned long long)off, what);
    serve_fail(s, err, &why);
}

static void system_added(struct part_request *req)
{
    struct serve *s = req->arg;
    if (!starting(s))
        return;
    if (req->err != ERR_OK) {
        start_broken(s, req->err, err_text(req->err), 0);
        return;
    }
    s->registry->part = req->part;
    struct part_state_info info = part_info(req->part);
    if (info.damaged)
        start_broken(s, ERR_DAMAGED, err_text(ERR_DAMAGED), info.damaged_off);
    else
        system_read(s, info.start_off);
}

/* ---- 3: the metadata log ---- */

static void system_read(struct serve *s, uint64_t off)
{
    struct registry *r = s->registry;
    r->read =
        (struct read){ .done = system_read_done, .arg = s, .off = off, .bytes_max = READ_BYTES };
    part_read(r->part, &r->read);
}

static enum err system_batch(struct serve *s, struct bytes batch, struct why *why)
{
    struct batch_walk w;
    struct batch_record record;
    enum err err = ERR_OK;
    TRY(batch_walk_open(&w, batch));
    while (batch_walk_next(&w, &record, &err)) {
        struct meta_event in = { .kind = META_EVENT_RECORD, .record = record.value, .why = why };
        TRY(registry_step(s, &in));
    }
    return err;
}

static enum err system_batches(struct serve *s, struct bytes left, struct why *why)
{
    struct batch_info info;
    while (left.len) {
        TRY(batch_peek(left, &info));
        TRY(system_batch(s, (struct bytes){ left.at, info.bytes }, why));
        left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
    }
    return ERR_OK;
}

static void system_read_done(struct read *r)
{
    struct serve *s = r->arg;
    struct why why = { "" };
    if (!starting(s)) {
        read_give(r);
        return;
    }
    bool end = r->err == ERR_OK && r->batches.len == 0;
    enum err err = r->err != ERR_OK ? r->err : system_batches(s, r->batches, &why);
    uint64_t off = r->off, next_off = r->next_off;
    read_give(r);
    if (err != ERR_OK)
        start_broken(s, err, why.text[0] ? why.text : err_text(err), off);
    else if (end)
        desks_open(s);
    else
        system_read(s, next_off);
}

/* ---- 4: every desk its list ---- */

static void desk_open_stores(struct letter *l, struct shard *at);
static void desk_opened(struct letter *l, struct shard *at);

/* New stores take numbers that no store had: not one of the records, not one of the directories. */
static uint32_t number_next(const struct registry *r)
{
    uint32_t next = meta_store_next(r->meta);
    for (uint32_t i = 0; i < r->found_count; i++)
        if (r->found[i].number != NUMBER_NEW && r->found[i].number >= next)
            next = r->found[i].number + 1;
    return next;
}

static void shelves_number(struct serve *s)
{
    uint32_t next = number_next(s->registry);
    for (uint32_t i = 0; i < s->desk_count; i++) {
        for (uint32_t k = 0; k < s->desks[i].shelf_count; k++) {
            struct shelf *sh = &s->desks[i].shelves[k];
            if (sh->number == NUMBER_NEW)
                sh->number = next++;
            sh->create = !meta_store_recorded(s->registry->meta, sh->number);
        }
    }
    s->store_numbers = next;
    s->store_shard = calloc(next, sizeof(*s->store_shard));
    check(s->store_shard);
}

static void desks_open(struct serve *s)
{
    struct registry *r = s->registry;
    shelves_number(s);
    r->openings = calloc(s->desk_count + 1, sizeof(*r->openings)); /* the last one ends the list */
    check(r->openings);
    r->openings_left = s->desk_count;
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct opening *o = &r->openings[i];
        o->desk = &s->desks[i];
        o->cluster = r->cluster;
        o->letter.open = desk_open_stores;
        shard_post(&o->desk->shard, &o->letter);
    }
}

/* ---- 5: on each desk ---- */

static void held_add(struct opening *o, struct held h)
{
    if (o->held_count == o->held_cap) {
        o->held_cap = o->held_cap ? 2 * o->held_cap : 64;
        o->held = realloc(o->held, o->held_cap * sizeof(*o->held));
        check(o->held);
    }
    o->held[o->held_count++] = h;
}

static void shelf_report(struct opening *o, const struct shelf *sh)
{
    for (uint32_t i = 0; i < store_part_count(sh->store); i++) {
        const struct part *p = store_part_at(sh->store, i);
        if (!p)
            continue;
        struct part_state_info info = part_info(p);
        if (!id16_equal(info.topic, SYSTEM_TOPIC))
            held_add(o, (struct held){ sh->number, info.index, info.topic });
    }
}

static void desk_open_stores(struct letter *l, struct shard *at)
{
    struct opening *o = container_of(l, struct opening, letter);
    struct desk *d = desk_of(at);
    struct serve *s = d->serve;
    struct store_create create = { .cluster = o->cluster,
                                   .node = s->opts.node,
                                   .geometry = s->opts.geometry };
    for (uint32_t i = 0; i < d->shelf_count && d->state == DESK_STARTING; i++) {
        struct shelf *sh = &d->shelves[i];
        if (!sh->store)
            shelf_open(sh, &create, tail_share(s));
        if (sh->store)
            shelf_report(o, sh);
    }
    o->letter.open = desk_opened;
    shard_post(&s->desks[0].shard, &o->letter);
}

/* ---- 6: the decider ---- */

static void tell_stores(struct serve *s, const struct desk *d)
{
    for (uint32_t i = 0; i < d->shelf_count; i++) {
        const struct shelf *sh = &d->shelves[i];
        struct meta_event in = { .kind = META_EVENT_STORE, .store = sh->number, .err = sh->err };
        if (sh->store)
            in.id = store_identity(sh->store)->store;
        s->store_shard[sh->number] = d->shard.number;
        registry_step(s, &in);
        if (sh->err != ERR_OK)
            serve_note(s, "store-%02u in %s is not available: %s", sh->number,
                       s->opts.dirs[sh->dir], sh->why.text);
    }
}

static void tell_parts(struct serve *s, const struct opening *o)
{
    for (uint32_t i = 0; i < o->held_count; i++) {
        const struct held *h = &o->held[i];
        if (id16_equal(h->topic, GROUP_TOPIC)) {
            ward_found(s, h->index, h->store);
            continue;
        }
        struct meta_event in = {
            .kind = META_EVENT_PART, .store = h->store, .index = h->index, .id = h->topic
        };
        registry_step(s, &in);
    }
}

static void missing_note(struct serve *s)
{
    uint32_t number;
    uint64_t partitions;
    for (uint32_t i = 0; meta_store_at(s->registry->meta, i, &number, &partitions); i++) {
        enum err err = meta_store_err(s->registry->meta, number);
        bool seen = false;
        for (uint32_t k = 0; k < s->desk_count; k++)
            seen = seen || shelf_find(&s->desks[k], number);
        if (!seen)
            serve_note(s, "store-%02u is in none of the directories: %llu partitions are missing",
                       number, (unsigned long long)partitions);
        else if (err == ERR_MISMATCH)
            serve_note(s, "store-%02u is not the store that the metadata knows by this number",
                       number);
    }
}

static void desk_opened(struct letter *l, struct shard *at)
{
    struct opening *o = container_of(l, struct opening, letter);
    struct serve *s = o->desk->serve;
    struct registry *r = s->registry;
    (void)at;
    if (--r->openings_left || !starting(s))
        return;
    for (uint32_t i = 0; i < s->desk_count; i++)
        tell_stores(s, &s->desks[i]);
    missing_note(s);
    for (uint32_t i = 0; i < s->desk_count; i++)
        tell_parts(s, &r->openings[i]);
    start_close(r);
    struct meta_event in = { .kind = META_EVENT_START };
    registry_step(s, &in);
}

/* ---- the first turn ---- */

/* What the kernel lacks, a line each. */
static void features_note(struct serve *s, const struct io *io)
{
    struct why why = { "" };
    io_features_say(io, &why);
    for (char *line = why.text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        serve_note(s, "%s", line);
    }
}

void desk_start(struct desk *d)
{
    struct serve *s = d->serve;
    struct why why = { "" };
    struct io_opts opts = s->opts.io;
    opts.why = &why;
    if (serve_state(s, NULL, NULL) != SERVE_STARTING) {
        desk_stopped(d);
        return;
    }
    d->state = DESK_STARTING;
    enum err err = shard_start(&d->shard, &opts);
    if (err != ERR_OK) {
        start_fail(s, err, &why);
        desk_stopped(d);
        return;
    }
    if (d->shard.number != 0)
        return; /* its list comes by letter */
    features_note(s, d->shard.io);
    err = start_scan(s, &why);
    if (err == ERR_OK)
        err = start_store(s, &why);
    if (err != ERR_OK)
        start_fail(s, err, &why);
}
