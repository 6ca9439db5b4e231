/* format.h -- the bytes of a store: the only place that knows a layout.
 *
 * docs/FORMAT.md is the specification, with a worked example in hex; this header is its mirror in
 * C. All integers are little endian. Each structure here is the decoded form; the functions move
 * between it and bytes, and a decoder believes nothing it has not checked.
 *
 * Files of a store, each starting with one identity block:
 *   journal   identity, then a ring of entries
 *   image     identity, then 2 generations x 2 copies of the checkpoint
 *   tails     identity, then pairs of 4 KiB slots
 *   vol-NNNN  identity in the first VOL_HEAD_BYTES, then slabs of extent_max bytes
 *
 * Thread     pure functions; any thread.
 */
#ifndef LOG_FORMAT_H
#define LOG_FORMAT_H

#include "engine/base/check.h"
#include "engine/base/err.h"
#include "engine/base/types.h"

#define FORMAT_VERSION  1u
#define CHECKSUM_CRC32C 1u

/* ---- limits: wider than any sensible store, so that sums and shifts cannot overflow ---- */

#define POS_MAX              ((uint64_t)INT64_MAX) /* of a byte position, end of a range included */
#define OFF_MAX              ((uint64_t)INT64_MAX) /* of an offset; Kafka's are signed */
#define EXTENT_MIN_LOWEST    (8u << 10)            /* one block of data, one of index */
#define EXTENT_MAX_HIGHEST   (1u << 31)            /* largest power of two in its field */
#define EXTENT_ORDER_HIGHEST 18u          /* EXTENT_MIN_LOWEST << 18 == EXTENT_MAX_HIGHEST */
#define SLABS_MAX            64u          /* bits of vol_row.written */
#define ENTRY_MAX_LOWEST     (16u << 10)  /* a header, 62 rows and some inline bytes */
#define ENTRY_MAX_HIGHEST    (64u << 20)  /* recovery holds one entry in memory */
#define RING_ENTRIES_MIN     8u           /* two are a reserve (docs/STORE.md B3, B9) */
#define BATCH_MAX_LOWEST     61u          /* a batch header */
#define IMAGE_PAGES_MAX      (1ull << 32) /* page numbers have 32 bits */
#define IMAGE_BYTES_MAX      (IMAGE_PAGES_MAX * BLOCK_BYTES)

/* ---- identity block: BLOCK_BYTES at the start of every file ---- */

enum file_kind { FILE_JOURNAL = 1, FILE_IMAGE, FILE_TAILS, FILE_VOLUME };

/* Three classes of features, as on the wire: a reader that does not know a bit may ignore it,
 * may open the store read-only, or must refuse. */
struct features {
    uint64_t ignorable, read_only, refuse;
};

/* Fixed when the store is created; equal in every file of it. */
struct geometry {
    uint64_t
        journal_bytes;   /* whole file; ring = journal_bytes - BLOCK_BYTES, a multiple of 4 KiB */
    uint32_t entry_max;  /* bytes of the largest entry; ring >= 8 of them */
    uint32_t extent_min; /* smallest extent: a power of two, 64 KiB in production */
    uint32_t extent_max; /* largest extent = one slab: a power of two, 64 MiB in production */
    uint32_t slabs;      /* per volume file, 1..64 */
    uint32_t batch_max;  /* largest batch accepted; fits in extent_max less its index */
};

struct identity {
    enum file_kind kind;
    uint32_t format_version;
    struct id16 store, cluster;
    uint32_t node;
    uint32_t file_number; /* volumes: NNNN, never reused within a store */
    uint64_t opening;     /* the store's opening number when the file was made */
    uint32_t block_bytes, checksum_kind;
    struct features features;
    uint64_t file_bytes;
    struct geometry geometry;
    uint8_t key[16]; /* seeds the CRC of entry headers, so that no client can forge one */
};

void identity_encode(const struct identity *id, uint8_t block[BLOCK_BYTES]);
/* CORRUPT (CRC, magic), UNSUPPORTED (version, block size, checksum, feature), INVALID (geometry);
 * `why` says which field and value. */
enum err identity_decode(const uint8_t block[BLOCK_BYTES], struct identity *out, struct why *why);
/* True when the file has a read-only feature that this version does not know: nothing of the store
 * may be written. */
