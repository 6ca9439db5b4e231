/* audit.c -- see audit.h. */
#include "tests/unit/log/audit.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"
#include "engine/log/tail.h"
#include "tests/test.h"

/* ---- one partition ---- */

static void positions(const struct part *p)
{
    EXPECT(p->store->poisoned || p->disk_pos == part_disk_pos(p));
    EXPECT(p->disk_pos % BLOCK_BYTES == 0 && p->flight_pos % BLOCK_BYTES == 0);
    EXPECT(p->disk_pos <= p->flight_pos && p->flight_pos <= p->head_pos);
    EXPECT(p->synced_pos <= p->named_pos && p->named_pos <= p->head_pos);
    EXPECT(p->direct_end <= p->flight_pos && p->tiled_pos <= p->flight_pos);
    EXPECT(!p->extent_count || p->flight_pos >= p->extents[0]->base_pos);
    EXPECT(p->named_start <= p->start_off && p->start_off <= p->next_off);
    EXPECT(p->synced_off <= p->written_off && p->written_off <= p->named_off);
    EXPECT(p->named_off <= p->next_off);
}

/* From one range of offsets to the next; gap batches of one loss share theirs. */
static bool offsets_rise(uint64_t base_off, uint64_t end_off, uint64_t next_base_off,
                         uint64_t next_end_off)
{
    return next_base_off >= end_off || (next_base_off >= base_off && next_end_off >= end_off);
}

static void tiles(const struct store *s, const struct part *p, uint32_t i)
{
    const struct extent *e = p->extents[i];
    uint32_t loaded = e->tile_count - e->tile_from;
    uint64_t end = min_u64(p->flight_pos, block_ceil(extent_data_end(p, e)));
    EXPECT(e->tile_from <= e->tile_count && loaded <= e->tile_cap);
    EXPECT(e->tile_from <= e->index_blocks * TILES_PER_BLOCK);
    EXPECT(e->tile_count <= extent_tile_cap(s, e)); /* docs/STORE.md J6 */
    for (uint32_t n = 0; n < loaded; n++) {
        const struct tile *t = &e->tiles[n];
        uint32_t at = n ? t[-1].at + t[-1].len : e->tile_from ? t->at : 0;
        EXPECT_EQ(t->at, at);
        EXPECT(t->len && t->len % BLOCK_BYTES == 0 && t->base_off <= t->next_off);
        EXPECT(!n || offsets_rise(t[-1].base_off, t[-1].next_off, t->base_off, t->next_off) ||
               t->flags || t[-1].flags);
        EXPECT(t->batch_at == NO_BATCH || t->batch_at < t->len);
        EXPECT(t->max_time <= e->max_time);
    }
    if (end <= e->base_pos)
        EXPECT_EQ(e->tile_count, 0);
    else if (loaded)
        EXPECT_EQ(e->base_pos + extent_tiles_end(e), end);
    else
        EXPECT(e->tile_count > 0);
}

/* Salvage cut it where its tiles end. */
static bool has_gap(const struct extent *e)
{
    uint32_t loaded = e->tile_count - e->tile_from;
    return !loaded || e->tiles[loaded - 1].flags;
}

static void extents(const struct store *s, const struct part *p)
{
    for (uint32_t i = 0; i < p->extent_count; i++) {
        const struct extent *e = p->extents[i];
        const struct extent *next = i + 1 < p->extent_count ? p->extents[i + 1] : NULL;
        uint64_t end = extent_data_end(p, e);
        EXPECT(e->part == p && !e->dying && e->base_pos % BLOCK_BYTES == 0);
        EXPECT(volume_find(s, e->vol->number) == e->vol && e->vol->state == VOL_LIVE);
        EXPECT(e->id && e->id < s->next_extent);
        EXPECT(end - e->base_pos <= extent_data_bytes(&s->id.geometry, e->order));
        EXPECT(!e->close_named || e->sealed);
        EXPECT(e->index_blocks <= e->index_next || s->ckpt);
        if (next) {
            EXPECT(e->sealed && block_ceil(end) <= next->base_pos);
            EXPECT(block_ceil(end) == next->base_pos || has_gap(e)); /* an extent was lost */
            EXPECT(e->base_off <= next->base_off && e->id < next->id);
            EXPECT(!next->named || (e->named && e->close_named));
        }
        tiles(s, p, i);
    }
    if (p->extent_count)
        EXPECT(block_ceil(extent_data_end(p, p->extents[p->extent_count - 1])) ==
               block_ceil(p->head_pos));
}

