/* inspect_files.c -- views of the files as they are: journal, image. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/image.h"
#include "tools/inspect.h"

#define COLUMNS(c) c, (uint32_t)(sizeof(c) / sizeof((c)[0]))

struct file {
    struct io *io;
    int fd;
    struct identity id;
    uint8_t *block;
    struct why why;
};

static enum err file_read(struct file *f, void *to, uint64_t len, uint64_t pos)
{
    struct op op = { 0 };
    io_read(f->io, &op, f->fd, to, len, pos, NULL);
    TRY(io_wait(f->io, &op));
    return op.got == len ? ERR_OK : ERR_CORRUPT;
}

static void file_close(struct file *f)
{
    if (f->fd >= 0)
        io_fd_close(f->io, f->fd);
    io_buffer_give(f->block);
}

static enum err file_open(struct file *f, const struct inspect *in, const char *name)
{
    struct op op = { 0 };
    *f = (struct file){ .io = in->io, .fd = -1, .block = io_buffer_take(BLOCK_BYTES) };
    if (!f->block)
        return ERR_NO_MEMORY;
    io_open_file(in->io, &op, in->place->fd, name, IO_DIRECT | IO_READONLY, NULL);
    TRY(io_wait(in->io, &op));
    f->fd = (int)op.got;
    TRY(file_read(f, f->block, BLOCK_BYTES, 0));
    return identity_decode(f->block, &f->id, &f->why);
}

static void error_show(struct out *o, enum err err, const struct why *why)
{
    out_text(o, "error", "cannot be read", "%s", why->text[0] ? why->text : err_text(err));
}

/* ---- image ---- */

static const struct out_column image_columns[] = {
    { "generation", "generation", OUT_COUNT },
    { "copy", "copy", OUT_COUNT },
    { "pos", "byte", OUT_COUNT },
    { "pages", "pages", OUT_COUNT },
    { "bad_pages", "bad", OUT_COUNT },
    { "time", "written", OUT_TIME },
    { "seq", "next entry", OUT_COUNT },
    { "ring_pos", "at ring pos", OUT_COUNT },
    { "opening", "opening", OUT_COUNT },
    { "epoch", "epoch", OUT_COUNT },
    { "partitions", "partitions", OUT_COUNT },
    { "extents", "extents", OUT_COUNT },
    { "volumes", "volumes", OUT_COUNT },
    { "section_bytes", "sections", OUT_BYTES },
};

static uint64_t pages_bad(struct file *f, const struct image_head *h, uint64_t pos)
{
    uint64_t bad = 0;
    for (uint64_t i = 0; i < h->pages; i++) {
        struct page_seal seal = { f->id.store, h->generation, (uint32_t)i };
        bad += file_read(f, f->block, BLOCK_BYTES, pos + i * BLOCK_BYTES) != ERR_OK ||
               !page_ok(f->block, &seal);
    }
    return bad;
}

static void copy_show(struct file *f, uint64_t pos, uint32_t copy, struct out_sheet *s)
{
    struct image_head h;
    if (file_read(f, f->block, BLOCK_BYTES, pos) != ERR_OK ||
        image_head_decode(f->block, &h) != ERR_OK)
        return;
    sheet_count(s, h.generation);
    sheet_count(s, copy);
    sheet_count(s, pos);
    sheet_count(s, h.pages);
    sheet_count(s, pages_bad(f, &h, pos));
    sheet_time(s, h.time_ms);
    sheet_count(s, h.seq);
    sheet_count(s, h.ring_pos);
    sheet_count(s, h.opening);
    sheet_count(s, h.store_epoch);
    sheet_count(s, h.parts);
    sheet_count(s, h.extents);
    sheet_count(s, h.vols);
    sheet_count(s, h.section_bytes);
}

void view_image(struct inspect *in, struct out *o)
{
    struct file f;
    struct out_sheet s;
    enum err err = file_open(&f, in, "image");
    if (err) {
        error_show(o, err, &f.why);
        file_close(&f);
        return;
    }
    uint64_t capacity = block_floor((f.id.file_bytes - BLOCK_BYTES) / 4);
    out_bytes(o, "copy_bytes", "room for a copy", capacity);
    sheet_open(&s, o, "images", "Images", COLUMNS(image_columns));
    for (uint32_t i = 0; i < 4; i++)
        copy_show(&f, BLOCK_BYTES + i * capacity, i % 2, &s);
    sheet_close(&s);
    file_close(&f);
}

