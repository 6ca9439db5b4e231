/* format_image.c -- the checkpoint: its head, its three tables of rows, its typed sections.
 *
 * Head, payload of page 0:
 *    0  4 magic "SLIH"     4  4 store epoch    8  8 generation   16  8 opening
 *   24  8 seq             32  8 ring pos      40  8 time, ms     48  4 previous CRC
 *   52  4 next volume     56  8 next extent   64  4 parts        68  4 extents
 *   72  4 volumes         76  4 zero          80  8 section bytes
 *   88  8 pages           96    zeros
 * Partition row:
 *    0 16 topic           16  4 index         20  4 part         24  8 seq
 *   32  8 start off       40  8 next off      48  8 head pos     56  8 high off
 *   64  4 leader epoch    68  4 slot          72  4 slot CRC     76  1 slot side
 *   77  1 state           78  2 slot batch at 80  8 damaged off  88  8 zero
 * Extent row:
 *    0  8 id               8  8 base pos      16  8 base off     24  8 max time
 *   32  8 max append      40  4 part          44  4 vol          48  4 unit
 *   52  1 order           53  1 flags: 1 sealed   54 2 index blocks
 *   56  4 tiles           60  4 data bytes
 * Volume row:
 *    0  4 number           4  4 slabs          8  8 written      16  8 opening  24 8 zero
 * Section header:
 *    0  4 kind             4  4 class          8  8 seq          16  4 len
 *   20  4 CRC of the bytes 24  8 zero
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"

/* ---- head ---- */

static const char head_magic[4] = { 'S', 'L', 'I', 'H' };

static uint64_t pages_of(uint64_t rows, uint64_t row_bytes)
{
    uint64_t per_page = PAGE_PAYLOAD_BYTES / row_bytes;
    return (rows + per_page - 1) / per_page;
}

uint64_t image_pages(const struct image_head *h)
{
    return 1 + pages_of(h->parts, PART_ROW_BYTES) + pages_of(h->extents, EXTENT_ROW_BYTES) +
           pages_of(h->vols, VOL_ROW_BYTES) + pages_of(h->section_bytes, 1);
}

/* The tables fit the pages: whoever sizes memory by a count has that many bytes to read. */
static bool image_head_valid(const struct image_head *h)
{
    if (h->generation == 0 || h->ring_pos % BLOCK_BYTES != 0)
        return false;
    return h->section_bytes <= IMAGE_BYTES_MAX && h->pages <= IMAGE_PAGES_MAX &&
           h->pages == image_pages(h);
}

void image_head_encode(const struct image_head *h, uint8_t payload[PAGE_PAYLOAD_BYTES])
{
    check(image_head_valid(h));
    memset(payload, 0, PAGE_PAYLOAD_BYTES);
    memcpy(payload, head_magic, sizeof head_magic);
    le32_put(payload + 4, h->store_epoch);
    le64_put(payload + 8, h->generation);
    le64_put(payload + 16, h->opening);
    le64_put(payload + 24, h->seq);
    le64_put(payload + 32, h->ring_pos);
    le64_put(payload + 40, (uint64_t)h->time_ms);
    le32_put(payload + 48, h->prev_crc);
    le32_put(payload + 52, h->next_vol);
    le64_put(payload + 56, h->next_extent);
    le32_put(payload + 64, h->parts);
    le32_put(payload + 68, h->extents);
    le32_put(payload + 72, h->vols);
    le64_put(payload + 80, h->section_bytes);
    le64_put(payload + 88, h->pages);
}

enum err image_head_decode(const uint8_t payload[PAGE_PAYLOAD_BYTES], struct image_head *out)
{
    *out = (struct image_head){
        .store_epoch = le32_get(payload + 4),
        .generation = le64_get(payload + 8),
        .opening = le64_get(payload + 16),
        .seq = le64_get(payload + 24),
        .ring_pos = le64_get(payload + 32),
        .time_ms = (int64_t)le64_get(payload + 40),
        .prev_crc = le32_get(payload + 48),
        .next_vol = le32_get(payload + 52),
        .next_extent = le64_get(payload + 56),
        .parts = le32_get(payload + 64),
        .extents = le32_get(payload + 68),
        .vols = le32_get(payload + 72),
        .section_bytes = le64_get(payload + 80),
        .pages = le64_get(payload + 88),
    };
    if (memcmp(payload, head_magic, sizeof head_magic) != 0)
        return ERR_CORRUPT;
    return image_head_valid(out) ? ERR_OK : ERR_CORRUPT;
}

/* ---- partition row ---- */

static bool part_row_valid(const struct part_row *r)
{
    if ((uint32_t)r->state > PART_DAMAGED || r->slot_side > 1)
        return false;
    if (r->next_off > OFF_MAX || r->head_pos > POS_MAX)
        return false;
    if (r->start_off > r->next_off || r->high_off > r->next_off)
        return false;
    if (r->slot_batch_at >= BLOCK_BYTES && r->slot_batch_at != NO_SLOT_BATCH)
        return false;
    return r->damaged_off <= OFF_MAX;
}

void part_row_encode(const struct part_row *r, uint8_t at[PART_ROW_BYTES])
{
    check(part_row_valid(r));
    memset(at, 0, PART_ROW_BYTES);
    memcpy(at, r->topic.b, 16);
    le32_put(at + 16, r->index);
    le32_put(at + 20, r->part);
    le64_put(at + 24, r->seq);
    le64_put(at + 32, r->start_off);
    le64_put(at + 40, r->next_off);
    le64_put(at + 48, r->head_pos);
    le64_put(at + 56, r->high_off);
    le32_put(at + 64, r->leader_epoch);
    le32_put(at + 68, r->slot);
    le32_put(at + 72, r->slot_crc);
    at[76] = r->slot_side;
    at[77] = (uint8_t)r->state;
    le16_put(at + 78, r->slot_batch_at);
    le64_put(at + 80, r->damaged_off);
}

