/* replay.c -- rows to tables. Each row is checked against the state it meets: what does not fit is
 * CORRUPT with a reason, never guessed at. */
#include "engine/log/replay.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"

static enum err misfit(struct replay *r, const struct entry *e, const struct row *row,
                       const char *what)
{
    why_set(r->why, "entry %llu, partition %u, row kind %d at pos %llu: %s; run `shardlog check`",
            (unsigned long long)e->seq, row->part, (int)row->kind, (unsigned long long)row->pos,
            what);
    return ERR_CORRUPT;
}

struct replay_part *replay_at(struct replay *r, uint32_t number)
{
    if (number >= r->part_cap) {
        uint32_t cap = r->part_cap ? r->part_cap : 64;
        while (cap <= number)
            cap *= 2;
        r->parts = realloc(r->parts, cap * sizeof(*r->parts));
        check(r->parts);
        memset(r->parts + r->part_cap, 0, (cap - r->part_cap) * sizeof(*r->parts));
        r->part_cap = cap;
    }
    return &r->parts[number];
}

static void replay_part_clear(struct replay_part *rp)
{
    free(rp->pieces);
    *rp = (struct replay_part){ .seq = rp->seq };
}

void replay_piece_add(struct replay_part *rp, const struct replay_piece *piece)
{
    if (rp->count == rp->cap) {
        rp->cap = rp->cap ? rp->cap * 2 : 4;
        rp->pieces = realloc(rp->pieces, rp->cap * sizeof(*rp->pieces));
        check(rp->pieces);
    }
    rp->pieces[rp->count++] = *piece;
}

void replay_close(struct replay *r)
{
    for (uint32_t i = 0; i < r->part_cap; i++)
        free(r->parts[i].pieces);
    free(r->parts);
    *r = (struct replay){ 0 };
}

/* ---- the image ---- */

static enum err image_part(struct replay *r, const struct part_row *row)
{
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
    p->slot = row->slot;
    p->slot_crc = row->slot_crc;
    p->slot_side = row->slot_side;
    p->slot_batch_at = row->slot_batch_at;
    p->damaged = row->state == PART_DAMAGED;
    p->damaged_off = row->damaged_off;
    rp->disk = block_floor(row->head_pos);
    return ERR_OK;
}

