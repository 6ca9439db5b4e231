/* part.c -- a partition of a store: its life, its changes, what it says of itself. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/producer.h"
#include "engine/log/tail.h"

/* ---- numbers and slots ---- */

static void stack_push(uint32_t **at, uint32_t *count, uint32_t *cap, uint32_t value)
{
    *at = array_grow(*at, cap, *count + 1, sizeof(**at));
    (*at)[(*count)++] = value;
}

void part_number_give(struct store *s, uint32_t number)
{
    stack_push(&s->free_numbers, &s->free_number_count, &s->free_number_cap, number);
}

void slot_give(struct store *s, uint32_t slot)
{
    stack_push(&s->free_slots, &s->free_slot_count, &s->free_slot_cap, slot);
}

static void slot_gone(struct store *s, uint32_t slot, uint64_t seq)
{
    s->gone_slots = array_grow(s->gone_slots, &s->gone_slot_cap, s->gone_slot_count + 1,
                               sizeof(*s->gone_slots));
    s->gone_slots[s->gone_slot_count++] = (struct slot_gone){ seq, slot };
}

bool slots_due(const struct store *s)
{
    return s->gone_slot_count && s->gone_slots[0].seq <= s->synced_seq; /* in order of entries */
}

void slots_reap(struct store *s)
{
    uint32_t kept = 0;
    if (s->ckpt)
        return;
    for (uint32_t i = 0; i < s->gone_slot_count; i++) {
        if (s->gone_slots[i].seq <= s->synced_seq)
            slot_give(s, s->gone_slots[i].slot);
        else
            s->gone_slots[kept++] = s->gone_slots[i];
    }
    s->gone_slot_count = kept;
}

static uint32_t number_take(struct store *s)
{
    return s->free_number_count ? s->free_numbers[--s->free_number_count] : s->part_count;
}

static bool parts_reach(struct store *s, uint32_t number)
{
    if (number >= s->part_cap) {
        uint32_t cap = s->part_cap ? s->part_cap : 64;
        while (cap <= number)
            cap *= 2;
        struct part **grown = realloc(s->parts, cap * sizeof(struct part *));
        if (!grown)
            return false;
        memset(grown + s->part_cap, 0, (cap - s->part_cap) * sizeof(struct part *));
        s->parts = grown;
        s->part_cap = cap;
    }
    if (number >= s->part_count)
        s->part_count = number + 1;
    return true;
}

/* ---- life ---- */

struct part *part_new(struct store *s, struct id16 topic, uint32_t index, uint32_t number)
{
    if (map_get(&s->part_map, (struct map_key){ topic, index }) || !parts_reach(s, number) ||
        s->parts[number])
        return NULL;
    struct part *p = calloc(1, sizeof(*p));
    if (!p || map_put(&s->part_map, (struct map_key){ topic, index }, p)) {
        free(p);
        return NULL;
    }
    p->store = s;
    p->topic = topic;
    p->index = index;
    p->number = number;
    p->durability = DURABILITY_SYNCED;
    p->slot = NO_SLOT;
    p->add_seq = UINT64_MAX;
    list_init(&p->chunks);
    list_init(&p->runs);
    list_init(&p->acks);
    list_init(&p->parked);
    list_init(&p->tail_reads);
    list_init(&p->reads);
    s->parts[number] = p;
    s->spare.wanted |= part_is_system(p);
    return p;
}

bool part_is_system(const struct part *p)
{
    static const uint8_t zero[15];
    return memcmp(p->topic.b, zero, sizeof(zero)) == 0;
}

static void appends_end(struct list *l, enum err err)
{
    struct node *n;
    while ((n = list_first(l)))
        append_finish(container_of(n, struct append, node), err);
}

/* Reads in flight go on; they find no partition when they complete. Those that are finished and not
 * answered yet have none either. */
