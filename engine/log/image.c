/* image.c -- see image.h. Rows are appended to flat buffers; pages are cut and sealed at the end.
 */
#include "engine/log/image.h"

#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"

uint8_t *buf_grow(struct buf *b, uint32_t n)
{
    b->at = array_grow(b->at, &b->cap, (uint64_t)b->len + n, 1);
    b->len += n;
    return b->at + b->len - n;
}

static void buf_close(struct buf *b)
{
    free(b->at);
    *b = (struct buf){ 0 };
}

void image_build_close(struct image_build *b)
{
    buf_close(&b->parts);
    buf_close(&b->extents);
    buf_close(&b->vols);
    buf_close(&b->epochs);
    buf_close(&b->tiles);
    buf_close(&b->producers);
    buf_close(&b->section);
}

void image_build_part(struct image_build *b, const struct part_row *r)
{
    part_row_encode(r, buf_grow(&b->parts, PART_ROW_BYTES));
    b->head.parts++;
}

void image_build_extent(struct image_build *b, const struct extent_row *r)
{
    extent_row_encode(r, buf_grow(&b->extents, EXTENT_ROW_BYTES));
    b->head.extents++;
}

void image_build_tiles(struct image_build *b, uint64_t extent, const struct tile *t, uint32_t n)
{
    uint8_t *at = buf_grow(&b->tiles, 16 + n * TILE_BYTES);
    le64_put(at, extent);
    le32_put(at + 8, n);
    for (uint32_t i = 0; i < n; i++)
        tile_encode(&t[i], at + 16 + (size_t)i * TILE_BYTES);
}

void image_build_epochs(struct image_build *b, uint32_t part, const struct part_epoch *e,
                        uint32_t n)
{
    uint8_t *at = buf_grow(&b->epochs, 8 + n * 16);
    le32_put(at, part);
    le32_put(at + 4, n);
    for (uint32_t i = 0; i < n; i++) {
        le32_put(at + 8 + i * 16, e[i].epoch);
        le64_put(at + 16 + i * 16, e[i].start_off);
    }
}

/* ---- pages ---- */

static void section_put(struct image_build *b, enum section_kind kind, const struct buf *from)
{
    struct section s = { .kind = kind,
                         .class_ = CLASS_REFUSE,
                         .seq = b->head.seq,
                         .len = from->len,
                         .crc = crc32c(0, from->at, from->len) };
    uint8_t *at = buf_grow(&b->section, (uint32_t)section_span(from->len));
    section_encode(&s, at);
    if (from->len)
        memcpy(at + SECTION_HEAD_BYTES, from->at, from->len);
}

struct pager {
    uint8_t *at;
    struct page_seal seal;
};

static void pager_put(struct pager *p, const uint8_t *from, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t n = len - done < PAGE_PAYLOAD_BYTES ? len - done : PAGE_PAYLOAD_BYTES;
        memset(p->at, 0, BLOCK_BYTES);
        memcpy(p->at, from + done, n);
        page_seal(p->at, &p->seal);
        p->at += BLOCK_BYTES;
        p->seal.number++;
        done += n;
    }
}

uint8_t *image_build_pages(struct image_build *b, struct id16 store, uint64_t *bytes)
{
    uint8_t payload[PAGE_PAYLOAD_BYTES];
    buf_close(&b->section);
    section_put(b, SECTION_EPOCHS, &b->epochs);
    section_put(b, SECTION_TILES, &b->tiles);
    section_put(b, SECTION_PRODUCERS, &b->producers);
    b->head.section_bytes = b->section.len;
    b->head.pages = image_pages(&b->head);
    *bytes = b->head.pages * BLOCK_BYTES;
    uint8_t *pages = io_buffer_take(*bytes);
    if (!pages)
        return NULL;
    struct pager p = { pages, { .store = store, .generation = b->head.generation } };
    memset(payload, 0, sizeof(payload));
    image_head_encode(&b->head, payload);
    pager_put(&p, payload, sizeof(payload));
    pager_put(&p, b->parts.at, b->parts.len);
    pager_put(&p, b->extents.at, b->extents.len);
    pager_put(&p, b->vols.at, b->vols.len);
    pager_put(&p, b->section.at, b->section.len);
    return pages;
}

/* ---- loading ---- */

void image_close(struct image *im)
{
    free(im->parts);
    free(im->extents);
    free(im->vols);
    free(im->sections);
    *im = (struct image){ 0 };
}

