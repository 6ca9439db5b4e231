/* store_in.h -- what the files of engine/log share: the store, its partitions and extents.
 *
 * Positions of a partition, from old to new:
 *
 *   start ... disk_pos <= flight_pos        whole blocks in extents: completed, issued
 *             named_pos                     bytes that some built entry covers
 *             synced_pos <= named_pos <= head_pos
 *
 * Bytes in [block_floor(disk_pos), head_pos) are always in tail chunks. Every block below
 * flight_pos was written exactly once, by the run whose tile describes it.
 *
 * Thread     the store's io only.
 */
#ifndef LOG_STORE_IN_H
#define LOG_STORE_IN_H

#include "engine/base/map.h"
#include "engine/log/arena.h"
#include "engine/log/store.h"

struct chunk;
struct checkpoint;
struct grower;
struct producers;

#define CHUNK_ORDERS ARENA_ORDERS /* tail chunks of 4 KiB to 256 KiB */
#define IMAGE_TMP    "image.tmp"

/* ---- extents ---- */

struct extent {
    uint64_t id, base_pos, base_off;
    int64_t max_time, max_append;
    struct part *part; /* owner; NULL once freed */
    uint32_t unit;
    struct vol *vol;
    uint8_t order;
    bool sealed;
    bool named;            /* its EXTENT row is in a built entry, or it came from the image */
    bool close_named;      /* sealed, and some entry or the image says so */
    bool dying;            /* given up: freed when free_seq is synced and pins is 0 */
    uint16_t index_blocks; /* index blocks that the live image names */
    uint16_t index_next;   /* and the image being built */
    uint32_t data_bytes;   /* sealed: bytes of batches */
    uint32_t pins;         /* runs, reads and index writes in flight */
    uint64_t free_seq;     /* entry that carries the row which freed it */
    bool cached;           /* pages of it may be in the page cache */
    bool small_pages;      /* it gets no large ones there: a load of one failed */
    uint8_t *heat;         /* [tile]: how it was read since the extent was opened: warm.c */
    uint32_t heat_count;   /* later tiles: not at all */
    uint64_t named_seq;    /* last entry with a DIRECT row for it: recovery may read those runs */
    struct node node;      /* store.dying */
    struct tile *tiles;    /* tiles[i] is number tile_from + i */
    uint32_t tile_from, tile_count, tile_cap; /* tile_count: all of them, loaded or not */
};

/* One write to an extent in flight: [pos, pos + len) of a partition, from tail memory. */
struct run {
    struct op op;
    struct part *part;
    struct extent *extent;
    struct store *store;
    uint64_t pos;
    uint32_t len;
    bool behind;      /* write-behind of a checkpoint, not a direct run */
    bool waited;      /* the commit in flight waits for it */
    struct node node; /* part.runs, in pos order */
};

/* A batch in the tail: where it begins. Kept until a tile and an entry describe it. */
struct mark {
    uint64_t pos, off, end_off; /* offsets [off, end_off) */
    int64_t max_time;
};

enum tail_state { TAIL_IN, TAIL_OUT, TAIL_LOADING };

/* A slot whose owner was dropped by entry `seq`: until that is synced, a crash revives the owner.
 */
struct slot_gone {
    uint64_t seq;
    uint32_t slot;
};

struct part {
    struct store *store;
    struct id16 topic;
    uint32_t index, number;
    uint8_t durability; /* enum durability */
    uint8_t tail_state; /* OUT: the partial block is only in its slot */
    bool dropped;       /* DROP is queued: nothing is accepted */
    bool zombie;        /* dropped; only its runs in flight keep it */
    bool damaged;
    bool epoch_due; /* EPOCH row of the current epoch is not in a built entry yet */
    uint32_t leader_epoch;

    uint64_t start_off, next_off, named_off, written_off, synced_off;
    uint64_t named_start; /* log start as the last built entry left it */
    uint64_t head_pos, named_pos, synced_pos;
    uint64_t flight_pos; /* issue frontier, in whole blocks */
    uint64_t disk_pos;   /* everything below completed: first run in flight, or flight_pos */
    uint64_t direct_end; /* end of the last direct run issued */
    uint64_t tiled_pos;  /* tiles below are named by an entry or by the live image */
    uint64_t commit_pos, commit_off; /* named by the commit in flight */
    uint64_t damaged_off;

