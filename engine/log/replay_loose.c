/* replay_loose.c -- rows after a lost entry: the tables are made to fit them, and what lies between
 * is lost.
 *
 *   INLINE   bytes before it that nobody has: a lost piece up to its first batch
 *   DIRECT   blocks before it that no row describes: a gap tile
 *   EXTENT   the extent before it ends where the row says; if that one is not known either, it ends
 *            with its last tile
 *   CLOSE    the bytes up to its end that nobody has: a lost piece
 *   PRODUCER batches beyond the end are lost with the bytes
 *   TRIM     the log ends where it begins: what lies between the ends is lost, and trimmed
 *   ADD      the number's or the partition's earlier DROP was lost
 *   other    fits always
 *
 * A row in an extent that nobody knows says nothing: its partition's rows are passed over until the
 * next EXTENT. Used by salvage alone (repair.h); an ordinary opening refuses instead. */
#include "engine/base/check.h"
#include "engine/log/gap.h"
#include "engine/log/replay.h"

struct fit {
    struct replay *r;
    struct row *row;
    const uint8_t **bytes;
    struct part *p;
    struct replay_part *rp;
};

static struct extent *last_extent(const struct part *p)
{
    return p->extent_count ? p->extents[p->extent_count - 1] : NULL;
}

/* Nothing that comes has a place, before the next extent. */
static bool lose_rest(struct fit *f)
{
    struct part *p = f->p;
    f->rp->lost = true;
    gap_damaged(p, p->next_off);
    if (f->row->kind == ROW_INLINE || f->row->kind == ROW_DIRECT)
        p->next_off = max_u64(p->next_off, f->row->next_off);
    return false;
}

/* Bytes [head, to) were in a lost entry. */
static void lose_to(struct fit *f, uint64_t to, uint64_t next_off)
{
    struct part *p = f->p;
    if (to <= p->head_pos)
        return;
    next_off = max_u64(next_off, p->next_off);
    replay_piece_add(f->rp, &(struct replay_piece){ .pos = p->head_pos,
                                                    .len = (uint32_t)(to - p->head_pos),
                                                    .base_off = p->next_off,
                                                    .next_off = next_off,
                                                    .max_time = INT64_MIN });
    p->head_pos = to;
    p->next_off = next_off;
}

static bool fit_inline(struct fit *f)
{
    struct row *row = f->row;
    const struct extent *e = last_extent(f->p);
    uint64_t end = row->pos + row->len;
    if (f->rp->lost || row->pos < f->p->head_pos)
        return lose_rest(f);
    if (row->pos == f->p->head_pos)
        return true;
    if (!e || e->sealed || end > extent_limit(f->r->s, e))
        return lose_rest(f);
    if (row->batch_at == NO_BATCH) {
        lose_to(f, end, row->next_off);
        return false;
    }
    lose_to(f, row->pos + row->batch_at, row->base_off);
    row->pos += row->batch_at;
    row->len -= row->batch_at;
    if (*f->bytes)
        *f->bytes += row->batch_at;
    row->batch_at = 0;
    return true;
}

static void lose_after_tiles(struct fit *f, uint64_t pos)
{
    enum err err = gap_after_tiles(f->p, pos);
    f->r->err = f->r->err ? f->r->err : err;
}

/* Extents end with what their tiles describe; what was in memory only is lost. */
static void cut_at_tiles(struct fit *f)
{
    struct part *p = f->p;
    uint64_t disk = f->rp->disk;
    for (uint32_t i = 0; i < p->extent_count; i++) {
        struct extent *e = p->extents[i];
        uint64_t end = e->sealed ? e->base_pos + e->data_bytes : p->head_pos;
        if (end <= disk && e->sealed)
            continue;
        e->data_bytes = disk > e->base_pos ? (uint32_t)(min_u64(end, disk) - e->base_pos) : 0;
        e->sealed = e->close_named = true;
    }
    gap_damaged(p, p->next_off);
    lose_after_tiles(f, disk);
}

static bool fit_direct(struct fit *f)
{
    struct row *row = f->row;
    struct replay_part *rp = f->rp;
    struct extent *e = last_extent(f->p);
    if (!rp->lost && row->pos + row->len <= rp->disk)
        return true;
    if (rp->lost || !e || e->id != row->extent || row->pos < rp->disk ||
        row->pos + row->len > extent_limit(f->r->s, e))
        return lose_rest(f);
    if (row->pos == rp->disk)
        return true;
    if (e->base_pos > rp->disk) { /* the end of the extent before was in lost runs */
        struct extent keep = *e;
        cut_at_tiles(f);
        e->sealed = e->close_named = false;
        e->data_bytes = keep.data_bytes;
        rp->disk = e->base_pos;
    }
    if (row->pos > rp->disk) {
        if (!extent_tile_room(f->r->s, e))
            return lose_rest(f);
        gap_damaged(f->p, e->base_off);
        lose_after_tiles(f, rp->disk);
        extent_tile_add(e, &(struct tile){ .at = (uint32_t)(rp->disk - e->base_pos),
                                           .len = (uint32_t)(row->pos - rp->disk),
                                           .batch_at = NO_BATCH,
                                           .base_off = row->base_off,
                                           .next_off = row->base_off,
                                           .max_time = INT64_MIN,
                                           .flags = TILE_GAP });
        rp->disk = row->pos;
    }
    f->p->head_pos = max_u64(f->p->head_pos, row->pos);
    return true;
}