static enum err read_at(struct io *io, int fd, void *buf, uint64_t len, uint64_t pos)
{
    struct op op = { 0 };
    io_read(io, &op, fd, buf, len, pos, NULL);
    TRY(io_wait(io, &op));
    return op.got == len ? ERR_OK : ERR_CORRUPT;
}

struct loader {
    struct io *io;
    int fd;
    const struct identity *id;
    uint64_t capacity, generation, pages;
    uint8_t *copy[2];
    bool read[2];
    bool past_unread; /* go on from what can be read */
    enum err unread;  /* of a first page that alone tells of its region, or of a copy */
    uint32_t healed;
};

static bool head_at(const struct loader *l, const uint8_t *page, uint64_t generation,
                    struct image_head *out)
{
    struct page_seal seal = { l->id->store, generation, 0 };
    return page_ok(page, &seal) && image_head_decode(page, out) == ERR_OK &&
           out->generation == generation && out->pages * BLOCK_BYTES <= l->capacity;
}

/* The generation that a first page claims; the seal is checked with it, so a lie does not pass. */
static uint64_t head_generation(const uint8_t *page)
{
    struct image_head h;
    return image_head_decode(page, &h) == ERR_OK ? h.generation : 0;
}

/* The newest generation below `below` with a readable first page. A page that cannot be read is a
 * bad copy; but when nothing else tells what its region holds, a newer image may be in it, and to
 * go on from an older one is to contradict it when it can be read again: only salvage does. */
static enum err newest_head(struct loader *l, uint64_t below, struct image_head *best)
{
    uint8_t *page = io_buffer_take(BLOCK_BYTES);
    enum err err = page ? ERR_OK : ERR_NO_MEMORY, unread[2] = { ERR_OK, ERR_OK };
    bool told[2] = { false, false };
    best->generation = 0;
    for (uint32_t i = 0; i < 4 && page && err != ERR_DEAD; i++) {
        struct image_head h;
        err = read_at(l->io, l->fd, page, BLOCK_BYTES, BLOCK_BYTES + i * l->capacity);
        if (err && err != ERR_CORRUPT) /* CORRUPT: the file is short */
            unread[i / 2] = err;
        uint64_t generation = err ? 0 : head_generation(page);
        if (!generation || (generation & 1) != (i < 2) || !head_at(l, page, generation, &h))
            continue;
        told[i / 2] = true;
        if (generation > best->generation && generation < below)
            *best = h;
    }
    io_buffer_give(page);
    if (!page || err == ERR_DEAD)
        return err;
    for (uint32_t region = 0; region < 2; region++)
        if (unread[region] && !told[region])
            l->unread = unread[region];
    if (l->unread && !(l->past_unread && best->generation))
        return l->unread;
    return best->generation ? ERR_OK : ERR_NOT_FOUND;
}

static enum err copies_read(struct loader *l)
{
    for (uint32_t c = 0; c < 2; c++) {
        l->copy[c] = io_buffer_take(l->pages * BLOCK_BYTES);
        if (!l->copy[c])
            return ERR_NO_MEMORY;
        enum err err = read_at(l->io, l->fd, l->copy[c], l->pages * BLOCK_BYTES,
                               image_copy_pos(l->capacity, l->generation, c));
        if (err == ERR_DEAD)
            return err;
        l->read[c] = err == ERR_OK;
        if (err && err != ERR_CORRUPT)
            l->unread = err;
    }
    return ERR_OK;
}

/* Neither copy has the page: damaged, unless one of them may be whole when it can be read again. */
static enum err page_lost(const struct loader *l, uint64_t page, struct why *why)
{
    why_set(why, "image generation %llu: page %llu %s", (unsigned long long)l->generation,
            (unsigned long long)page,
            l->unread ? "cannot be read, and its copy is no better" : "is damaged in both copies");
    return l->unread ? l->unread : ERR_CORRUPT;
}

/* Takes each page from whichever copy is whole; the result is in copy[0]. */
static enum err copies_heal(struct loader *l, struct why *why)
{
    struct page_seal seal = { l->id->store, l->generation, 0 };
    for (uint64_t i = 0; i < l->pages; i++) {
        uint8_t *a = l->copy[0] + i * BLOCK_BYTES, *b = l->copy[1] + i * BLOCK_BYTES;
        seal.number = (uint32_t)i;
        bool a_ok = l->read[0] && page_ok(a, &seal), b_ok = l->read[1] && page_ok(b, &seal);
        if (!a_ok && !b_ok)
            return page_lost(l, i, why);
        l->healed += !a_ok || !b_ok;
        if (!a_ok) {
            probe("image page healed from its copy");
            memcpy(a, b, BLOCK_BYTES);
        }
    }
    return ERR_OK;
}

