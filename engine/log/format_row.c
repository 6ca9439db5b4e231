/* format_row.c -- one row of an entry: what happened to a partition.
 *
 *    0  1 kind    1  1 order    2  2 zeros   4  4 part
 *    8  8 pos                  16  8 base off         (ADD: topic, 16 bytes at 8)
 *   24  8 next off                                    (ADD: index, 4 bytes at 24)
 *   32  8 max time             40  4 len     44  4 crc
 *   48  8 extent
 *   56  4 batch at (EXTENT: vol, EPOCH: epoch)        60  4 EXTENT: unit
 * PRODUCER: format_producer.c
 *
 * Which fields a kind has is the table row_fields; all others are zero, and not looked at.
 * Rows are covered by the rows CRC of the entry header, so a row that breaks a limit was written
 * so: it is refused like damage.
 */
#include "engine/base/le.h"
#include "engine/log/format.h"

enum {
    AT_KIND = 0,
    AT_ORDER = 1,
    AT_PART = 4,
    AT_POS = 8,
    AT_TOPIC = 8,
    AT_BASE_OFF = 16,
    AT_NEXT_OFF = 24,
    AT_INDEX = 24,
    AT_MAX_TIME = 32,
    AT_LEN = 40,
    AT_CRC = 44,
    AT_EXTENT = 48,
    AT_BATCH_AT = 56,
    AT_VOL = 56,
    AT_EPOCH = 56,
    AT_UNIT = 60,
};

enum {
    HAS_KIND = 1 << 0, /* known, and legal today */
    HAS_PART = 1 << 1,
    HAS_TOPIC = 1 << 2, /* topic, index */
    HAS_POS = 1 << 3,
    HAS_BASE = 1 << 4,
    HAS_EXTENT = 1 << 5,
    HAS_PLACE = 1 << 6, /* order, vol, unit */
    HAS_LEN = 1 << 7,
    HAS_PIECE = 1 << 8, /* next_off, max_time, crc, batch_at */
    HAS_EPOCH = 1 << 9,
    HAS_PRODUCER = 1 << 10,
};

static const uint16_t row_fields[ROW_KIND_END] = {
    [ROW_ADD] = HAS_KIND | HAS_PART | HAS_TOPIC,
    [ROW_DROP] = HAS_KIND | HAS_PART,
    [ROW_EXTENT] = HAS_KIND | HAS_PART | HAS_POS | HAS_BASE | HAS_EXTENT | HAS_PLACE | HAS_LEN,
    [ROW_CLOSE] = HAS_KIND | HAS_PART | HAS_POS | HAS_EXTENT | HAS_LEN,
    [ROW_INLINE] = HAS_KIND | HAS_PART | HAS_POS | HAS_BASE | HAS_LEN | HAS_PIECE,
    [ROW_DIRECT] = HAS_KIND | HAS_PART | HAS_POS | HAS_BASE | HAS_EXTENT | HAS_LEN | HAS_PIECE,
    [ROW_TRIM] = HAS_KIND | HAS_PART | HAS_BASE,
    [ROW_EPOCH] = HAS_KIND | HAS_PART | HAS_BASE | HAS_EPOCH,
    [ROW_REPLACE] = 0,
    [ROW_GAP] = HAS_KIND | HAS_PART | HAS_POS | HAS_BASE,
    [ROW_OPEN] = HAS_KIND,
    [ROW_SEAL] = HAS_KIND,
    [ROW_PRODUCER] = HAS_KIND | HAS_PART | HAS_PRODUCER,
};

static uint16_t row_has(uint32_t kind)
{
    return kind < ROW_KIND_END ? row_fields[kind] : 0;
}

/* A range of bytes with the batches that start in it. */
static bool row_piece_valid(const struct row *r)
{
    if (r->len == 0 || r->len > POS_MAX - r->pos)
        return false;
    if (r->kind == ROW_DIRECT && (r->len % BLOCK_BYTES != 0 || r->len > TILE_RUN_MAX))
        return false;
    if (r->next_off > OFF_MAX || r->base_off > r->next_off)
        return false;
    if (r->batch_at == NO_BATCH)
        return r->max_time == INT64_MIN && r->base_off == r->next_off;
    return r->batch_at < r->len && r->base_off < r->next_off;
}