static void marks(const struct part *p)
{
    EXPECT((p->mark_cap & (p->mark_cap - 1)) == 0 && p->mark_count <= p->mark_cap);
    for (uint32_t i = 0; i < p->mark_count; i++) {
        const struct mark *m = mark_at(p, i), *before = i ? mark_at(p, i - 1) : NULL;
        EXPECT(m->pos < p->head_pos && m->off < m->end_off);
        EXPECT(before ? before->pos < m->pos &&
                            offsets_rise(before->off, before->end_off, m->off, m->end_off)
                      : m->pos >= min_u64(p->flight_pos, p->named_pos));
    }
    if (p->mark_count)
        EXPECT(p->damaged || mark_at(p, p->mark_count - 1)->end_off == p->next_off);
    else
        EXPECT(p->mark_prev_end == p->next_off && p->mark_cap <= 64);
}

/* Its whole blocks below the head are summed as they are. */
static void chunk_sums(const struct part *p, const struct chunk *c)
{
    for (uint64_t b = 0; b < c->cap / BLOCK_BYTES; b++)
        if (c->pos + (b + 1) * BLOCK_BYTES <= p->head_pos)
            EXPECT_EQ(c->sums[b], crc32c(0, c->at + b * BLOCK_BYTES, BLOCK_BYTES));
}

/* Returns the bytes of its chunks. */
static uint64_t chunks(const struct part *p)
{
    uint64_t bytes = 0, end = 0, evictable = min_u64(p->disk_pos, p->named_pos);
    bool clean = true;
    for (const struct node *n = p->chunks.head.next; n != &p->chunks.head; n = n->next) {
        const struct chunk *c = container_of(n, struct chunk, node);
        EXPECT(!bytes || c->pos == end);
        end = c->pos + c->cap;
        bytes += c->cap;
        EXPECT(c->part == p && c->pos % BLOCK_BYTES == 0);
        EXPECT((c->cap & (c->cap - 1)) == 0 && c->cap >= BLOCK_BYTES && c->cap <= CHUNK_BYTES_MAX);
        clean &= node_linked(&c->clean); /* oldest first, without a hole */
        EXPECT(clean == node_linked(&c->clean) && (!clean || end <= evictable));
        chunk_sums(p, c);
    }
    if (p->tail_state != TAIL_IN) {
        EXPECT(!bytes && p->head_pos % BLOCK_BYTES);
    } else if (p->head_pos > p->disk_pos) {
        EXPECT(bytes && tail_floor(p) <= p->disk_pos && end >= p->head_pos);
    }
    return bytes;
}

struct flight { /* bytes and numbers of runs under way */
    uint64_t direct, behind;
    uint32_t behind_runs, waited;
};

static void runs(const struct part *p, struct flight *f)
{
    uint64_t pos = p->disk_pos;
    for (const struct node *n = p->runs.head.next; n != &p->runs.head; n = n->next) {
        const struct run *r = container_of(n, struct run, node);
        EXPECT(p->store->poisoned || r->pos == pos);
        EXPECT(r->part == p && r->extent->pins > 0);
        pos += r->len;
        *(r->behind ? &f->behind : &f->direct) += r->len;
        f->behind_runs += r->behind;
        f->waited += r->waited;
    }
    EXPECT(pos == p->flight_pos || p->zombie || p->store->poisoned);
}

static void waiting(const struct store *s, const struct part *p)
{
    uint64_t end_off = 0;
    for (const struct node *n = p->acks.head.next; n != &p->acks.head; n = n->next) {
        const struct append *a = container_of(n, struct append, node);
        EXPECT(a->end_off > end_off && a->end_off <= p->next_off && a->end_off > p->synced_off);
        end_off = a->end_off;
    }
    EXPECT(list_empty(&p->parked) || node_linked(&p->parked_node));
    if (p->head_pos > p->named_pos && store_ok(s))
        EXPECT(node_linked(&p->dirty_node) || node_linked(&p->direct_node));
}

/* ---- tables ---- */

