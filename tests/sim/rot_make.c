/* rot_make.c -- fills the store of rot.h and maps every live block of it. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/rot.h"

const char *const rot_class_names[ROT_CLASS_COUNT] = {
    [ROT_IDENTITY] = "identity block",
    [ROT_IMAGE] = "image page, one copy",
    [ROT_HEADER] = "entry header or rows",
    [ROT_PIECE] = "entry's inline bytes",
    [ROT_LAST] = "last entry",
    [ROT_SLOT] = "tail slot",
    [ROT_INDEX] = "index block",
    [ROT_DATA] = "data block",
};

/* ---- filling ---- */

/* Log-uniform, but for the few sizes that no batch of one record can have. */
static uint32_t size_draw(struct rng *rng, uint64_t max)
{
    uint32_t len = (uint32_t)(100 + rng_log_uniform(rng, max));
    if (len > 110 && len < 160)
        return 160;
    return len > 8200 && len < 8300 ? 8300 : len;
}

static void fill(struct rot *r, uint64_t bytes, uint64_t batch_max, uint32_t books)
{
    struct sent *window[32] = { 0 };
    for (uint64_t n = 0, done = 0; done < bytes; n++) {
        struct sent **s = &window[n % 32];
        if (*s)
            EXPECT(fixture_until(&r->f, &(*s)->done));
        uint32_t len = size_draw(&r->rng, batch_max);
        uint32_t book = (uint32_t)rng_below(&r->rng, books);
        *s = fixture_send(&r->f, book,
                          (struct spec){ .bytes = len, .count = 1, .time = 1000 + (int64_t)n });
        done += len;
    }
    for (uint32_t i = 0; i < 32; i++)
        if (window[i])
            EXPECT(fixture_until(&r->f, &window[i]->done));
    fixture_settle(&r->f);
}

void rot_open(struct rot *r, uint64_t seed, uint64_t bytes)
{
    struct fixture *f = &r->f;
    *r = (struct rot){ 0 };
    rng_seed(&r->rng, seed);
    fixture_init(f, seed);
    f->hurt = true; /* what is made rot here is looked for here */
    f->geometry = (struct geometry){ .journal_bytes = BLOCK_BYTES + MIB(1),
                                     .entry_max = KIB(64),
                                     .extent_min = KIB(16),
                                     .extent_max = MIB(1),
                                     .slabs = 16,
                                     .batch_max = KIB(256) };
    f->opts.tail_bytes = MIB(8);
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    for (uint32_t i = 0; i < ROT_BOOKS; i++)
        check(fixture_add(f, i));
    fill(r, bytes, KIB(128), ROT_BOOKS);
    fixture_checkpoint(f);
    fill(r, KIB(200), KIB(4), ROT_BOOKS / 2); /* stays in the journal; the others rest in slots */
    fixture_pass(f, SEC_NS);                  /* a seal vouches for the last of it */
    fixture_crash(f, SIM_KILL);
    rot_map(r);
}

void rot_close(struct rot *r)
{
    free(r->targets);
    fixture_close(&r->f);
}

/* ---- the map ---- */

uint32_t rot_book(const struct part *p)
{
    for (uint32_t i = 0; i < ROT_BOOKS; i++)
        if (id16_equal(fixture_topic(i), p->topic))
            return i;
    check(false);
    return 0;
}

static struct target *target_add(struct rot *r, enum rot_class class_, const char *file,
                                 uint64_t pos)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 1024;
        r->targets = realloc(r->targets, r->cap * sizeof(*r->targets));
        check(r->targets);
    }
    struct target *t = &r->targets[r->count++];
    *t = (struct target){ .class_ = class_, .pos = pos, .to = BLOCK_BYTES };
    snprintf(t->file, sizeof(t->file), "%s", file);
    return t;
}

static void map_identities(struct rot *r)
{
    struct store *s = r->f.store;
    target_add(r, ROT_IDENTITY, "journal", 0);
    target_add(r, ROT_IDENTITY, "image", 0);
    target_add(r, ROT_IDENTITY, "tails", 0);
    for (uint32_t i = 0; i < s->vol_count; i++)
        target_add(r, ROT_IDENTITY, s->vols[i]->name, 0);
}

/* Both copies of the newest generation; the older one is nobody's truth. */
static void map_image(struct rot *r)
{
    struct store *s = r->f.store;
    struct image im;
    struct identity id = s->id;
    id.file_bytes = BLOCK_BYTES + 4 * s->image_capacity;
    check(image_load(r->f.io, s->image_fd, &id, &im, NULL) == ERR_OK);
    for (uint32_t copy = 0; copy < 2; copy++)
        for (uint64_t i = 0; i < im.head.pages; i++)
            target_add(r, ROT_IMAGE, "image",
                       image_copy_pos(s->image_capacity, im.head.generation, copy) +
                           i * BLOCK_BYTES);
    image_close(&im);
}

/* The part of [from, to) that lies in each block becomes a target of its own. */
static void range_add(struct rot *r, enum rot_class class_, uint64_t from, uint64_t to,
                      const struct row *row)
{
    for (uint64_t pos = from; pos < to; pos = block_floor(pos) + BLOCK_BYTES) {
        struct target *t = target_add(r, class_, "journal", block_floor(pos));
        t->from = (uint32_t)(pos % BLOCK_BYTES);
        t->to = (uint32_t)min_u64(BLOCK_BYTES, to - t->pos);
        if (row) {
            const struct part *p = r->f.store->parts[row->part];
            t->book = rot_book(p);
            t->carried = row->pos + row->len <= max_u64(p->disk_pos, p->image_head);
            t->from_off = row->base_off;
            t->to_off = row->next_off;
        }
    }
}

