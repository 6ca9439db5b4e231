/* recovery.c -- the decision table of recovery.h, applied to the ring.
 *
 *   ring_read      the whole ring into memory, several reads in flight
 *   scan           entry by entry from the image's cut; judge() gives the letter
 *   apply          rows into the tables, the last entry only after its direct runs verify
 *   OPEN           written at the cut and synced: nothing is served before that */
#include "engine/log/recovery.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/log/commit.h"
#include "engine/log/replay.h"

#define READ_BYTES      (1u << 20)
#define READS_IN_FLIGHT 16u
#define SYNCS_IN_FLIGHT 16u

struct scan {
    struct store *s;
    struct why *why;
    struct replay replay;
    uint8_t *ring;     /* its bytes, by place */
    uint64_t pos, seq; /* where the next entry should be, and its number */
    uint32_t prev_crc;
    uint64_t opening; /* of the last entry replayed */
    uint32_t epoch;
    uint32_t stopped; /* entries with damaged pieces */
};

/* ---- reading ---- */

static enum err read_wait(struct scan *sc, struct op *op)
{
    enum err err = io_wait(sc->s->io, op);
    op->verb = IO_NONE;
    if (!err && op->got != op->len) {
        why_set(sc->why, "the journal is shorter than its identity block says");
        err = ERR_CORRUPT;
    }
    return err;
}

/* A ring that is not full yet is mostly zeros, as it was made: they need no memory. */
static void piece_rest(const struct op *op)
{
    const uint8_t *at = op->buf;
    if (at[0] == 0 && memcmp(at, at + 1, op->len - 1) == 0)
        io_buffer_rest(op->buf, op->len);
}

static enum err ring_read(struct scan *sc)
{
    struct store *s = sc->s;
    struct op ops[READS_IN_FLIGHT] = { 0 };
    uint64_t ring = s->journal.ring, at = 0;
    sc->ring = io_buffer_take(ring);
    if (!sc->ring)
        return ERR_NO_MEMORY;
    /* Other stores may have I/O under way on the same io: only our own reads are waited for, and
     * those to their end, whatever happens: they point into this frame. */
    enum err err = ERR_OK;
    uint32_t reading = 0;
    for (uint32_t i = 0; (at < ring && !err) || reading; i = (i + 1) % READS_IN_FLIGHT) {
        if (ops[i].verb) {
            enum err got = read_wait(sc, &ops[i]);
            if (!got)
                piece_rest(&ops[i]);
            err = err ? err : got;
            reading--;
        }
        if (at >= ring || err)
            continue;
        reading++;
        uint64_t n = min_u64(ring - at, READ_BYTES);
        io_read(s->io, &ops[i], s->journal.fd, sc->ring + at, n, BLOCK_BYTES + at, NULL);
        at += n;
    }
    return err;
}

static const uint8_t *ring_at(const struct scan *sc, uint64_t pos)
{
    return sc->ring + pos % sc->s->journal.ring;
}

/* ---- judging ---- */

static bool header_at(const struct scan *sc, uint64_t pos, struct entry *e)
{
    const struct store *s = sc->s;
    return entry_decode(ring_at(sc, pos), s->id.key, s->id.store, pos, s->id.geometry.entry_max,
                        e) == ERR_OK;
}

/* The next entry, where arithmetic says it must be; its header alone is judged. */
static bool header_next(const struct scan *sc, struct entry *e)
{
    if (!header_at(sc, sc->pos, e))
        return false;
    return (e->seq == sc->seq && e->prev_crc == sc->prev_crc) || pitfall(STALE_LAP);
}

/* The entry whose header is at this place of the ring: its position says which lap it is of. */
static bool header_in(const struct scan *sc, uint64_t place, struct entry *e)
{
    uint64_t claimed = le64_get(sc->ring + place + ENTRY_POS_AT);
    return claimed % sc->s->journal.ring == place && header_at(sc, claimed, e);
}