bool identity_read_only(const struct identity *id);
/* INVALID with the limit that is broken. */
enum err geometry_check(const struct geometry *g, struct why *why);
/* extent_min << this == extent_max. */
uint8_t extent_order_max(const struct geometry *g);
/* True when an extent of that order may lie there: inside the slabs, aligned to its own size. Rows
 * are decoded without a geometry, so whoever reads one asks this before using its place. */
bool extent_place_ok(const struct geometry *g, uint32_t unit, uint8_t order);

/* ---- journal entry ---- */

#define ENTRY_HEADER_BYTES 128u
#define ENTRY_POS_AT       40u /* ring position in the header: recovery looks for it */
#define ROW_BYTES          64u
#define ENTRY_ROWS_FIRST \
    ((BLOCK_BYTES - ENTRY_HEADER_BYTES) / ROW_BYTES) /* 62 in the first block */

struct entry {
    struct id16 store;
    uint64_t opening;  /* of the store, when written */
    uint64_t seq;      /* +1 per entry, never twice */
    uint64_t ring_pos; /* monotonic; place in the file = BLOCK_BYTES + ring_pos % ring */
    uint32_t len;      /* whole entry, a multiple of BLOCK_BYTES, at most entry_max */
    uint32_t rows;
    uint32_t inline_bytes; /* after the rows, pieces back to back in row order */
    uint32_t prev_crc;     /* header CRC of entry seq - 1 */
    uint32_t rows_crc;
    uint32_t header_crc; /* keyed; out of decode and encode */
    uint32_t store_epoch;
    int64_t time_ms; /* append time of every row in it */
};

enum row_kind {
    ROW_ADD = 1,  /* partition exists: topic, index */
    ROW_DROP,     /* durable tombstone */
    ROW_EXTENT,   /* partition's next extent begins at pos */
    ROW_CLOSE,    /* partition's open extent is sealed; its next byte is at pos, a new block */
    ROW_INLINE,   /* bytes [pos, pos+len) travel in this entry */
    ROW_DIRECT,   /* bytes [pos, pos+len), whole blocks, are in the extent: one index tile */
    ROW_TRIM,     /* log start is base_off; extents wholly below it are free */
    ROW_EPOCH,    /* leader epoch `epoch` starts at base_off */
    ROW_REPLACE,  /* reserved for compaction and tiering: refused today */
    ROW_GAP,      /* reserved: refused today */
    ROW_OPEN,     /* the store was opened: opening and store epoch are in the header */
    ROW_SEAL,     /* nothing: vouches for the entry before it */
    ROW_PRODUCER, /* batches of one idempotent producer that end in this entry */
    ROW_KIND_END
};

/* One batch of an idempotent producer, as its resend is recognised. A window of batches is
 * contiguous in sequences: one begins where the one before it ends. */
struct producer_batch {
    int32_t first;  /* its first record's sequence; 0 follows INT32_MAX */
    uint32_t count; /* sequences and offsets that it takes */
    uint64_t base_off;
    int64_t append_ms;
};
static inline int32_t producer_batch_next(const struct producer_batch *b)
{
    return (int32_t)(((uint32_t)b->first + b->count) & INT32_MAX);
}
#define PRODUCER_ROW_BATCHES 2u
struct producer_row {
    int64_t id;
    int16_t epoch;
    uint8_t n; /* 1 or 2 */
    struct producer_batch batches[PRODUCER_ROW_BATCHES];
};

/* One row; fields that a kind does not name are zero. See docs/FORMAT.md for the table. */
struct row {
    enum row_kind kind;
    uint32_t part;     /* partition's number in this store */
    uint64_t pos;      /* INLINE DIRECT EXTENT CLOSE GAP */
    uint64_t base_off; /* INLINE DIRECT: first batch that starts here; EXTENT TRIM EPOCH GAP */
    uint64_t next_off; /* INLINE DIRECT: after the last batch that starts at or before here */
    int64_t max_time;  /* INLINE DIRECT: largest record time of batches that start here; INT64_MIN
                          none */
    uint32_t len;      /* INLINE DIRECT; CLOSE: bytes of batches in the extent; EXTENT: the same of
                          the extent before, which this row seals if no CLOSE did; 0 without one */
    uint32_t crc;      /* INLINE DIRECT: piece_crc() */
    uint64_t extent;   /* DIRECT EXTENT CLOSE: never-reused id, from 1 on */
    uint32_t batch_at; /* INLINE DIRECT: bytes from pos to the first batch start; NO_BATCH none */
    /* EXTENT: where it is. */
    uint32_t vol, unit; /* unit: in extent_min from the end of the volume's head */
    uint8_t order;      /* extent_min << order bytes */
    /* ADD */
    struct id16 topic;
    uint32_t index; /* partition index within the topic */
    uint32_t epoch; /* EPOCH */
    struct producer_row producer;
};
#define NO_BATCH 0xffffffffu

