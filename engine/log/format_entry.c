/* format_entry.c -- the journal entry: header, rows, inline bytes, zeros to 4 KiB.
 *
 *    0  4 magic "SLE1"     4  4 header CRC      8 16 store        24  8 opening
 *   32  8 seq             40  8 ring pos       48  4 len          52  4 rows
 *   56  4 inline bytes    60  4 previous CRC   64  4 rows CRC     68  4 store epoch
 *   72  8 time, ms        80 48 zeros
 *  128  rows, 64 bytes each, also beyond the first block
 *       inline bytes, directly after the last row
 *
 * Producers choose payload bytes, so a payload may look like a header. It is not taken for one:
 * the header CRC starts with a random key that is only in the journal's identity block, and the
 * header names its own place in the ring (docs/STORE.md A6).
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"

enum {
    AT_MAGIC = 0,
    AT_HEADER_CRC = 4,
    AT_STORE = 8,
    AT_OPENING = 24,
    AT_SEQ = 32,
    AT_RING_POS = ENTRY_POS_AT,
    AT_LEN = 48,
    AT_ROWS = 52,
    AT_INLINE_BYTES = 56,
    AT_PREV_CRC = 60,
    AT_ROWS_CRC = 64,
    AT_STORE_EPOCH = 68,
    AT_TIME = 72,
};
static_assert(AT_TIME + 8 <= ENTRY_HEADER_BYTES, "fields fit the header");

static const char entry_magic[4] = { 'S', 'L', 'E', '1' };

static uint64_t entry_bytes_wide(uint32_t rows, uint32_t inline_bytes)
{
    return block_ceil(ENTRY_HEADER_BYTES + (uint64_t)rows * ROW_BYTES + inline_bytes);
}

uint32_t entry_bytes(uint32_t rows, uint32_t inline_bytes)
{
    uint64_t bytes = entry_bytes_wide(rows, inline_bytes);
    check(bytes <= UINT32_MAX);
    return (uint32_t)bytes;
}

static uint32_t entry_rows_crc(const uint8_t *at, uint32_t rows)
{
    return crc32c(0, at + ENTRY_HEADER_BYTES, (size_t)rows * ROW_BYTES);
}

/* Over the key, then the header with its own field as zeros. */
static uint32_t entry_header_crc(const uint8_t *at, const uint8_t key[16])
{
    static const uint8_t zeros[4];
    uint32_t crc = crc32c(0, key, 16);
    crc = crc32c(crc, at, AT_HEADER_CRC);
    crc = crc32c(crc, zeros, sizeof zeros);
    return crc32c(crc, at + AT_STORE, ENTRY_HEADER_BYTES - AT_STORE);
}

void entry_encode(struct entry *e, const uint8_t key[16], uint8_t *at)
{
    check(e->len == entry_bytes(e->rows, e->inline_bytes));
    check(e->ring_pos % BLOCK_BYTES == 0);
    e->rows_crc = entry_rows_crc(at, e->rows);
    memset(at, 0, ENTRY_HEADER_BYTES);
    memcpy(at + AT_MAGIC, entry_magic, sizeof entry_magic);
    memcpy(at + AT_STORE, e->store.b, 16);
    le64_put(at + AT_OPENING, e->opening);
    le64_put(at + AT_SEQ, e->seq);
    le64_put(at + AT_RING_POS, e->ring_pos);
    le32_put(at + AT_LEN, e->len);
    le32_put(at + AT_ROWS, e->rows);
    le32_put(at + AT_INLINE_BYTES, e->inline_bytes);
    le32_put(at + AT_PREV_CRC, e->prev_crc);
    le32_put(at + AT_ROWS_CRC, e->rows_crc);
    le32_put(at + AT_STORE_EPOCH, e->store_epoch);
    le64_put(at + AT_TIME, (uint64_t)e->time_ms);
    e->header_crc = entry_header_crc(at, key);
    le32_put(at + AT_HEADER_CRC, e->header_crc);
}

static void entry_get(const uint8_t *at, struct entry *e)
{
    e->header_crc = le32_get(at + AT_HEADER_CRC);
    memcpy(e->store.b, at + AT_STORE, 16);
    e->opening = le64_get(at + AT_OPENING);
    e->seq = le64_get(at + AT_SEQ);
    e->ring_pos = le64_get(at + AT_RING_POS);
    e->len = le32_get(at + AT_LEN);
    e->rows = le32_get(at + AT_ROWS);
    e->inline_bytes = le32_get(at + AT_INLINE_BYTES);
    e->prev_crc = le32_get(at + AT_PREV_CRC);
    e->rows_crc = le32_get(at + AT_ROWS_CRC);
    e->store_epoch = le32_get(at + AT_STORE_EPOCH);
    e->time_ms = (int64_t)le64_get(at + AT_TIME);
}

enum err entry_decode(const uint8_t *at, const uint8_t key[16], struct id16 store,
                      uint64_t want_pos, uint32_t entry_max, struct entry *out)
{
    *out = (struct entry){ 0 };
    if (memcmp(at + AT_MAGIC, entry_magic, sizeof entry_magic) != 0)
        return ERR_CORRUPT;
    entry_get(at, out);
    if (out->header_crc != entry_header_crc(at, key) || !id16_equal(out->store, store))
        return ERR_CORRUPT;
    if (!pitfall(STALE_LAP) && out->ring_pos != want_pos)
        return ERR_CORRUPT;
    if (out->len > entry_max || out->len != entry_bytes_wide(out->rows, out->inline_bytes))
        return ERR_CORRUPT;
    return ERR_OK;
}

/* Rows that do not decode claim no bytes: whoever reads them refuses them. */
static bool entry_pieces_fit(const struct entry *e, const uint8_t *at)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < e->rows; i++) {
        struct row row;
        if (row_decode(entry_row_at(at, i), &row) == ERR_OK && row.kind == ROW_INLINE)
            bytes += row.len;
    }
    return bytes == e->inline_bytes;
}

bool entry_rows_ok(const struct entry *e, const uint8_t *at)
{
    check(ENTRY_HEADER_BYTES + (uint64_t)e->rows * ROW_BYTES + e->inline_bytes <= e->len);
    return entry_rows_crc(at, e->rows) == e->rows_crc && entry_pieces_fit(e, at);
}
