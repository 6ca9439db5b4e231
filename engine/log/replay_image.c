/* replay_image.c -- the image's rows to tables. Rows of one image are all that is known then: what
 * they say is checked against the geometry, the files and one another. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/log/producer.h"
#include "engine/log/replay.h"

static enum err image_part(struct replay *r, const struct part_row *row)
{
    if (row->part >= r->image_parts)
        return ERR_CORRUPT;
    struct replay_part *rp = replay_at(r, row->part);
    rp->seq = row->seq;
    if (row->state == PART_FREE)
        return ERR_OK;
    struct part *p = part_new(r->s, row->topic, row->index, row->part);
    if (!p)
        return ERR_CORRUPT;
    p->add_seq = 0;
    p->start_off = row->start_off;
    p->next_off = row->next_off;
    p->head_pos = p->image_head = row->head_pos;
    p->leader_epoch = row->leader_epoch;
    p->slot = row->slot < r->s->slot_count ? row->slot : NO_SLOT; /* beyond the file: lost */
    p->slot_crc = row->slot_crc;
    p->slot_side = row->slot_side;
    p->slot_batch_at = row->slot_batch_at;
    p->damaged = row->state == PART_DAMAGED;
    p->damaged_off = row->damaged_off;
    rp->disk = block_floor(row->head_pos);
    return ERR_OK;
}

static bool extent_row_fits(const struct geometry *g, const struct extent_row *row)
{
    return extent_place_ok(g, row->unit, row->order) &&
           row->index_blocks <= extent_index_blocks(g, row->order) &&
           row->tiles <= extent_index_blocks(g, row->order) * TILES_PER_BLOCK &&
           row->data_bytes <= extent_data_bytes(g, row->order);
}

static enum err image_extent(struct replay *r, const struct extent_row *row)
{
    struct store *s = r->s;
    struct part *p = row->part < s->part_count ? s->parts[row->part] : NULL;
    struct vol *v = volume_find(s, row->vol);
    if (!p || !v)
        return ERR_CORRUPT;
    if (!extent_row_fits(&s->id.geometry, row))
        return ERR_CORRUPT;
    struct extent *e = extent_new(p, v, row->unit, row->order);
    e->id = row->id;
    e->base_pos = row->base_pos;
    e->base_off = row->base_off;
    e->max_time = row->max_time;
    e->max_append = row->max_append;
    e->sealed = e->close_named = row->sealed;
    e->named = true;
    e->index_blocks = e->index_next = row->index_blocks;
    e->tile_count = row->tiles;
    e->tile_from = (uint32_t)min_u64((uint64_t)row->index_blocks * TILES_PER_BLOCK, row->tiles);
    e->data_bytes = row->data_bytes;
    s->next_extent = max_u64(s->next_extent, e->id + 1);
    return ERR_OK;
}

static int extent_order(const void *a, const void *b)
{
    const struct extent *x = *(struct extent *const *)a, *y = *(struct extent *const *)b;
    return x->base_pos < y->base_pos ? -1 : x->base_pos > y->base_pos;
}

struct by_id { /* extents whose tiles are in the image's section */
    struct extent **at;
    uint32_t n;
};