/* Bytes of an entry with `rows` rows and `inline_bytes`, padded. */
uint32_t entry_bytes(uint32_t rows, uint32_t inline_bytes);
/* Header into `at` (ENTRY_HEADER_BYTES), after rows and inline bytes are in place; sets
 * e->rows_crc from `at` and e->header_crc. `at` holds e->len bytes, padding zeroed by the caller.
 */
void entry_encode(struct entry *e, const uint8_t key[16], uint8_t *at);
void row_encode(const struct row *r, uint8_t at[ROW_BYTES]);
/* Magic, store, keyed CRC, ring_pos == want_pos, lengths: CORRUPT when any fails. Looks at the
 * first ENTRY_HEADER_BYTES only. */
enum err entry_decode(const uint8_t *at, const uint8_t key[16], struct id16 store,
                      uint64_t want_pos, uint32_t entry_max, struct entry *out);
/* CRC over all rows of an entry whose header verified, and whether the pieces of its INLINE rows
 * are exactly its inline bytes; at holds e->len bytes. */
bool entry_rows_ok(const struct entry *e, const uint8_t *at);
/* CORRUPT on an unknown kind or a broken limit (unknown kinds are a refuse-class feature). */
enum err row_decode(const uint8_t at[ROW_BYTES], struct row *out);

static inline const uint8_t *entry_row_at(const uint8_t *at, uint32_t i)
{
    return at + ENTRY_HEADER_BYTES + (size_t)i * ROW_BYTES;
}

/* The checksum of bytes in a partition, bound to their place: seeded with extent id and pos for
 * DIRECT rows, index tiles and slots; with the partition's number and pos for INLINE rows. */
uint32_t piece_crc(uint64_t seed, uint64_t pos, const void *at, size_t len);
uint32_t piece_crc_seed(uint64_t seed, uint64_t pos); /* then crc32c(seed, ...) over the bytes */

/* ---- pages of the image ---- */

#define PAGE_PAYLOAD_BYTES 4032u /* 42 partition rows, 63 extent rows, 84 tiles */

/* Trailer at PAGE_PAYLOAD_BYTES: what the page is, so that a lost or misdirected write shows. */
struct page_seal {
    struct id16 store;
    uint64_t generation; /* image: generation; index block: extent id */
    uint32_t number;     /* image: page within the copy; index block: block within the extent */
};
void page_seal(uint8_t page[BLOCK_BYTES], const struct page_seal *s);
bool page_ok(const uint8_t page[BLOCK_BYTES], const struct page_seal *s);

struct image_head {      /* first page of each copy */
    uint64_t generation; /* odd: region 0, even: region 1 */
    uint64_t opening;
    uint32_t store_epoch;
    uint64_t seq;      /* replay starts with this entry */
    uint64_t ring_pos; /* where it is */
    uint32_t prev_crc; /* header CRC of entry seq - 1 */
    int64_t time_ms;
    uint64_t next_extent; /* extent ids and volume numbers from here on were never used */
    uint32_t next_vol;
    uint32_t parts, extents, vols;
    uint64_t section_bytes; /* typed sections, after the volume rows */
    uint64_t pages;         /* of the copy, this one included */
};
void image_head_encode(const struct image_head *h, uint8_t payload[PAGE_PAYLOAD_BYTES]);
/* Believes nothing of an unverified page; CORRUPT unless pages == image_pages(). */
enum err image_head_decode(const uint8_t payload[PAGE_PAYLOAD_BYTES], struct image_head *out);
/* Pages of a copy: the head, then partition rows, extent rows, volume rows and section bytes, each
 * of the four beginning on a page of its own. */
uint64_t image_pages(const struct image_head *h);

