/* entry.c -- hostile journal entries: headers and rows.
 *
 * Input: one byte of flags, then the entry, zeros after its end. Flag bits: 1 magic, store, place
 * and header checksum are made to fit; 2 length, inline bytes and rows checksum too.
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/unit/log/format_same.h"

#define ENTRY_MAX (64u << 10)
#define RING_POS  (7ull * BLOCK_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct id16 store = { "fuzzed store id" };
static const uint8_t key[16] = "fuzzed  the key";

static void header_fit(uint8_t *at)
{
    memcpy(at, "SLE1", 4);
    memcpy(at + 8, store.b, 16);
    le64_put(at + 40, RING_POS);
    le32_put(at + 4, 0);
    le32_put(at + 4, crc32c(crc32c(0, key, 16), at, ENTRY_HEADER_BYTES));
}

static void rows_fit(uint8_t *at)
{
    uint32_t rows = le32_get(at + 52) % 512, inline_bytes = 0;
    for (uint32_t i = 0; i < rows; i++) {
        struct row row;
        uint8_t *row_at = at + ENTRY_HEADER_BYTES + i * ROW_BYTES;
        if (row_decode(row_at, &row) != ERR_OK || row.kind != ROW_INLINE)
            continue;
        if (row.len > 16384 - inline_bytes)
            row_at[0] = ROW_SEAL; /* keeps the entry below its limit */
        else
            inline_bytes += row.len;
    }
    le32_put(at + 48, entry_bytes(rows, inline_bytes));
    le32_put(at + 52, rows);
    le32_put(at + 56, inline_bytes);
    le32_put(at + 64, crc32c(0, at + ENTRY_HEADER_BYTES, (size_t)rows * ROW_BYTES));
}

static void row_tried(const uint8_t *at)
{
    uint8_t again[ROW_BYTES];
    struct row row, back;
    if (row_decode(at, &row) != ERR_OK)
        return;
    row_encode(&row, again);
    check(row_decode(again, &back) == ERR_OK);
    check(row_same(&row, &back));
    if (row.kind == ROW_INLINE)
        check(row.len && row.pos <= POS_MAX - row.len && row.base_off <= row.next_off);
    if (row.kind == ROW_EXTENT)
        check(row.pos + EXTENT_MAX_HIGHEST <= POS_MAX && row.extent);
    if (row.kind == ROW_DIRECT)
        check(row.pos % BLOCK_BYTES == 0 && row.len % BLOCK_BYTES == 0 && row.extent);
}

static void entry_tried(uint8_t *at)
{
    struct entry e, copy, back;
    if (entry_decode(at, key, store, RING_POS, ENTRY_MAX, &e) != ERR_OK)
        return;
    check(e.ring_pos == RING_POS && e.len <= ENTRY_MAX && e.len % BLOCK_BYTES == 0);
    check(e.len == entry_bytes(e.rows, e.inline_bytes));
    if (!entry_rows_ok(&e, at))
        return;
    uint64_t end = ENTRY_HEADER_BYTES + (uint64_t)e.rows * ROW_BYTES + e.inline_bytes;
    check(end <= e.len);
    for (uint32_t i = 0; i < e.rows; i++)
        row_tried(entry_row_at(at, i));
    copy = e;
    entry_encode(&copy, key, at);
    check(entry_decode(at, key, store, RING_POS, ENTRY_MAX, &back) == ERR_OK);
    check(entry_same(&copy, &back) && entry_rows_ok(&back, at));
    copy.header_crc = e.header_crc; /* of the reserved bytes that were there */
    check(entry_same(&copy, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t at[ENTRY_MAX];
    if (size < 1 || size > ENTRY_MAX)
        return 0;
    memset(at, 0, sizeof at);
    memcpy(at, data + 1, size - 1);
    if (data[0] & 2)
        rows_fit(at);
    if (data[0] & 3)
        header_fit(at);
    entry_tried(at);
    return 0;
}
