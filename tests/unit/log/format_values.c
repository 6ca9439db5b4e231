/* format_values.c -- random values of every structure of the format, within its limits. */
#include "tests/unit/log/format_values.h"

static uint64_t random_u64(struct rng *r, uint64_t max)
{
    return rng_chance(r, 1, 8) ? max : rng_log_uniform(r, max);
}
static uint32_t random_u32(struct rng *r, uint32_t max)
{
    return (uint32_t)random_u64(r, max);
}
static int64_t random_time(struct rng *r)
{
    return (int64_t)rng_next(r) >> rng_below(r, 64);
}

struct id16 random_id16(struct rng *r)
{
    struct id16 id;
    rng_fill(r, id.b, sizeof id.b);
    return id;
}

struct geometry random_geometry(struct rng *r)
{
    struct geometry g = { .slabs = 1 + (uint32_t)rng_below(r, SLABS_MAX) };
    uint32_t order = (uint32_t)rng_below(r, EXTENT_ORDER_HIGHEST + 1);
    g.extent_min = EXTENT_MIN_LOWEST << rng_below(r, EXTENT_ORDER_HIGHEST + 1 - order);
    g.extent_max = g.extent_min << order;
    g.entry_max =
        ENTRY_MAX_LOWEST + random_u32(r, (ENTRY_MAX_HIGHEST - ENTRY_MAX_LOWEST) / 4096) * 4096;
    g.journal_bytes = BLOCK_BYTES + (uint64_t)g.entry_max * 8 + random_u64(r, 1u << 20) * 4096;
    if (g.extent_max == EXTENT_MIN_LOWEST) /* no batch fits beside its index */
        g.extent_max *= 2;
    uint64_t room = extent_data_bytes(&g, extent_order_max(&g)) - BLOCK_BYTES;
    g.batch_max = BATCH_MAX_LOWEST + random_u32(r, (uint32_t)room - BATCH_MAX_LOWEST);
    return g;
}

struct identity random_identity(struct rng *r)
{
    struct identity id = {
        .kind = (enum file_kind)(1 + rng_below(r, 4)),
        .format_version = FORMAT_VERSION,
        .store = random_id16(r),
        .cluster = random_id16(r),
        .node = random_u32(r, UINT32_MAX),
        .file_number = random_u32(r, UINT32_MAX),
        .opening = random_u64(r, UINT64_MAX),
        .block_bytes = BLOCK_BYTES,
        .checksum_kind = CHECKSUM_CRC32C,
        .features = { random_u64(r, UINT64_MAX), random_u64(r, UINT64_MAX), 0 },
        .geometry = random_geometry(r),
    };
    if (id.kind == FILE_JOURNAL)
        rng_fill(r, id.key, sizeof id.key);
    if (id.kind == FILE_JOURNAL)
        id.file_bytes = id.geometry.journal_bytes;
    else if (id.kind == FILE_VOLUME)
        id.file_bytes = vol_bytes(&id.geometry);
    else
        id.file_bytes = (1 + random_u64(r, 1ull << 50)) * BLOCK_BYTES;
    return id;
}

/* Offsets, time and first batch of a piece of r->len bytes. */
static void random_piece(struct rng *r, struct row *row)
{
    row->crc = random_u32(r, UINT32_MAX);
    row->next_off = 1 + random_u64(r, OFF_MAX - 1);
    if (rng_chance(r, 1, 3)) {
        row->batch_at = NO_BATCH;
        row->max_time = INT64_MIN;
        row->base_off = row->next_off;
    } else {
        row->batch_at = (uint32_t)rng_below(r, row->len);
        row->max_time = random_time(r);
        row->base_off = rng_below(r, row->next_off);
    }
}

