/* format_tile.c -- checksums bound to a place, pages that say who they are, index tiles.
 *
 * Page trailer, at 4032 of every page of the image and every index block:
 *    0  4 magic "SLPG"     4  4 number         8  8 generation or extent id
 *   16 16 store           32 28 zeros         60  4 CRC32C of bytes 0..4092 of the page
 * Tile:
 *    0  4 at               4  4 len            8  4 CRC          12  4 batch at
 *   16  8 base off        24  8 next off      32  8 max time     40  4 flags: 1 gap, 2 cut
 *   44  4 zero
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"

/* ---- pieces ---- */

uint32_t piece_crc_seed(uint64_t seed, uint64_t pos)
{
    uint8_t place[16];
    le64_put(place, seed);
    le64_put(place + 8, pos);
    return crc32c(0, place, sizeof place);
}

uint32_t piece_crc(uint64_t seed, uint64_t pos, const void *at, size_t len)
{
    return crc32c(piece_crc_seed(seed, pos), at, len);
}

/* ---- pages ---- */

enum {
    SEAL_MAGIC = PAGE_PAYLOAD_BYTES,
    SEAL_NUMBER = SEAL_MAGIC + 4,
    SEAL_GENERATION = SEAL_MAGIC + 8,
    SEAL_STORE = SEAL_MAGIC + 16,
    SEAL_CRC = BLOCK_BYTES - 4,
};
static const char seal_magic[4] = { 'S', 'L', 'P', 'G' };

void page_seal(uint8_t page[BLOCK_BYTES], const struct page_seal *s)
{
    memset(page + SEAL_MAGIC, 0, BLOCK_BYTES - SEAL_MAGIC);
    memcpy(page + SEAL_MAGIC, seal_magic, sizeof seal_magic);
    le32_put(page + SEAL_NUMBER, s->number);
    le64_put(page + SEAL_GENERATION, s->generation);
    memcpy(page + SEAL_STORE, s->store.b, 16);
    le32_put(page + SEAL_CRC, crc32c(0, page, SEAL_CRC));
}

bool page_ok(const uint8_t page[BLOCK_BYTES], const struct page_seal *s)
{
    return memcmp(page + SEAL_MAGIC, seal_magic, sizeof seal_magic) == 0 &&
           le32_get(page + SEAL_NUMBER) == s->number &&
           le64_get(page + SEAL_GENERATION) == s->generation &&
           memcmp(page + SEAL_STORE, s->store.b, 16) == 0 &&
           le32_get(page + SEAL_CRC) == crc32c(0, page, SEAL_CRC);
}

/* ---- tiles ---- */

static bool tile_range_valid(const struct tile *t)
{
    if (t->at % BLOCK_BYTES != 0 || t->len % BLOCK_BYTES != 0 || t->len == 0)
        return false;
    if (t->flags & ~(TILE_GAP | TILE_CUT) || (uint64_t)t->at + t->len > EXTENT_MAX_HIGHEST)
        return false;
    return t->flags & TILE_GAP || t->len <= TILE_RUN_MAX;
}

static bool tile_valid(const struct tile *t)
{
    if (!tile_range_valid(t) || t->next_off > OFF_MAX)
        return false;
    if (t->batch_at == NO_BATCH)
        return t->base_off == t->next_off && t->max_time == INT64_MIN;
    return t->batch_at < t->len && t->base_off < t->next_off;
}

void tile_encode(const struct tile *t, uint8_t at[TILE_BYTES])
{
    check(tile_valid(t));
    le32_put(at, t->at);
    le32_put(at + 4, t->len);
    le32_put(at + 8, t->crc);
    le32_put(at + 12, t->batch_at);
    le64_put(at + 16, t->base_off);
    le64_put(at + 24, t->next_off);
    le64_put(at + 32, (uint64_t)t->max_time);
    le32_put(at + 40, t->flags);
    le32_put(at + 44, 0);
}

enum err tile_decode(const uint8_t at[TILE_BYTES], struct tile *out)
{
    *out = (struct tile){
        .at = le32_get(at),
        .len = le32_get(at + 4),
        .crc = le32_get(at + 8),
        .batch_at = le32_get(at + 12),
        .base_off = le64_get(at + 16),
        .next_off = le64_get(at + 24),
        .max_time = (int64_t)le64_get(at + 32),
        .flags = le32_get(at + 40),
    };
    return tile_valid(out) ? ERR_OK : ERR_CORRUPT;
}