/* The entry with the smallest seq above `seq`, anywhere in the ring. */
static bool later_find(const struct scan *sc, uint64_t seq, struct entry *best)
{
    bool any = false;
    if (pitfall(IGNORE_SUCCESSOR))
        return false;
    for (uint64_t place = 0; place < sc->s->journal.ring; place += BLOCK_BYTES) {
        struct entry e;
        if (header_in(sc, place, &e) && e.seq > seq && (!any || e.seq < best->seq)) {
            *best = e;
            any = true;
        }
    }
    return any;
}

static bool pieces_ok(const struct entry *e, const uint8_t *at)
{
    const uint8_t *bytes = entry_row_at(at, e->rows);
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(at, i), &row) != ERR_OK)
            return false;
        if (row.kind != ROW_INLINE)
            continue;
        if (piece_crc(row.part, row.pos, bytes, row.len) != row.crc)
            return false;
        bytes += row.len;
    }
    return true;
}

/* Letter of the table for the place sc->pos; *e is valid where the header is. */
static char judge(const struct scan *sc, struct entry *e)
{
    struct entry next;
    if (!header_next(sc, e))
        return later_find(sc, sc->seq, &next) ? 'C' : 'B';
    const uint8_t *at = ring_at(sc, e->ring_pos);
    bool rows = entry_rows_ok(e, at);
    bool pieces = rows && pieces_ok(e, at);
    struct scan after = *sc;
    after.pos = journal_next_pos(sc->s, e->ring_pos + e->len);
    after.seq = e->seq + 1;
    after.prev_crc = e->header_crc;
    if (pieces && header_next(&after, &next))
        return 'A'; /* the common case: its successor follows */
    bool later = later_find(sc, e->seq, &next);
    if (!rows)
        return later ? 'E' : 'D';
    if (!pieces)
        return later ? 'G' : 'F';
    return later ? 'A' : 'I'; /* I or H: the direct runs decide */
}

/* ---- the last entry's direct runs ---- */

struct place {
    struct vol *vol;
    uint64_t at;
};

/* Where a DIRECT row's bytes are: its extent is in the tables, or in an EXTENT row before it. */
static bool run_place(const struct scan *sc, const struct entry *e, const uint8_t *at,
                      const struct row *run, struct place *out)
{
    const struct store *s = sc->s;
    const struct part *p = run->part < s->part_count ? s->parts[run->part] : NULL;
    for (uint32_t i = 0; p && i < p->extent_count; i++) {
        const struct extent *x = p->extents[i];
        if (x->id != run->extent)
            continue;
        if (run->pos < x->base_pos)
            return false;
        *out = (struct place){ x->vol, extent_place(x, run->pos) };
        return true;
    }
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(at, i), &row) || row.kind != ROW_EXTENT ||
            row.extent != run->extent)
            continue;
        struct vol *v = volume_find(s, row.vol);
        if (!v || run->pos < row.pos || !extent_place_ok(&s->id.geometry, row.unit, row.order))
            return false;
        *out = (struct place){ v, vol_place(&s->id.geometry, row.unit) + (run->pos - row.pos) };
        return true;
    }
    return false;
}

static enum err run_verify(const struct scan *sc, const struct entry *e, const uint8_t *at,
                           const struct row *run, bool *ok)
{
    struct place place;
    struct op op = { 0 };
    *ok = false;
    if (!run_place(sc, e, at, run, &place))
        return ERR_OK;
    uint8_t *buf = io_buffer_take(run->len);
    if (!buf)
        return ERR_NO_MEMORY;
    io_read(sc->s->io, &op, place.vol->fd, buf, run->len, place.at, NULL);
    enum err err = io_wait(sc->s->io, &op);
    *ok = !err && op.got == run->len && piece_crc(run->extent, run->pos, buf, run->len) == run->crc;
    io_buffer_give(buf);
    return err; /* unreadable is not absent: dropping the entry would be forgetting it */
}