    struct extent **extents; /* oldest first */
    uint32_t extent_count, extent_cap;
    struct part_epoch *epochs;
    uint32_t epoch_count, epoch_cap;

    struct mark *marks; /* ring of mark_cap (a power of two) */
    uint32_t mark_from, mark_count, mark_cap;
    uint64_t mark_prev_end;         /* end_off of the last mark dropped */
    struct list chunks;             /* oldest first */
    struct chunk *chunk_last_found; /* where a reader was; NULL: nowhere */
    struct list runs;               /* in flight, pos order */
    struct list acks;               /* appends waiting for durability, pos order */
    struct list parked;             /* appends waiting for memory, space or the tail */
    struct list tail_reads;         /* reads waiting for the tail to come back */
    struct list reads;              /* in flight */
    struct tail_load *load;         /* TAIL_LOADING */

    uint64_t image_head;     /* head_pos in the live image */
    uint64_t captured_head;  /* head_pos in the image being built */
    uint64_t captured_in;    /* generation of the last image that has its row */
    uint32_t slot, slot_crc; /* of the live image; NO_SLOT when none */
    uint32_t next_slot_crc;
    uint16_t slot_batch_at; /* while the tail is OUT: what the live image's row says */
    uint8_t slot_side;
    bool slot_flips;             /* the image being built names the other side */
    struct node dirty_node;      /* store.dirty: something to name */
    struct node commit_node;     /* commit.parts */
    uint64_t add_seq;            /* entry that carries its ADD row; UINT64_MAX: none built yet */
    struct node direct_node;     /* store.direct_wait */
    struct node parked_node;     /* store.parked: has parked appends */
    struct producers *producers; /* NULL: none */
};

/* ---- the group commit ---- */

enum commit_state { COMMIT_IDLE, COMMIT_WRITE, COMMIT_SYNC };

struct commit {
    enum commit_state state;
    struct op write_op, sync_op;
    uint32_t waiting; /* operations of this state not completed */
    uint8_t *buf;     /* entry_max bytes */
    struct entry entry;
    bool dsync;       /* written with IO_DSYNC: no sync follows */
    bool raw;         /* names runs in unwritten blocks: `written` waits for the sync */
    bool cached;      /* it, or a run that it names, is not on_device: the same */
    bool small;       /* the last entry built has a partition without direct runs */
    bool seal;        /* an idle seal, carrying nothing */
    uint64_t sync_ns; /* how long the last sync took */
    uint64_t sync_from_ns;
    struct row *rows;     /* row_cap of them, while building */
    struct piece *pieces; /* inline bytes, in row order */
    uint32_t row_count, row_cap, piece_count;
    struct list parts;    /* named in this entry */
    struct list requests; /* carried by this entry */
};

/* ---- journal ---- */

struct journal {
    int fd;
    bool on_device; /* what completed is there (io_stat.sync_covers_device), not in a cache */
    uint64_t device;
    uint64_t ring;     /* bytes */
    uint64_t head_pos; /* where the next entry goes (before wrapping) */
    uint64_t free_pos; /* everything before is free: the live image's ring_pos */
    uint64_t seq;      /* of the next entry */
    uint32_t prev_crc;
};

/* ---- volumes ---- */

enum vol_state { VOL_MAKING, VOL_LIVE, VOL_RETIRING };
struct slab {
    uint8_t order; /* size class; SLAB_FREE when nothing is in it */
    bool written;  /* all blocks were written and synced */
    bool zeroing;
    uint16_t used; /* extents in it */
    uint64_t *map; /* one bit per extent; NULL while free */
};
#define SLAB_FREE 0xff

/* An extent kept for appends with `reserve`, in a store with a system partition: taken before any
 * other one, and again as soon as one is free. Nothing on disk tells of it. */
struct spare {
    bool wanted;
    struct vol *vol; /* NULL: there is none */
    uint32_t unit;
    uint8_t order;
};

