/* identity.c -- hostile identity blocks: whatever decodes obeys the limits and encodes again.
 *
 * Input: bit 0 of the first byte leaves the block alone, else magic and checksum are made to fit,
 * so that the field checks are reached; the rest is the block, zeros after its end.
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/unit/log/format_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void block_from(uint8_t block[BLOCK_BYTES], const uint8_t *data, size_t size)
{
    memset(block, 0, BLOCK_BYTES);
    if (size < 2)
        return;
    memcpy(block, data + 1, min_u64(size - 1, BLOCK_BYTES));
    if (data[0] & 1)
        return;
    memcpy(block, "SHARDLOG", 8);
    le32_put(block + BLOCK_BYTES - 4, crc32c(0, block, BLOCK_BYTES - 4));
}

/* What the rest of the engine computes from a geometry without checking again. */
static void geometry_used(const struct geometry *g)
{
    check(geometry_check(g, NULL) == ERR_OK);
    for (uint8_t order = 0; order <= extent_order_max(g); order++) {
        check(extent_bytes(g, order) <= g->extent_max);
        check(extent_data_bytes(g, order) >= BLOCK_BYTES);
        check(extent_data_bytes(g, order) % BLOCK_BYTES == 0);
    }
    check(extent_bytes(g, extent_order_max(g)) == g->extent_max);
    check(vol_bytes(g) > g->extent_max);
    check((g->journal_bytes - BLOCK_BYTES) / g->entry_max >= 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t block[BLOCK_BYTES], again[BLOCK_BYTES];
    struct identity id, back;
    struct why why;
    block_from(block, data, size);
    if (identity_decode(block, &id, &why) != ERR_OK) {
        check(memchr(why.text, 0, sizeof why.text));
        return 0;
    }
    geometry_used(&id.geometry);
    (void)identity_read_only(&id);
    identity_encode(&id, again);
    check(identity_decode(again, &back, NULL) == ERR_OK);
    check(identity_same(&id, &back));
    return 0;
}