static bool row_valid(const struct row *r)
{
    uint16_t has = row_has((uint32_t)r->kind);
    if (!has)
        return false;
    if (has & HAS_POS && r->pos > POS_MAX)
        return false;
    if (has & HAS_BASE && r->base_off > OFF_MAX)
        return false;
    if (has & HAS_EXTENT && (r->extent == 0 || r->pos % BLOCK_BYTES != 0))
        return false;
    if (has & HAS_PLACE &&
        (r->order > EXTENT_ORDER_HIGHEST || r->pos > POS_MAX - EXTENT_MAX_HIGHEST))
        return false;
    if (has & HAS_PIECE)
        return row_piece_valid(r);
    if (has & HAS_PRODUCER)
        return producer_row_valid(&r->producer);
    return !(has & HAS_LEN) || r->len <= EXTENT_MAX_HIGHEST; /* bytes of an extent */
}

static void row_piece_encode(const struct row *r, uint8_t *at)
{
    le64_put(at + AT_NEXT_OFF, r->next_off);
    le64_put(at + AT_MAX_TIME, (uint64_t)r->max_time);
    le32_put(at + AT_CRC, r->crc);
    le32_put(at + AT_BATCH_AT, r->batch_at);
}

static void row_place_encode(const struct row *r, uint8_t *at)
{
    at[AT_ORDER] = r->order;
    le32_put(at + AT_VOL, r->vol);
    le32_put(at + AT_UNIT, r->unit);
}

void row_encode(const struct row *r, uint8_t at[ROW_BYTES])
{
    check(row_valid(r));
    uint16_t has = row_has((uint32_t)r->kind);
    memset(at, 0, ROW_BYTES);
    at[AT_KIND] = (uint8_t)r->kind;
    if (has & HAS_PART)
        le32_put(at + AT_PART, r->part);
    if (has & HAS_TOPIC) {
        memcpy(at + AT_TOPIC, r->topic.b, 16);
        le32_put(at + AT_INDEX, r->index);
    }
    if (has & HAS_POS)
        le64_put(at + AT_POS, r->pos);
    if (has & HAS_BASE)
        le64_put(at + AT_BASE_OFF, r->base_off);
    if (has & HAS_EXTENT)
        le64_put(at + AT_EXTENT, r->extent);
    if (has & HAS_PLACE)
        row_place_encode(r, at);
    if (has & HAS_LEN)
        le32_put(at + AT_LEN, r->len);
    if (has & HAS_PIECE)
        row_piece_encode(r, at);
    if (has & HAS_EPOCH)
        le32_put(at + AT_EPOCH, r->epoch);
    if (has & HAS_PRODUCER)
        producer_row_encode(&r->producer, at);
}

static void row_piece_decode(const uint8_t *at, struct row *r)
{
    r->next_off = le64_get(at + AT_NEXT_OFF);
    r->max_time = (int64_t)le64_get(at + AT_MAX_TIME);
    r->crc = le32_get(at + AT_CRC);
    r->batch_at = le32_get(at + AT_BATCH_AT);
}

static void row_place_decode(const uint8_t *at, struct row *r)
{
    r->order = at[AT_ORDER];
    r->vol = le32_get(at + AT_VOL);
    r->unit = le32_get(at + AT_UNIT);
}

enum err row_decode(const uint8_t at[ROW_BYTES], struct row *out)
{
    uint16_t has = row_has(at[AT_KIND]);
    *out = (struct row){ .kind = (enum row_kind)at[AT_KIND] };
    if (has & HAS_PART)
        out->part = le32_get(at + AT_PART);
    if (has & HAS_TOPIC) {
        memcpy(out->topic.b, at + AT_TOPIC, 16);
        out->index = le32_get(at + AT_INDEX);
    }
    if (has & HAS_POS)
        out->pos = le64_get(at + AT_POS);
    if (has & HAS_BASE)
        out->base_off = le64_get(at + AT_BASE_OFF);
    if (has & HAS_EXTENT)
        out->extent = le64_get(at + AT_EXTENT);
    if (has & HAS_PLACE)
        row_place_decode(at, out);
    if (has & HAS_LEN)
        out->len = le32_get(at + AT_LEN);
    if (has & HAS_PIECE)
        row_piece_decode(at, out);
    if (has & HAS_EPOCH)
        out->epoch = le32_get(at + AT_EPOCH);
    if (has & HAS_PRODUCER)
        producer_row_decode(at, &out->producer);
    return row_valid(out) ? ERR_OK : ERR_CORRUPT;
}
