/* verify.c -- see verify.h: one step after the other; a step that cannot go on stops the rest. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/verify_in.h"

const struct find_kind_info *find_kind_info(enum find_kind kind)
{
    static const struct find_kind_info table[] = {
#define FIND(name, class_, what, advice) [FOUND_##name] = { #name, FIND_##class_, what, advice },
#include "engine/log/verify.def"
#undef FIND
    };
    check(kind < FIND_KIND_COUNT);
    return &table[kind];
}

void verify_found(struct verify *v, const struct find *f)
{
    v->counts->finds[find_kind_info(f->kind)->class_]++;
    if (v->opts->found)
        v->opts->found(f, v->opts->arg);
}

enum err verify_read(struct io *io, int fd, void *buf, uint64_t len, uint64_t pos, uint64_t *got)
{
    struct op op = { 0 };
    io_read(io, &op, fd, buf, len, pos, NULL);
    enum err err = io_wait(io, &op);
    *got = op.got;
    return err == ERR_IO ? ERR_OK : err;
}

enum err verify_page(struct io *io, int fd, uint8_t *page, uint64_t pos,
                     const struct page_seal *seal, bool *ok)
{
    uint64_t got;
    TRY(verify_read(io, fd, page, BLOCK_BYTES, pos, &got));
    *ok = got == BLOCK_BYTES && page_ok(page, seal);
    return ERR_OK;
}

enum err verify_index(struct io *io, const struct extent *e, uint32_t block, uint8_t *page,
                      struct tile *tiles, bool *ok)
{
    const struct identity *id = &e->vol->store->id;
    struct page_seal seal = { id->store, e->id, block };
    uint32_t from = block * TILES_PER_BLOCK, i = from;
    uint32_t to = (uint32_t)min_u64(from + TILES_PER_BLOCK, e->tile_from);
    TRY(verify_page(io, e->vol->fd, page, index_place(&id->geometry, e->unit, e->order, block),
                    &seal, ok));
    for (; i < to && *ok; i++)
        *ok = tile_decode(page + (size_t)(i - from) * TILE_BYTES, &tiles[i]) == ERR_OK;
    if (!*ok)
        memset(tiles + from, 0, (i - from) * sizeof(*tiles));
    return ERR_OK;
}

enum err verify_open(struct verify *v, const char *name, int *fd)
{
    struct op op = { 0 };
    io_open_file(v->io, &op, v->dir, name, IO_DIRECT | IO_READONLY, NULL);
    TRY(io_wait(v->io, &op));
    *fd = (int)op.got;
    return ERR_OK;
}

/* What stands in the way is a finding, with recovery's own words. */
static enum err tables(struct verify *v)
{
    struct store *s = NULL;
    struct why why = { "" };
    struct store_opts opts = { .read_only = true, .salvage = true };
    enum err err = store_open(&s, v->io, v->dir, &opts, &why);
    if (err == ERR_NO_MEMORY || err == ERR_DEAD || err == ERR_LIMIT) {
        *v->why = why;
        return err;
    }
    if (err) {
        struct find f = { .kind = FOUND_OPEN, .file = "journal", .why = why };
        if (!why.text[0])
            why_set(&f.why, "%s", err_text(err));
        verify_found(v, &f);
        verify_pieces(v, NULL);
        return ERR_OK;
    }
    verify_pieces(v, s);
    err = verify_parts(v, s);
    store_close(&s);
    return err;
}

static enum err steps(struct verify *v)
{
    TRY(verify_files(v));
    if (!v->readable)
        return ERR_OK;
    TRY(verify_image(v));
    if (v->cut.generation)
        TRY(verify_ring(v));
    return tables(v);
}

enum err verify_run(struct io *io, int dir, const struct verify_opts *opts,
                    struct verify_counts *counts, struct why *why)
{
    struct why unused;
    struct verify v = {
        .io = io, .dir = dir, .opts = opts, .counts = counts, .why = why ? why : &unused
    };
    *counts = (struct verify_counts){ 0 };
    enum err err = steps(&v);
    free(v.files);
    free(v.pieces);
    return err;
}
