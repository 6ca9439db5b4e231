/* letters.c -- the shards' mailbox, and what it was compared with: a ring for each pair of shards
 * (docs/decisions/0010). */
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "engine/base/check.h"
#include "engine/shard/mailbox.h"

#define RING_SLOTS  256u
#define CROSS_COUNT 65536u /* letters of one pass between two threads */

/* ---- one producer, one consumer, bounded ---- */

struct ring {
    alignas(64) _Atomic uint64_t put;
    uint64_t taken_seen; /* producer's copy */
    alignas(64) _Atomic uint64_t taken;
    alignas(64) struct letter *slots[RING_SLOTS];
};

static bool ring_put(struct ring *r, struct letter *l)
{
    uint64_t put = atomic_load_explicit(&r->put, memory_order_relaxed);
    if (put - r->taken_seen == RING_SLOTS) {
        r->taken_seen = atomic_load_explicit(&r->taken, memory_order_acquire);
        if (put - r->taken_seen == RING_SLOTS)
            return false;
    }
    r->slots[put % RING_SLOTS] = l;
    atomic_store_explicit(&r->put, put + 1, memory_order_release);
    return true;
}

static uint32_t ring_take(struct ring *r)
{
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed), from = taken;
    uint64_t put = atomic_load_explicit(&r->put, memory_order_acquire);
    for (; taken < put; taken++)
        r->slots[taken % RING_SLOTS]->open = NULL; /* as an opening does: the letter is touched */
    if (taken != from)
        atomic_store_explicit(&r->taken, taken, memory_order_release);
    return (uint32_t)(taken - from);
}

static uint32_t mailbox_drain(struct mailbox *m)
{
    uint32_t count = 0;
    for (struct letter *l = mailbox_take(m), *next; l; l = next, count++) {
        next = l->next;
        l->open = NULL;
    }
    return count;
}

/* ---- the two behind one face ---- */

struct micro_mail {
    uint32_t rings; /* 0: the mailbox */
    struct mailbox box;
    struct ring *ring;
    struct letter *letters;
};

struct micro_mail *micro_mail_open(uint32_t rings)
{
    struct micro_mail *m = calloc(1, sizeof(*m));
    check(m);
    m->rings = rings;
    mailbox_open(&m->box);
    m->letters = calloc(CROSS_COUNT, sizeof(*m->letters));
    if (rings)
        m->ring = aligned_alloc(64, rings * sizeof(*m->ring));
    check(m->letters && (m->ring || !rings));
    if (rings)
        memset(m->ring, 0, rings * sizeof(*m->ring));
    return m;
}

void micro_mail_close(struct micro_mail *m)
{
    free(m->letters);
    free(m->ring);
    free(m);
}

static bool mail_post(struct micro_mail *m, struct letter *l)
{
    if (m->rings)
        return ring_put(&m->ring[0], l);
    (void)mailbox_post(&m->box, l);
    return true;
}

static uint32_t mail_take(struct micro_mail *m)
{
    uint32_t count = m->rings ? 0 : mailbox_drain(&m->box);
    for (uint32_t i = 0; i < m->rings; i++)
        count += ring_take(&m->ring[i]);
    return count;
}

uint32_t micro_mail_look(struct micro_mail *m)
{
    return mail_take(m);
}

uint32_t micro_mail_own(struct micro_mail *m, uint32_t letters)
{
    for (uint32_t i = 0; i < letters; i++)
        check(mail_post(m, &m->letters[i]));
    return mail_take(m);
}

static void *mail_poster(void *arg)
{
    struct micro_mail *m = arg;
    for (uint32_t i = 0; i < CROSS_COUNT; i++)
        while (!mail_post(m, &m->letters[i]))
            sched_yield(); /* full: a shard would go on with its turn */
    return NULL;
}

uint32_t micro_mail_cross(struct micro_mail *m)
{
    pthread_t poster;
    uint32_t count = 0;
    check(pthread_create(&poster, NULL, mail_poster, m) == 0);
    while (count < CROSS_COUNT)
        count += mail_take(m);
    pthread_join(poster, NULL);
    return count;
}
