/* errand_wait.c -- requests that find no memory at their beginning: they wait, and begin anew.
 *
 * What a request takes follows from what it names, and is known only while it is taken. Until a
 * verb of it is under way that does more than look, nothing has happened yet: all that it took is
 * given back, but for its frame, and when there is as much as it asked for last it begins from its
 * bytes again. The order of its connection holds, for it is the one that others wait for. Later
 * than that it cannot wait, and the connection ends.
 *
 * Who waits here holds a frame, and those behind it of its connection; so all memory may be of such
 * frames. That ends with the oldest: who waits for WAIT_NS is cut.
 *
 *   errand_start --refused--> waits --rewound, then there is as much--> errand_start
 *                               +--never as much, or too long, or the connection is gone--> ended
 */
#include "engine/base/check.h"
#include "net/kafka/front_in.h"

#define LOOK_NS (1 * MS_NS)
#define WAIT_NS (10 * SEC_NS)

static void look(struct timer *t);

static void look_later(struct desk_kafka *d)
{
    d->look.fire = look;
    timer_start(&d->desk->shard->timers, &d->look, desk_now(d->desk) + LOOK_NS);
}

void errand_wait_end(struct errand *c)
{
    if (!c->waits)
        return;
    c->waits = false;
    node_unlink(&c->wait);
    c->conn->desk->starved--;
}

bool errand_wait(struct errand *c, uint64_t bytes)
{
    struct desk_kafka *d = errand_desk(c);
    c->needs = c->charged - c->frame_charged + bytes;
    if (errand_gone(c) || c->frame_charged + c->needs > memory_begin_max(d->desk))
        return false;
    probe("kafka: a request waits for memory");
    if (c->wait_ns)
        list_push_front(&d->waiting, &c->wait); /* it was the first, and needs more than it knew */
    else
        list_push(&d->waiting, &c->wait);
    c->wait_ns = c->wait_ns ? c->wait_ns : desk_now(d->desk);
    c->waits = true;
    d->desk->starved++;
    if (!d->look.place)
        look_later(d);
    return true;
}

/* True: it does not wait any more. */
static bool wait_over(struct errand *c)
{
    struct desk_kafka *d = errand_desk(c);
    if (errand_gone(c)) {
        errand_wait_end(c);
        errand_answer_not(c);
    } else if (c->begun || c->wants_left || desk_now(d->desk) >= c->wait_ns + WAIT_NS) {
        errand_wait_end(c);
        errand_break(c, ERR_NO_MEMORY, "memory.network is used up, and was for 10 s");
    } else {
        return false;
    }
    return true;
}

/* What it needs is put aside at once: it may have to wait for others before it takes it, and who
 * begins after it must not find that. */
static void begin_again(struct errand *c)
{
    errand_wait_end(c);
    if (errand_set_aside(c, c->needs))
        errand_start(c);
}

static void look(struct timer *t)
{
    struct desk_kafka *d = container_of(t, struct desk_kafka, look);
    struct node *n;
    list_each (&d->waiting, node) {
        struct errand *c = container_of(node, struct errand, wait);
        if (!wait_over(c))
            errand_rewind(c);
    }
    while ((n = list_first(&d->waiting))) {
        struct errand *c = container_of(n, struct errand, wait);
        if (wait_over(c))
            continue;
        errand_rewind(c); /* it may wait since this pass alone: behind one that ended in it */
        if (!memory_begin_fits(d->desk, c->needs))
            break;
        begin_again(c);
    }
    if (!list_empty(&d->waiting) && !d->look.place) /* one that waits again may have started it */
        look_later(d);
}
