/* image.c -- hostile checkpoints: pages, head, the rows of the three tables, sections, producers.
 *
 * Input: the first byte chooses the structure, the rest is its bytes, zeros after the end. Bit 7
 * makes checksums fit.
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/unit/log/format_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever decodes is encoded, decoded again and the same. */
#define TRIED(type, at, bytes)                              \
    do {                                                    \
        struct type value_, back_;                          \
        uint8_t again_[bytes];                              \
        if (type##_decode(at, &value_) == ERR_OK) {         \
            type##_encode(&value_, again_);                 \
            check(type##_decode(again_, &back_) == ERR_OK); \
            check(type##_same(&value_, &back_));            \
        }                                                   \
    } while (0)

static void head_tried(const uint8_t *payload)
{
    struct image_head h;
    TRIED(image_head, payload, PAGE_PAYLOAD_BYTES);
    if (image_head_decode(payload, &h) != ERR_OK)
        return;
    check(h.parts <= h.pages * (PAGE_PAYLOAD_BYTES / PART_ROW_BYTES));
    check(h.section_bytes <= h.pages * PAGE_PAYLOAD_BYTES);
    check(image_pages(&h) >= 1);
}

static void page_tried(uint8_t *page)
{
    struct page_seal s = { .generation = le64_get(page), .number = le32_get(page + 8) };
    memcpy(s.store.b, page + 12, 16);
    check(!page_ok(page, &s) ||
          le32_get(page + BLOCK_BYTES - 4) == crc32c(0, page, BLOCK_BYTES - 4));
    page_seal(page, &s);
    check(page_ok(page, &s));
}

static void sections_tried(uint8_t *at, size_t left, bool fit)
{
    struct section s, back;
    while (left >= SECTION_HEAD_BYTES) {
        uint32_t len = le32_get(at + 16);
        if (fit && len <= left - SECTION_HEAD_BYTES)
            le32_put(at + 20, crc32c(0, at + SECTION_HEAD_BYTES, len));
        if (section_decode(at, left, &s) != ERR_OK)
            return;
        check(section_span(s.len) <= left);
        section_encode(&s, at);
        check(section_decode(at, left, &back) == ERR_OK && section_same(&s, &back));
        at += section_span(s.len);
        left -= section_span(s.len);
    }
}

static void producers_tried(const uint8_t *at, size_t left)
{
    struct producer_window w, back;
    uint8_t again[PRODUCER_BYTES_MAX];
    while (producer_decode(at, left, &w) == ERR_OK) {
        check(producer_bytes(&w) <= left);
        producer_encode(&w, again);
        check(memcmp(at, again, producer_bytes(&w)) == 0);
        check(producer_decode(again, producer_bytes(&w), &back) == ERR_OK);
        check(producer_window_same(&w, &back));
        at += producer_bytes(&w);
        left -= producer_bytes(&w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t page[BLOCK_BYTES] = { 0 };
    if (size < 1 || size > BLOCK_BYTES)
        return 0;
    memcpy(page, data + 1, size - 1);
    bool fit = data[0] & 0x80;
    switch (data[0] & 0x7f) {
    case 0:
        if (fit)
            memcpy(page, "SLIH", 4);
        head_tried(page);
        break;
    case 1:
        TRIED(part_row, page, PART_ROW_BYTES);
        break;
    case 2:
        TRIED(extent_row, page, EXTENT_ROW_BYTES);
        break;
    case 3:
        TRIED(vol_row, page, VOL_ROW_BYTES);
        break;
    case 4:
        sections_tried(page, size - 1, fit);
        break;
    case 6:
        producers_tried(page, size - 1);
        break;
    default:
        page_tried(page);
    }
    return 0;
}
