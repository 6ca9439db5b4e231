/* follow.c -- see follow.h. */
#include "tests/torture/follow.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/torture/ledger.h"
#include "tests/torture/value.h"
#include "tools/demo/demo.h"

#define WAIT_NS 20000000u

struct consumer {
    pthread_t thread;
    uint32_t index;
    struct sl_client *client;
    struct sl_client_topic topics[TOPICS];
    uint64_t offset[PARTS];
};

static struct consumer consumers[CONSUMERS];
static atomic_bool stopping;

static bool record_see(struct consumer *c, uint32_t part, const struct sl_record_view *r)
{
    struct value_key key;
    char why[VALUE_WHY_CHARS];
    const char *topic = topic_rows[topic_of(part)].name;
    if (r->offset != c->offset[part])
        wrong("consumer %u, %s-%u: offset %" PRIu64 " after %" PRIu64, c->index, topic,
              partition_of(part), r->offset, c->offset[part]);
    else if (!value_check(r, part, &key, why))
        wrong("consumer %u, %s-%u, offset %" PRIu64 ": %s", c->index, topic, partition_of(part),
              r->offset, why);
    else if (!ledger_saw(part, r->offset, value_hash(&key)))
        wrong("consumer %u, %s-%u, offset %" PRIu64 ": another consumer saw another record there",
              c->index, topic, partition_of(part), r->offset);
    else {
        c->offset[part]++;
        return true;
    }
    return false;
}

/* One fetch; a little patience at the first partition, none at the others. */
static bool part_follow(struct consumer *c, uint32_t part)
{
    struct sl_client_batches b = { 0 };
    struct sl_records it;
    struct sl_record_view r;
    struct sl_fetch_options o = { .size = sizeof(o), .offset = c->offset[part] };
    o.wait_ns = part == c->index ? WAIT_NS : 0;
    o.bytes_min = part == c->index;
    enum sl_err err =
        sl_client_fetch_wait(c->client, &c->topics[topic_of(part)], partition_of(part), &o, &b);
    if (err != SL_ERR_OK) {
        wrong("consumer %u, %s-%u, offset %" PRIu64 ": %s: %s", c->index,
              topic_rows[topic_of(part)].name, partition_of(part), o.offset, sl_err_name(err),
              sl_client_error(c->client)->text);
        return false;
    }
    sl_records_open(&it, b.at, b.bytes, o.offset);
    while (sl_records_next(&it, &r, &err))
        if (!record_see(c, part, &r))
            return false;
    if (err != SL_ERR_OK)
        wrong("consumer %u, %s-%u: %s", c->index, topic_rows[topic_of(part)].name,
              partition_of(part), sl_err_text(err));
    return err == SL_ERR_OK;
}

/* Until it is told to end, or something is wrong. */
static void *consumer_run(void *arg)
{
    struct consumer *c = arg;
    for (uint32_t part = 0; !stopping; part = (part + 1) % PARTS)
        if (!part_follow(c, part))
            break;
    sl_client_close(&c->client);
    return NULL;
}

void follow_start(uint16_t port)
{
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        struct consumer *c = &consumers[i];
        char id[32];
        snprintf(id, sizeof(id), "consumer %u", i);
        c->index = i;
        c->client = client_make(port, id);
        if (!c->client || !client_topics(c->client, c->topics))
            die("consumer %u cannot begin", i);
        if (pthread_create(&c->thread, NULL, consumer_run, c) != 0)
            die("cannot start a thread");
    }
}

void follow_stop(void)
{
    stopping = true;
    for (uint32_t i = 0; i < CONSUMERS; i++)
        pthread_join(consumers[i].thread, NULL);
}
