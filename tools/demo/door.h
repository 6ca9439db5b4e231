/* door.h -- how the demo's programs reach the log: through the engine inside them, or over TCP.
 *
 * Two files implement it, door_embedded.c and door_served.c; a program is linked with one of them.
 *
 * Owner      the program.
 * Thread     one; beside it, door_read() of each partition may have a thread of its own.
 * Memory     records are copied before door_append() returns.
 * Fails      ends the program with a sentence, but for door_read() and appends: what they answer is
 *            for the caller to judge.
 */
#ifndef DEMO_DOOR_H
#define DEMO_DOOR_H

#include <shardlog/engine.h>

#include "tools/demo/demo.h"

/* The topic of the demo, for both ways of making it. */
#define DEMO_SETTINGS 3u
struct sl_topic_options demo_topic(struct sl_setting settings[DEMO_SETTINGS],
                                   const char *durability);

struct door;

/* `at` is a directory, or HOST:PORT. `notes`: says on stderr what the engine has to note. */
struct door *door_open(const char *at, bool notes);
void door_close(struct door *d);
/* Makes the topic if there is none yet, and opens it. */
void door_topic_make(struct door *d, const char *durability);
void door_topic_open(struct door *d);
/* Where the next append to this partition goes. */
uint64_t door_end(struct door *d, uint32_t partition);

/* Whole batches from `offset` on; bytes 0: the end. Free it before the partition's next read. */
struct door_batches {
    enum sl_err err;
    const void *at;
    size_t bytes;
    struct sl_batches loan; /* the engine's */
};
void door_read(struct door *d, uint32_t partition, uint64_t offset, struct door_batches *out);
void door_read_free(struct door_batches *b);

/* An append under way: the caller's memory until door_done() gave it back. */
struct door_append {
    struct sl_appended result;
    uint64_t start_ns, done_ns;
    struct door *door;
    struct door_append *next;
};
/* At most 4 of a partition: what a producer may have unanswered, and one less. */
void door_append(struct door *d, uint32_t partition, const struct sl_record *records,
                 uint32_t count, struct door_append *a);
/* Waits until something is done; gives all that is, in order. */
struct door_append *door_done(struct door *d);

#endif