static enum err image_extent(struct replay *r, const struct extent_row *row)
{
    struct store *s = r->s;
    struct part *p = row->part < s->part_count ? s->parts[row->part] : NULL;
    struct vol *v = volume_find(s, row->vol);
    if (!p || !v)
        return ERR_CORRUPT;
    struct extent *e = extent_new(p, v, row->unit, row->order);
    if (!e)
        return ERR_NO_MEMORY;
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

static enum err section_tiles(const struct by_id *m, const uint8_t *at, size_t len)
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
            TRY(section_tiles(m, body, sec.len));
        else if (sec.kind == SECTION_EPOCHS)
            TRY(section_epochs(r, body, sec.len));
        else if (sec.class_ == CLASS_REFUSE ||
                 (sec.class_ == CLASS_READ_ONLY && !r->s->opts.read_only))
            return ERR_UNSUPPORTED;
        size_t bytes = SECTION_HEAD_BYTES + ((size_t)sec.len + 7) / 8 * 8;
        at += min_u64(bytes, left);
        left -= min_u64(bytes, left);
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

enum err replay_image(struct replay *r, const struct image *im)
{
    struct by_id m = { 0 };
    enum err err = ERR_OK;
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
    free(m.at);
    if (err == ERR_CORRUPT)
        why_set(r->why, "the image's rows contradict each other; run `shardlog check`");
    return err;
}

/* ---- rows ---- */

static enum err row_add(struct replay *r, const struct entry *e, const struct row *row)
{
    struct store *s = r->s;
    struct part *p = row->part < s->part_count ? s->parts[row->part] : NULL;
    if (p)
        return id16_equal(p->topic, row->topic) && p->index == row->index
                   ? ERR_OK
                   : misfit(r, e, row, "the number belongs to another partition");
    replay_part_clear(replay_at(r, row->part));
    p = part_new(s, row->topic, row->index, row->part);
    if (!p)
        return misfit(r, e, row, "the partition exists under another number");
    p->add_seq = e->seq;
    return ERR_OK;
}

void replay_drop(struct replay *r, struct part *p)
{
    replay_part_clear(replay_at(r, p->number));
    for (uint32_t i = 0; i < p->extent_count; i++)
        extent_drop(p->extents[i], 0);
    p->extent_count = 0;
    part_free(p);
}

static enum err row_extent(struct replay *r, const struct entry *e, const struct row *row,
                           struct part *p)
{
    struct vol *v = volume_find(r->s, row->vol);
    if (!v)
        return misfit(r, e, row, "the extent lies in a volume file that is missing");
    if (row->pos != block_ceil(p->head_pos) || row->pos % BLOCK_BYTES)
        return misfit(r, e, row, "the extent does not follow the partition's last byte");
    if (p->extent_count) {
        struct extent *last = p->extents[p->extent_count - 1];
        if (!last->sealed)
            last->data_bytes = row->len;
        last->sealed = last->close_named = true;
    }
    struct extent *x = extent_new(p, v, row->unit, row->order);
    if (!x)
        return ERR_NO_MEMORY;
    x->id = row->extent;
    x->base_pos = p->head_pos = row->pos;
    x->base_off = row->base_off;
    p->next_off = max_u64(p->next_off, row->base_off);
    x->named = true;
    r->s->next_extent = max_u64(r->s->next_extent, x->id + 1);
    return ERR_OK;
}

static void extent_saw(struct part *p, const struct entry *e, const struct row *row)
{
    struct extent *x = part_extent_of(p, row->pos);
    if (!x || row->batch_at == NO_BATCH)
        return;
    x->max_time = max_i64(x->max_time, row->max_time);
    x->max_append = max_i64(x->max_append, e->time_ms);
}

static enum err row_inline(struct replay *r, const struct entry *e, const struct row *row,
                           const uint8_t *bytes, struct part *p, struct replay_part *rp)
{
    if (row->pos != p->head_pos)
        return misfit(r, e, row, "the bytes do not follow the partition's last byte");
    replay_piece_add(rp, &(struct replay_piece){ row->pos, row->len, row->batch_at, row->base_off,
                                                 row->next_off, row->max_time, bytes });
    extent_saw(p, e, row);
    p->head_pos = row->pos + row->len;
    p->next_off = max_u64(p->next_off, row->next_off);
    return ERR_OK;
}

static enum err row_direct(struct replay *r, const struct entry *e, const struct row *row,
                           struct part *p, struct replay_part *rp)
{
    uint64_t end = row->pos + row->len;
    if (end > rp->disk) {
        struct extent *x = part_extent_of(p, row->pos);
        if (row->pos != rp->disk)
            return misfit(r, e, row, "a hole before the run");
        if (!x || x->id != row->extent)
            return misfit(r, e, row, "the run lies in another extent");
        if (end > x->base_pos + extent_data_bytes(&r->s->id.geometry, x->order))
            return misfit(r, e, row, "the run is longer than its extent");
        extent_tile_add(x, &(struct tile){ .at = (uint32_t)(row->pos - x->base_pos),
                                           .len = row->len,
                                           .crc = row->crc,
                                           .batch_at = row->batch_at,
                                           .base_off = row->base_off,
                                           .next_off = row->next_off,
                                           .max_time = row->max_time });
        rp->disk = end;
    }
    extent_saw(p, e, row);
    p->head_pos = max_u64(p->head_pos, end);
    p->next_off = max_u64(p->next_off, row->next_off);
    return ERR_OK;
}

static enum err row_close(struct replay *r, const struct entry *e, const struct row *row,
                          struct part *p)
{
    struct extent *x = p->extent_count ? p->extents[p->extent_count - 1] : NULL;
    if (!x || x->id != row->extent || row->pos < p->head_pos)
        return misfit(r, e, row, "the extent closed is not the open one");
    x->sealed = x->close_named = true;
    x->data_bytes = row->len;
    p->head_pos = row->pos;
    return ERR_OK;
}

/* After extents left at the old end: no frontier may lie below the first one that stays. */
static void moved(struct replay_part *rp, struct part *p)
{
    if (p->extent_count)
        rp->disk = max_u64(rp->disk, p->extents[0]->base_pos);
}

static void row_trim(struct row const *row, struct part *p, struct replay_part *rp)
{
    p->start_off = max_u64(p->start_off, row->base_off);
    extents_trim(p, p->start_off, 0);
    moved(rp, p);
}

static void row_epoch(const struct row *row, struct part *p)
{
    if (p->leader_epoch >= row->epoch && p->epoch_count)
        return;
    p->leader_epoch = row->epoch;
    part_epoch_push(p, (struct part_epoch){ row->epoch, row->base_off });
}

static enum err row_apply(struct replay *r, const struct entry *e, const struct row *row,
                          const uint8_t *bytes)
{
    struct store *s = r->s;
    struct replay_part *rp = replay_at(r, row->part);
    if (row->kind == ROW_ADD)
        return row_add(r, e, row);
    struct part *p = row->part < s->part_count ? s->parts[row->part] : NULL;
    if (!p)
        return misfit(r, e, row, "no such partition");
    switch (row->kind) {
    case ROW_DROP:
        replay_drop(r, p);
        return ERR_OK;
    case ROW_EXTENT:
        return row_extent(r, e, row, p);
    case ROW_CLOSE:
        return row_close(r, e, row, p);
    case ROW_INLINE:
        return row_inline(r, e, row, bytes, p, rp);
    case ROW_DIRECT:
        return row_direct(r, e, row, p, rp);
    case ROW_TRIM:
        row_trim(row, p, rp);
        return ERR_OK;
    case ROW_EPOCH:
        row_epoch(row, p);
        return ERR_OK;
    default:
        return ERR_UNSUPPORTED;
    }
}

enum err replay_row(struct replay *r, const struct entry *e, const struct row *row,
                    const uint8_t *bytes)
{
    if (row->kind == ROW_OPEN || row->kind == ROW_SEAL)
        return ERR_OK;
    if (e->seq <= replay_at(r, row->part)->seq)
        return ERR_OK; /* the image's row has it */
    if (!r->loose)
        return row_apply(r, e, row, bytes);
    struct row fitted = *row;
    return replay_fit(r, &fitted, &bytes) ? row_apply(r, e, &fitted, bytes) : ERR_OK;
}