/* ---- journal ---- */

static const char *const row_names[ROW_KIND_END] = {
    [ROW_ADD] = "ADD",           [ROW_DROP] = "DROP",     [ROW_EXTENT] = "EXTENT",
    [ROW_CLOSE] = "CLOSE",       [ROW_INLINE] = "INLINE", [ROW_DIRECT] = "DIRECT",
    [ROW_TRIM] = "TRIM",         [ROW_EPOCH] = "EPOCH",   [ROW_REPLACE] = "REPLACE",
    [ROW_GAP] = "GAP",           [ROW_OPEN] = "OPEN",     [ROW_SEAL] = "SEAL",
    [ROW_PRODUCER] = "PRODUCER",
};

static const struct out_column entry_columns[] = {
    { "seq", "entry", OUT_COUNT },       { "ring_pos", "ring pos", OUT_COUNT },
    { "pos", "byte", OUT_COUNT },        { "bytes", "size", OUT_BYTES },
    { "rows", "rows", OUT_COUNT },       { "inline_bytes", "inline", OUT_BYTES },
    { "opening", "opening", OUT_COUNT }, { "epoch", "epoch", OUT_COUNT },
    { "time", "written", OUT_TIME },     { "whole", "whole", OUT_FLAG },
    { "kinds", "kinds", OUT_TEXT },
};

static const struct out_column row_columns[] = {
    { "seq", "entry", OUT_COUNT },        { "kind", "kind", OUT_TEXT },
    { "number", "number", OUT_COUNT },    { "pos", "pos", OUT_COUNT },
    { "base_offset", "from", OUT_COUNT }, { "next_offset", "to", OUT_COUNT },
    { "len", "len", OUT_COUNT },          { "extent", "extent", OUT_COUNT },
    { "volume", "volume", OUT_COUNT },    { "unit", "unit", OUT_COUNT },
    { "epoch", "epoch", OUT_COUNT },      { "max_time", "newest record", OUT_TIME },
    { "producer", "producer", OUT_TEXT },
};

struct journal_view {
    struct inspect *in;
    struct file file;
    struct image_head cut;
    uint64_t ring;
    uint8_t *entry; /* entry_max bytes */
};

static uint64_t ring_place(const struct journal_view *j, uint64_t pos)
{
    return BLOCK_BYTES + pos % j->ring;
}

/* The entry at pos, whole in j->entry. */
static bool entry_at(struct journal_view *j, uint64_t pos, uint64_t seq, struct entry *e)
{
    struct file *f = &j->file;
    if (file_read(f, j->entry, BLOCK_BYTES, ring_place(j, pos)) != ERR_OK ||
        entry_decode(j->entry, f->id.key, f->id.store, pos, f->id.geometry.entry_max, e) !=
            ERR_OK ||
        e->seq != seq)
        return false;
    return file_read(f, j->entry, e->len, ring_place(j, pos)) == ERR_OK;
}

static void kinds_text(const struct journal_view *j, const struct entry *e, char text[256])
{
    uint32_t counts[ROW_KIND_END] = { 0 }, at = 0;
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(j->entry, i), &row) == ERR_OK)
            counts[row.kind]++;
    }
    text[0] = '\0';
    for (uint32_t k = 1; k < ROW_KIND_END; k++)
        if (counts[k] && at < 200)
            at += (uint32_t)snprintf(text + at, 256 - at, "%s%u %s", at ? ", " : "", counts[k],
                                     row_names[k]);
}

static bool entry_whole(const struct journal_view *j, const struct entry *e)
{
    const uint8_t *bytes = entry_row_at(j->entry, e->rows);
    if (!entry_rows_ok(e, j->entry))
        return false;
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(j->entry, i), &row) != ERR_OK)
            return false;
        if (row.kind != ROW_INLINE)
            continue;
        if (piece_crc(row.part, row.pos, bytes, row.len) != row.crc)
            return false;
        bytes += row.len;
    }
    return true;
}

