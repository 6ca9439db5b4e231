/* producer.h -- idempotent producers of one partition: is this batch new, or here already?
 *
 * A producer numbers its batches; what it sends again after a cut must not be appended again. For
 * each producer the last five batches are remembered, Kafka's window: a client has at most five
 * under way. Pure: a batch is claimed first, and settled when its append ended.
 *
 * What is promised today: within one run of the engine. The state is in memory alone; after a
 * restart a producer is unknown, and the first batch of an unknown producer is taken whatever its
 * number. At most PRODUCERS_MAX producers are remembered for a partition; beyond that the one that
 * was silent longest is forgotten.
 *
 * Owner      a partition.
 * Thread     one shard's.
 * Memory     about 200 B for each producer.
 * Fails      see enum producer_verdict; NO_MEMORY is fatal (check).
 */
#ifndef COORD_PRODUCER_H
#define COORD_PRODUCER_H

#include "engine/base/list.h"
#include "engine/base/types.h"

#define PRODUCER_WINDOW  5u
#define PRODUCERS_MAX    1024u
#define PRODUCER_BUCKETS 64u /* chains of at most 16 on average */

enum producer_verdict {
    PRODUCER_NEW,       /* append it; then producer_settle() */
    PRODUCER_DUPLICATE, /* it is here: `batch` says where */
    PRODUCER_PENDING,   /* it is here, but its append is not settled yet */
    PRODUCER_SEQUENCE,  /* a batch before it is missing, or it is too old to be told apart */
    PRODUCER_FENCED,    /* a newer epoch of this producer was seen */
};

/* One batch of a producer. Sequences are 31 bits and go back to 0 after INT32_MAX. */
struct producer_batch {
    int32_t first, last; /* sequences */
    uint64_t base_off;   /* settled: where it is */
    int64_t append_ms;
    enum { BATCH_NONE, BATCH_PENDING, BATCH_SETTLED, BATCH_FAILED } state;
};

struct producer {
    struct node node;      /* producers.by_use */
    struct producer *next; /* in its bucket */
    int64_t id;
    int16_t epoch;
    uint8_t newest; /* index in batches */
    struct producer_batch batches[PRODUCER_WINDOW];
};

struct producers {
    struct list by_use; /* least recently used first */
    struct producer *buckets[PRODUCER_BUCKETS];
    uint32_t count;
};

struct producer_claim {
    int64_t id;
    int16_t epoch;
    int32_t sequence;
    uint32_t count;
};

void producers_open(struct producers *ps);
void producers_close(struct producers *ps);
enum producer_verdict producer_claim(struct producers *ps, const struct producer_claim *c,
                                     struct producer_batch *batch);
/* What became of a NEW claim; `ok` false: it is not in the log, and may be claimed again if nothing
 * newer was claimed since. */
void producer_settle(struct producers *ps, const struct producer_claim *c, bool ok,
                     uint64_t base_off, int64_t append_ms);

#endif
