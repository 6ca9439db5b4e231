/* verify.h -- reads every structure of a stopped store, and says what does not verify.
 *
 *   files       names, sizes, identity blocks, one store
 *   image       both copies of both generations, page by page
 *   journal     every entry from the image's cut on: header, rows, pieces (recovery.h's letters)
 *   tables      opened read-only: what cannot be opened ends the verification here
 *   partitions  index blocks, every tile, every batch, the live slot
 *
 * Nothing is written and no lock is taken: the store is stopped, or a copy.
 *
 * Memory     the ring, an image, one read of at most 1 MiB, one batch.
 * Thread     the io's thread; blocks.
 * Fails      only when it cannot look: I/O errors, no memory, no such directory. What it finds
 *            goes to `found`, in the order above.
 */
#ifndef LOG_VERIFY_H
#define LOG_VERIFY_H

#include "engine/log/store.h"

enum find_class { FIND_NOTE, FIND_HEALABLE, FIND_DAMAGE, FIND_CLASS_COUNT };
enum find_kind {
#define FIND(name, class_, what, advice) FOUND_##name,
#include "engine/log/verify.def"
#undef FIND
    FIND_KIND_COUNT
};
struct find_kind_info {
    const char *name;
    enum find_class class_;
    const char *what, *advice;
};
const struct find_kind_info *find_kind_info(enum find_kind kind);

struct find {
    enum find_kind kind;
    char file[32];
    uint64_t pos, len; /* bytes of the file; len 0: the whole file */
    bool of_part;      /* the rest is valid */
    uint32_t part, index;
    struct id16 topic;
    uint64_t part_pos;         /* PIECE: position in the partition */
    uint64_t extent;           /* 0: none */
    uint64_t from_off, to_off; /* offsets that may be affected: [from_off, to_off) */
    struct why why;            /* what exactly; may be empty */
};

struct verify_opts {
    void (*found)(const struct find *f, void *arg);
    void *arg;
    /* Restricts the blocks of extents that are read to those of one volume in [from, to): sweeps
     * verify after each change just what the change could touch. All else is always verified. */
    bool ranged;
    uint32_t range_vol;
    uint64_t range_from, range_to;
};

struct verify_counts {
    uint64_t files, pages, entries, parts, extents, index_blocks, tiles, batches, slots;
    uint64_t bytes; /* of batches, verified */
    uint64_t finds[FIND_CLASS_COUNT];
};

enum err verify_run(struct io *io, int dir, const struct verify_opts *opts,
                    struct verify_counts *counts, struct why *why);

#endif
