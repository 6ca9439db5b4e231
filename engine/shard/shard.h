/* shard.h -- one thread's worth of engine: an io, its stores, its mail, its timers, its turn.
 *
 * A shard decides nothing: it gives everything that lives on it its moment, in one order
 * (shard_turn). It makes no thread of its own; the first thread that turns it is its thread.
 *
 * Owner      serve; opened and closed with it.
 * Thread     the one that turns it; shard_post() from any.
 * Memory     a heap of timer pointers; the rest is its owners'.
 * Fails      shard_start() as io_open() does.
 */
#ifndef SHARD_SHARD_H
#define SHARD_SHARD_H

#include "engine/base/list.h"
#include "engine/io/io.h"
#include "engine/log/store.h"
#include "engine/shard/mailbox.h"
#include "engine/shard/timer.h"

/* A store on a shard: shard_add() links it, and from then on it has its slice of every turn. */
struct berth {
    struct node node;
    struct store *store;
};

struct shard {
    struct mailbox mailbox; /* first: its own cache line */
    struct letter *letters; /* taken from the mailbox and not opened yet, oldest first */
    uint64_t turn_bytes;    /* moved by this turn's letters so far: whoever opens one adds to it */
    uint32_t number;
    struct io *io; /* NULL until shard_start() */
    struct list berths;
    struct timers timers;
    void (*after)(struct shard *s); /* the owner's slice, after the stores'; may be NULL */
    void *owner;
};

void shard_open(struct shard *s, uint32_t number);
/* Opens the io, on the thread that will turn the shard. */
enum err shard_start(struct shard *s, const struct io_opts *opts);
/* Closes the io; the stores are closed already. A shard that never started is fine. */
void shard_close(struct shard *s);

void shard_add(struct shard *s, struct berth *b, struct store *store);
void shard_remove(struct berth *b);

/* One turn; see shard.c. Waits at most wait_ns if there is nothing to do. Returns how many
 * letters, timers and completions there were. */
uint32_t shard_turn(struct shard *s, uint64_t wait_ns);
/* When it wants its next turn although nothing completes: now if there is mail; UINT64_MAX: never.
 */
uint64_t shard_due_ns(const struct shard *s);

/* Sends a letter; it is opened in a later turn, also when the sender is the shard itself. */
void shard_post(struct shard *s, struct letter *l);
/* The shard whose turn the calling thread is in; NULL: none. */
struct shard *shard_current(void);

#endif
