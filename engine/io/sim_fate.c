/* sim_fate.c -- what a crash does to a file: first its metadata, then its bytes.
 *
 * Metadata (power loss and kernel crash): size, allocation and "written" marks of blocks go back to
 * the last commit, or to some moment since, for a file system may commit early. A block that is no
 * longer marked as written reads as zeros, whatever its bytes on media are.
 *
 * Bytes (power loss): each dirty block becomes one of its versions since the last flush, as a
 * whole or sector by sector. A kernel crash does that to buffered writes alone. Versions whose sync
 * failed are always dropped.
 */
#include "engine/io/sim_in.h"

static void end_metadata(struct sim_inode *inode, uint32_t cut_seq);
static void end_bytes(struct sim_inode *inode, const struct sim_fate *fate);
static void end_page_cache(struct sim_inode *inode, const struct sim_fate *fate);

struct sim_fate sim_fate_draw(struct sim_disk *disk)
{
    static const enum sim_fate_style styles[] = {
        FATE_DROP,  FATE_DROP,  FATE_KEEP,  FATE_CUT,    FATE_CUT,    FATE_WRITE,
        FATE_WRITE, FATE_BLOCK, FATE_BLOCK, FATE_SECTOR, FATE_SECTOR,
    };
    static const enum sim_fate_meta metas[] = {
        META_DROP, META_DROP, META_DROP, META_KEEP, META_CUT, META_CUT, META_EACH, META_EACH,
    };
    static const uint32_t keeps[] = { 1, 8, 15 };
    struct rng *rng = &disk->rng;
    struct sim_fate fate;
    fate.style = styles[rng_below(rng, sizeof styles / sizeof *styles)];
    fate.meta = metas[rng_below(rng, sizeof metas / sizeof *metas)];
    fate.keep = keeps[rng_below(rng, sizeof keeps / sizeof *keeps)];
    fate.cut_seq = disk->seq - (uint32_t)rng_log_uniform(rng, disk->seq);
    fate.salt = rng_next(rng);
    return fate;
}

uint32_t sim_fate_meta_cut(const struct sim_fate *fate, struct sim_disk *disk)
{
    switch (fate->meta) {
    case META_DROP:
        return 0;
    case META_KEEP:
        return UINT32_MAX;
    case META_CUT:
        return fate->cut_seq;
    default:
        return disk->seq - (uint32_t)rng_log_uniform(&disk->rng, disk->seq);
    }
}

void sim_inode_end(struct sim_inode *inode, const struct sim_fate *fate, enum sim_end end)
{
    check(end != SIM_KILL);
    end_metadata(inode, sim_fate_meta_cut(fate, inode->disk));
    if (end == SIM_POWER)
        end_bytes(inode, fate);
    else
        end_page_cache(inode, fate);
}

static void page_forget(struct sim_inode *inode, struct sim_page *page)
{
    sim_sheets_give(inode->disk->sim, page->newest);
    page->newest = NULL;
    page->written = false;
    page->written_durable = false;
    inode->disk->sim->counts.unwritten_lost++;
}

static uint64_t hole_pages_count(const struct sim_inode *inode)
{
    uint64_t count = 0;
    for (uint64_t c = inode->alloc / BLOCK_BYTES / SIM_CHUNK_PAGES; c < inode->chunk_count; c++)
        for (uint64_t i = 0; i < SIM_CHUNK_PAGES && inode->chunks[c]; i++)
            count += inode->chunks[c]->page[i].written &&
                     (c * SIM_CHUNK_PAGES + i) * BLOCK_BYTES >= inode->alloc;
    return count;
}

static void end_metadata(struct sim_inode *inode, uint32_t cut_seq)
{
    if (inode->size_seq > cut_seq)
        inode->size = inode->size_durable;
    if (inode->alloc_seq > cut_seq)
        inode->alloc = inode->alloc_durable;
    inode->size_durable = inode->size;
    inode->alloc_durable = inode->alloc;
    inode->size_seq = inode->alloc_seq = 0;
    for (uint32_t i = 0; i < inode->fresh.count; i++) {
        uint32_t number = inode->fresh.at[i];
        struct sim_page *page = sim_inode_page(inode, number);
        bool inside = (uint64_t)number * BLOCK_BYTES < inode->size;
        if (!page->written_durable && (page->written_seq > cut_seq || !inside))
            page_forget(inode, page);
        else
            page->written_durable = true;
    }
    inode->fresh.count = 0;
    inode->hole_pages = hole_pages_count(inode);
}

