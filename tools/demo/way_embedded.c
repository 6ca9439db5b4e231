/* way_embedded.c -- the engine inside the writer: each kill is the end of a writer, and the next
 * one goes on from what the log holds. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/demo/story.h"

static void reach(void *arg, struct watch *w, unsigned mark)
{
    (void)arg;
    (void)mark;
    watch_kill(w);
}

static void writer_run(struct demo *d, unsigned run, const uint64_t *mark)
{
    struct watch *w = &d->watch;
    struct watch_plan plan = { .count = mark ? 1 : 0, .reach = reach };
    if (mark)
        plan.marks[0] = *mark;
    bool ok = demo_writer(d, d->log, run, &plan);
    demo_ends_compare(d, w->log_end, w->acked_before);
    if (!ok)
        die("writer %u failed", run + 1);
    if (w->killed)
        printf("writer %u   open in %.0f ms; killed with %.1f MB acknowledged (%" PRIu64
               " records) and %u batches in flight\n",
               run + 1, (double)w->open_ns / 1e6, mb(w->acked_bytes), w->acked_records,
               w->in_flight);
    else
        printf("writer %u   open in %.0f ms; done%s\n", run + 1, (double)w->open_ns / 1e6,
               mark ? " before it could be killed: the input is small" : "");
}

static void embedded_write(struct demo *d, const uint64_t *marks, unsigned count)
{
    unsigned run = 0;
    for (; run < count && !d->lost; run++)
        writer_run(d, run, &marks[run]);
    writer_run(d, run, NULL);
}

static void embedded_close(struct demo *d)
{
    (void)d; /* the last writer did */
}

static const char *embedded_open(struct demo *d)
{
    return d->log;
}

const struct way way_embedded = {
    .writer = "demo_writer",
    .reader = "demo_reader",
    .write = embedded_write,
    .close = embedded_close,
    .open = embedded_open,
};
