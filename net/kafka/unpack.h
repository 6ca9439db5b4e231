/* unpack.h -- looks into a compressed batch: are its records whole, and when were they made?
 *
 * The batch stays as it is. Its records are unpacked piece by piece, taken apart as they come, and
 * forgotten: no memory is needed for all of them, whatever a small batch claims to hold.
 *
 * Owner      an unpacker belongs to one thread; it keeps what the libraries allocate.
 * Memory     64 KiB for a piece, and what a format needs to look back: up to 128 KiB in a turn, up
 *            to 128 MiB with a large limit. A block of snappy is unpacked whole, and one of lz4,
 *            which has up to 64 KiB in a turn, 4 MiB elsewhere. Snappy's block is 22 times what it
 *            came in at most, whatever it claims.
 * Fails      BAD_BATCH: `why` says what; TOO_LARGE: more than bytes_max come out of it; NO_MEMORY:
 *            to look back, or for a block; CLOSED: nobody wants to know any more.
 */
#ifndef KAFKA_UNPACK_H
#define KAFKA_UNPACK_H

#include <stdatomic.h>

#include "engine/base/batch.h"

#define UNPACK_TURN_BYTES                                                                         \
    KIB(64)                       /* of a batch, more does not go in or out in a shard's turn ... \
                                   */
#define UNPACK_TURN_SUM  KIB(256) /* ... and of all batches, this: about a millisecond */
#define UNPACK_BYTES_MAX MIB(512) /* more than this does not come out of any batch */

struct unpacker; /* NULL: made when it is needed */
void unpacker_close(struct unpacker **u);

struct unpack {
    struct bytes batch;      /* batch_verify() was passed; not compressed is fine, too */
    uint64_t bytes_max;      /* of its records */
    int64_t find_ms;         /* the first record that is not older ... */
    uint64_t find_off;       /* ... and has this offset, or a later one */
    const atomic_bool *gone; /* nobody wants to know any more; NULL: somebody does */
    /* Results. */
    enum err err;
    struct why why;
    uint64_t bytes;
    int64_t max_time, min_time; /* of all records */
    uint64_t found_off;
    int64_t found_ms;
    bool found;
};
void unpack_run(struct unpacker **with, struct unpack *u);

/* What a shard has unpacked in this turn. */
struct unpack_desk {
    struct unpacker *with;
    uint64_t in, out; /* bytes; set to 0 once a turn */
};
/* The same in a shard's turn, where that is short: bytes_max is UNPACK_TURN_BYTES. False: it is to
 * be done elsewhere, from the start. A batch that is not compressed is never too long. */
bool unpack_near(struct unpack_desk *d, struct unpack *u);

#endif