enum err part_row_decode(const uint8_t at[PART_ROW_BYTES], struct part_row *out)
{
    *out = (struct part_row){
        .index = le32_get(at + 16),
        .part = le32_get(at + 20),
        .seq = le64_get(at + 24),
        .start_off = le64_get(at + 32),
        .next_off = le64_get(at + 40),
        .head_pos = le64_get(at + 48),
        .high_off = le64_get(at + 56),
        .leader_epoch = le32_get(at + 64),
        .slot = le32_get(at + 68),
        .slot_crc = le32_get(at + 72),
        .slot_side = at[76],
        .slot_batch_at = le16_get(at + 78),
        .state = (enum part_state)at[77],
        .damaged_off = le64_get(at + 80),
    };
    memcpy(out->topic.b, at, 16);
    return part_row_valid(out) ? ERR_OK : ERR_CORRUPT;
}

/* ---- extent row ---- */

#define EXTENT_SEALED 1u

static bool extent_row_valid(const struct extent_row *r)
{
    if (r->id == 0 || r->order > EXTENT_ORDER_HIGHEST)
        return false;
    if (r->base_pos % BLOCK_BYTES != 0 || r->base_pos > POS_MAX - EXTENT_MAX_HIGHEST)
        return false;
    if (r->base_off > OFF_MAX || r->data_bytes > EXTENT_MAX_HIGHEST)
        return false;
    /* Only the last index block of a sealed extent may be less than full. */
    return r->index_blocks <= (r->tiles + (r->sealed ? TILES_PER_BLOCK - 1 : 0)) / TILES_PER_BLOCK;
}

void extent_row_encode(const struct extent_row *r, uint8_t at[EXTENT_ROW_BYTES])
{
    check(extent_row_valid(r));
    le64_put(at, r->id);
    le64_put(at + 8, r->base_pos);
    le64_put(at + 16, r->base_off);
    le64_put(at + 24, (uint64_t)r->max_time);
    le64_put(at + 32, (uint64_t)r->max_append);
    le32_put(at + 40, r->part);
    le32_put(at + 44, r->vol);
    le32_put(at + 48, r->unit);
    at[52] = r->order;
    at[53] = r->sealed ? EXTENT_SEALED : 0;
    le16_put(at + 54, r->index_blocks);
    le32_put(at + 56, r->tiles);
    le32_put(at + 60, r->data_bytes);
}

enum err extent_row_decode(const uint8_t at[EXTENT_ROW_BYTES], struct extent_row *out)
{
    *out = (struct extent_row){
        .id = le64_get(at),
        .base_pos = le64_get(at + 8),
        .base_off = le64_get(at + 16),
        .max_time = (int64_t)le64_get(at + 24),
        .max_append = (int64_t)le64_get(at + 32),
        .part = le32_get(at + 40),
        .vol = le32_get(at + 44),
        .unit = le32_get(at + 48),
        .order = at[52],
        .sealed = at[53] & EXTENT_SEALED,
        .index_blocks = le16_get(at + 54),
        .tiles = le32_get(at + 56),
        .data_bytes = le32_get(at + 60),
    };
    if (at[53] & ~EXTENT_SEALED)
        return ERR_CORRUPT;
    return extent_row_valid(out) ? ERR_OK : ERR_CORRUPT;
}

/* ---- volume row ---- */

static bool vol_row_valid(const struct vol_row *r)
{
    if (r->slabs < 1 || r->slabs > SLABS_MAX)
        return false;
    return r->slabs == 64 || r->written >> r->slabs == 0;
}

void vol_row_encode(const struct vol_row *r, uint8_t at[VOL_ROW_BYTES])
{
    check(vol_row_valid(r));
    memset(at, 0, VOL_ROW_BYTES);
    le32_put(at, r->number);
    le32_put(at + 4, r->slabs);
    le64_put(at + 8, r->written);
    le64_put(at + 16, r->opening);
}

enum err vol_row_decode(const uint8_t at[VOL_ROW_BYTES], struct vol_row *out)
{
    *out = (struct vol_row){
        .number = le32_get(at),
        .slabs = le32_get(at + 4),
        .written = le64_get(at + 8),
        .opening = le64_get(at + 16),
    };
    return vol_row_valid(out) ? ERR_OK : ERR_CORRUPT;
}

/* ---- sections ---- */

void section_encode(const struct section *s, uint8_t at[SECTION_HEAD_BYTES])
{
    check(s->kind != 0 && (uint32_t)s->class_ <= CLASS_REFUSE);
    memset(at, 0, SECTION_HEAD_BYTES);
    le32_put(at, s->kind);
    le32_put(at + 4, (uint32_t)s->class_);
    le64_put(at + 8, s->seq);
    le32_put(at + 16, s->len);
    le32_put(at + 20, s->crc);
}

enum err section_decode(const uint8_t *at, size_t left, struct section *out)
{
    *out = (struct section){ 0 };
    if (left < SECTION_HEAD_BYTES)
        return ERR_CORRUPT;
    *out = (struct section){
        .kind = le32_get(at),
        .class_ = (enum feature_class)le32_get(at + 4),
        .seq = le64_get(at + 8),
        .len = le32_get(at + 16),
        .crc = le32_get(at + 20),
    };
    if (out->kind == 0 || (uint32_t)out->class_ > CLASS_REFUSE || section_span(out->len) > left)
        return ERR_CORRUPT;
    return crc32c(0, at + SECTION_HEAD_BYTES, out->len) == out->crc ? ERR_OK : ERR_CORRUPT;
}