static int id_order(const void *a, const void *b)
{
    const struct extent *x = *(struct extent *const *)a, *y = *(struct extent *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static struct extent *by_id_find(const struct by_id *m, uint64_t id)
{
    uint32_t lo = 0, hi = m->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (m->at[mid]->id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->n && m->at[lo]->id == id ? m->at[lo] : NULL;
}

static enum err section_tiles(struct replay *r, const struct by_id *m, const uint8_t *at,
                              size_t len)
{
    while (len >= 16) {
        struct extent *e = by_id_find(m, le64_get(at));
        uint32_t n = le32_get(at + 8);
        size_t bytes = 16 + (size_t)n * TILE_BYTES;
        if (!e || bytes > len || e->tile_from + (uint64_t)n != e->tile_count)
            return ERR_CORRUPT;
        e->tile_count = e->tile_from;
        for (uint32_t i = 0; i < n; i++) {
            struct tile t;
            TRY(tile_decode(at + 16 + (size_t)i * TILE_BYTES, &t));
            if (!extent_tile_fits(r->s, e, &t))
                return ERR_CORRUPT;
            extent_tile_add(e, &t);
        }
        at += bytes;
        len -= bytes;
    }
    return len ? ERR_CORRUPT : ERR_OK;
}

static enum err section_epochs(struct replay *r, const uint8_t *at, size_t len)
{
    while (len >= 8) {
        uint32_t number = le32_get(at), n = le32_get(at + 4);
        size_t bytes = 8 + (size_t)n * 16;
        struct part *p = number < r->s->part_count ? r->s->parts[number] : NULL;
        if (!p || bytes > len)
            return ERR_CORRUPT;
        for (uint32_t i = 0; i < n; i++)
            part_epoch_push(
                p, (struct part_epoch){ le32_get(at + 8 + i * 16), le64_get(at + 16 + i * 16) });
        at += bytes;
        len -= bytes;
    }
    return len ? ERR_CORRUPT : ERR_OK;
}

static enum err image_sections(struct replay *r, const struct image *im, const struct by_id *m)
{
    const uint8_t *at = im->sections;
    size_t left = im->head.section_bytes;
    while (left) {
        struct section sec;
        TRY(section_decode(at, left, &sec));
        const uint8_t *body = at + SECTION_HEAD_BYTES;
        if (sec.kind == SECTION_TILES)
            TRY(section_tiles(r, m, body, sec.len));
        else if (sec.kind == SECTION_EPOCHS)
            TRY(section_epochs(r, body, sec.len));
        else if (sec.kind == SECTION_PRODUCERS)
            TRY(producers_load(r->s, body, sec.len));
        else if (sec.class_ == CLASS_REFUSE ||
                 (sec.class_ == CLASS_READ_ONLY && !r->s->opts.read_only))
            return ERR_UNSUPPORTED;
        at += section_span(sec.len); /* section_decode() saw that it is there */
        left -= section_span(sec.len);
    }
    return ERR_OK;
}

static enum err extents_index(struct replay *r, const struct image *im, struct by_id *m)
{
    struct store *s = r->s;
    m->at = malloc((im->head.extents + 1) * sizeof(struct extent *));
    if (!m->at)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->part_count; i++) {
        struct part *p = s->parts[i];
        if (!p || !p->extent_count)
            continue;
        qsort(p->extents, p->extent_count, sizeof(struct extent *), extent_order);
        memcpy(m->at + m->n, p->extents, p->extent_count * sizeof(struct extent *));
        m->n += p->extent_count;
    }
    qsort(m->at, m->n, sizeof(struct extent *), id_order);
    return ERR_OK;
}

/* Every tile of an extent is in an index block or in the image's section. */
static enum err tiles_complete(const struct by_id *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        const struct extent *e = m->at[i];
        if (e->tile_count - e->tile_from > 0 && !e->tiles)
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

/* Extents follow one another, in bytes and in offsets; all but the last are sealed, and the last
 * one holds the partition's end, with its tiles up to the last whole block. */
static bool extents_follow(const struct replay *r, const struct part *p)
{
    for (uint32_t i = 0; i + 1 < p->extent_count; i++) {
        const struct extent *e = p->extents[i], *next = p->extents[i + 1];
        if (!e->sealed || block_ceil(e->base_pos + e->data_bytes) > next->base_pos ||
            e->base_off > next->base_off)
            return false;
    }
    const struct extent *e = p->extent_count ? p->extents[p->extent_count - 1] : NULL;
    if (!e) /* none yet; or salvage found them all in other hands: the next one begins there */
        return p->head_pos % BLOCK_BYTES == 0;
    uint64_t room = extent_data_bytes(&r->s->id.geometry, e->order);
    if (p->head_pos < e->base_pos || p->head_pos - e->base_pos > room)
        return false;
    if (e->sealed)
        return block_ceil(e->base_pos + e->data_bytes) == p->head_pos;
    uint64_t whole = block_floor(p->head_pos) - e->base_pos;
    return (e->tile_from && e->tile_count == e->tile_from) || extent_tiles_end(e) == whole;
}

static enum err parts_check(const struct replay *r)
{
    for (uint32_t i = 0; i < r->s->part_count; i++)
        if (r->s->parts[i] && !extents_follow(r, r->s->parts[i]))
            return ERR_CORRUPT;
    return ERR_OK;
}

enum err replay_image(struct replay *r, const struct image *im)
{
    struct by_id m = { 0 };
    enum err err = ERR_OK;
    r->image_parts = im->head.parts;
    for (uint32_t i = 0; i < im->head.parts && !err; i++)
        err = image_part(r, &im->parts[i]);
    for (uint32_t i = 0; i < im->head.extents && !err; i++)
        err = image_extent(r, &im->extents[i]);
    if (!err)
        err = extents_index(r, im, &m);
    if (!err)
        err = image_sections(r, im, &m);
    if (!err)
        err = tiles_complete(&m);
    if (!err)
        err = parts_check(r);
    free(m.at);
    if (err == ERR_CORRUPT)
        why_set(r->why, "the image's rows contradict each other; run `shardlog check`");
    return err;
}
