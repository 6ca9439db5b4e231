/* door_served.c -- a broker over TCP: `at` is HOST:PORT.
 *
 * After a cut the client connects again and sends again what has no answer; the appends carry a
 * producer, so that none of them is in the log twice. A program that only reads has a connection
 * for each partition: a client belongs to one thread. */
#include <errno.h>
#include <shardlog/client.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/door.h"

#define TIMEOUT_NS 60000000000u
#define FRAME_MAX  (32u << 20) /* the longest line, and its batch */

struct door {
    char *host;
    uint16_t port;
    struct sl_client *client;
    struct sl_client *readers[DEMO_PARTITIONS]; /* made when a partition is read first */
    struct sl_client_topic topic;
    struct door_append *done, **done_end;
};

static struct sl_client *connect_to(const struct door *d)
{
    struct sl_client *client;
    struct sl_why why = { 0 };
    struct sl_client_options o = { .size = sizeof(o),
                                   .host = d->host,
                                   .port = d->port,
                                   .id = program_invocation_short_name,
                                   .reconnect = true,
                                   .timeout_ns = TIMEOUT_NS,
                                   .frame_max = FRAME_MAX };
    if (sl_client_open(&client, &o, &why) != SL_ERR_OK)
        die("cannot reach the broker at %s:%u: %s", d->host, d->port, why.text);
    return client;
}

struct door *door_open(const char *at, bool notes)
{
    struct door *d = need(calloc(1, sizeof(*d)));
    char *colon;
    (void)notes; /* the broker has a log of its own */
    d->host = need(strdup(at));
    colon = strrchr(d->host, ':');
    if (!colon)
        die("%s: HOST:PORT is wanted", at);
    *colon = 0;
    d->port = (uint16_t)atoi(colon + 1);
    d->done_end = &d->done;
    d->client = connect_to(d);
    if (sl_client_producer(d->client, 1, 0) != SL_ERR_OK)
        die("%s", sl_client_error(d->client)->text);
    return d;
}

void door_close(struct door *d)
{
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++)
        sl_client_close(&d->readers[i]);
    sl_client_close(&d->client);
    free(d->host);
    free(d);
}

void door_topic_open(struct door *d)
{
    if (sl_client_describe(d->client, DEMO_TOPIC, &d->topic) != SL_ERR_OK)
        die("cannot open the topic: %s", sl_client_error(d->client)->text);
}

void door_topic_make(struct door *d, const char *durability)
{
    struct sl_setting settings[DEMO_SETTINGS];
    struct sl_topic_options o = demo_topic(settings, durability);
    enum sl_err err = sl_client_create(d->client, DEMO_TOPIC, &o, NULL);
    if (err != SL_ERR_OK && err != SL_ERR_EXISTS)
        die("cannot make the topic: %s", sl_client_error(d->client)->text);
    door_topic_open(d);
}

uint64_t door_end(struct door *d, uint32_t partition)
{
    uint64_t offset;
    if (sl_client_offset(d->client, &d->topic, partition, SL_OFFSET_LATEST, 0, &offset, NULL) !=
        SL_ERR_OK)
        die("partition %u: %s", partition, sl_client_error(d->client)->text);
    return offset;
}

void door_read(struct door *d, uint32_t partition, uint64_t offset, struct door_batches *out)
{
    struct sl_fetch_options o = { .size = sizeof(o), .offset = offset };
    struct sl_client_batches b = { 0 };
    if (!d->readers[partition])
        d->readers[partition] = connect_to(d);
    *out = (struct door_batches){ 0 };
    out->err = sl_client_fetch_wait(d->readers[partition], &d->topic, partition, &o, &b);
    out->at = b.at;
    out->bytes = b.bytes;
}

void door_read_free(struct door_batches *b)
{
    (void)b; /* the client's, until its next call */
}

static void append_done(void *arg, const struct sl_appended *result)
{
    struct door_append *a = arg;
    a->result = *result;
    a->done_ns = now_ns();
    a->next = NULL;
    *a->door->done_end = a;
    a->door->done_end = &a->next;
}

void door_append(struct door *d, uint32_t partition, const struct sl_record *records,
                 uint32_t count, struct door_append *a)
{
    a->door = d;
    a->start_ns = now_ns();
    if (sl_client_append(d->client, &d->topic, partition, records, count, NULL, append_done, a) !=
        SL_ERR_OK)
        die("append to partition %u: %s", partition, sl_client_error(d->client)->text);
}

struct door_append *door_done(struct door *d)
{
    while (!d->done)
        if (sl_client_poll(d->client, TIMEOUT_NS, NULL) != SL_ERR_OK)
            die("%s", sl_client_error(d->client)->text);
    struct door_append *a = d->done;
    d->done = NULL;
    d->done_end = &d->done;
    return a;
}
