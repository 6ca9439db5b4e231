/* forge.c -- see forge.h. */
#include "tests/unit/log/forge.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

static uint64_t place_of(const struct forge *g, uint64_t ring_pos)
{
    return BLOCK_BYTES + ring_pos % g->ring;
}

void forge_init(struct forge *g, uint64_t seed)
{
    *g = (struct forge){ .unit = UINT32_MAX };
    fixture_init(&g->f, seed);
}

void forge_begin(struct forge *g)
{
    struct fixture *f = &g->f;
    f->opts.seal_idle_ns = 1000 * SEC_NS; /* no entries but those that are forged */
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        fixture_add(f, i);
        fixture_fill(f, i, FORGE_NEXT, FORGE_HEAD / FORGE_NEXT);
    }
    fixture_checkpoint(f);
    const struct store *s = f->store;
    for (uint32_t i = 0; i < 2; i++) {
        g->extent[i] = s->parts[i]->extents[0]->id;
        g->part_unit[i] = s->parts[i]->extents[0]->unit;
    }
    for (uint32_t i = 0; i < f->geometry.slabs; i++)
        if (s->vols[0]->slabs[i].order == SLAB_FREE)
            g->unit = i * (f->geometry.extent_max / f->geometry.extent_min);
    check(g->unit != UINT32_MAX && journal_used(s) == 0);
    g->id = s->id;
    g->ring = s->journal.ring;
    g->next_extent = s->next_extent;
    g->first = g->next = (struct entry){ .store = s->id.store,
                                         .opening = s->opening,
                                         .seq = s->journal.seq,
                                         .ring_pos = s->journal.free_pos,
                                         .prev_crc = s->journal.prev_crc,
                                         .store_epoch = s->epoch,
                                         .time_ms = 77 };
    sim_file_read(f->node, FIXTURE_DIR, "tails",
                  slot_place(s->parts[0]->slot, s->parts[0]->slot_side), g->slot, BLOCK_BYTES);
    f->opts.read_only = true;
    f->hurt = true;
    fixture_crash(f, SIM_POWER);
}

void forge_open(struct forge *g, uint64_t seed)
{
    forge_init(g, seed);
    forge_begin(g);
}

void forge_close(struct forge *g)
{
    fixture_close(&g->f);
}

void forge_clear(struct forge *g)
{
    static const uint8_t zeros[BLOCK_BYTES];
    store_close(&g->f.store);
    for (; g->next.ring_pos > g->first.ring_pos; g->next.ring_pos -= BLOCK_BYTES)
        sim_file_write(g->f.node, FIXTURE_DIR, "journal",
                       place_of(g, g->next.ring_pos - BLOCK_BYTES), zeros, BLOCK_BYTES);
    g->next = g->first;
}

void forge_entry(struct forge *g, const struct row *rows, uint32_t n, const uint8_t *bytes)
{
    static uint8_t at[KIB(64)];
    struct entry *e = &g->next;
    e->rows = n;
    e->inline_bytes = 0;
    memset(at, 0, sizeof(at));
    uint8_t *to = at + ENTRY_HEADER_BYTES + n * ROW_BYTES;
    for (uint32_t i = 0; i < n; i++) {
        struct row row = rows[i];
        if (row.kind == ROW_INLINE) {
            row.crc = piece_crc(row.part, row.pos, bytes, row.len);
            memcpy(to, bytes, row.len);
            bytes += row.len;
            to += row.len;
            e->inline_bytes += row.len;
        }
        row_encode(&row, at + ENTRY_HEADER_BYTES + i * ROW_BYTES);
    }
    e->len = entry_bytes(e->rows, e->inline_bytes);
    entry_encode(e, g->id.key, at);
    sim_file_write(g->f.node, FIXTURE_DIR, "journal", place_of(g, e->ring_pos), at, e->len);
    e->ring_pos += e->len;
    e->prev_crc = e->header_crc;
    e->seq++;
}

enum err forge_start(struct forge *g)
{
    return fixture_start(&g->f);
}

void forge_batches(struct forge *g, uint8_t *at, const uint32_t *sizes, uint32_t n, uint64_t off)
{
    struct rng r;
    rng_seed(&r, g->f.seed++);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t made[KIB(16)];
        struct spec spec = { .bytes = sizes[i], .count = 1, .time = 1000 };
        struct bytes b = fixture_batch(made, spec, &r);
        memcpy(at, b.at, b.len);
        be64_put(at, off + i); /* no checksum covers it */
        at += b.len;
    }
}
