/* writer.c -- loads the inputs into a topic of 4 partitions, and goes on where the log ends.
 *
 *     demo_writer AT INPUTS DURABILITY BATCH-BYTES RUN PIPE
 *
 * AT is a directory, with the engine in this program; or HOST:PORT of a broker. A user of the
 * library like any other: it knows <shardlog/...> and the C library.
 *
 *   - makes the topic if the log has none
 *   - reads the newest record of each partition: its headers say where to go on
 *   - keeps WINDOW batches of each partition in flight; an acknowledgement, once it came, is told
 * to the parent through PIPE (a descriptor)
 *   - may be killed at any moment, and so may the broker */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/door.h"
#include "tools/demo/feed.h"

#define WINDOW 4u /* more of them waits longer and is not faster */

/* One append under way. */
struct flight {
    struct door_append append; /* first: what door_done() gives */
    struct message ack;        /* filled when it starts, but for offset and ns */
    struct flight *next;       /* idle ones */
};

struct writer {
    struct door *door;
    struct inputs inputs;
    struct feed feeds[DEMO_PARTITIONS];
    uint32_t in_flight[DEMO_PARTITIONS];
    uint32_t batch_bytes, run;
    int pipe;
    struct flight flights[DEMO_PARTITIONS * WINDOW];
    struct flight *idle;
};

/* ---- the log ---- */

static void log_start(struct writer *w, const char *at, const char *durability)
{
    uint64_t start = now_ns();
    w->door = door_open(at, w->run == 0); /* it notes the same each time */
    message_put(w->pipe,
                (struct message){ .kind = TELL_OPEN, .run = w->run, .ns = now_ns() - start });
    door_topic_make(w->door, durability);
}

/* The newest record of the batches at `offset` tells where its partition goes on. */
static void feed_find_place(struct writer *w, uint32_t partition, uint64_t offset)
{
    struct door_batches b;
    enum sl_err err;
    door_read(w->door, partition, offset, &b);
    if (b.err != SL_ERR_OK)
        die("cannot read offset %lu of partition %u: %s", offset, partition, sl_err_text(b.err));
    struct sl_records it;
    struct sl_record_view r;
    struct origin origin;
    sl_records_open(&it, b.at, b.bytes, offset);
    if (!sl_records_next(&it, &r, &err) || r.offset != offset || !origin_get(&r, &origin) ||
        !feed_resume(&w->feeds[partition], &origin, r.value_bytes))
        die("offset %lu of partition %u is not a line of the inputs", offset, partition);
    door_read_free(&b);
}

static void feeds_start(struct writer *w)
{
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
        uint64_t end = door_end(w->door, i);
        feed_open(&w->feeds[i], &w->inputs, i, w->batch_bytes);
        if (end)
            feed_find_place(w, i, end - 1);
        message_put(w->pipe, (struct message){
                                 .kind = TELL_END, .run = w->run, .partition = i, .offset = end });
    }
}

/* ---- appends ---- */

static void flight_tell(struct writer *w, struct flight *x)
{
    const struct sl_appended *result = &x->append.result;
    if (result->err != SL_ERR_OK)
        die("append to partition %u: %s (%s)", x->ack.partition, sl_err_text(result->err),
            sl_err_name(result->err));
    if (result->count != x->ack.count)
        die("append to partition %u: %u records became %u", x->ack.partition, x->ack.count,
            result->count);
    w->in_flight[x->ack.partition]--;
    x->ack.offset = result->base_offset;
    x->ack.at_ns = x->append.done_ns;
    x->ack.ns = x->append.done_ns - x->append.start_ns;
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
    struct door_append *a = door_done(w->door), *next;
    for (; a; a = next) {
        next = a->next;
        flight_tell(w, (struct flight *)a);
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
    door_append(w->door, partition, f->records, f->count, &x->append);
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

int main(int argc, char **argv)
{
    static struct writer w;
    if (argc != 7)
        die("usage: %s AT INPUTS DURABILITY BATCH-BYTES RUN PIPE", argv[0]);
    w.batch_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
    w.run = (uint32_t)strtoul(argv[5], NULL, 10);
    w.pipe = atoi(argv[6]);
    if (!inputs_load(&w.inputs, argv[2]))
        return 1;
    for (uint32_t i = 0; i < DEMO_PARTITIONS * WINDOW; i++) {
        w.flights[i].next = w.idle;
        w.idle = &w.flights[i];
    }
    log_start(&w, argv[1], argv[3]);
    feeds_start(&w);
    while (appends_start(&w))
        flights_tell(&w);
    door_close(w.door);
    message_put(w.pipe, (struct message){ .kind = TELL_DONE, .run = w.run });
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++)
        feed_close(&w.feeds[i]);
    inputs_free(&w.inputs);
    return 0;
}