/* H or I: the entry is kept only if every run it names is on disk, as it says. */
static enum err runs_verify(const struct scan *sc, const struct entry *e, bool *ok)
{
    const uint8_t *at = ring_at(sc, e->ring_pos);
    *ok = true;
    if (pitfall(SKIP_LAST_DIRECT_CHECK))
        return ERR_OK;
    for (uint32_t i = 0; i < e->rows && *ok; i++) {
        struct row row;
        TRY(row_decode(entry_row_at(at, i), &row));
        bool imaged = row.part < sc->replay.part_cap && e->seq <= sc->replay.parts[row.part].seq;
        if (row.kind == ROW_DIRECT && !imaged)
            TRY(run_verify(sc, e, at, &row, ok));
    }
    return ERR_OK;
}

/* What was found may be in nothing but a cache: in the device's, where a killed process left it; in
 * the kernel's, where whoever copied the store did. The OPEN entry will vouch for all of it, so
 * each file and the names are synced before OPEN is written, not with it. */
static enum err found_sync(struct store *s)
{
    struct op ops[SYNCS_IN_FLIGHT] = { 0 };
    int others[] = { s->tails_fd, s->image_fd, s->journal.fd, s->dir };
    uint32_t count = s->vol_count + sizeof(others) / sizeof(others[0]), syncing = 0;
    enum err err = ERR_OK;
    for (uint32_t i = 0; (i < count && !err) || syncing; i++) {
        struct op *op = &ops[i % SYNCS_IN_FLIGHT];
        if (op->verb) {
            enum err got = io_wait(s->io, op);
            op->verb = IO_NONE;
            err = err ? err : got;
            syncing--;
        }
        if (i >= count || err)
            continue;
        syncing++;
        io_sync(s->io, op, i < s->vol_count ? s->vols[i]->fd : others[i - s->vol_count], NULL);
    }
    return err;
}

/* ---- applying ---- */

static enum err entry_apply(struct scan *sc, const struct entry *e)
{
    const uint8_t *at = ring_at(sc, e->ring_pos);
    const uint8_t *bytes = entry_row_at(at, e->rows);
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        TRY(row_decode(entry_row_at(at, i), &row));
        const uint8_t *piece = NULL;
        if (row.kind == ROW_INLINE) {
            bool ok = piece_crc(row.part, row.pos, bytes, row.len) == row.crc;
            piece = ok ? bytes : NULL;
            bytes += row.len;
        }
        TRY(replay_row(&sc->replay, e, &row, piece));
    }
    sc->pos = journal_next_pos(sc->s, e->ring_pos + e->len);
    sc->seq = e->seq + 1;
    sc->prev_crc = e->header_crc;
    sc->opening = max_u64(sc->opening, e->opening);
    sc->epoch = e->store_epoch > sc->epoch ? e->store_epoch : sc->epoch;
    sc->s->report.entries++;
    sc->s->report.entry_bytes += e->len;
    sc->s->journal.head_pos = e->ring_pos + e->len;
    return ERR_OK;
}

static enum err refuse(struct scan *sc, char letter)
{
    why_set(
        sc->why,
        "journal entry %llu at ring position %llu is damaged (recovery case %c), and later entries "
        "prove that it was acknowledged; `shardlog check` shows it, `shardlog repair` accepts the "
        "loss",
        (unsigned long long)sc->seq, (unsigned long long)sc->pos, letter);
    return ERR_DAMAGED;
}

/* A later lap has used this place again: the image is older than the journal reaches, because newer
 * ones are gone. That is no start, for salvage neither. */
static bool overwritten(const struct scan *sc)
{
    uint64_t ring = sc->s->journal.ring;
    for (uint64_t place = 0; place < ring; place += BLOCK_BYTES) {
        struct entry e;
        if (header_in(sc, place, &e) && e.ring_pos + e.len > sc->pos + ring)
            return true;
    }
    return false;
}

