/* offset.c -- the verbs that ask or move a partition's offsets, and the figures of a shard. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

/* ---- offset ---- */

static uint32_t epoch_at(const struct part *p, uint64_t off)
{
    const struct part_epoch *rows;
    uint32_t epoch = 0;
    for (uint32_t i = 0, count = part_epochs(p, &rows); i < count && rows[i].start_off <= off; i++)
        epoch = rows[i].epoch;
    return epoch;
}

static void offset_end(struct verb_offset *v, enum err err)
{
    if (err == ERR_OK)
        v->leader_epoch = epoch_at(v->slot->part, v->off);
    slot_leave(v->slot);
    verb_end(&v->verb, err);
}

static void offset_found(struct time_find *f)
{
    struct verb_offset *v = container_of(f, struct verb_offset, find);
    if (!v->slot->topic) {
        offset_end(v, ERR_NOT_FOUND); /* dropped while we looked */
        return;
    }
    v->off = f->off;
    v->found_ms = f->found_ms;
    bool visible = f->err != ERR_OK || f->off < part_info(v->slot->part).visible_off;
    offset_end(v, visible ? f->err : ERR_NOT_FOUND);
}

static void offset_by_time(struct verb_offset *v, int64_t time_ms)
{
    v->find = (struct time_find){ .done = offset_found, .time_ms = time_ms };
    part_time_find(v->slot->part, &v->find);
}

static void offset_open(struct letter *l, struct shard *at)
{
    struct verb_offset *v = container_of(l, struct verb_offset, verb.letter);
    struct desk *d = desk_of(at);
    struct slot *slot = verb_slot(l, d, &v->place);
    if (!slot)
        return;
    v->slot = slot;
    struct part_state_info info = part_info(v->slot->part);
    if (v->what == OFFSET_TIME) {
        offset_by_time(v, v->time_ms);
    } else if (v->what == OFFSET_MAX_TIME && info.max_time != INT64_MIN) {
        offset_by_time(v, info.max_time);
    } else {
        v->off = v->what == OFFSET_EARLIEST ? info.start_off : info.visible_off;
        offset_end(v, v->what == OFFSET_MAX_TIME ? ERR_NOT_FOUND : ERR_OK);
    }
}

void serve_offset(struct serve *s, struct verb_offset *v)
{
    v->off = 0;
    v->found_ms = INT64_MIN;
    v->leader_epoch = 0;
    verb_send_place(s, &v->verb, &v->place, offset_open);
}

/* ---- leader epochs ---- */

static uint32_t epoch_now(struct shard *at, const struct slot *slot)
{
    return store_epoch(shelf_find(desk_of(at), slot->store)->store);
}

static void epoch_open(struct letter *l, struct shard *at)
{
    struct verb_epoch *v = container_of(l, struct verb_epoch, verb.letter);
    struct slot *slot = verb_slot(l, desk_of(at), &v->place);
    if (!slot)
        return;
    const struct part_epoch *rows;
    uint32_t count = part_epochs(slot->part, &rows), next = 0, now = epoch_now(at, slot);
    while (next < count && rows[next].epoch <= v->epoch)
        next++;
    /* The epoch of now has no row before its first append. */
    v->found = v->epoch == now || (v->epoch < now && count > 0);
    v->found_epoch = v->epoch == now || next == 0 ? v->epoch : rows[next - 1].epoch;
    v->end_off = next < count ? rows[next].start_off : part_info(slot->part).next_off;
    slot_leave(slot);
    verb_end(&v->verb, ERR_OK);
}

void serve_epoch(struct serve *s, struct verb_epoch *v)
{
    verb_send_place(s, &v->verb, &v->place, epoch_open);
}

/* ---- trim ---- */

static void trim_done(struct part_request *r)
{
    struct verb_trim *v = container_of(r, struct verb_trim, request);
    bool gone = !v->slot->topic; /* deleted meanwhile */
    enum err err = r->err;
    if (err == ERR_OK)
        err = gone ? ERR_NOT_FOUND : slot_refuses(v->slot);
    if (err != ERR_OK)
        v->start_off = 0;
    slot_leave(v->slot);
    verb_end(&v->verb, err);
}