struct vol {
    struct store *store;
    uint32_t number;
    int fd;
    int cache_fd; /* to read whole blocks that were written through the page cache; 0: not open */
    uint64_t cache_large; /* io_cache_large() of it, once it is open */
    enum vol_state state;
    uint64_t opening;
    uint32_t free_slabs;
    uint64_t retired_generation; /* VOL_RETIRING: images from this generation on do not name it */
    bool unlinking;
    bool on_device;   /* as the journal's, and on the same device: the journal's sync covers it */
    bool past_cache;  /* its runs are: pages of it may be lent, for no run lands in them */
    bool commit_sync; /* the commit in flight has to sync this file too */
    bool ckpt_sync;   /* the checkpoint in progress has to */
    struct slab *slabs;
    char name[32];
    struct op commit_op, ckpt_op;
};

struct store {
    struct io *io;
    int dir, image_fd, tails_fd;
    struct identity id;
    struct store_opts opts;
    struct store_report report;
    uint64_t opening;
    uint32_t epoch;
    bool poisoned, stopping, closed, replaying;
    struct why poison_why;

    struct journal journal;
    struct commit commit;
    struct checkpoint *ckpt;
    uint64_t generation;     /* of the live image */
    uint64_t image_opening;  /* which opening wrote it */
    uint64_t image_capacity; /* bytes of one copy */
    uint64_t next_extent;
    uint32_t next_vol;

    struct part **parts;
    uint32_t part_count, part_cap;
    struct map part_map; /* (topic, index) -> part */
    uint32_t *free_numbers;
    uint32_t free_number_count, free_number_cap;

    struct map producer_map; /* (producer, partition) -> struct producer */
    struct list producers_by_use;
    uint64_t producer_bytes; /* memory, but for the map's */
    bool producers_live;     /* the live image has them: entries may speak of them */

    struct vol **vols;
    uint32_t vol_count, vol_cap;
    struct grower *grower; /* makes volumes and zeroes slabs, see volume.c */
    struct spare spare;
    bool full; /* the last attempt to grow failed for want of space */

    uint32_t slot_count; /* pairs that exist in the file */
    uint32_t slot_next;  /* pairs handed out */
    uint32_t *free_slots;
    uint32_t free_slot_count, free_slot_cap;
    struct slot_gone *gone_slots; /* of dropped partitions: slots_reap() frees them */
    uint32_t gone_slot_count, gone_slot_cap;

    struct list dirty, direct_wait, parked, dying, requests, zombies, clean, run_pool;
    struct list dones, bulk_dones, request_dones, read_dones, find_dones; /* to be answered */
    uint64_t tail_used;                   /* bytes of chunks in use */
    uint64_t tail_lent;                   /* bytes of chunks that readers have, in a tail or not */
    uint32_t warming;                     /* loads into the page cache under way ... */
    uint32_t large_loads;                 /* ... and those that bring in large pages */
    struct arena arena;                   /* their memory */
    struct list chunk_pool[CHUNK_ORDERS]; /* chunks without memory, by size */
    struct list chunks_lent;              /* given up by their tails, not yet by their readers */
    uint64_t direct_inflight;             /* bytes */
    uint64_t direct_unsynced;             /* bytes issued since the last commit ended */
    uint64_t last_commit_ns;
    uint64_t synced_seq; /* entries up to this one are durable */
    bool sealed;         /* the last entry is a SEAL, or nothing was written since */
    bool commit_later;   /* it waits a turn for those who were answered in this one */
    bool commit_vain;    /* nothing of what waits could be named: something has to complete first */
    bool want_checkpoint; /* memory pressure, or the ring is full */
    bool want_image;      /* no image has these tables: a repair changed them, or it is an older
                             version's */
    bool unopened;        /* repair: the ring had no place for OPEN */
    struct store_stop *stop;
    struct store_counts counts;
};

