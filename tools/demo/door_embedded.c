/* door_embedded.c -- the engine inside this program: `at` is its directory. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/demo/door.h"

struct door {
    struct sl_engine *engine;
    struct sl_topic *topic;
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct door_append *done, **done_end; /* under lock */
};

static void note(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "note       %s\n", line);
}

struct door *door_open(const char *at, bool notes)
{
    struct door *d = need(calloc(1, sizeof(*d)));
    struct sl_why why = { 0 };
    struct sl_engine_options o = { .size = sizeof(o), .dirs = &at, .dir_count = 1 };
    o.note = notes ? note : NULL;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->some, NULL);
    d->done_end = &d->done;
    if (sl_engine_open(&d->engine, &o, &why) != SL_ERR_OK)
        die("cannot open the log in %s: %s", at, why.text);
    return d;
}

void door_close(struct door *d)
{
    sl_topic_close(&d->topic);
    sl_engine_close(&d->engine);
    free(d);
}

void door_topic_open(struct door *d)
{
    struct sl_why why = { 0 };
    if (sl_topic_open(d->engine, DEMO_TOPIC, &d->topic, &why) != SL_ERR_OK)
        die("cannot open the topic: %s", why.text);
}

void door_topic_make(struct door *d, const char *durability)
{
    struct sl_why why = { 0 };
    struct sl_setting settings[DEMO_SETTINGS];
    struct sl_topic_options o = demo_topic(settings, durability);
    enum sl_err err = sl_topic_create(d->engine, DEMO_TOPIC, &o, &why);
    if (err != SL_ERR_OK && err != SL_ERR_EXISTS)
        die("cannot make the topic: %s", why.text);
    door_topic_open(d);
}

uint64_t door_end(struct door *d, uint32_t partition)
{
    struct sl_partition_info info = { .size = sizeof(info) };
    enum sl_err err = sl_partition_info(d->topic, partition, &info);
    if (err == SL_ERR_OK)
        err = info.err;
    if (err != SL_ERR_OK)
        die("partition %u: %s", partition, sl_err_text(err));
    return info.next_offset;
}

void door_read(struct door *d, uint32_t partition, uint64_t offset, struct door_batches *out)
{
    struct sl_fetch_options o = { .size = sizeof(o), .offset = offset };
    *out = (struct door_batches){ .loan = { 0 } };
    out->err = sl_fetch_wait(d->topic, partition, &o, &out->loan);
    out->at = out->loan.at;
    out->bytes = out->loan.bytes;
}

void door_read_free(struct door_batches *b)
{
    sl_batches_free(&b->loan);
}

/* On the shard's thread: keeps the result, wakes the program. */
static void append_done(void *arg, const struct sl_appended *result)
{
    struct door_append *a = arg;
    struct door *d = a->door;
    a->result = *result;
    a->done_ns = now_ns();
    a->next = NULL;
    pthread_mutex_lock(&d->lock);
    *d->done_end = a;
    d->done_end = &a->next;
    pthread_cond_signal(&d->some);
    pthread_mutex_unlock(&d->lock);
}

void door_append(struct door *d, uint32_t partition, const struct sl_record *records,
                 uint32_t count, struct door_append *a)
{
    a->door = d;
    a->start_ns = now_ns();
    enum sl_err err = sl_append(d->topic, partition, records, count, NULL, append_done, a);
    if (err != SL_ERR_OK)
        die("append to partition %u: %s", partition, sl_err_text(err));
}

struct door_append *door_done(struct door *d)
{
    pthread_mutex_lock(&d->lock);
    while (!d->done)
        pthread_cond_wait(&d->some, &d->lock);
    struct door_append *a = d->done;
    d->done = NULL;
    d->done_end = &d->done;
    pthread_mutex_unlock(&d->lock);
    return a;
}
