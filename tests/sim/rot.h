/* rot.h -- a store with known content, the map of its live bytes, and a look at what damage does.
 *
 * The store is small in its geometry and large in its content: data in extents, index blocks,
 * slots, and a journal that was not checkpointed. It is never written while it is looked at: each
 * look opens it read-only, on files that were damaged a moment ago and will be put right again.
 *
 * Thread     one.
 * Memory     the fixture's book keeps every batch.
 */
#ifndef TESTS_SIM_ROT_H
#define TESTS_SIM_ROT_H

#include "engine/base/rng.h"
#include "engine/log/verify.h"
#include "tests/unit/log/fixture.h"

#define ROT_BOOKS 12u

/* What a live block is; each has its own promise. */
enum rot_class {
    ROT_IDENTITY, /* not opened: the file is named */
    ROT_IMAGE,    /* a page of a copy: healed from the other copy */
    ROT_HEADER,   /* of an entry that has a successor, or its rows: not opened */
    ROT_PIECE,    /* inline bytes of such an entry: that partition stops there */
    ROT_LAST,     /* the last entry: cut silently; nothing acknowledged is in it */
    ROT_SLOT,     /* the partition stops at its last partial block */
    ROT_INDEX,    /* the range of its tiles is not served */
    ROT_DATA,     /* the range of its tile is not served */
    ROT_CLASS_COUNT
};
extern const char *const rot_class_names[ROT_CLASS_COUNT];

/* Bytes [from, to) of the block at `pos` are checked by something. */
struct target {
    enum rot_class class_;
    char file[32];
    uint64_t pos;
    uint32_t from, to;
    bool of_vol;
    uint32_t vol;
    uint32_t book;             /* SLOT, INDEX, DATA, PIECE */
    bool carried;              /* PIECE: the partition has these bytes elsewhere: nothing is lost */
    uint64_t from_off, to_off; /* offsets that it may take along */
};

struct rot {
    struct fixture f;
    struct rng rng;
    uint64_t next_off[ROT_BOOKS];
    struct target *targets;
    uint32_t count, cap;
};

/* Fills a store with about `bytes` of batches, kills it, and maps it. */
void rot_open(struct rot *r, uint64_t seed, uint64_t bytes);
void rot_close(struct rot *r);
void rot_map(struct rot *r);
/* Which book a partition of the store is. */
uint32_t rot_book(const struct part *p);

void rot_read(struct rot *r, const struct target *t, void *to, uint64_t pos, uint64_t len);
void rot_write(struct rot *r, const struct target *t, const void *from, uint64_t pos, uint64_t len);

/* What verify finds, all of it but for data blocks far from the target. */
struct verify_counts rot_verify(struct rot *r, const struct target *t);

/* What readers get: the store is opened as for serving, but read-only. */
struct rot_seen {
    enum err open_err;
    uint32_t errors;    /* reads that were refused */
    uint32_t lost;      /* batches passed over without a word */
    uint32_t wrong;     /* batches served that are not what was written */
    uint32_t shortened; /* partitions that end early without being marked damaged */
    uint32_t damaged;   /* partitions so marked */
};
/* Reads the target's offsets, and the newest batches of every partition; `all`: everything. */
struct rot_seen rot_look(struct rot *r, const struct target *t, bool all);

#endif
