/* verify_ring.c -- the journal from the image's cut on, without the tables.
 *
 * The same walk as recovery's (recovery.h has the letters), but it does not stop at the first bad
 * entry: it goes on with the next one that verifies. What is found here is acknowledged for
 * certain, since a later entry proves the sync. A bad last entry is judged by recovery itself. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/le.h"
#include "engine/log/verify_in.h"

#define RING_READ_BYTES (1u << 20)

struct ring_walk {
    struct verify *v;
    const uint8_t *ring;
    const uint8_t *key;
    uint64_t bytes; /* of the ring */
    uint64_t pos, seq;
    uint32_t prev_crc;
    bool loose; /* the entry before was bad: its header CRC is not known */
};

static const uint8_t *ring_at(const struct ring_walk *w, uint64_t pos)
{
    return w->ring + pos % w->bytes;
}

static bool header_at(const struct ring_walk *w, uint64_t pos, struct entry *e)
{
    return entry_decode(ring_at(w, pos), w->key, w->v->id.store, pos, w->v->id.geometry.entry_max,
                        e) == ERR_OK;
}

/* The valid header with the smallest seq above w->seq, wherever it lies. */
static bool next_valid(const struct ring_walk *w, struct entry *best)
{
    bool any = false;
    for (uint64_t place = 0; place < w->bytes; place += BLOCK_BYTES) {
        struct entry e;
        uint64_t claimed = le64_get(w->ring + place + ENTRY_POS_AT);
        if (claimed % w->bytes != place || claimed < w->pos || !header_at(w, claimed, &e))
            continue;
        if (e.seq > w->seq && (!any || e.seq < best->seq)) {
            *best = e;
            any = true;
        }
    }
    return any;
}

static struct find entry_find(const struct ring_walk *w, enum find_kind kind, uint64_t len)
{
    return (struct find){
        .kind = kind, .file = "journal", .pos = BLOCK_BYTES + w->pos % w->bytes, .len = len
    };
}

/* Cases C and E: nobody knows whose rows are lost. */
static void entry_found(const struct ring_walk *w, char letter, uint64_t len, uint64_t next_seq)
{
    struct find f = entry_find(w, FOUND_ENTRY, len);
    why_set(&f.why, "entries %llu to %llu, recovery case %c", (unsigned long long)w->seq,
            (unsigned long long)next_seq - 1, letter);
    verify_found(w->v, &f);
}

/* Case G: the bytes of one row. */
static void piece_keep(const struct ring_walk *w, const struct entry *e, const struct row *row,
                       const uint8_t *bytes)
{
    struct verify *v = w->v;
    v->pieces = array_grow(v->pieces, &v->piece_cap, v->piece_count + 1ull, sizeof(*v->pieces));
    struct find *f = &v->pieces[v->piece_count++];
    *f = entry_find(w, FOUND_PIECE, row->len);
    f->pos = BLOCK_BYTES + (uint64_t)(bytes - w->ring);
    f->of_part = true;
    f->part = row->part;
    f->part_pos = row->pos;
    f->from_off = row->base_off;
    f->to_off = row->next_off;
    why_set(&f->why, "entry %llu, position %llu of the partition, recovery case G",
            (unsigned long long)e->seq, (unsigned long long)row->pos);
}

/* Nothing is lost where a direct run, or the image, carried the bytes on. */
void verify_pieces(struct verify *v, const struct store *s)
{
    for (uint32_t i = 0; i < v->piece_count; i++) {
        struct find *f = &v->pieces[i];
        const struct part *p = s && f->part < s->part_count ? s->parts[f->part] : NULL;
        if (p) {
            f->topic = p->topic;
            f->index = p->index;
            if (f->part_pos + f->len <= max_u64(p->disk_pos, p->image_head))
                f->kind = FOUND_CARRIED;
        }
        verify_found(v, f);
    }
}

/* Reports the damaged pieces of an entry whose rows verify; false when there are some. */
static bool pieces_verify(const struct ring_walk *w, const struct entry *e, bool report)
{
    const uint8_t *at = ring_at(w, e->ring_pos), *bytes = entry_row_at(at, e->rows);
    bool ok = true;
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(at, i), &row) != ERR_OK)
            return false;
        if (row.kind != ROW_INLINE)
            continue;
        if (piece_crc(row.part, row.pos, bytes, row.len) != row.crc) {
            ok = false;
            if (report)
                piece_keep(w, e, &row, bytes);
        }
        bytes += row.len;
    }
    return ok;
}

static uint64_t next_pos(const struct ring_walk *w, uint64_t pos)
{
    uint64_t left = w->bytes - pos % w->bytes;
    return left < w->v->id.geometry.entry_max ? pos + left : pos;
}

static void step_over(struct ring_walk *w, const struct entry *e)
{
    w->pos = next_pos(w, e->ring_pos + e->len);
    w->seq = e->seq + 1;
    w->prev_crc = e->header_crc;
    w->loose = false;
}

/* One entry; false at the end of the log. */
static bool walk_step(struct ring_walk *w)
{
    struct entry e, later;
    bool header =
        header_at(w, w->pos, &e) && e.seq == w->seq && (w->loose || e.prev_crc == w->prev_crc);
    if (!header) {
        if (!next_valid(w, &later))
            return false;
        /* Its length is lost with it: what lies before the next one, at most to the ring's end. */
        entry_found(w, 'C', min_u64(later.ring_pos - w->pos, w->bytes - w->pos % w->bytes),
                    later.seq);
        w->pos = later.ring_pos;
        w->seq = later.seq;
        w->loose = true;
        return true;
    }
    struct ring_walk after = *w;
    step_over(&after, &e);
    after.seq = e.seq;
    bool rows = entry_rows_ok(&e, ring_at(w, e.ring_pos));
    if (!rows || !pieces_verify(w, &e, false)) {
        if (!next_valid(&after, &later))
            return false; /* the last one: recovery cuts it */
        if (!rows)
            entry_found(w, 'E', e.len, e.seq + 1);
        else
            pieces_verify(w, &e, true);
    }
    w->v->counts->entries++;
    step_over(w, &e);
    return true;
}

enum err verify_ring(struct verify *v)
{
    uint64_t bytes = v->id.geometry.journal_bytes - BLOCK_BYTES, got;
    uint8_t *ring = io_buffer_take(bytes);
    int fd = -1;
    if (!ring)
        return ERR_NO_MEMORY;
    enum err err = verify_open(v, "journal", &fd);
    for (uint64_t at = 0; at < bytes && !err; at += RING_READ_BYTES) {
        uint64_t len = min_u64(RING_READ_BYTES, bytes - at);
        err = verify_read(v->io, fd, ring + at, len, BLOCK_BYTES + at, &got);
        if (got < len)
            memset(ring + at + got, 0, len - got);
    }
    if (fd >= 0)
        io_fd_close(v->io, fd);
    struct ring_walk w = { .v = v,
                           .ring = ring,
                           .key = verify_file(v, FILE_JOURNAL, 0)->id.key,
                           .bytes = bytes,
                           .pos = v->cut.ring_pos,
                           .seq = v->cut.seq,
                           .prev_crc = v->cut.prev_crc };
    while (!err && walk_step(&w)) {
    }
    io_buffer_give(ring);
    return err;
}
