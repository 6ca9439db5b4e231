/* tile.c -- hostile index blocks: a page of tiles, whose checksum someone could have made fit. */
#include "engine/log/format.h"
#include "tests/unit/log/format_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tile_tried(const uint8_t *at)
{
    uint8_t again[TILE_BYTES];
    struct tile t, back;
    if (tile_decode(at, &t) != ERR_OK)
        return;
    check(t.len > 0 && (uint64_t)t.at + t.len <= EXTENT_MAX_HIGHEST);
    check(t.len <= TILE_RUN_MAX || t.flags & TILE_GAP);
    check(t.batch_at == NO_BATCH || t.batch_at < t.len);
    check(t.base_off <= t.next_off && t.next_off <= OFF_MAX);
    tile_encode(&t, again);
    check(tile_decode(again, &back) == ERR_OK);
    check(tile_same(&t, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (; size >= TILE_BYTES; data += TILE_BYTES, size -= TILE_BYTES)
        tile_tried(data);
    return 0;
}
