/* load.c -- see load.h. */
#include "tests/torture/load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/torture/ledger.h"
#include "tests/torture/value.h"
#include "tools/demo/demo.h"

#define BATCH_RECORDS_MAX 50u
#define FLIGHTS           (PARTS * UNANSWERED_MAX)
#define POLL_NS           5000000u
#define PRODUCER_ID       7000 /* of the first one */

struct flight {
    struct producer *producer;
    struct flight *next; /* idle */
    struct ack ack;      /* but for its offset */
    uint32_t part;
    uint64_t bytes;
};

struct producer {
    pthread_t thread;
    uint32_t index;
    unsigned random;
    struct sl_client *client;
    struct sl_client_topic topics[TOPICS];
    uint64_t next[PARTS]; /* number of the next record */
    uint32_t under_way[PARTS];
    uint64_t due_ns; /* of the next append, by the pace */
    bool broken;
    struct flight flights[FLIGHTS];
    struct flight *idle;
    struct value_key keys[BATCH_RECORDS_MAX];
    struct sl_record records[BATCH_RECORDS_MAX];
};

static struct producer producers[PRODUCERS];
static _Atomic uint64_t pace_bytes_s, duplicates;
static _Atomic int pace_mix;
static atomic_bool stopping;

static uint32_t draw(struct producer *p, uint32_t below)
{
    return (uint32_t)rand_r(&p->random) % below;
}

/* ---- appends ---- */

static void append_done(void *arg, const struct sl_appended *r)
{
    struct flight *x = arg;
    struct producer *p = x->producer;
    const struct topic_row *topic = &topic_rows[topic_of(x->part)];
    p->under_way[x->part]--;
    x->next = p->idle;
    p->idle = x;
    if (r->err != SL_ERR_OK) {
        wrong("producer %u, %s-%u, record %lu: %s: %s", p->index, topic->name,
              partition_of(x->part), x->ack.first, sl_err_name(r->err),
              sl_client_error(p->client)->text);
        p->broken = true;
        return;
    }
    if (r->count != x->ack.count || r->bought < topic->least)
        wrong("producer %u, %s-%u, record %lu: %u records became %u, bought %d", p->index,
              topic->name, partition_of(x->part), x->ack.first, x->ack.count, r->count, r->bought);
    duplicates += r->duplicate;
    x->ack.offset = r->base_offset;
    ledger_ack(x->part, x->ack);
    ledger_count_bytes(x->bytes);
}

/* Sizes of one batch: none, some, or one large one. */
static uint32_t sizes_draw(struct producer *p, uint32_t sizes[BATCH_RECORDS_MAX])
{
    uint32_t kind = draw(p, 100), count = 1;
    int mix = pace_mix;
    if (mix == LOAD_LARGE || (mix == LOAD_ANY && kind < 5)) {
        sizes[0] = kind % 5 == 0 ? VALUE_MAX : VALUE_MAX / 2 + draw(p, VALUE_MAX / 2);
    } else if (mix == LOAD_ANY && kind < 20) {
        sizes[0] = draw(p, 64 << 10);
    } else if (mix == LOAD_ANY && kind < 30) {
        sizes[0] = 0;
    } else { /* at most 27 KiB: by way of the journal */
        count = mix == LOAD_SMALL ? BATCH_RECORDS_MAX : 1 + draw(p, BATCH_RECORDS_MAX);
        for (uint32_t i = 0; i < count; i++)
            sizes[i] = draw(p, mix == LOAD_SMALL ? 1000 : 500);
    }
    return count;
}

static uint64_t batch_make(struct producer *p, uint32_t part, uint32_t *count)
{
    uint32_t sizes[BATCH_RECORDS_MAX];
    uint64_t bytes = 0;
    *count = sizes_draw(p, sizes);
    for (uint32_t i = 0; i < *count; i++) {
        value_make(&p->keys[i], &p->records[i], p->index, part, p->next[part] + i, sizes[i]);
        bytes += sizes[i];
    }
    return bytes;
}

static void append_start(struct producer *p, uint32_t part)
{
    struct flight *x = p->idle;
    x->part = part;
    x->bytes = batch_make(p, part, &x->ack.count);
    x->ack.first = p->next[part];
    x->ack.producer = p->index;
    enum sl_err err = sl_client_append(p->client, &p->topics[topic_of(part)], partition_of(part),
                                       p->records, x->ack.count, NULL, append_done, x);
    if (err == SL_ERR_BUSY) /* as many bytes under way as may be */
        return;
    if (err != SL_ERR_OK) {
        wrong("producer %u: %s", p->index, sl_client_error(p->client)->text);
        p->broken = true;
        return;
    }
    p->idle = x->next;
    p->under_way[part]++;
    p->next[part] += x->ack.count;
    uint64_t now = now_ns(), pace = pace_bytes_s / PRODUCERS + 1;
    p->due_ns = (p->due_ns > now ? p->due_ns : now) + (x->bytes + 1000) * 1000000000u / pace;
}

/* ---- threads ---- */

static void producer_turn(struct producer *p)
{
    uint64_t now = now_ns();
    for (uint32_t i = 0; i < PARTS && pace_bytes_s && p->due_ns <= now && !stopping; i++) {
        uint32_t part = draw(p, PARTS);
        if (p->under_way[part] < (pace_mix == LOAD_LARGE ? 1 : UNANSWERED_MAX))
            append_start(p, part);
    }
    uint64_t wait = p->due_ns > now && p->due_ns - now < POLL_NS ? p->due_ns - now : POLL_NS;
    sl_client_poll(p->client, wait, NULL);
}

static bool producer_open(struct producer *p, uint16_t port)
{
    char id[32];
    snprintf(id, sizeof(id), "producer %u", p->index);
    p->client = client_make(port, id);
    for (uint32_t i = 0; i < FLIGHTS; i++) {
        p->flights[i] = (struct flight){ .producer = p, .next = p->idle };
        p->idle = &p->flights[i];
    }
    return p->client && client_topics(p->client, p->topics) &&
           sl_client_producer(p->client, PRODUCER_ID + p->index, 0) == SL_ERR_OK;
}

static void *producer_run(void *arg)
{
    struct producer *p = arg;
    while (!stopping && !p->broken)
        producer_turn(p);
    if (!p->broken && sl_client_flush(p->client) != SL_ERR_OK)
        wrong("producer %u: %s", p->index, sl_client_error(p->client)->text);
    sl_client_close(&p->client);
    return NULL;
}

void load_start(uint16_t port, uint64_t seed)
{
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        struct producer *p = &producers[i];
        p->index = i;
        p->random = (unsigned)seed + i;
        if (!producer_open(p, port))
            die("producer %u cannot begin", i);
        if (pthread_create(&p->thread, NULL, producer_run, p) != 0)
            die("cannot start a thread");
    }
}

void load_pace(uint64_t bytes_s, enum load_mix mix)
{
    pace_mix = (int)mix;
    pace_bytes_s = bytes_s;
}

void load_stop(void)
{
    stopping = true;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
}

uint64_t load_written(uint32_t producer, uint32_t part)
{
    return producers[producer].next[part];
}

uint64_t load_duplicates(void)
{
    return duplicates;
}