/* store.c and part.c */
void store_poison(struct store *s, const struct op *op, const char *what);
struct part *part_new(struct store *s, struct id16 topic, uint32_t index, uint32_t number);
void part_free(struct part *p);
bool part_is_system(const struct part *p); /* metadata */
void part_epoch_push(struct part *p, struct part_epoch e);
void part_number_give(struct store *s, uint32_t number);
void slot_give(struct store *s, uint32_t slot);
/* Frees slots whose owners' DROP rows are synced, unless a checkpoint may still write to them. */
void slots_reap(struct store *s);
/* Some would be freed, but for a checkpoint. */
bool slots_due(const struct store *s);
void part_tail_damaged(struct part *p); /* the newest partial block is lost: stop before it */
void part_memory_free(struct part *p);
void part_abandon(struct part *p);
void part_poison(struct part *p);
uint64_t part_visible(const struct part *p);
void append_finish(struct append *a, enum err err);
void request_finish(struct store *s, struct part_request *r, enum err err);

/* extent.c */
struct extent *extent_new(struct part *p, struct vol *v, uint32_t unit, uint8_t order);
void extent_free(struct extent *e);                    /* its memory, not its space */
void extent_drop(struct extent *e, uint64_t free_seq); /* leaves its partition, dies when it may */
void extent_unpin(struct extent *e);
void extents_reap(struct store *s, uint64_t synced_seq);
struct extent *part_open_extent(const struct part *p);             /* NULL: none, or sealed */
struct extent *part_extent_of(const struct part *p, uint64_t pos); /* the one that covers pos */
void extent_tile_add(struct extent *e, const struct tile *t);
bool extent_tile_fits(const struct store *s, const struct extent *e, const struct tile *t);
uint32_t extent_tiles_end(const struct extent *e); /* bytes from its start; 0: none in memory */
void extents_trim(struct part *p, uint64_t off, uint64_t free_seq);
uint64_t extent_data_end(const struct part *p, const struct extent *e); /* after its batches */
/* The offset of a batch that may reach over the end of the tiles: the first one of the last tile in
 * memory in which a batch begins. */
uint64_t extent_straddler_off(const struct part *p, const struct extent *e);
uint64_t extent_place(const struct extent *e, uint64_t pos); /* byte position in the volume file */

/* room.c */
uint32_t extent_tile_cap(const struct store *s, const struct extent *e); /* tiles of its index */
uint32_t extent_tile_room(const struct store *s, const struct extent *e);
/* The open extent has place for `len` bytes more, and for all the tiles that may come of its bytes;
 * their memory is in the tail already. */
bool extent_takes(const struct part *p, const struct extent *e, uint64_t len);
/* A run may end at pos, among bytes that entries have: there is a tile to spare for that. */
bool extent_takes_cut(const struct part *p, uint64_t pos);

/* mark.c */
struct mark_span {     /* what the marks in a range of bytes say */
    uint32_t batch_at; /* NO_BATCH: no batch starts in it */
    uint64_t base_off; /* of the first that does; next_off when none */
    uint64_t next_off; /* after the last batch that starts before the range's end */
    int64_t max_time;
};
void mark_push(struct part *p, struct mark m);
struct mark *mark_at(const struct part *p, uint32_t i);
void marks_drop(struct part *p, uint64_t below_pos);
void marks_spent(struct part *p); /* drops those of bytes that are both tiled and named */
uint32_t mark_find(const struct part *p, uint64_t pos);
struct mark_span mark_span(const struct part *p, uint64_t pos, uint64_t end);
enum err marks_walk(struct part *p, uint64_t pos, uint64_t end, int64_t max_time);

/* append.c */
void part_direct(struct part *p);        /* issues direct runs where they are worth it */
void part_extents_moved(struct part *p); /* after extents_trim: frontiers may not lie below them */
void direct_retry(struct store *s);
void parked_retry(struct store *s);
void part_acks(struct part *p);
void part_close_extent(struct part *p);
void part_dirty(struct part *p);
uint64_t part_disk_pos(const struct part *p); /* every block below is complete in its extent */

/* run.c */
/* Writes [flight_pos, to_pos), whole blocks, from the tail to the extents, tile by tile. */
void part_issue(struct part *p, uint64_t to_pos, bool behind);

/* commit.c */
enum err commit_open(struct store *s);
void commit_close(struct store *s);
void commit_turn(struct store *s);
/* Recovery: OPEN, synced, blocking. NO_SPACE, with nothing written: the ring has no place for it.
 */