#define PART_ROW_BYTES 96u
enum part_state { PART_FREE, PART_LIVE, PART_DAMAGED };
struct part_row {
    struct id16 topic;
    uint32_t index;
    uint32_t part;      /* own number */
    uint64_t seq;       /* rows of entries up to this one are in the row */
    uint64_t start_off; /* log start */
    uint64_t next_off;
    uint64_t head_pos;
    uint64_t high_off; /* high watermark; next_off until there are replicas */
    uint32_t leader_epoch;
    uint32_t slot;     /* pair in `tails`; NO_SLOT when none */
    uint32_t slot_crc; /* piece_crc(extent, block_floor(head), partial block) */
    uint16_t
        slot_batch_at; /* bytes to the first batch that begins in the slot; NO_SLOT_BATCH none */
    uint8_t slot_side; /* 0 or 1 */
    enum part_state state;
    uint64_t damaged_off; /* PART_DAMAGED: first offset that is not served */
};
#define NO_SLOT       0xffffffffu
#define NO_SLOT_BATCH 0xffffu
void part_row_encode(const struct part_row *r, uint8_t at[PART_ROW_BYTES]);
enum err part_row_decode(const uint8_t at[PART_ROW_BYTES], struct part_row *out);

#define EXTENT_ROW_BYTES 64u
struct extent_row {
    uint64_t id;       /* never reused */
    uint64_t base_pos; /* a multiple of BLOCK_BYTES */
    uint64_t base_off;
    int64_t max_time;   /* largest record time; INT64_MIN when empty */
    int64_t max_append; /* largest append time; age retention uses the smaller of the two */
    uint32_t part;
    uint32_t vol, unit;
    uint8_t order;
    bool sealed;
    uint16_t index_blocks; /* full (sealed: all) index blocks in the extent's index region */
    uint32_t tiles;        /* in those blocks and in the image's index section together */
    uint32_t data_bytes;   /* sealed: bytes of batches, then padding */
};
void extent_row_encode(const struct extent_row *r, uint8_t at[EXTENT_ROW_BYTES]);
enum err extent_row_decode(const uint8_t at[EXTENT_ROW_BYTES], struct extent_row *out);

#define VOL_ROW_BYTES 32u
struct vol_row {
    uint32_t number;
    uint32_t slabs;
    uint64_t written; /* bit i: slab i holds written (zeroed or used and synced) blocks only */
    uint64_t opening; /* in the volume's identity block: a swapped or older file shows */
};
void vol_row_encode(const struct vol_row *r, uint8_t at[VOL_ROW_BYTES]);
enum err vol_row_decode(const uint8_t at[VOL_ROW_BYTES], struct vol_row *out);

/* Typed sections: a header of SECTION_HEAD_BYTES, then `len` bytes, padded to 8. */
#define SECTION_HEAD_BYTES 32u
enum section_kind { SECTION_EPOCHS = 1, SECTION_TILES = 2, SECTION_PRODUCERS = 3 };
enum feature_class { CLASS_IGNORABLE, CLASS_READ_ONLY, CLASS_REFUSE };
struct section {
    uint32_t kind; /* enum section_kind, or one we do not know */
    enum feature_class class_;
    uint64_t seq; /* log position that it reflects */
    uint32_t len;
    uint32_t crc; /* over the bytes */
};
void section_encode(const struct section *s, uint8_t at[SECTION_HEAD_BYTES]);
enum err section_decode(const uint8_t *at, size_t left,
                        struct section *out); /* bounds and CRC too */
/* Bytes from one section's header to the next one's. */
static inline uint64_t section_span(uint32_t len)
{
    return SECTION_HEAD_BYTES + (((uint64_t)len + 7) & ~7ull);
}

/* SECTION_EPOCHS: {part 4, count 4, count x {epoch 4, zero 4, start_off 8}}...
 * SECTION_TILES:  {extent 8, count 4, zero 4, count x tile}...: tiles not in index blocks yet.
 * SECTION_PRODUCERS: {part 4, count 4, count x producer}... */

/* ---- producers (format_producer.c) ---- */

#define PRODUCER_WINDOW 5u /* batches: what a Kafka client may have under way */

/* The newest batches of a producer in a partition, oldest first. */
struct producer_window {
    int64_t id;
    int16_t epoch;
    uint8_t n; /* 1 to PRODUCER_WINDOW */
    struct producer_batch at[PRODUCER_WINDOW];
};
#define PRODUCER_BYTES_MAX (16u + 20u * PRODUCER_WINDOW)
static inline uint32_t producer_bytes(const struct producer_window *w)
{
    return 16u + 20u * w->n;
}
void producer_encode(const struct producer_window *w, uint8_t *at); /* producer_bytes() */
/* CORRUPT when it does not fit in `left`, or breaks a limit. */
enum err producer_decode(const uint8_t *at, size_t left, struct producer_window *out);

