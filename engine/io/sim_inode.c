/* sim_inode.c -- the content of a file: versions of its blocks, and what is known about them.
 *
 *   page.newest ──> [v7] ──> [v5] ──> [v2 on media]      dirty: a flush up to 5 leaves v7, v5
 *                   what a read    what a power cut
 *                   returns        may bring back
 *
 * Two facts about a block are independent, as on ext4 and XFS:
 *   - its bytes: on media after a flush of the device (sim_inode_flush)
 *   - that it is written at all: known to the media after a commit of this file's metadata
 *     (sim_inode_commit); before that the block reads as zeros after a crash, bytes or not
 *
 * Descriptors without O_DIRECT: their writes stay in the kernel's page cache until a sync of this
 * file, and are lost at a kernel crash; their reads fill the cache beyond the request, and a direct
 * write that meets cached pages is late, as measured on Linux. Pages leave the cache on request
 * (io_cache_drop()) and by chance (io_cache_holds()), and are read ahead unless that is off.
 */
#include <stdlib.h>

#include "engine/io/sim_in.h"

#define READ_AHEAD_BYTES KIB(128)

static void pages_add(struct sim_pages *set, uint32_t number);
static struct sim_page *page_make(struct sim_inode *inode, uint64_t number);
static void page_put(struct sim_inode *inode, uint32_t number, struct sim_sheet *sheet,
                     enum sim_reach reach);
static bool page_flush(struct sim *sim, struct sim_page *page, uint32_t seq, bool own);

struct sim_inode *sim_inode_open(struct sim_disk *disk)
{
    struct sim_inode *inode = calloc(1, sizeof *inode);
    check(inode);
    inode->disk = disk;
    inode->id = ++disk->inode_next;
    inode->locked_fd = -1;
    list_init(&inode->writes);
    list_push(&disk->inodes, &inode->in_disk);
    return inode;
}

void sim_inode_hold(struct sim_inode *inode)
{
    inode->refs++;
}

void sim_inode_drop(struct sim_inode *inode)
{
    check(inode->refs > 0);
    if (--inode->refs > 0)
        return;
    check(list_empty(&inode->writes));
    struct sim *sim = inode->disk->sim;
    for (uint32_t c = 0; c < inode->chunk_count; c++) {
        if (!inode->chunks[c])
            continue;
        for (uint32_t i = 0; i < SIM_CHUNK_PAGES; i++)
            sim_sheets_give(sim, inode->chunks[c]->page[i].newest);
        free(inode->chunks[c]);
    }
    inode->disk->dirty_pages -= inode->dirty.count;
    node_unlink(&inode->in_disk);
    free(inode->chunks);
    free(inode->dirty.at);
    free(inode->fresh.at);
    free(inode);
}

struct sim_page *sim_inode_page(const struct sim_inode *inode, uint64_t number)
{
    uint64_t c = number / SIM_CHUNK_PAGES;
    if (c >= inode->chunk_count || !inode->chunks[c])
        return NULL;
    return &inode->chunks[c]->page[number % SIM_CHUNK_PAGES];
}

static struct sim_page *page_make(struct sim_inode *inode, uint64_t number)
{
    uint64_t c = number / SIM_CHUNK_PAGES;
    check(c < UINT32_MAX / SIM_CHUNK_PAGES);
    if (c >= inode->chunk_count) {
        uint32_t count = (uint32_t)(c + 1 + c / 2);
        inode->chunks = realloc(inode->chunks, count * sizeof *inode->chunks);
        check(inode->chunks);
        memset(inode->chunks + inode->chunk_count, 0,
               (count - inode->chunk_count) * sizeof *inode->chunks);
        inode->chunk_count = count;
    }
    if (!inode->chunks[c]) {
        inode->chunks[c] = calloc(1, sizeof *inode->chunks[c]);
        check(inode->chunks[c]);
    }
    return &inode->chunks[c]->page[number % SIM_CHUNK_PAGES];
}

static void pages_add(struct sim_pages *set, uint32_t number)
{
    set->at = sim_grow(set->at, &set->cap, set->count + 1, sizeof *set->at);
    set->at[set->count++] = number;
}

void sim_inode_read(const struct sim_inode *inode, uint64_t pos, void *buf, uint64_t len)
{
    for (uint8_t *to = buf; len > 0;) {
        uint64_t in_page = pos % BLOCK_BYTES;
        uint64_t part = min_u64(len, BLOCK_BYTES - in_page);
        const struct sim_page *page = sim_inode_page(inode, pos / BLOCK_BYTES);
        if (page && page->newest)
            memcpy(to, page->newest->data + in_page, part);
        else
            memset(to, 0, part);
        to += part;
        pos += part;
        len -= part;
    }
}