static void once(uint8_t *seen, uint32_t i)
{
    EXPECT_EQ(seen[i], 0);
    seen[i]++;
}

static void numbers(const struct store *s)
{
    uint8_t *seen = calloc(s->part_count + 1, 1);
    uint32_t parts = 0;
    check(seen);
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct part *p = s->parts[i];
        if (!p)
            continue;
        once(seen, i);
        parts++;
        EXPECT_EQ(p->number, i);
        EXPECT(map_get(&s->part_map, (struct map_key){ p->topic, p->index }) == p);
    }
    for (uint32_t i = 0; i < s->free_number_count; i++)
        if (EXPECT(s->free_numbers[i] < s->part_count))
            once(seen, s->free_numbers[i]);
    EXPECT_EQ(parts, s->part_map.count);
    EXPECT_EQ(parts + s->free_number_count, s->part_count);
    free(seen);
}

static void slots(const struct store *s)
{
    uint8_t *seen = calloc(s->slot_next + 1, 1);
    check(seen);
    for (uint32_t i = 0; i < s->part_count; i++)
        if (s->parts[i] && s->parts[i]->slot != NO_SLOT && EXPECT(s->parts[i]->slot < s->slot_next))
            once(seen, s->parts[i]->slot);
    for (uint32_t i = 0; i < s->free_slot_count; i++)
        if (EXPECT(s->free_slots[i] < s->slot_next))
            once(seen, s->free_slots[i]);
    for (uint32_t i = 0; i < s->gone_slot_count; i++)
        if (EXPECT(s->gone_slots[i].slot < s->slot_next))
            once(seen, s->gone_slots[i].slot);
    for (uint32_t i = 0; i < s->slot_next; i++)
        EXPECT_EQ(seen[i], 1);
    EXPECT(s->slot_next <= s->slot_count);
    free(seen);
}

/* How many extents of partitions, and of those given up, lie in slab `j` of v; their places in it
 * are set in `map`. */
static uint32_t slab_extents(const struct store *s, const struct vol *v, uint32_t j, uint64_t *map)
{
    uint32_t units = s->id.geometry.extent_max / s->id.geometry.extent_min, count = 0;
    for (uint32_t n = 0; n < s->part_count; n++)
        for (uint32_t i = 0; s->parts[n] && i < s->parts[n]->extent_count; i++) {
            const struct extent *e = s->parts[n]->extents[i];
            uint32_t in = (e->unit % units) >> e->order;
            if (e->vol != v || e->unit / units != j)
                continue;
            EXPECT_EQ(v->slabs[j].order, e->order);
            map[in / 64] |= 1ull << (in % 64);
            count++;
        }
    for (const struct node *n = s->dying.head.next; n != &s->dying.head; n = n->next) {
        const struct extent *e = container_of(n, struct extent, node);
        uint32_t in = (e->unit % units) >> e->order;
        if (e->vol != v || e->unit / units != j)
            continue;
        EXPECT(e->dying && !e->part);
        map[in / 64] |= 1ull << (in % 64);
        count++;
    }
    if (s->spare.vol == v && s->spare.unit / units == j) {
        uint32_t in = (s->spare.unit % units) >> s->spare.order;
        EXPECT_EQ(v->slabs[j].order, s->spare.order);
        map[in / 64] |= 1ull << (in % 64);
        count++;
    }
    return count;
}

static void space(const struct store *s)
{
    uint32_t units = s->id.geometry.extent_max / s->id.geometry.extent_min;
    uint32_t words = (units + 63) / 64;
    uint64_t *map = calloc(words, sizeof(*map));
    check(map);
    for (uint32_t i = 0; i < s->vol_count; i++) {
        const struct vol *v = s->vols[i];
        uint32_t unused = 0;
        for (uint32_t j = 0; j < s->id.geometry.slabs; j++) {
            const struct slab *b = &v->slabs[j];
            memset(map, 0, words * sizeof(*map));
            uint32_t count = slab_extents(s, v, j, map);
            EXPECT_EQ(b->used, count);
            EXPECT((b->order == SLAB_FREE) == (count == 0) && !b->map == (count == 0));
            uint32_t places = count ? (units >> b->order) : 0;
            if (places)
                EXPECT_BYTES(b->map, map, (places + 63) / 64 * sizeof(*map));
            unused += b->order == SLAB_FREE;
        }
        EXPECT_EQ(v->free_slabs, unused);
    }
    free(map);
}

