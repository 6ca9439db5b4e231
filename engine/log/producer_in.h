/* producer_in.h -- between producer.c (appends, naming) and producer_load.c (image, recovery).
 *
 * Thread     the store's io only.
 */
#ifndef LOG_PRODUCER_IN_H
#define LOG_PRODUCER_IN_H

#include "engine/log/producer.h"

struct producer {
    struct node node;       /* producers.by_use */
    struct node store_node; /* store.producers_by_use */
    struct node fresh_node; /* while an entry is built: it has batches in it */
    struct part *part;
    struct producer_window *head; /* NULL: as named */
    uint32_t queued;              /* batches of it in the queue */
    uint8_t fresh; /* newest batches of named that the entry being built has to say */
    struct producer_window named;
};

/* A batch that no entry names yet. */
struct queued {
    struct producer *of;
    struct producer_batch batch;
    int16_t epoch;
};

/* Of one partition; there while it has producers. */
struct producers {
    struct list by_use; /* longest silent first */
    uint32_t count;
    uint32_t rows;        /* that naming the whole queue takes */
    struct queued *queue; /* ring of queue_cap (a power of two), in log order */
    uint32_t queue_from, queue_count, queue_cap;
};

bool window_push(struct producer_window *w, int16_t epoch, const struct producer_batch *b);
struct producer *producer_find(const struct part *p, int64_t id);
struct producer *producer_add(struct part *p, int64_t id); /* beyond the limits, if need be */
/* Found, or added where another one is forgotten; used now. */
struct producer *producer_take(struct part *p, int64_t id);
void producers_trim(struct store *s);   /* to the store's limit */
void producer_used(struct producer *x); /* now: the last one to be forgotten */

#endif