static void part_orphan_io(struct part *p, enum err err)
{
    struct node *n;
    list_each (&p->store->read_dones, done) {
        struct read *r = container_of(done, struct read, node);
        if (r->part == p)
            r->part = NULL;
    }
    while ((n = list_pop(&p->reads)))
        container_of(n, struct read, node)->part = NULL;
    while ((n = list_pop(&p->tail_reads))) {
        struct read *r = container_of(n, struct read, node);
        r->part = NULL;
        read_finish(r, err);
    }
    part_tail_forget_load(p);
}

static void part_unlink(struct part *p)
{
    struct store *s = p->store;
    node_unlink(&p->dirty_node);
    node_unlink(&p->commit_node);
    node_unlink(&p->direct_node);
    node_unlink(&p->parked_node);
    (void)map_remove(&s->part_map, (struct map_key){ p->topic, p->index });
    producers_close(p);
    s->parts[p->number] = NULL;
}

void part_memory_free(struct part *p)
{
    struct node *n;
    while ((n = list_pop(&p->runs))) /* a dead machine's */
        free(container_of(n, struct run, node));
    node_unlink(&p->dirty_node);
    tail_drop(p);
    free(p->extents);
    free(p->epochs);
    free(p->marks);
    free(p);
}

/* Dropped: its extents are dying already. */
void part_free(struct part *p)
{
    struct store *s = p->store;
    appends_end(&p->acks, ERR_NOT_FOUND);
    appends_end(&p->parked, ERR_NOT_FOUND);
    part_orphan_io(p, ERR_NOT_FOUND);
    part_unlink(p);
    if (!s->replaying) {
        part_number_give(s, p->number);
        if (p->slot != NO_SLOT)
            slot_gone(s, p->slot, s->journal.seq);
    }
    if (list_empty(&p->runs)) {
        part_memory_free(p);
        return;
    }
    probe("a partition is dropped while its runs are in flight");
    p->zombie = true; /* the disk still reads its tail: the last run frees it */
    list_push(&s->zombies, &p->dirty_node);
}

/* The store closes: nothing is in flight, or its machine is dead. */
void part_abandon(struct part *p)
{
    for (uint32_t i = 0; i < p->extent_count; i++)
        extent_free(p->extents[i]);
    part_tail_abandon_load(p);
    part_orphan_io(p, ERR_CLOSED);
    producers_close(p);
    part_memory_free(p);
}

/* The store is poisoned: nothing that waits for durability will get it. */
void part_poison(struct part *p)
{
    appends_end(&p->acks, ERR_POISONED);
    appends_end(&p->parked, ERR_POISONED);
}

/* ---- changes ---- */

void request_finish(struct store *s, struct part_request *r, enum err err)
{
    node_unlink(&r->node);
    r->err = err;
    list_push(&s->request_dones, &r->node);
}

static void request_wait(struct store *s, struct part_request *r)
{
    s->commit_vain = false;
    list_push(&s->requests, &r->node);
}

static bool request_refused(struct store *s, struct part_request *r, const struct part *p)
{
    r->node = (struct node){ 0 };
    enum err err = s->poisoned                                     ? ERR_POISONED
                   : s->stopping || s->closed || s->opts.read_only ? ERR_CLOSED
                   : p && p->dropped                               ? ERR_NOT_FOUND
                                                                   : ERR_OK;
    if (err)
        request_finish(s, r, err);
    return err != ERR_OK;
}

void part_add(struct store *s, struct part_request *r, struct id16 topic, uint32_t index)
{
    struct part *p = map_get(&s->part_map, (struct map_key){ topic, index });
    if (request_refused(s, r, p))
        return;
    if (!p)
        p = part_new(s, topic, index, number_take(s));
    r->part = p;
    if (!p) {
        request_finish(s, r, ERR_NO_MEMORY);
    } else if (p->add_seq <= s->synced_seq) {
        request_finish(s, r, ERR_OK);
    } else {
        r->row = (struct row){ .kind = ROW_ADD, .part = p->number, .topic = topic, .index = index };
        request_wait(s, r);
    }
}

void part_drop(struct part *p, struct part_request *r)
{
    if (request_refused(p->store, r, p))
        return;
    r->part = p;
    r->row = (struct row){ .kind = ROW_DROP, .part = p->number };
    p->dropped = true;
    request_wait(p->store, r);
}