struct producer_window random_producer(struct rng *r, uint32_t most)
{
    struct producer_window w = { .id = (int64_t)random_u64(r, INT64_MAX),
                                 .epoch = (int16_t)random_u32(r, INT16_MAX),
                                 .n = (uint8_t)(1 + rng_below(r, most)) };
    uint64_t off = random_u64(r, OFF_MAX / 2);
    w.at[0].first = (int32_t)random_u32(r, INT32_MAX);
    for (uint32_t i = 0; i < w.n; i++) {
        if (i)
            w.at[i].first = producer_batch_next(&w.at[i - 1]);
        w.at[i].count = 1 + random_u32(r, INT32_MAX);
        w.at[i].base_off = off + random_u64(r, 1ull << 40);
        w.at[i].append_ms = random_time(r);
        off = w.at[i].base_off + w.at[i].count;
    }
    return w;
}

static void random_producer_row(struct rng *r, struct row *row)
{
    struct producer_window w = random_producer(r, PRODUCER_ROW_BATCHES);
    row->producer = (struct producer_row){ w.id, w.epoch, w.n, { w.at[0], w.at[1] } };
}

struct row random_row(struct rng *r)
{
    enum row_kind kind;
    do
        kind = (enum row_kind)(1 + rng_below(r, ROW_KIND_END - 1));
    while (kind == ROW_REPLACE);
    struct row row = { .kind = kind };
    if (kind == ROW_OPEN || kind == ROW_SEAL)
        return row;
    row.part = random_u32(r, UINT32_MAX);
    switch (kind) {
    case ROW_ADD:
        row.topic = random_id16(r);
        row.index = random_u32(r, UINT32_MAX);
        break;
    case ROW_EXTENT:
        row.pos = block_floor(random_u64(r, POS_MAX - EXTENT_MAX_HIGHEST));
        row.base_off = random_u64(r, OFF_MAX);
        row.extent = 1 + random_u64(r, UINT64_MAX - 1);
        row.vol = random_u32(r, UINT32_MAX);
        row.unit = random_u32(r, UINT32_MAX);
        row.order = (uint8_t)rng_below(r, EXTENT_ORDER_HIGHEST + 1);
        row.len = random_u32(r, EXTENT_MAX_HIGHEST);
        break;
    case ROW_CLOSE:
        row.pos = block_floor(random_u64(r, POS_MAX));
        row.extent = 1 + random_u64(r, UINT64_MAX - 1);
        row.len = random_u32(r, EXTENT_MAX_HIGHEST);
        break;
    case ROW_INLINE:
        row.len = 1 + random_u32(r, UINT32_MAX - 1);
        row.pos = random_u64(r, POS_MAX - row.len);
        random_piece(r, &row);
        break;
    case ROW_DIRECT:
        row.len = (1 + (uint32_t)rng_below(r, TILE_RUN_MAX / BLOCK_BYTES)) * BLOCK_BYTES;
        row.pos = block_floor(random_u64(r, POS_MAX - row.len));
        row.extent = 1 + random_u64(r, UINT64_MAX - 1);
        random_piece(r, &row);
        break;
    case ROW_TRIM:
        row.base_off = random_u64(r, OFF_MAX);
        break;
    case ROW_EPOCH:
        row.base_off = random_u64(r, OFF_MAX);
        row.epoch = random_u32(r, UINT32_MAX);
        break;
    case ROW_PRODUCER:
        random_producer_row(r, &row);
        break;
    case ROW_GAP:
        row.pos = random_u64(r, POS_MAX);
        row.base_off = random_u64(r, OFF_MAX);
        break;
    default:
        break;
    }
    return row;
}

struct image_head random_image_head(struct rng *r)
{
    struct image_head h = {
        .generation = 1 + random_u64(r, UINT64_MAX - 1),
        .opening = random_u64(r, UINT64_MAX),
        .store_epoch = random_u32(r, UINT32_MAX),
        .seq = random_u64(r, UINT64_MAX),
        .ring_pos = block_floor(random_u64(r, UINT64_MAX)),
        .prev_crc = random_u32(r, UINT32_MAX),
        .time_ms = random_time(r),
        .next_extent = random_u64(r, UINT64_MAX),
        .next_vol = random_u32(r, UINT32_MAX),
        .parts = random_u32(r, 1u << 24),
        .extents = random_u32(r, 1u << 24),
        .vols = random_u32(r, 1u << 24),
        .section_bytes = random_u64(r, 1ull << 40),
    };
    h.pages = image_pages(&h);
    return h;
}