static void map_entry(struct rot *r, const struct entry *e, const uint8_t *at, bool last)
{
    uint64_t place = BLOCK_BYTES + e->ring_pos % r->f.store->journal.ring;
    uint64_t bytes = place + ENTRY_HEADER_BYTES + (uint64_t)e->rows * ROW_BYTES;
    range_add(r, last ? ROT_LAST : ROT_HEADER, place, bytes, NULL);
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        check(row_decode(entry_row_at(at, i), &row) == ERR_OK);
        if (row.kind != ROW_INLINE)
            continue;
        range_add(r, last ? ROT_LAST : ROT_PIECE, bytes, bytes + row.len, &row);
        bytes += row.len;
    }
}

static void map_journal(struct rot *r)
{
    struct store *s = r->f.store;
    struct image im;
    struct identity id = s->id;
    id.file_bytes = BLOCK_BYTES + 4 * s->image_capacity;
    check(image_load(r->f.io, s->image_fd, &id, &im, NULL) == ERR_OK);
    uint8_t *at = malloc(s->id.geometry.entry_max);
    check(at);
    for (uint64_t pos = im.head.ring_pos; pos != s->report.cut_pos;) {
        struct entry e;
        sim_file_read(r->f.node, FIXTURE_DIR, "journal", BLOCK_BYTES + pos % s->journal.ring, at,
                      s->id.geometry.entry_max);
        check(entry_decode(at, s->id.key, s->id.store, pos, s->id.geometry.entry_max, &e) ==
              ERR_OK);
        pos = journal_next_pos(s, pos + e.len);
        map_entry(r, &e, at, pos == s->report.cut_pos);
    }
    free(at);
    image_close(&im);
}

static void map_slot(struct rot *r, const struct part *p)
{
    uint64_t len = p->image_head % BLOCK_BYTES;
    if (p->slot == NO_SLOT || !len || p->disk_pos > block_floor(p->image_head))
        return;
    struct target *t = target_add(
        r, ROT_SLOT, "tails", BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES);
    t->to = (uint32_t)len;
    t->book = rot_book(p);
    t->to_off = p->next_off;
    t->from_off = p->next_off > 40 ? p->next_off - 40 : 0;
}

static void map_block(struct rot *r, const struct part *p, const struct extent *e,
                      enum rot_class class_, uint64_t place, uint64_t from_off, uint64_t to_off)
{
    struct target *t = target_add(r, class_, e->vol->name, place);
    t->of_vol = true;
    t->vol = e->vol->number;
    t->book = rot_book(p);
    t->from_off = from_off;
    t->to_off = to_off;
}

static void tiles_all(struct rot *r, const struct extent *e, struct tile *tiles)
{
    const struct geometry *g = &r->f.store->id.geometry;
    uint64_t place = vol_place(g, e->unit) + extent_data_bytes(g, e->order);
    uint8_t block[BLOCK_BYTES];
    for (uint32_t i = 0; i < e->tile_count; i++) {
        if (i >= e->tile_from) {
            tiles[i] = e->tiles[i - e->tile_from];
            continue;
        }
        if (i % TILES_PER_BLOCK == 0)
            sim_file_read(r->f.node, FIXTURE_DIR, e->vol->name,
                          place + (uint64_t)(i / TILES_PER_BLOCK) * BLOCK_BYTES, block,
                          BLOCK_BYTES);
        check(tile_decode(block + (size_t)(i % TILES_PER_BLOCK) * TILE_BYTES, &tiles[i]) == ERR_OK);
    }
}

/* The offset of the batch that the tile's first byte belongs to. */
static uint64_t tile_from_off(const struct extent *e, const struct tile *tiles, uint32_t i)
{
    if (tiles[i].batch_at == 0)
        return tiles[i].base_off;
    while (i > 0 && tiles[i - 1].batch_at == NO_BATCH)
        i--;
    return i > 0 ? tiles[i - 1].base_off : e->base_off;
}

static void map_extent(struct rot *r, const struct part *p, const struct extent *e)
{
    const struct geometry *g = &r->f.store->id.geometry;
    struct tile *tiles = calloc(e->tile_count + 1, sizeof(*tiles));
    check(tiles);
    tiles_all(r, e, tiles);
    for (uint32_t i = 0; i < e->tile_count; i++)
        for (uint32_t at = 0; at < tiles[i].len; at += BLOCK_BYTES)
            map_block(r, p, e, ROT_DATA, extent_place(e, e->base_pos + tiles[i].at + at),
                      tile_from_off(e, tiles, i), tiles[i].next_off);
    for (uint32_t b = 0; b < e->index_blocks; b++) {
        uint32_t last = (uint32_t)min_u64((b + 1) * TILES_PER_BLOCK, e->tile_count) - 1;
        map_block(r, p, e, ROT_INDEX,
                  vol_place(g, e->unit) + extent_data_bytes(g, e->order) + b * BLOCK_BYTES,
                  tiles[b * TILES_PER_BLOCK].base_off, tiles[last].next_off);
    }
    free(tiles);
}

void rot_map(struct rot *r)
{
    struct fixture *f = &r->f;
    struct store_opts opts = { .read_only = true };
    check(store_open(&f->store, f->io, f->dir, &opts, &f->why) == ERR_OK);
    r->count = 0;
    map_identities(r);
    map_image(r);
    map_journal(r);
    for (uint32_t i = 0; i < f->store->part_count; i++) {
        const struct part *p = f->store->parts[i];
        r->next_off[rot_book(p)] = p->next_off;
        map_slot(r, p);
        for (uint32_t k = 0; k < p->extent_count; k++)
            map_extent(r, p, p->extents[k]);
    }
    store_close(&f->store);
}
