/* tail.h -- the newest bytes of a partition, kept in memory: write buffer and hot-read cache.
 *
 * A tail is a row of chunks, oldest first, without holes in pos. Bytes are copied in once, at the
 * head; whole blocks never change afterwards, so direct writes go out from here. A chunk whose
 * bytes are all on disk becomes clean: it serves readers until the budget needs it.
 *
 * Owner      the partition; the budget is the store's.
 * Thread     the store's io only.
 * Memory     chunks of 4 KiB to 256 KiB, at most opts.tail_bytes together (recovery may exceed it).
 * Checksums  each whole block below head_pos is summed when it fills up, while it is in the core's
 *            cache: a run's checksum is combined from them, not read from memory again.
 * Invariant  chunks cover [block_floor(disk_pos), head_pos) at least, unless the tail is OUT.
 * Lent       readers may be given the memory itself: bytes below head_pos never change. A chunk
 * that is given up meanwhile leaves the tail and its budget, and lives until the last of them is
 * done; the readers' own limits bound how much that can be. Fails      tail_room() answers false
 * when the budget is used up by bytes not on disk yet.
 */
#ifndef LOG_TAIL_H
#define LOG_TAIL_H

#include "engine/base/batch_sums.h"
#include "engine/log/store_in.h"

#define CHUNK_BYTES_MAX (256u << 10)
static_assert(BLOCK_BYTES << (CHUNK_ORDERS - 1) == CHUNK_BYTES_MAX, "a pool for each size");

struct chunk {
    uint64_t pos; /* multiple of BLOCK_BYTES */
    uint32_t cap;
    struct part *part; /* NULL: given up while lent */
    struct store *store;
    uint32_t lent;     /* how many reads have it */
    struct node node;  /* part.chunks; given up while lent: store.chunks_lent */
    struct node clean; /* store.clean, oldest first */
    uint8_t *at;       /* block-aligned */
    uint32_t sums[];   /* crc32c of each of its blocks, valid for whole ones below head_pos */
};

/* Makes room for `len` bytes at the head; true when tail_put(len) will succeed. */
bool tail_room(struct part *p, uint64_t len);
/* The same beyond any budget, for recovery; NO_MEMORY when the system has none. */
enum err tail_reserve(struct part *p, uint64_t from_pos, uint64_t len);
/* Copies to the head and moves it; needs tail_room(). What `sums` has of it (NULL: nothing) is not
 * summed again. */
void tail_put(struct part *p, const void *at, uint64_t len, const struct batch_sums *sums);
/* Moves the head to the next block with zeros; needs nothing. */
void tail_pad(struct part *p);
/* The bytes at pos: how many are contiguous (0: not in memory), and where. */
uint64_t tail_find(const struct part *p, uint64_t pos, uint8_t **at);
/* Bytes from `pos` on were put in place by other means (replay): sums the whole blocks. */
void tail_sum(struct part *p, uint64_t pos);
/* The checksum of whole blocks [pos, pos+len), continuing from `crc`; they lie in one chunk. */
uint32_t tail_crc(const struct part *p, uint32_t crc, uint64_t pos, uint64_t len);
/* Copies [pos, pos+len) out; false when part of it is not in memory. */
bool tail_copy(const struct part *p, uint64_t pos, void *to, uint64_t len);
/* The chunk that holds pos and those behind it, one after another: for whoever walks. */
struct chunk *tail_chunk(struct part *p, uint64_t pos); /* NULL: not in memory */
struct chunk *tail_chunk_next(struct part *p, struct chunk *c);
void chunk_lend(struct chunk *c);
void chunk_return(struct chunk *c);
/* How many chunks begin in (from, to): runs end there. */
uint32_t tail_chunks_between(const struct part *p, uint64_t from, uint64_t to);
/* First position that is in memory; head_pos when nothing is. */
uint64_t tail_floor(const struct part *p);
/* Marks chunks whose bytes are all on disk (below disk_pos) as clean. */
void tail_clean(struct part *p);
/* Forgets everything: drop, close, or an idle partial block that lives in its slot. */
void tail_drop(struct part *p);
/* Gives memory that no chunk uses back to the system, for an idle store. */
void tail_pool_rest(struct store *s);
void tail_pool_close(struct store *s); /* no chunk is left */

#endif