static void entry_show(struct journal_view *j, const struct entry *e, struct out_sheet *s)
{
    char kinds[256];
    kinds_text(j, e, kinds);
    sheet_count(s, e->seq);
    sheet_count(s, e->ring_pos);
    sheet_count(s, ring_place(j, e->ring_pos));
    sheet_count(s, e->len);
    sheet_count(s, e->rows);
    sheet_count(s, e->inline_bytes);
    sheet_count(s, e->opening);
    sheet_count(s, e->store_epoch);
    sheet_time(s, e->time_ms);
    sheet_flag(s, entry_whole(j, e));
    sheet_text(s, "%s", kinds);
}

static void row_show(const struct entry *e, const struct row *r, struct out_sheet *s)
{
    const struct producer_batch *first = r->producer.batches;
    const struct producer_batch *last = r->producer.n ? &first[r->producer.n - 1] : first;
    sheet_count(s, e->seq);
    sheet_text(s, "%s", row_names[r->kind]);
    sheet_count(s, r->part);
    sheet_count(s, r->pos);
    sheet_count(s, r->producer.n ? first->base_off : r->base_off);
    sheet_count(s, r->producer.n ? last->base_off + last->count : r->next_off);
    sheet_count(s, r->len);
    sheet_count(s, r->extent);
    sheet_count(s, r->vol);
    sheet_count(s, r->unit);
    sheet_count(s, r->epoch);
    sheet_time(s, r->kind == ROW_INLINE || r->kind == ROW_DIRECT ? r->max_time : INT64_MIN);
    if (r->kind == ROW_PRODUCER)
        sheet_text(s, "%lld/%d", (long long)r->producer.id, r->producer.epoch);
    else
        sheet_none(s);
}

static void rows_show(struct journal_view *j, const struct entry *e, struct out_sheet *s)
{
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(j->entry, i), &row) != ERR_OK)
            continue;
        if (!j->in->part_given || row.part == j->in->part)
            row_show(e, &row, s);
    }
}

/* Goes over the entries from the image's cut on, at most `limit` of them. */
static void entries_walk(struct journal_view *j, bool rows, struct out_sheet *s)
{
    uint64_t pos = j->cut.ring_pos, seq = j->cut.seq;
    struct entry e;
    for (uint64_t n = 0; n < j->in->limit && entry_at(j, pos, seq, &e); n++, seq++) {
        if (rows)
            rows_show(j, &e, s);
        else
            entry_show(j, &e, s);
        pos = e.ring_pos + e.len;
        if (j->ring - pos % j->ring < j->file.id.geometry.entry_max)
            pos += j->ring - pos % j->ring;
    }
}

static enum err cut_find(struct journal_view *j, struct why *why)
{
    struct file f;
    struct image im = { 0 };
    enum err err = file_open(&f, j->in, "image");
    if (!err)
        err = image_load(f.io, f.fd, &f.id, &im, why);
    j->cut = im.head;
    image_close(&im);
    file_close(&f);
    return err;
}

static void journal_show(struct journal_view *j, struct out *o)
{
    struct out_sheet s;
    out_bytes(o, "ring_bytes", "ring", j->ring);
    out_count(o, "cut_seq", "first entry", j->cut.seq);
    out_count(o, "cut_ring_pos", "at ring pos", j->cut.ring_pos);
    sheet_open(&s, o, "entries", "Entries since the image", COLUMNS(entry_columns));
    entries_walk(j, false, &s);
    sheet_close(&s);
    if (!j->in->rows && !j->in->part_given)
        return;
    sheet_open(&s, o, "rows", "Rows", COLUMNS(row_columns));
    entries_walk(j, true, &s);
    sheet_close(&s);
}

void view_journal(struct inspect *in, struct out *o)
{
    struct journal_view j = { .in = in };
    struct why why = { "" };
    enum err err = file_open(&j.file, in, "journal");
    if (err)
        why = j.file.why;
    else
        err = cut_find(&j, &why);
    if (!err) {
        j.ring = j.file.id.geometry.journal_bytes - BLOCK_BYTES;
        j.entry = io_buffer_take(j.file.id.geometry.entry_max);
        err = j.entry ? ERR_OK : ERR_NO_MEMORY;
    }
    if (err)
        error_show(o, err, &why);
    else
        journal_show(&j, o);
    io_buffer_give(j.entry);
    file_close(&j.file);
}