static bool version_kept(const struct sim_fate *fate, struct rng *rng, uint32_t seq)
{
    switch (fate->style) {
    case FATE_DROP:
        return false;
    case FATE_KEEP:
        return true;
    case FATE_CUT:
        return seq <= fate->cut_seq;
    case FATE_WRITE:
        return ((fate->salt ^ seq) * 0x9e3779b97f4a7c15ull) >> 60 < fate->keep;
    default:
        return rng_below(rng, 16) < fate->keep;
    }
}

static bool sheet_doomed(const struct sim_page *page, const struct sim_sheet *sheet)
{
    return sheet->buffered && sheet->seq <= page->doom_seq;
}

/* The version that survives; NULL: zeros. */
static struct sim_sheet *version_draw(const struct sim_page *page, const struct sim_fate *fate,
                                      struct rng *rng)
{
    struct sim_sheet *sheet = page->newest;
    for (; sheet && !sheet->on_media; sheet = sheet->older)
        if (!sheet_doomed(page, sheet) && version_kept(fate, rng, sheet->seq))
            break;
    return sheet;
}

static void end_sectors(struct sim *sim, struct sim_page *page, const struct sim_fate *fate,
                        struct rng *rng)
{
    struct sim_sheet *result = page->newest;
    for (uint32_t at = 0; at < BLOCK_BYTES; at += SIM_SECTOR) {
        const struct sim_sheet *kept = version_draw(page, fate, rng);
        if (kept == result)
            continue;
        sim->counts.sectors_lost++;
        if (kept)
            memcpy(result->data + at, kept->data + at, SIM_SECTOR);
        else
            memset(result->data + at, 0, SIM_SECTOR);
    }
    sim_sheets_give(sim, result->older);
    result->older = NULL;
}

static void end_block(struct sim *sim, struct sim_page *page, const struct sim_fate *fate,
                      struct rng *rng)
{
    struct sim_sheet *kept = version_draw(page, fate, rng);
    if (kept != page->newest)
        sim->counts.sectors_lost += BLOCK_BYTES / SIM_SECTOR;
    while (page->newest != kept) {
        struct sim_sheet *lost = page->newest;
        page->newest = lost->older;
        sim_sheet_give(sim, lost);
    }
    if (!kept)
        return;
    sim_sheets_give(sim, kept->older);
    kept->older = NULL;
}

static void end_bytes(struct sim_inode *inode, const struct sim_fate *fate)
{
    struct sim_disk *disk = inode->disk;
    for (uint32_t i = 0; i < inode->dirty.count; i++) {
        struct sim_page *page = sim_inode_page(inode, inode->dirty.at[i]);
        page->dirty = false;
        if (!page->newest)
            continue;
        if (fate->style == FATE_SECTOR)
            end_sectors(disk->sim, page, fate, &disk->rng);
        else
            end_block(disk->sim, page, fate, &disk->rng);
        if (page->newest) {
            page->newest->on_media = true;
            page->newest->buffered = false;
        }
    }
    disk->dirty_pages -= inode->dirty.count;
    inode->dirty.count = 0;
    inode->cached = false;
}

/* Unlinks the versions up to seq that are in the page cache, or in the device's, and not kept. */
static void versions_drop(struct sim_inode *inode, struct sim_page *page,
                          const struct sim_fate *fate, uint32_t seq, bool buffered)
{
    struct sim_disk *disk = inode->disk;
    struct sim_sheet **link = &page->newest;
    while (*link && !(*link)->on_media) {
        struct sim_sheet *sheet = *link;
        if (sheet->seq > seq || sheet->buffered != buffered ||
            version_kept(fate, &disk->rng, sheet->seq)) {
            link = &sheet->older;
            continue;
        }
        *link = sheet->older;
        sim_sheet_give(disk->sim, sheet);
    }
}

/* Buffered writes that the kernel had not written back are gone; all others are on the device. */
static void end_page_cache(struct sim_inode *inode, const struct sim_fate *fate)
{
    inode->cached = false;
    for (uint32_t i = 0; i < inode->dirty.count; i++) {
        struct sim_page *page = sim_inode_page(inode, inode->dirty.at[i]);
        versions_drop(inode, page, fate, UINT32_MAX, true);
        for (struct sim_sheet *sheet = page->newest; sheet; sheet = sheet->older)
            sheet->buffered = false;
    }
}

/* The device may have lost what it was to flush: then a read tells. The kernel's page cache keeps
 * what it could not write back, marked clean: it is read, and never becomes durable. */
void sim_inode_sync_failed(struct sim_inode *inode, const struct sim_fate *fate, uint32_t seq)
{
    for (uint32_t i = 0; i < inode->dirty.count; i++) {
        struct sim_page *page = sim_inode_page(inode, inode->dirty.at[i]);
        versions_drop(inode, page, fate, seq, false);
        page->doom_seq = seq;
    }
}