/* How many blocks of the range have no place on the disk yet. */
uint64_t sim_inode_new_blocks(const struct sim_inode *inode, uint64_t pos, uint64_t len)
{
    uint64_t count = 0;
    uint64_t from = max_u64(block_floor(pos), inode->alloc);
    if (inode->hole_pages == 0)
        return from < pos + len ? (block_ceil(pos + len) - from) / BLOCK_BYTES : 0;
    for (uint64_t at = from; at < pos + len; at += BLOCK_BYTES) {
        const struct sim_page *page = sim_inode_page(inode, at / BLOCK_BYTES);
        count += !page || !page->written;
    }
    return count;
}

/* True if the write changes no metadata: every block is durably written, inside the size. */
bool sim_inode_overwrites(const struct sim_inode *inode, uint64_t pos, uint64_t len)
{
    if (pos + len > inode->size_durable)
        return false;
    for (uint64_t at = block_floor(pos); at < pos + len; at += BLOCK_BYTES) {
        const struct sim_page *page = sim_inode_page(inode, at / BLOCK_BYTES);
        if (!page || !page->written_durable)
            return false;
    }
    return true;
}

/* Bytes of a block that the write does not name keep their newest value. */
static void sheet_fill(const struct sim_page *page, struct sim_sheet *sheet, uint64_t from,
                       uint64_t to)
{
    if (from == to)
        return;
    if (page->newest)
        memcpy(sheet->data + from, page->newest->data + from, to - from);
    else
        memset(sheet->data + from, 0, to - from);
}

void sim_inode_write(struct sim_inode *inode, struct sim_sheet *sheets, uint64_t pos, uint64_t len,
                     enum sim_reach reach)
{
    struct sim_disk *disk = inode->disk;
    uint64_t end = pos + len;
    disk->seq++;
    for (uint64_t at = block_floor(pos); at < end; at += BLOCK_BYTES) {
        struct sim_sheet *sheet = sheets;
        check(sheet);
        sheets = sheet->older;
        struct sim_page *page = page_make(inode, at / BLOCK_BYTES);
        sheet_fill(page, sheet, 0, at < pos ? pos - at : 0);
        sheet_fill(page, sheet, min_u64(end - at, BLOCK_BYTES), BLOCK_BYTES);
        page_put(inode, (uint32_t)(at / BLOCK_BYTES), sheet, reach);
    }
    sim_sheets_give(disk->sim, sheets);
    if (len > 0 && end > inode->size) {
        inode->size = end;
        inode->size_seq = disk->seq;
    }
}

static void page_put(struct sim_inode *inode, uint32_t number, struct sim_sheet *sheet,
                     enum sim_reach reach)
{
    struct sim_page *page = sim_inode_page(inode, number);
    sheet->seq = inode->disk->seq;
    sheet->on_media = reach == REACH_MEDIA;
    sheet->buffered = reach == REACH_CACHE;
    sheet->older = page->newest;
    page->newest = sheet;
    if (sheet->on_media) {
        sim_sheets_give(inode->disk->sim, sheet->older);
        sheet->older = NULL;
    } else if (!page->dirty) {
        page->dirty = true;
        pages_add(&inode->dirty, number);
        inode->disk->dirty_pages++;
    }
    if (!page->written) {
        page->written = true;
        page->written_seq = sheet->seq;
        pages_add(&inode->fresh, number);
        inode->hole_pages += (uint64_t)number * BLOCK_BYTES >= inode->alloc;
    }
}

void sim_inode_allocate(struct sim_inode *inode, uint64_t len)
{
    uint32_t seq = ++inode->disk->seq;
    uint64_t end = block_ceil(len);
    if (end > inode->alloc) {
        for (uint64_t at = inode->alloc; inode->hole_pages > 0 && at < end; at += BLOCK_BYTES) {
            const struct sim_page *page = sim_inode_page(inode, at / BLOCK_BYTES);
            inode->hole_pages -= page && page->written;
        }
        inode->alloc = end;
        inode->alloc_seq = seq;
    }
    if (len > inode->size) {
        inode->size = len;
        inode->size_seq = seq;
    }
}

void sim_inode_flush(struct sim_inode *inode, uint32_t seq, bool own)
{
    struct sim_pages *dirty = &inode->dirty;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < dirty->count; i++) {
        struct sim_page *page = sim_inode_page(inode, dirty->at[i]);
        if (page_flush(inode->disk->sim, page, seq, own))
            page->dirty = false;
        else
            dirty->at[kept++] = dirty->at[i];
    }
    inode->disk->dirty_pages -= dirty->count - kept;
    dirty->count = kept;
}