static bool overlaps(const struct extent *e, const struct row *row)
{
    return e->vol->number == row->vol && e->unit < row->unit + (1u << row->order) &&
           row->unit < e->unit + (1u << e->order);
}

/* Whoever had this space gave it up in a row that is lost: a trim of the extents up to it. */
static void owner_trim(struct fit *f)
{
    struct store *s = f->r->s;
    for (uint32_t n = 0; n < s->part_count; n++) {
        struct part *p = s->parts[n];
        for (uint32_t i = p ? p->extent_count : 0; i > 0; i--) {
            if (!overlaps(p->extents[i - 1], f->row))
                continue;
            struct replay_part *rp = replay_at(f->r, n);
            bool all = i == p->extent_count;
            p->start_off = max_u64(p->start_off, all ? p->next_off : p->extents[i]->base_off);
            gap_damaged(p, p->start_off);
            for (uint32_t k = 0; k < i; k++)
                extent_drop(p->extents[k], 0);
            p->extent_count -= i;
            memmove(p->extents, p->extents + i, p->extent_count * sizeof(struct extent *));
            if (all)
                p->head_pos = block_ceil(p->head_pos);
            rp->disk = max_u64(rp->disk, all ? p->head_pos : p->extents[0]->base_pos);
            rp->lost |= all;
            break;
        }
    }
}

static bool fit_extent(struct fit *f)
{
    struct part *p = f->p;
    const struct row *row = f->row;
    owner_trim(f);
    struct extent *e = last_extent(p);
    if (row->pos < p->head_pos)
        return lose_rest(f);
    f->rp->lost = false;
    uint64_t end = e ? e->base_pos + row->len : 0;
    if (e && !e->sealed && block_ceil(end) == row->pos && end <= extent_limit(f->r->s, e))
        lose_to(f, end, row->base_off);
    if (row->pos == block_ceil(p->head_pos))
        return true;
    cut_at_tiles(f); /* a whole extent between them is not known */
    f->rp->disk = p->head_pos = row->pos;
    p->next_off = max_u64(p->next_off, row->base_off);
    return true;
}

static bool fit_close(struct fit *f)
{
    const struct extent *e = last_extent(f->p);
    if (f->rp->lost || !e || e->id != f->row->extent || f->row->pos < f->p->head_pos)
        return lose_rest(f);
    lose_to(f, e->base_pos + f->row->len, f->p->next_off);
    return true;
}

/* Numbers and names are given again only after a DROP. */
static bool fit_add(struct fit *f)
{
    struct store *s = f->r->s;
    struct part *named = map_get(&s->part_map, (struct map_key){ f->row->topic, f->row->index });
    if (named && named->number != f->row->part)
        replay_drop(f->r, named);
    if (f->p && f->p != named)
        replay_drop(f->r, f->p);
    return true;
}

/* What it says is lost with the bytes that it speaks of. */
static bool fit_producer(struct fit *f)
{
    const struct producer_row *r = &f->row->producer;
    return r->batches[r->n - 1].base_off + r->batches[r->n - 1].count <= f->p->next_off;
}

/* A trim never passes the log's end: there were batches up to there. */
static bool fit_trim(struct fit *f)
{
    f->p->next_off = max_u64(f->p->next_off, f->row->base_off);
    return true;
}

bool replay_fit(struct replay *r, struct row *row, const uint8_t **bytes)
{
    struct fit f = { .r = r, .row = row, .bytes = bytes, .rp = replay_at(r, row->part) };
    f.p = row->part < r->s->part_count ? r->s->parts[row->part] : NULL;
    if (row->kind == ROW_ADD)
        return fit_add(&f);
    if (!f.p)
        return false; /* its ADD was lost */
    switch (row->kind) {
    case ROW_INLINE:
        return fit_inline(&f);
    case ROW_DIRECT:
        return fit_direct(&f);
    case ROW_EXTENT:
        return fit_extent(&f);
    case ROW_CLOSE:
        return fit_close(&f);
    case ROW_PRODUCER:
        return fit_producer(&f);
    case ROW_TRIM:
        return fit_trim(&f);
    default:
        return true;
    }
}