/* Salvage: goes on behind what is lost. Rows may not fit the tables any more from here on. */
static void skip_lost(struct scan *sc, char letter, const struct entry *e)
{
    struct entry later;
    sc->replay.loose = true;
    if (letter == 'E') {
        sc->pos = journal_next_pos(sc->s, e->ring_pos + e->len);
        sc->seq = e->seq + 1;
        sc->prev_crc = e->header_crc;
        return;
    }
    check(later_find(sc, sc->seq, &later));
    sc->pos = later.ring_pos;
    sc->seq = later.seq;
    sc->prev_crc = later.prev_crc;
}

static enum err scan_run(struct scan *sc)
{
    for (;;) {
        struct entry e;
        bool ok = true;
        char letter = judge(sc, &e);
        sc->s->report.verdict = letter;
        switch (letter) {
        case 'B':
        case 'D':
        case 'F':
            return ERR_OK; /* cut */
        case 'C':
        case 'E':
            if (!sc->s->opts.salvage || overwritten(sc))
                return refuse(sc, letter);
            skip_lost(sc, letter, &e);
            continue;
        case 'G':
            sc->stopped++;
            break;
        case 'I':
            TRY(runs_verify(sc, &e, &ok));
            if (!ok) {
                probe("last entry dropped: a direct run it names is not there");
                sc->s->report.verdict = 'H';
                return ERR_OK;
            }
            TRY(entry_apply(sc, &e));
            return ERR_OK;
        default:
            break;
        }
        TRY(entry_apply(sc, &e));
    }
}

/* ---- the image ---- */

/* Older than the last one that was live: then the ring refuses. Salvage does without what it cannot
 * read. */
static enum err image_open(struct scan *sc, struct image *im)
{
    struct store *s = sc->s;
    struct identity id = s->id;
    id.file_bytes = BLOCK_BYTES + 4 * s->image_capacity;
    enum err err = image_load_newest(s->io, s->image_fd, &id, s->opts.salvage, im, sc->why);
    if (err == ERR_NOT_FOUND) {
        why_set(sc->why, "no image is whole in both generations; restore the store from a copy");
        return ERR_CORRUPT;
    }
    return err;
}

static enum err tables_from_image(struct scan *sc, const struct image *im)
{
    struct store *s = sc->s;
    s->generation = im->head.generation;
    s->image_opening = im->head.opening;
    s->next_extent = im->head.next_extent;
    s->next_vol = im->head.next_vol;
    s->journal.free_pos = s->journal.head_pos = im->head.ring_pos;
    sc->pos = im->head.ring_pos;
    sc->seq = im->head.seq;
    sc->prev_crc = im->head.prev_crc;
    sc->opening = im->head.opening;
    sc->epoch = im->head.store_epoch;
    s->report.healed = im->healed;
    if (sc->pos > POS_MAX || journal_next_pos(s, sc->pos) != sc->pos) {
        why_set(sc->why, "the image's cut lies where no entry can be; run `shardlog check`");
        return ERR_CORRUPT;
    }
    TRY(volumes_open(s, im->vols, im->head.vols, sc->why));
    return replay_image(&sc->replay, im);
}

static enum err tables_from_ring(struct scan *sc)
{
    struct store *s = sc->s;
    TRY(ring_read(sc));
    TRY(scan_run(sc));
    TRY(replay_finish(&sc->replay));
    s->journal.seq = sc->seq;
    s->journal.prev_crc = sc->prev_crc;
    s->report.cut_pos = sc->pos;
    s->opening = sc->opening + 1;
    s->epoch = sc->epoch + 1;
    return ERR_OK;
}

enum err recovery_run(struct store *s, struct why *why)
{
    struct scan sc = { .s = s, .why = why, .replay = { .s = s, .why = why } };
    struct image im = { 0 };
    s->replaying = true;
    enum err err = image_open(&sc, &im);
    if (!err)
        err = tables_from_image(&sc, &im);
    if (!err)
        err = tables_from_ring(&sc);
    s->replaying = false;
    if (!err && !s->opts.read_only)
        err = found_sync(s);
    if (!err && !s->opts.read_only)
        err = commit_opening_entry(s, why);
    replay_close(&sc.replay);
    image_close(&im);
    io_buffer_give(sc.ring);
    return err;
}
