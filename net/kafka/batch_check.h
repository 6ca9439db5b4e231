/* batch_check.h -- is this what a client may produce? All of it that the bytes alone can say.
 *
 * Thread     pure but for the unpacker; one at a time.
 * Memory     the batch is the caller's. It stays as it was sent, but that a compressed one whose
 *            header claims another largest time than its records have gets the right one: times are
 *            looked for by it; and one that claims the broker's time gets the producer's.
 */
#ifndef KAFKA_BATCH_CHECK_H
#define KAFKA_BATCH_CHECK_H

#include "engine/base/batch.h"
#include "net/kafka/error.h"
#include "net/kafka/unpack.h"

struct batch_check {
    struct bytes records; /* of one partition, as they came */
    int16_t version;      /* of Produce */
    bool append_time;     /* the topic has the node's time; else the records' may be ... */
    int64_t now_ms, before_max_ms, after_max_ms; /* ... so far from this; INT64_MAX: any */
    struct batch_sums *sums; /* room for them, its phase set; NULL: not wanted */
    /* Results; count and max_time when it is OK. */
    enum kafka_error error;
    struct why why;
    struct batch_info info;
    int64_t max_time;
    struct unpack unpack; /* of a compressed one */
};
/* False: its records have to be looked at, and are too many for a turn. Then batch_check_far()
 * elsewhere, until so many bytes came out, or it is gone; and batch_check_end(). */
bool batch_check(struct batch_check *b, struct unpack_desk *with);
void batch_check_far(struct batch_check *b, uint64_t bytes_max, const atomic_bool *gone);
void batch_check_end(struct batch_check *b);

#endif
