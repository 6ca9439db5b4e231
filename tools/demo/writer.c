/* writer.c -- loads the inputs into a topic of 4 partitions, and goes on where the log ends.
 *
 *     demo_writer DIR INPUTS DURABILITY BATCH-BYTES RUN PIPE
 *
 * A user of the library like any other: it knows <shardlog/...> and the C library.
 *
 *   - opens the engine in DIR, makes the topic if the log has none
 *   - reads the newest record of each partition: its headers say where to go on
 *   - keeps WINDOW batches of each partition in flight; an acknowledgement, once its callback ran,
 *     is told to the parent through PIPE (a descriptor)
 *   - may be killed at any moment */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shardlog/engine.h>

#include "tools/demo/feed.h"

#define WINDOW 4u /* more of them waits longer and is not faster */

/* One append under way. */
struct flight {
    struct writer *writer;
    struct message ack; /* filled when it starts, but for offset and ns */
    uint64_t start_ns, done_ns;
    struct sl_appended result;
    struct flight *next;
};

struct writer {
    struct sl_engine *engine;
    struct sl_topic *topic;
    const char *durability;
    struct inputs inputs;
    struct feed feeds[DEMO_PARTITIONS];
    uint32_t in_flight[DEMO_PARTITIONS];
    uint32_t batch_bytes, run;
    int pipe;
    struct flight flights[DEMO_PARTITIONS * WINDOW];
    struct flight *idle; /* the main thread's */
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct flight *done, **done_end; /* under lock: acknowledged, in order, not told yet */
};

/* ---- the log ---- */

static void note(void *arg, const char *line)
{
    const struct writer *w = arg;
    if (w->run == 0) /* the same each time */
        fprintf(stderr, "note       %s\n", line);
}

static void engine_start(struct writer *w, const char *dir)
{
    struct sl_why why = { 0 };
    struct sl_engine_options o = {
        .size = sizeof(o), .dirs = &dir, .dir_count = 1, .note = note, .note_arg = w
    };
    uint64_t start = now_ns();
    if (sl_engine_open(&w->engine, &o, &why) != SL_ERR_OK)
        die("cannot open the log in %s: %s", dir, why.text);
    message_put(w->pipe,
                (struct message){ .kind = TELL_OPEN, .run = w->run, .ns = now_ns() - start });
}

static void topic_start(struct writer *w)
{
    struct sl_why why = { 0 };
    struct sl_setting settings[] = {
        { "shardlog.durability", w->durability },
        { "max.message.bytes", DEMO_BATCH_MAX },
        { "retention.ms", "-1" },
    };
    struct sl_topic_options o = {
        .size = sizeof(o), .partitions = DEMO_PARTITIONS, .settings = settings, .setting_count = 3
    };
    enum sl_err err = sl_topic_create(w->engine, DEMO_TOPIC, &o, &why);
    if (err != SL_ERR_OK && err != SL_ERR_EXISTS)
        die("cannot make the topic: %s", why.text);
    if (sl_topic_open(w->engine, DEMO_TOPIC, &w->topic, &why) != SL_ERR_OK)
        die("cannot open the topic: %s", why.text);
}

/* The newest record of the batches at `offset` tells where its partition goes on. */
static void feed_find_place(struct writer *w, uint32_t partition, uint64_t offset)
{
    struct sl_batches b;
    struct sl_fetch_options o = { .size = sizeof(o), .offset = offset };
    enum sl_err err = sl_fetch_wait(w->topic, partition, &o, &b);
    if (err != SL_ERR_OK)
        die("cannot read offset %lu of partition %u: %s", offset, partition, sl_err_text(err));
    struct sl_records it;
    struct sl_record_view r;
    struct origin origin;
    sl_records_open(&it, b.at, b.bytes, offset);
    if (!sl_records_next(&it, &r, &err) || r.offset != offset || !origin_get(&r, &origin) ||
        !feed_resume(&w->feeds[partition], &origin, r.value_bytes))
        die("offset %lu of partition %u is not a line of the inputs", offset, partition);
    sl_batches_free(&b);
}