static bool sheet_flushes(const struct sim_page *page, const struct sim_sheet *sheet, uint32_t seq,
                          bool own)
{
    bool doomed = sheet->seq <= page->doom_seq;
    return sheet->seq <= seq && (!sheet->buffered || (own && !doomed));
}

/* The newest version that may be flushed becomes the one on media. True if nothing is newer. */
static bool page_flush(struct sim *sim, struct sim_page *page, uint32_t seq, bool own)
{
    struct sim_sheet *sheet = page->newest;
    if (!sheet)
        return true;
    while (sheet && !sheet->on_media && !sheet_flushes(page, sheet, seq, own))
        sheet = sheet->older;
    if (!sheet)
        return false;
    sim_sheets_give(sim, sheet->older);
    sheet->older = NULL;
    sheet->on_media = true;
    sheet->buffered = false;
    return sheet == page->newest;
}

/* Metadata as they were when a sync began, known by seq, are on media now. */
void sim_inode_commit(struct sim_inode *inode, uint32_t seq, uint64_t size, uint64_t alloc)
{
    struct sim_pages *fresh = &inode->fresh;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fresh->count; i++) {
        struct sim_page *page = sim_inode_page(inode, fresh->at[i]);
        if (page->written_seq <= seq)
            page->written_durable = true;
        else
            fresh->at[kept++] = fresh->at[i];
    }
    fresh->count = kept;
    inode->size_durable = max_u64(inode->size_durable, size);
    inode->alloc_durable = max_u64(inode->alloc_durable, alloc);
}

uint64_t sim_inode_used(const struct sim_inode *inode)
{
    return inode->live ? inode->alloc + inode->hole_pages * BLOCK_BYTES : 0;
}

void sim_inode_cache_fill(struct sim_inode *inode, uint64_t pos, uint64_t len, bool ahead)
{
    uint64_t end = min_u64(pos + len + (ahead ? READ_AHEAD_BYTES : 0), inode->size);
    for (uint64_t at = block_floor(pos); at < end; at += BLOCK_BYTES)
        page_make(inode, at / BLOCK_BYTES)->cached = true;
    inode->cached |= pos < end;
}

bool sim_inode_cache_holds(const struct sim_inode *inode, uint64_t pos, uint64_t len)
{
    for (uint64_t at = block_floor(pos); at < pos + len; at += BLOCK_BYTES) {
        const struct sim_page *page = sim_inode_page(inode, at / BLOCK_BYTES);
        if (!page || !page->cached)
            return false;
    }
    return true;
}

bool sim_inode_cache_has(const struct sim_inode *inode, uint64_t pos, uint64_t len)
{
    for (uint64_t at = block_floor(pos); inode->cached && at < pos + len; at += BLOCK_BYTES) {
        const struct sim_page *page = sim_inode_page(inode, at / BLOCK_BYTES);
        if (page && page->cached)
            return true;
    }
    return false;
}

bool sim_inode_cache_clear(struct sim_inode *inode, uint64_t pos, uint64_t len)
{
    bool any = false;
    for (uint64_t at = block_floor(pos); inode->cached && at < pos + len; at += BLOCK_BYTES) {
        struct sim_page *page = sim_inode_page(inode, at / BLOCK_BYTES);
        any |= page && page->cached;
        if (page)
            page->cached = false;
    }
    return any;
}

/* Damage from outside: changes every version, so that neither cache nor media tell the truth. The
 * kernel's copy is gone: it would still be what was read. */
static void page_patch(struct sim_inode *inode, uint64_t number, uint64_t from, const void *buf,
                       uint64_t len)
{
    struct sim_page *page = page_make(inode, number);
    struct sim_sheet **link = &page->newest;
    while (*link && !(*link)->on_media)
        link = &(*link)->older;
    if (!*link) {
        *link = sim_sheet_take(inode->disk->sim);
        memset((*link)->data, 0, BLOCK_BYTES);
        (*link)->on_media = true;
    }
    for (struct sim_sheet *s = page->newest; s; s = s->older)
        memcpy(s->data + from, buf, len);
    if (!page->written)
        inode->hole_pages += number * BLOCK_BYTES >= inode->alloc;
    page->written = true;
    page->written_durable = true;
    page->cached = false;
}

void sim_inode_patch(struct sim_inode *inode, uint64_t pos, const void *buf, uint64_t len)
{
    inode->size = max_u64(inode->size, pos + len);
    inode->size_durable = max_u64(inode->size_durable, inode->size);
    for (const uint8_t *from = buf; len > 0;) {
        uint64_t in_page = pos % BLOCK_BYTES;
        uint64_t part = min_u64(len, BLOCK_BYTES - in_page);
        page_patch(inode, pos / BLOCK_BYTES, in_page, from, part);
        from += part;
        pos += part;
        len -= part;
    }
}