struct part_row random_part_row(struct rng *r)
{
    struct part_row row = {
        .topic = random_id16(r),
        .index = random_u32(r, UINT32_MAX),
        .part = random_u32(r, UINT32_MAX),
        .seq = random_u64(r, UINT64_MAX),
        .next_off = random_u64(r, OFF_MAX),
        .head_pos = random_u64(r, POS_MAX),
        .leader_epoch = random_u32(r, UINT32_MAX),
        .slot = random_u32(r, UINT32_MAX),
        .slot_crc = random_u32(r, UINT32_MAX),
        .slot_side = rng_chance(r, 1, 2),
        .slot_batch_at = rng_chance(r, 1, 4) ? NO_SLOT_BATCH : (uint16_t)rng_below(r, BLOCK_BYTES),
        .state = (enum part_state)rng_below(r, 3),
    };
    row.start_off = random_u64(r, row.next_off);
    row.high_off = random_u64(r, row.next_off);
    row.damaged_off = random_u64(r, OFF_MAX);
    return row;
}

struct extent_row random_extent_row(struct rng *r)
{
    struct extent_row row = {
        .id = 1 + random_u64(r, UINT64_MAX - 1),
        .base_pos = block_floor(random_u64(r, POS_MAX - EXTENT_MAX_HIGHEST)),
        .base_off = random_u64(r, OFF_MAX),
        .max_time = random_time(r),
        .max_append = random_time(r),
        .part = random_u32(r, UINT32_MAX),
        .vol = random_u32(r, UINT32_MAX),
        .unit = random_u32(r, UINT32_MAX),
        .order = (uint8_t)rng_below(r, EXTENT_ORDER_HIGHEST + 1),
        .sealed = rng_chance(r, 1, 2),
        .data_bytes = random_u32(r, EXTENT_MAX_HIGHEST),
    };
    row.index_blocks = (uint16_t)rng_below(r, 65536);
    row.tiles = row.index_blocks * TILES_PER_BLOCK + random_u32(r, 1u << 20);
    if (row.sealed && row.index_blocks)
        row.tiles -= (uint32_t)rng_below(r, TILES_PER_BLOCK);
    return row;
}

struct vol_row random_vol_row(struct rng *r)
{
    struct vol_row row = {
        .number = random_u32(r, UINT32_MAX),
        .slabs = 1 + (uint32_t)rng_below(r, SLABS_MAX),
        .opening = random_u64(r, UINT64_MAX),
    };
    row.written = rng_next(r) >> (SLABS_MAX - row.slabs);
    return row;
}

struct tile random_tile(struct rng *r)
{
    struct row piece = { .len = (1 + (uint32_t)rng_below(r, 16)) * BLOCK_BYTES };
    random_piece(r, &piece);
    struct tile t = {
        .len = piece.len,
        .crc = piece.crc,
        .batch_at = piece.batch_at,
        .base_off = piece.base_off,
        .next_off = piece.next_off,
        .max_time = piece.max_time,
        .flags = rng_chance(r, 1, 4) ? TILE_GAP : 0,
    };
    if (t.flags & TILE_GAP)
        t.len = (1 + random_u32(r, EXTENT_MAX_HIGHEST / BLOCK_BYTES - 1)) * BLOCK_BYTES;
    t.at = (uint32_t)block_floor(random_u64(r, EXTENT_MAX_HIGHEST - t.len));
    if (t.batch_at != NO_BATCH && t.batch_at >= t.len)
        t.batch_at = t.len - 1;
    return t;
}