/* Pieces that are free and `used` bytes of chunks make up all that was ever taken. */
static void arena(const struct store *s, uint64_t used)
{
    uint64_t blocks = used / BLOCK_BYTES;
    for (uint32_t order = 0; order < ARENA_ORDERS; order++)
        for (uint32_t b = s->arena.free[order]; b != UINT32_MAX; b = s->arena.links[b].next) {
            EXPECT_EQ(s->arena.free_order[b], order + 1);
            blocks += 1u << order;
        }
    EXPECT_EQ(blocks, s->arena.fresh);
}

static uint64_t arena_used(const struct store *s, const struct list *chunks_of)
{
    uint64_t bytes = 0;
    for (const struct node *n = chunks_of->head.next; n != &chunks_of->head; n = n->next) {
        const struct chunk *c = container_of(n, struct chunk, node);
        bytes += arena_owns(&s->arena, c->at) ? c->cap : 0;
    }
    return bytes;
}

/* What readers have of a part's chunks, or of those that were given up. */
static uint64_t lent(const struct list *chunks_of, bool given_up)
{
    uint64_t bytes = 0;
    for (const struct node *n = chunks_of->head.next; n != &chunks_of->head; n = n->next) {
        const struct chunk *c = container_of(n, struct chunk, node);
        EXPECT(given_up == !c->part && (c->lent || !given_up));
        bytes += c->lent ? c->cap : 0;
    }
    return bytes;
}

static void journal(const struct store *s)
{
    EXPECT(s->journal.free_pos <= s->journal.head_pos && journal_used(s) <= s->journal.ring);
    EXPECT(s->journal.head_pos % BLOCK_BYTES == 0);
    EXPECT(s->synced_seq < s->journal.seq);
    if (!commit_busy(s) && !s->opts.read_only && !s->poisoned)
        EXPECT_EQ(s->synced_seq, s->journal.seq - 1);
}

void store_audit(const struct store *s)
{
    struct flight f = { 0 };
    uint64_t used = 0, in_arena = arena_used(s, &s->chunks_lent),
             held = lent(&s->chunks_lent, true);
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct part *p = s->parts[i];
        if (!p)
            continue;
        positions(p);
        extents(s, p);
        marks(p);
        used += chunks(p);
        in_arena += arena_used(s, &p->chunks);
        held += lent(&p->chunks, false);
        runs(p, &f);
        waiting(s, p);
    }
    for (const struct node *n = s->zombies.head.next; n != &s->zombies.head; n = n->next) {
        const struct part *p = container_of(n, struct part, dirty_node);
        used += chunks(p);
        in_arena += arena_used(s, &p->chunks);
        held += lent(&p->chunks, false);
        runs(p, &f);
    }
    EXPECT_EQ(s->tail_used, used);
    EXPECT_EQ(s->tail_lent, held);
    EXPECT_EQ(s->direct_inflight, f.direct);
    EXPECT(!f.behind_runs || checkpoint_running(s));
    EXPECT(f.waited <= s->commit.waiting);
    numbers(s);
    slots(s);
    space(s);
    arena(s, in_arena);
    journal(s);
}

void store_audit_quiet(const struct store *s)
{
    store_audit(s);
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct part *p = s->parts[i];
        if (!p)
            continue;
        EXPECT(p->synced_pos == p->head_pos && p->synced_off == p->next_off);
        EXPECT(list_empty(&p->acks) && list_empty(&p->runs) && list_empty(&p->parked));
        EXPECT(!node_linked(&p->commit_node) && !node_linked(&p->direct_node));
        for (uint32_t j = 0; j < p->extent_count; j++)
            EXPECT_EQ(p->extents[j]->pins, 0);
        for (const struct node *n = p->chunks.head.next; n != &p->chunks.head; n = n->next) {
            const struct chunk *c = container_of(n, struct chunk, node);
            EXPECT_EQ(node_linked(&c->clean), c->pos + c->cap <= p->disk_pos);
        }
    }
    EXPECT(list_empty(&s->zombies) && list_empty(&s->dying) && s->gone_slot_count == 0);
}