static void trim_open(struct letter *l, struct shard *at)
{
    struct verb_trim *v = container_of(l, struct verb_trim, verb.letter);
    struct desk *d = desk_of(at);
    struct slot *slot = verb_slot(l, d, &v->place);
    if (!slot)
        return;
    v->slot = slot;
    struct part_state_info info = part_info(v->slot->part);
    if (v->off == UINT64_MAX)
        v->off = info.visible_off;
    enum err err = v->off > info.visible_off ? ERR_OFFSET_RANGE : slot_refuses(slot);
    if (err != ERR_OK) {
        slot_leave(v->slot);
        verb_end(&v->verb, err);
        return;
    }
    /* What earlier trims moved is durable with this one; what later ones do may not be. */
    v->start_off = max_u64(info.start_off, v->off);
    v->request = (struct part_request){ .done = trim_done };
    part_trim(v->slot->part, &v->request, v->off);
}

void serve_trim(struct serve *s, struct verb_trim *v)
{
    v->start_off = 0;
    verb_send_place(s, &v->verb, &v->place, trim_open);
}

/* ---- facts about a partition ---- */

static void part_open(struct letter *l, struct shard *at)
{
    struct verb_part *v = container_of(l, struct verb_part, verb.letter);
    struct desk *d = desk_of(at);
    struct slot *slot = verb_slot(l, d, &v->place);
    if (!slot)
        return;
    v->info = part_info(slot->part);
    v->durability = (enum durability)setting_get(&slot->topic->settings, SETTING_DURABILITY);
    v->leader_epoch = epoch_now(at, slot);
    slot_leave(slot);
    verb_end(&v->verb, ERR_OK);
}

void serve_part(struct serve *s, struct verb_part *v)
{
    verb_send_place(s, &v->verb, &v->place, part_open);
}

static void parts_open(struct letter *l, struct shard *at)
{
    struct verb_parts *v = container_of(l, struct verb_parts, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    list_each (&d->round, n) {
        const struct slot *slot = container_of(n, struct slot, round);
        if (v->count < v->room)
            v->parts[v->count++] = part_info(slot->part);
        else
            v->left_out++;
    }
    verb_end(&v->verb, ERR_OK);
}

void serve_parts(struct serve *s, struct verb_parts *v)
{
    v->count = v->left_out = 0;
    verb_send(s, &v->verb, v->shard, parts_open);
}

/* ---- figures ---- */

/* struct store_counts is an array of counters: sums go field by field without naming them. */
static_assert(sizeof(struct store_counts) % sizeof(uint64_t) == 0, "counters only");

static void counts_add(struct store_counts *sum, const struct store_counts *c)
{
    uint64_t to[sizeof(*sum) / sizeof(uint64_t)], from[sizeof(*sum) / sizeof(uint64_t)];
    memcpy(to, sum, sizeof(to));
    memcpy(from, c, sizeof(from));
    for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
        to[i] += from[i];
    memcpy(sum, to, sizeof(to));
}

static void stats_open(struct letter *l, struct shard *at)
{
    struct verb_stats *v = container_of(l, struct verb_stats, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    v->stats = (struct serve_stats){ .partitions = d->slot_count };
    for (uint32_t i = 0; i < d->shelf_count; i++) {
        const struct store *store = d->shelves[i].store;
        v->stats.stores++;
        v->stats.stores_failed += !store;
        if (!store)
            continue;
        v->stats.stores_poisoned += store_poisoned(store, NULL);
        struct store_counts c = store_counts(store);
        counts_add(&v->stats.counts, &c);
        v->stats.open_ns = max_u64(v->stats.open_ns, store_report(store)->open_ns);
    }
    if (d->shard.number == 0)
        v->stats.orphans = d->serve->registry->orphans;
    verb_end(&v->verb, ERR_OK);
}

void serve_stats(struct serve *s, struct verb_stats *v)
{
    verb_send(s, &v->verb, v->shard, stats_open);
}