enum err commit_opening_entry(struct store *s, struct why *why);

/* checkpoint.c */
void checkpoint_turn(struct store *s);
void checkpoint_part(struct part *p);
void checkpoint_close(struct store *s);
bool checkpoint_running(const struct store *s);
bool checkpoint_wants(const struct part *p); /* it is running and has not captured p */
/* The same, and p goes on with direct runs: only right after an entry are all of its bytes named.
 */
bool checkpoint_now_or_never(const struct part *p);

/* volume.c */
/* *order is wanted, at least `least`; receives what it is. */
enum err volume_take(struct store *s, uint8_t least, uint8_t *order, struct vol **v,
                     uint32_t *unit);
bool volume_claim(struct store *s, struct vol *v, uint32_t unit, uint8_t order); /* recovery */
void volume_give(struct store *s, struct vol *v, uint32_t unit, uint8_t order);
void spare_keep(struct store *s, bool unwritten); /* unwritten: from whatever blocks there are */
enum err spare_take(struct store *s, uint8_t least, uint8_t *order, struct vol **v, uint32_t *unit);
bool volume_unwritten(const struct store *s, const struct vol *v, uint32_t unit);
/* What is written there is durable by a sync of this file alone: the journal's does not cover it.
 */
bool volume_sync_due(const struct store *s, const struct vol *v, uint32_t unit);
struct vol *volume_find(const struct store *s, uint32_t number);
enum err volumes_open(struct store *s, const struct vol_row *rows, uint32_t n, struct why *why);
void volumes_turn(struct store *s);
bool volume_row(const struct vol *v, struct vol_row *out); /* false: the image does not name it */
void volumes_close(struct store *s);
/* Files numbered below it and not in the image are leftovers of a removal. */
uint32_t volumes_next_number(const struct store *s);
bool volumes_busy(const struct store *s);
/* Asked before a new file is allocated, which may take all there is before it fails. True as well
 * where the file system does not tell. */
bool space_left(const struct store *s, int fd, uint64_t bytes);
uint64_t volumes_due_ns(const struct store *s);

/* tail_load.c */
void part_tail_load(struct part *p); /* brings an idle partition's partial block back */
void part_tail_forget_load(struct part *p);
void part_tail_abandon_load(struct part *p);

/* read.c */
void read_resume(struct read *r); /* after the tail came back */
void read_finish(struct read *r, enum err err);
void read_start_cold(struct read *r, struct extent *e, uint32_t tile); /* from the disk */
uint64_t read_end(const struct read *r); /* offsets below this may be given to this reader */
void read_again(struct read *r);         /* there is memory for it */

/* ---- budget.c ---- */

bool budget_take(struct read *r, uint64_t bytes); /* false: it waits, read_again() comes */
void budget_give(struct read *r);
bool budget_due(
    const struct read_budget *b);        /* somebody waits, and there may be room; NULL is fine */
void budget_wake(struct read_budget *b); /* those for whom there is room; NULL is fine */

/* index.c */
/* Loads the tiles of e that are only in its index blocks, then calls then(r, err). */
void index_load(struct extent *e, struct read *r, void (*then)(struct read *r, enum err err));
enum err index_load_now(struct extent *e); /* the same, blocking: opening and repair */
/* The tile to start at for off: the last one with a batch at or before it; false: none. */
bool index_find(const struct extent *e, uint64_t off, uint32_t *i);
bool index_find_time(const struct extent *e, int64_t time_ms, uint32_t *i);

/* Tile number i: one of those in memory. */
static inline struct tile *extent_tile(const struct extent *e, uint32_t i)
{
    check(i >= e->tile_from && i < e->tile_count && e->tiles);
    return &e->tiles[i - e->tile_from];
}

/* Something of it is on its way to the disk that no entry vouches for: bytes, or a direct run of
 * bytes that an entry carried, which no entry has said to be there. */
static inline bool part_issued_unnamed(const struct part *p)
{
    return p->flight_pos > p->named_pos || p->direct_end > p->tiled_pos;
}

static inline bool store_ok(const struct store *s)
{
    return !s->poisoned && !s->closed;
}

#endif