void part_trim(struct part *p, struct part_request *r, uint64_t off)
{
    struct store *s = p->store;
    if (request_refused(s, r, p))
        return;
    r->part = p;
    if (off > p->next_off) {
        request_finish(s, r, ERR_OFFSET_RANGE);
        return;
    }
    p->start_off = max_u64(p->start_off, off);
    r->row = (struct row){ .kind = ROW_TRIM, .part = p->number, .base_off = off };
    request_wait(s, r);
}

void part_seal(struct part *p, struct part_request *r)
{
    struct store *s = p->store;
    if (request_refused(s, r, p))
        return;
    r->part = p;
    struct extent *e = part_open_extent(p);
    if (!e || p->head_pos == e->base_pos) {
        request_finish(s, r, ERR_OK);
        return;
    }
    if (p->tail_state != TAIL_IN) { /* the padded block is written from memory */
        part_tail_load(p);
        request_finish(s, r, ERR_BUSY);
        return;
    }
    part_close_extent(p);
    r->row = (struct row){ .kind = ROW_CLOSE, .part = p->number };
    request_wait(s, r);
    part_dirty(p);
}

void part_epoch_push(struct part *p, struct part_epoch e)
{
    p->epochs = array_grow(p->epochs, &p->epoch_cap, p->epoch_count + 1, sizeof(*p->epochs));
    p->epochs[p->epoch_count++] = e;
}

/* ---- facts ---- */

void part_durability_set(struct part *p, enum durability d)
{
    p->durability = (uint8_t)d;
}

uint64_t part_visible(const struct part *p)
{
    if (p->durability == DURABILITY_MEMORY || pitfall(VISIBLE_BEFORE_SYNC))
        return p->next_off;
    return p->durability == DURABILITY_WRITTEN ? p->written_off : p->synced_off;
}

struct part_state_info part_info(const struct part *p)
{
    const struct geometry *g = &p->store->id.geometry;
    struct part_state_info i = { .topic = p->topic,
                                 .index = p->index,
                                 .number = p->number,
                                 .start_off = p->start_off,
                                 .visible_off = max_u64(part_visible(p), p->start_off),
                                 .next_off = p->next_off,
                                 .synced_off = p->synced_off,
                                 .extents = p->extent_count,
                                 .leader_epoch = p->leader_epoch,
                                 .damaged = p->damaged,
                                 .parked = !list_empty(&p->parked),
                                 .damaged_off = p->damaged_off,
                                 .max_time = INT64_MIN,
                                 .producers = producers_count(p) };
    for (uint32_t n = 0; n < p->extent_count; n++) {
        const struct extent *e = p->extents[n];
        i.bytes += extent_data_end(p, e) - e->base_pos;
        i.disk_bytes += extent_bytes(g, e->order);
        i.max_time = max_i64(i.max_time, e->max_time);
    }
    return i;
}

uint32_t part_epochs(const struct part *p, const struct part_epoch **rows)
{
    *rows = p->epochs;
    return p->epoch_count;
}

bool part_extent_at(const struct part *p, uint32_t i, struct part_extent_info *out)
{
    if (i >= p->extent_count)
        return false;
    const struct extent *e = p->extents[i];
    bool last = i + 1 == p->extent_count;
    *out = (struct part_extent_info){ .base_off = e->base_off,
                                      .end_off = last ? p->next_off : p->extents[i + 1]->base_off,
                                      .bytes = extent_data_end(p, e) - e->base_pos,
                                      .max_time = e->max_time,
                                      .max_append = e->max_append,
                                      .sealed = e->sealed };
    return true;
}

struct part *part_find(struct store *s, struct id16 topic, uint32_t index)
{
    struct part *p = map_get(&s->part_map, (struct map_key){ topic, index });
    return p && !p->dropped ? p : NULL;
}

uint32_t store_part_count(const struct store *s)
{
    return s->part_count;
}

struct part *store_part_at(struct store *s, uint32_t number)
{
    struct part *p = number < s->part_count ? s->parts[number] : NULL;
    return p && !p->dropped ? p : NULL;
}