/* The fields of a PRODUCER row, from byte 8 on, and `n` and `epoch` before them. */
bool producer_row_valid(const struct producer_row *r);
void producer_row_encode(const struct producer_row *r, uint8_t at[ROW_BYTES]);
void producer_row_decode(const uint8_t at[ROW_BYTES], struct producer_row *out);

/* ---- index ---- */

/* One tile of an extent: a contiguous range of whole blocks that was written by one run and is
 * verified as one. Tiles lie back to back from the extent's start. */
#define TILE_BYTES      48u
#define TILES_PER_BLOCK (PAGE_PAYLOAD_BYTES / TILE_BYTES) /* 84 */
#define TILE_RUN_MAX    (64u << 10)                       /* data bytes of a tile at most */
struct tile {
    uint32_t at;  /* bytes from the extent's start, a multiple of BLOCK_BYTES */
    uint32_t len; /* a multiple of BLOCK_BYTES */
    uint32_t crc; /* piece_crc(extent id, base_pos + at, bytes) */
    uint32_t
        batch_at; /* bytes from the tile's start to the first batch that starts in it; NO_BATCH */
    uint64_t base_off; /* of that batch; next_off when none */
    uint64_t next_off; /* after the last batch that starts at or before the tile's end */
    int64_t max_time;  /* of batches that start in it; INT64_MIN none */
    uint32_t flags;
};
#define TILE_GAP 1u /* accepted loss: nothing to read here */
#define TILE_CUT 2u /* accepted loss after it: a batch that goes on beyond its end is lost */
void tile_encode(const struct tile *t, uint8_t at[TILE_BYTES]);
enum err tile_decode(const uint8_t at[TILE_BYTES], struct tile *out);

/* Bytes of an extent of 2^order x extent_min: data first, then its index region. */
static inline uint64_t extent_bytes(const struct geometry *g, uint8_t order)
{
    return (uint64_t)g->extent_min << order;
}
static inline uint32_t extent_index_blocks(const struct geometry *g, uint8_t order)
{
    uint64_t blocks = extent_bytes(g, order) / BLOCK_BYTES;
    return blocks / 128 ? (uint32_t)(blocks / 128) : 1;
}
static inline uint64_t extent_data_bytes(const struct geometry *g, uint8_t order)
{
    return extent_bytes(g, order) - (uint64_t)extent_index_blocks(g, order) * BLOCK_BYTES;
}

/* ---- volume ---- */

#define VOL_HEAD_BYTES (64u << 10) /* identity block, then zeros: keeps slabs aligned */
static inline uint64_t vol_bytes(const struct geometry *g)
{
    return VOL_HEAD_BYTES + (uint64_t)g->slabs * g->extent_max;
}
static inline uint64_t vol_place(const struct geometry *g, uint32_t unit)
{
    return VOL_HEAD_BYTES + (uint64_t)unit * g->extent_min;
}
/* Where an extent's index block is in the file. */
static inline uint64_t index_place(const struct geometry *g, uint32_t unit, uint8_t order,
                                   uint32_t block)
{
    return vol_place(g, unit) + extent_data_bytes(g, order) + (uint64_t)block * BLOCK_BYTES;
}

/* ---- tails ---- */

/* Where a side (0 or 1) of a slot pair is in the file. */
static inline uint64_t slot_place(uint32_t slot, uint32_t side)
{
    return BLOCK_BYTES + ((uint64_t)slot * 2 + side) * BLOCK_BYTES;
}

static_assert(ENTRY_ROWS_FIRST == 62, "header and 62 rows fill the first block");
static_assert(PAGE_PAYLOAD_BYTES % PART_ROW_BYTES == 0, "no partition row spans two pages");
static_assert(PAGE_PAYLOAD_BYTES % EXTENT_ROW_BYTES == 0, "no extent row spans two pages");
static_assert(PAGE_PAYLOAD_BYTES % VOL_ROW_BYTES == 0, "no volume row spans two pages");
static_assert(PAGE_PAYLOAD_BYTES % TILE_BYTES == 0, "no tile spans two blocks");

#endif
