/* verify_image.c -- both copies of both generations, page by page.
 *
 * A page counts if its seal says that it is that page of that generation. The head of a copy tells
 * the generation; if it does not verify, the other copy's does. */
#include "engine/base/check.h"
#include "engine/log/verify_in.h"

struct region {
    struct verify *v;
    int fd;
    uint32_t number; /* 0: odd generations, 1: even ones */
    uint64_t capacity;
    struct image_head head; /* generation 0: unknown */
    bool blank;             /* never written: both first pages are zeros */
};

static uint64_t page_pos(const struct region *r, uint32_t copy, uint64_t page)
{
    return BLOCK_BYTES + (2ull * r->number + copy) * r->capacity + page * BLOCK_BYTES;
}

static void image_found(struct region *r, enum find_kind kind, uint64_t pos, uint64_t len)
{
    struct find f = { .kind = kind, .file = "image", .pos = pos, .len = len };
    if (r->head.generation)
        why_set(&f.why, "generation %llu", (unsigned long long)r->head.generation);
    verify_found(r->v, &f);
}

static bool all_zero(const uint8_t *at, size_t len)
{
    return at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

static bool head_ok(const struct region *r, const uint8_t *page, struct image_head *out)
{
    struct page_seal seal = { r->v->id.store, 0, 0 };
    if (image_head_decode(page, out) != ERR_OK)
        return false;
    seal.generation = out->generation;
    return page_ok(page, &seal) && (out->generation & 1) == !r->number &&
           out->pages * BLOCK_BYTES <= r->capacity;
}

static enum err region_head(struct region *r, uint8_t *page)
{
    uint32_t zeros = 0;
    for (uint32_t copy = 0; copy < 2; copy++) {
        struct image_head head;
        uint64_t got;
        TRY(verify_read(r->v->io, r->fd, page, BLOCK_BYTES, page_pos(r, copy, 0), &got));
        if (got != BLOCK_BYTES)
            continue;
        zeros += all_zero(page, BLOCK_BYTES);
        if (head_ok(r, page, &head) && head.generation > r->head.generation)
            r->head = head;
    }
    r->blank = zeros == 2;
    return ERR_OK;
}

/* Pages that verify in neither copy. */
static enum err region_pages(struct region *r, uint8_t *page, uint64_t *lost)
{
    struct page_seal seal = { r->v->id.store, r->head.generation, 0 };
    *lost = 0;
    for (uint64_t i = 0; i < r->head.pages; i++) {
        bool ok[2];
        seal.number = (uint32_t)i;
        for (uint32_t copy = 0; copy < 2; copy++) {
            TRY(verify_page(r->v->io, r->fd, page, page_pos(r, copy, i), &seal, &ok[copy]));
            r->v->counts->pages++;
        }
        *lost += !ok[0] && !ok[1];
        for (uint32_t copy = 0; copy < 2; copy++)
            if (!ok[copy])
                image_found(r, ok[!copy] ? FOUND_IMAGE_PAGE : FOUND_IMAGE, page_pos(r, copy, i),
                            BLOCK_BYTES);
    }
    return ERR_OK;
}

static enum err region_verify(struct region *r, uint8_t *page)
{
    uint64_t lost;
    TRY(region_head(r, page));
    if (!r->head.generation) {
        if (!r->blank)
            image_found(r, FOUND_IMAGE, page_pos(r, 0, 0), 2 * r->capacity);
        return ERR_OK;
    }
    TRY(region_pages(r, page, &lost));
    if (!lost && r->head.generation > r->v->cut.generation)
        r->v->cut = r->head;
    return ERR_OK;
}

enum err verify_image(struct verify *v)
{
    uint8_t *page = io_buffer_take(BLOCK_BYTES);
    struct region r = { .v = v, .fd = -1 };
    if (!page)
        return ERR_NO_MEMORY;
    r.capacity = block_floor((verify_file(v, FILE_IMAGE, 0)->id.file_bytes - BLOCK_BYTES) / 4);
    enum err err = verify_open(v, "image", &r.fd);
    for (uint32_t i = 0; i < 2 && !err; i++) {
        r.number = i;
        r.head = (struct image_head){ 0 };
        err = region_verify(&r, page);
    }
    if (r.fd >= 0)
        io_fd_close(v->io, r.fd);
    io_buffer_give(page);
    return err;
}