static void payload_copy(const uint8_t **page, uint8_t *to, size_t len)
{
    for (size_t done = 0; done < len; *page += BLOCK_BYTES) {
        size_t n = len - done < PAGE_PAYLOAD_BYTES ? len - done : PAGE_PAYLOAD_BYTES;
        memcpy(to + done, *page, n);
        done += n;
    }
}

typedef enum err row_reader(const uint8_t *at, void *out);
static enum err part_reader(const uint8_t *at, void *out)
{
    return part_row_decode(at, out);
}
static enum err extent_reader(const uint8_t *at, void *out)
{
    return extent_row_decode(at, out);
}
static enum err vol_reader(const uint8_t *at, void *out)
{
    return vol_row_decode(at, out);
}

/* Decodes n rows of row_bytes from the pages on, into an array of `size`d elements. */
static enum err rows_read(const uint8_t **page, uint32_t n, uint32_t row_bytes, size_t size,
                          row_reader *reader, void **out)
{
    *out = calloc(n ? n : 1, size);
    if (!*out)
        return ERR_NO_MEMORY;
    uint32_t per_page = PAGE_PAYLOAD_BYTES / row_bytes;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *at = *page + (uint64_t)(i / per_page) * BLOCK_BYTES;
        TRY(reader(at + (size_t)(i % per_page) * row_bytes, (uint8_t *)*out + i * size));
    }
    *page += ((uint64_t)n + per_page - 1) / per_page * BLOCK_BYTES;
    return ERR_OK;
}

static enum err image_decode(const uint8_t *pages, struct image *im)
{
    const struct image_head *h = &im->head;
    const uint8_t *page = pages + BLOCK_BYTES;
    TRY(rows_read(&page, h->parts, PART_ROW_BYTES, sizeof(struct part_row), part_reader,
                  (void **)&im->parts));
    TRY(rows_read(&page, h->extents, EXTENT_ROW_BYTES, sizeof(struct extent_row), extent_reader,
                  (void **)&im->extents));
    TRY(rows_read(&page, h->vols, VOL_ROW_BYTES, sizeof(struct vol_row), vol_reader,
                  (void **)&im->vols));
    im->sections = malloc(h->section_bytes + 1);
    if (!im->sections)
        return ERR_NO_MEMORY;
    payload_copy(&page, im->sections, h->section_bytes);
    return ERR_OK;
}

/* The newest generation, or the newest below `below`; out->head.generation says which, whatever
 * comes of it. */
static enum err loader_run(struct loader *l, uint64_t below, struct image *out, struct why *why)
{
    *out = (struct image){ 0 };
    l->capacity = block_floor((l->id->file_bytes - BLOCK_BYTES) / 4);
    enum err err = newest_head(l, below ? below : UINT64_MAX, &out->head);
    if (err == ERR_OK) {
        l->generation = out->head.generation;
        l->pages = out->head.pages;
        err = copies_read(l);
    }
    if (err == ERR_OK)
        err = copies_heal(l, why);
    if (err == ERR_OK)
        err = image_decode(l->copy[0], out);
    out->healed = l->healed;
    io_buffer_give(l->copy[0]);
    io_buffer_give(l->copy[1]);
    if (err != ERR_OK) {
        uint64_t generation = out->head.generation;
        image_close(out);
        out->head.generation = generation;
    }
    out->unread = l->unread != ERR_OK;
    return err;
}

enum err image_load(struct io *io, int fd, const struct identity *id, struct image *out,
                    struct why *why)
{
    struct loader l = { .io = io, .fd = fd, .id = id };
    return loader_run(&l, 0, out, why);
}

enum err image_load_newest(struct io *io, int fd, const struct identity *id, bool past_unread,
                           struct image *out, struct why *why)
{
    uint64_t below = 0;
    enum err err;
    do {
        struct loader l = { .io = io, .fd = fd, .id = id, .past_unread = past_unread };
        if (below)
            probe("newest image not whole: the older one is tried");
        err = loader_run(&l, below, out, why);
        below = out->head.generation;
    } while (below && (err == ERR_CORRUPT || (err && out->unread && past_unread)));
    return err;
}
