/* repair_files.c -- identity blocks from each other, image pages from their other copy. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/repair_in.h"

#define LOCK_WAIT_NS (200 * MS_NS)

/* ---- identity blocks ---- */

static uint64_t file_bytes(const struct verify *v, const struct verify_file *f)
{
    if (f->kind == FILE_JOURNAL)
        return v->id.geometry.journal_bytes;
    return f->kind == FILE_VOLUME ? vol_bytes(&v->id.geometry) : block_floor(f->bytes);
}

/* The opening in a volume's identity block: the image has it too, if it is whole (its own block was
 * seen to before). An image that cannot be read now is not a damaged one: a block made without it
 * would be another file's. */
static enum err vol_opening(struct verify *v, uint32_t number, uint64_t *opening)
{
    struct image im = { 0 };
    struct verify_file *image = verify_file(v, FILE_IMAGE, 0);
    int fd;
    *opening = 0;
    if (!image || !image->whole) {
        why_set(v->why, "vol-%04u: only the image knows how old it is, and has no identity now",
                number);
        return ERR_CORRUPT;
    }
    TRY(verify_open(v, "image", &fd));
    enum err err = image_load_newest(v->io, fd, &image->id, false, &im, NULL);
    for (uint32_t i = 0; !err && i < im.head.vols; i++)
        if (im.vols[i].number == number)
            *opening = im.vols[i].opening;
    image_close(&im);
    io_fd_close(v->io, fd);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err identity_rebuild(struct repair *r, struct verify *v, struct verify_file *f)
{
    int fd;
    struct identity id = v->id;
    id.kind = f->kind;
    id.file_number = f->number;
    id.file_bytes = file_bytes(v, f);
    id.opening = 0;
    if (f->kind == FILE_VOLUME)
        TRY(vol_opening(v, f->number, &id.opening));
    uint8_t *block = io_buffer_take(BLOCK_BYTES);
    if (!block)
        return ERR_NO_MEMORY;
    identity_encode(&id, block);
    enum err err = repair_open(r, f->name, &fd);
    if (!err) {
        err = repair_write(r, fd, block, BLOCK_BYTES, 0);
        io_fd_close(r->io, fd);
    }
    io_buffer_give(block);
    if (err)
        return err;
    f->id = id;
    f->whole = true;
    r->report->identities++;
    return ERR_OK;
}

/* Only a block that does not verify: one that does, and says something else, is another file. */
static enum err identity_is_bad(struct verify *v, const struct verify_file *f, bool *bad)
{
    struct identity id;
    uint64_t got;
    int fd;
    uint8_t *block = io_buffer_take(BLOCK_BYTES);
    if (!block)
        return ERR_NO_MEMORY;
    enum err err = verify_open(v, f->name, &fd);
    if (!err) {
        err = verify_read(v->io, fd, block, BLOCK_BYTES, 0, &got);
        io_fd_close(v->io, fd);
    }
    if (!err)
        *bad = got != BLOCK_BYTES || identity_decode(block, &id, NULL) == ERR_CORRUPT;
    io_buffer_give(block);
    return err;
}

static enum err identities(struct repair *r, struct verify *v)
{
    for (uint32_t i = 0; i < v->file_count; i++) {
        struct verify_file *f = &v->files[i];
        bool bad = false;
        if (f->whole)
            continue;
        TRY(identity_is_bad(v, f, &bad));
        if (!bad || f->bytes < BLOCK_BYTES)
            continue;
        if (!v->identified) {
            why_set(r->why, "no identity block of this store verifies: put one back from a copy");
            return ERR_CORRUPT;
        }
        TRY(identity_rebuild(r, v, f));
    }
    return ERR_OK;
}

/* ---- image ---- */

struct copies {
    struct repair *r;
    struct verify *v;
    int fd;
    uint64_t capacity;
    uint8_t *page[2];
};

static enum err page_heal(struct copies *c, uint64_t pos[2], const struct page_seal *seal)
{
    bool ok[2];
    for (uint32_t i = 0; i < 2; i++)
        TRY(verify_page(c->v->io, c->fd, c->page[i], pos[i], seal, &ok[i]));
    if (ok[0] == ok[1])
        return ERR_OK;
    uint32_t bad = ok[0] ? 1 : 0;
    c->r->report->image_pages++;
    return repair_write(c->r, c->fd, c->page[!bad], BLOCK_BYTES, pos[bad]);
}

static uint64_t copy_pos(const struct copies *c, uint32_t region, uint32_t copy)
{
    return BLOCK_BYTES + (2ull * region + copy) * c->capacity;
}

static bool head_read(struct copies *c, uint32_t region, uint32_t copy, struct image_head *out)
{
    uint64_t got, pos = copy_pos(c, region, copy);
    if (verify_read(c->v->io, c->fd, c->page[0], BLOCK_BYTES, pos, &got) || got != BLOCK_BYTES ||
        image_head_decode(c->page[0], out) != ERR_OK)
        return false;
    struct page_seal seal = { c->v->id.store, out->generation, 0 };
    return page_ok(c->page[0], &seal) && out->pages * BLOCK_BYTES <= c->capacity;
}

static uint64_t page_pos(const struct copies *c, uint32_t region, uint32_t copy, uint64_t page)
{
    return copy_pos(c, region, copy) + page * BLOCK_BYTES;
}

/* Every page verifies in one of the copies: what recovery takes for an image (image.c). */
static enum err image_whole(struct copies *c, uint32_t region, const struct image_head *h,
                            bool *whole)
{
    *whole = true;
    for (uint64_t i = 0; i < h->pages && *whole; i++) {
        struct page_seal seal = { c->v->id.store, h->generation, (uint32_t)i };
        *whole = false;
        for (uint32_t copy = 0; copy < 2 && !*whole; copy++)
            TRY(verify_page(c->v->io, c->fd, c->page[0], page_pos(c, region, copy, i), &seal,
                            whole));
    }
    return ERR_OK;
}

/* The copies are of two generations when a write of the newer one ended early, by a crash or an
 * error. It counts if it is whole; else the older one is left as it is. */
static enum err region_heal(struct copies *c, uint32_t region)
{
    struct image_head heads[2];
    bool ok[2];
    for (uint32_t copy = 0; copy < 2; copy++)
        ok[copy] = head_read(c, region, copy, &heads[copy]);
    if (!ok[0] && !ok[1])
        return ERR_OK;
    uint32_t newer = !ok[0] || (ok[1] && heads[1].generation > heads[0].generation);
    struct image_head head = heads[newer];
    bool whole = true;
    if (ok[0] && ok[1] && heads[0].generation != heads[1].generation)
        TRY(image_whole(c, region, &head, &whole));
    if (!whole)
        return ERR_OK;
    for (uint64_t i = 0; i < head.pages; i++) {
        uint64_t pos[2] = { page_pos(c, region, 0, i), page_pos(c, region, 1, i) };
        struct page_seal seal = { c->v->id.store, head.generation, (uint32_t)i };
        TRY(page_heal(c, pos, &seal));
    }
    return ERR_OK;
}

static enum err image_heal(struct repair *r, struct verify *v)
{
    struct copies c = { .r = r,
                        .v = v,
                        .fd = -1,
                        .page = { io_buffer_take(BLOCK_BYTES), io_buffer_take(BLOCK_BYTES) } };
    const struct verify_file *f = verify_file(v, FILE_IMAGE, 0);
    c.capacity = f ? block_floor((f->id.file_bytes - BLOCK_BYTES) / 4) : 0;
    enum err err = !c.page[0] || !c.page[1] ? ERR_NO_MEMORY : ERR_OK;
    if (!err && f && f->whole)
        err = repair_open(r, "image", &c.fd);
    for (uint32_t region = 0; region < 2 && !err && c.fd >= 0; region++)
        err = region_heal(&c, region);
    if (c.fd >= 0)
        io_fd_close(r->io, c.fd);
    io_buffer_give(c.page[0]);
    io_buffer_give(c.page[1]);
    return err;
}

/* ---- both ---- */

/* Nobody else may have the store while its files are written. */
static enum err journal_lock(struct repair *r, int *fd)
{
    TRY(repair_open(r, "journal", fd));
    enum err err = io_fd_lock(r->io, *fd, LOCK_WAIT_NS);
    if (err) {
        why_set(r->why, "the store is in use: %s", err_text(err));
        io_fd_close(r->io, *fd);
    }
    return err;
}

enum err repair_files(struct repair *r)
{
    struct verify_counts counts = { 0 };
    struct verify_opts opts = { 0 };
    struct verify v = {
        .io = r->io, .dir = r->dir, .opts = &opts, .counts = &counts, .why = r->why
    };
    int lock = -1;
    enum err err = verify_files(&v);
    if (!err && !verify_file(&v, FILE_JOURNAL, 0)) {
        why_set(r->why, "the journal is missing: put it back from a copy");
        err = ERR_NOT_FOUND;
    }
    if (!err)
        err = journal_lock(r, &lock);
    if (!err) {
        err = identities(r, &v);
        if (!err)
            err = image_heal(r, &v);
        io_fd_close(r->io, lock);
    }
    free(v.files);
    return err;
}