static void feeds_start(struct writer *w)
{
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
        struct sl_partition_info info = { .size = sizeof(info) };
        enum sl_err err = sl_partition_info(w->topic, i, &info);
        if (err == SL_ERR_OK)
            err = info.err;
        if (err != SL_ERR_OK)
            die("partition %u: %s", i, sl_err_text(err));
        feed_open(&w->feeds[i], &w->inputs, i, w->batch_bytes);
        if (info.next_offset)
            feed_find_place(w, i, info.next_offset - 1);
        message_put(w->pipe, (struct message){ .kind = TELL_END,
                                               .run = w->run,
                                               .partition = i,
                                               .offset = info.next_offset });
    }
}

/* ---- appends ---- */

/* On the shard's thread: keeps the result, wakes the main thread. */
static void append_done(void *arg, const struct sl_appended *result)
{
    struct flight *x = arg;
    struct writer *w = x->writer;
    x->result = *result;
    x->done_ns = now_ns();
    x->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->done_end = x;
    w->done_end = &x->next;
    pthread_cond_signal(&w->some);
    pthread_mutex_unlock(&w->lock);
}

static void flight_tell(struct writer *w, struct flight *x)
{
    if (x->result.err != SL_ERR_OK)
        die("append to partition %u: %s", x->ack.partition, sl_err_text(x->result.err));
    if (x->result.count != x->ack.count)
        die("append to partition %u: %u records became %u", x->ack.partition, x->ack.count,
            x->result.count);
    w->in_flight[x->ack.partition]--;
    x->ack.offset = x->result.base_offset;
    x->ack.ns = x->done_ns - x->start_ns;
    x->ack.in_flight = 0;
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++)
        x->ack.in_flight += w->in_flight[i];
    message_put(w->pipe, x->ack);
    x->next = w->idle;
    w->idle = x;
}

/* Tells what was acknowledged; waits for something if nothing was. */
static void flights_tell(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->some, &w->lock);
    struct flight *x = w->done, *next;
    w->done = NULL;
    w->done_end = &w->done;
    pthread_mutex_unlock(&w->lock);
    for (; x; x = next) {
        next = x->next;
        flight_tell(w, x);
    }
}

static void append_start(struct writer *w, uint32_t partition)
{
    struct feed *f = &w->feeds[partition];
    struct flight *x = w->idle;
    w->idle = x->next;
    feed_fill(f, sl_time_ms());
    x->ack = (struct message){ .kind = TELL_ACK,
                               .run = w->run,
                               .partition = partition,
                               .count = f->count,
                               .hash = f->hash,
                               .bytes = f->bytes };
    x->start_ns = now_ns();
    enum sl_err err = sl_append(w->topic, partition, f->records, f->count, NULL, append_done, x);
    if (err != SL_ERR_OK)
        die("append to partition %u: %s", partition, sl_err_text(err));
    w->in_flight[partition]++;
}

/* Starts what the window allows, one batch of each partition at a time. False: all is done. */
static bool appends_start(struct writer *w)
{
    bool busy = false, more = true;
    while (more) {
        more = false;
        for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
            if (w->in_flight[i] < WINDOW && !feed_end(&w->feeds[i])) {
                append_start(w, i);
                more = true;
            }
            busy |= w->in_flight[i] > 0;
        }
    }
    return busy;
}

static void writer_open(struct writer *w)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->some, NULL);
    w->done_end = &w->done;
    for (uint32_t i = 0; i < DEMO_PARTITIONS * WINDOW; i++) {
        w->flights[i] = (struct flight){ .writer = w, .next = w->idle };
        w->idle = &w->flights[i];
    }
}

int main(int argc, char **argv)
{
    static struct writer w;
    if (argc != 7)
        die("usage: %s DIR INPUTS DURABILITY BATCH-BYTES RUN PIPE", argv[0]);
    w.durability = argv[3];
    w.batch_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
    w.run = (uint32_t)strtoul(argv[5], NULL, 10);
    w.pipe = atoi(argv[6]);
    if (!inputs_load(&w.inputs, argv[2]))
        return 1;
    writer_open(&w);
    engine_start(&w, argv[1]);
    topic_start(&w);
    feeds_start(&w);
    while (appends_start(&w))
        flights_tell(&w);
    sl_topic_close(&w.topic);
    sl_engine_close(&w.engine);
    message_put(w.pipe, (struct message){ .kind = TELL_DONE, .run = w.run });
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++)
        feed_close(&w.feeds[i]);
    inputs_free(&w.inputs);
    return 0;
}
