/* shard.c -- the turn. */
#include "engine/shard/shard.h"

#include "engine/base/check.h"

#define TURN_BYTES_MAX (256u << 10) /* about 50 us of copying and checking */

static _Thread_local struct shard *current; /* the shard whose turn this thread is in */

void shard_open(struct shard *s, uint32_t number)
{
    *s = (struct shard){ .number = number };
    mailbox_open(&s->mailbox);
    list_init(&s->berths);
}

enum err shard_start(struct shard *s, const struct io_opts *opts)
{
    check(!s->io);
    return io_open(&s->io, opts);
}

void shard_close(struct shard *s)
{
    timers_close(&s->timers);
    io_close(&s->io);
}

void shard_add(struct shard *s, struct berth *b, struct store *store)
{
    b->store = store;
    list_push(&s->berths, &b->node);
}

void shard_remove(struct berth *b)
{
    node_unlink(&b->node);
}

/* All letters there are, or as many as move TURN_BYTES_MAX: the rest waits for the next turn, so
 * that a burst of large batches does not keep what is on its way to the disk, and what came back
 * from it, waiting until all of them are copied. */
static uint32_t letters_open(struct shard *s)
{
    uint32_t opened = 0;
    s->turn_bytes = 0;
    if (!s->letters)
        s->letters = mailbox_take(&s->mailbox);
    for (struct letter *l; (l = s->letters) && s->turn_bytes < TURN_BYTES_MAX; opened++) {
        s->letters = l->next; /* open() may free it, or send it on */
        l->open(l, s);
    }
    return opened;
}

static void stores_turn(struct shard *s)
{
    list_each (&s->berths, n) {
        store_turn(container_of(n, struct berth, node)->store);
    }
}

uint64_t shard_due_ns(const struct shard *s)
{
    if (s->letters || !mailbox_empty(&s->mailbox))
        return 0;
    uint64_t due = timers_due_ns(&s->timers);
    list_each (&s->berths, n) {
        due = min_u64(due, store_due_ns(container_of(n, struct berth, node)->store));
    }
    return due;
}

/* How long this turn may wait: until the caller's limit, or until something is due. */
static uint64_t turn_wait_ns(const struct shard *s, uint64_t wait_ns)
{
    uint64_t now = io_now_ns(s->io), due = shard_due_ns(s);
    return due <= now ? 0 : min_u64(wait_ns, due - now);
}

/* One order, every time:
 *
 *   letters     what others want from us
 *   timers      what we wanted to do by now
 *   stores      each builds its commit, paces its checkpoint, hands out reads
 *   after       the owner: parked fetches look at watermarks
 *   io          all that was started above goes to the kernel in one submit; wait, if nothing is
 *               due; reap, and run the dones
 *
 * What a done starts is submitted by the next turn, which does not wait before it has looked at
 * the stores again; so a record passes through: letter, store, submit | done, store, submit | done,
 * ack. Nothing here may block but io_turn(). */
uint32_t shard_turn(struct shard *s, uint64_t wait_ns)
{
    check(!current);
    current = s;
    uint32_t did = letters_open(s);
    did += timers_fire(&s->timers, io_now_ns(s->io));
    stores_turn(s);
    if (s->after)
        s->after(s);
    /* Whoever turns us may want to look at what was done: no waiting after work. */
    uint64_t wait = did ? 0 : turn_wait_ns(s, wait_ns);
    if (wait > 0 && !mailbox_sleep(&s->mailbox))
        wait = 0;
    did += io_turn(s->io, wait);
    mailbox_wake(&s->mailbox);
    current = NULL;
    return did;
}

void shard_post(struct shard *s, struct letter *l)
{
    if (mailbox_post(&s->mailbox, l))
        io_wake(s->io);
}

struct shard *shard_current(void)
{
    return current;
}
