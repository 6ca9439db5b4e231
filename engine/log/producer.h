/* producer.h -- idempotent producers of a partition: is this batch new, or here already?
 *
 * A producer numbers its batches; what it sends again after a cut, or after the store died and came
 * back, must not be appended again. For each producer of a partition the last five batches are
 * remembered (Kafka's window: a client has at most five under way), twice:
 *
 *   named   those that a built entry says: what the image holds, and what recovery finds again
 *   head    those in the tail too: what the next append is compared with; exists only while it
 *           differs from named
 *
 * Between the two lies a queue of batches in log order. When an entry takes the partition to a
 * batch's end, the batch moves into `named`, and the entry says so with a PRODUCER row. So an entry
 * that is cut takes its batches and what is known of them together, and the state is a function of
 * the log's prefix: a batch that was recovered is known, one that was not is new.
 *
 * A producer is forgotten when it was silent for opts.producer_expiry_ms, or longest of all when
 * there are too many: PRODUCERS_MAX in a partition, opts.producers_max in the store. The first
 * batch of an unknown one is taken whatever its number.
 *
 * Owner      the store (index by partition and id), each partition (its list and queue).
 * Thread     the store's io only.
 * Memory     about 290 B for each producer, index included; 40 B for each batch that no entry names
 *            yet, and nothing for a partition without producers. store_counts() tells.
 * Invariant  head is named, then the queue's batches of this producer
 * Fails      NO_MEMORY is fatal (check).
 */
#ifndef LOG_PRODUCER_H
#define LOG_PRODUCER_H

#include "engine/log/image.h"

/* Of a partition; and of a store, if opts do not say: 72 MiB, and 29 MiB of a copy of the image. */
#define PRODUCERS_MAX           1024u
#define PRODUCERS_STORE_DEFAULT (256u << 10)
#define PRODUCER_EXPIRY_DEFAULT (24ll * 3600 * 1000) /* ms: Kafka's producer.id.expiration.ms */
#define PRODUCER_ROWS_MAX       128u /* of a partition in one entry; and a quarter of the entry */

struct producer_claim {
    int64_t id;
    int16_t epoch;
    int32_t first;
    uint32_t count;
};

enum producer_verdict {
    PRODUCER_NEW,       /* append it; then producers_placed() */
    PRODUCER_DUPLICATE, /* it is here: `old` says where */
    PRODUCER_SEQUENCE,  /* a batch before it is missing, or it is too old to be told apart */
    PRODUCER_FENCED,    /* a newer epoch of this producer was seen */
    PRODUCER_WAIT,      /* the next entry, or the first image with producers, has to come first */
};

/* False: the append has no producer, or its batch no sequence. */
bool producer_claim(const struct append *a, struct producer_claim *out);
enum producer_verdict producers_judge(struct part *p, const struct producer_claim *c,
                                      struct producer_batch *old);
void producers_placed(struct part *p, const struct producer_claim *c, uint64_t base_off,
                      int64_t append_ms);

/* Rows that naming all of the queue takes. */
uint32_t producers_rows(const struct part *p);
/* The entry being built takes p to `off`: puts rows for the batches below it. */
void producers_name(struct part *p, uint64_t off, void (*put)(void *arg, const struct row *row),
                    void *arg);
/* What the image says of p, appended to the section's bytes. */
void producers_capture(const struct part *p, struct buf *to);

/* Recovery: the section's bytes; then the rows after it. CORRUPT: they contradict the tables. */
enum err producers_load(struct store *s, const uint8_t *at, size_t len);
enum err producers_replay(struct part *p, const struct producer_row *r);

void producers_expire(struct store *s);
/* Offsets [from, to) were given up by an operator: whoever has a batch there is forgotten, so that
 * what is sent again is taken. */
void producers_forget(struct part *p, uint64_t from, uint64_t to);
void producers_close(struct part *p);

uint32_t producers_count(const struct part *p);
/* The i-th producer of p, longest silent first; false: none. Walks a list: for tools and tests. */
bool producers_at(const struct part *p, uint32_t i, struct producer_window *out);

#endif
