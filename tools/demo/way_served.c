/* way_served.c -- a broker over TCP: each kill is the end of a broker, while the writer stays: it
 * connects again and sends again what has no answer. Before anybody reads, the broker is stopped in
 * order and started again: what is read comes from its files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/demo/door.h"
#include "tools/demo/story.h"

static void broker_start(struct demo *d)
{
    if (!d->node.program) {
        d->node.program = text("%s/../shardlog", d->bin);
        d->node.data = d->log;
        d->node.log = text("%s/broker.log", d->options.dir);
    }
    node_start(&d->node);
    free(d->at);
    d->at = text("127.0.0.1:%u", d->node.port);
}

static double ready_ms(const struct demo *d)
{
    return (double)(d->node.ready_ns - d->node.started_ns) / 1e6;
}

/* What the broker holds now; the writer may have sent more meanwhile: never less than what it was
 * told before we ask. */
static void ends_ask(struct demo *d)
{
    uint64_t held[DEMO_PARTITIONS];
    watch_drain(&d->watch);
    struct door *door = door_open(d->at, false);
    door_topic_open(door);
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++)
        held[i] = door_end(door, i);
    door_close(door);
    demo_ends_compare(d, held, d->watch.acked_end);
}

static void reach(void *arg, struct watch *w, unsigned mark)
{
    struct demo *d = arg;
    uint64_t killed_ns = now_ns();
    double ready = ready_ms(d);
    node_kill(&d->node);
    printf("broker %u   ready in %.0f ms; killed with %.1f MB acknowledged (%" PRIu64
           " records) and %u batches in flight\n",
           mark + 1, ready, mb(w->acked_bytes), w->acked_records, w->in_flight);
    broker_start(d);
    watch_paused(w, killed_ns);
    ends_ask(d);
}

static void served_write(struct demo *d, const uint64_t *marks, unsigned count)
{
    struct watch_plan plan = { .count = count, .reach = reach, .arg = d };
    for (unsigned i = 0; i < count; i++)
        plan.marks[i] = marks[i];
    broker_start(d);
    node_notes_show(&d->node); /* the same each time */
    if (!demo_writer(d, d->at, 0, &plan)) {
        printf("LOST       the writer gave up: see its last line\n");
        d->lost = true; /* what the reader finds missing is told as well */
    }
}

static void served_close(struct demo *d)
{
    double ready = ready_ms(d);
    if (!node_stop(&d->node)) {
        node_log_show(&d->node);
        die("the broker did not stop in order");
    }
    printf("broker     ready in %.0f ms; stopped in order\n", ready);
}

static const char *served_open(struct demo *d)
{
    broker_start(d);
    return d->at;
}

const struct way way_served = {
    .writer = "demo_writer_served",
    .reader = "demo_reader_served",
    .write = served_write,
    .close = served_close,
    .open = served_open,
};
