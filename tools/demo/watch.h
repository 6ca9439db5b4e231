/* watch.h -- runs a program of the demo and listens to it; at some moments somebody is killed: this
 * program, or the broker that it talks to.
 */
#ifndef DEMO_WATCH_H
#define DEMO_WATCH_H

#include <sys/types.h>

#include "tools/demo/demo.h"

/* A time without anybody to write to. */
struct pause {
    uint64_t from_ns, to_ns; /* by now_ns() */
};

/* What all writers said, and the reader. */
struct watch {
    struct message *acks; /* in the order of arrival */
    size_t ack_count, ack_cap;
    uint64_t acked_bytes, acked_records;
    uint64_t write_ns; /* from open to the last acknowledgement, of all runs together, ... */
    struct pause pauses[DEMO_RUNS_MAX]; /* ... these included */
    unsigned pause_count;
    uint64_t acked_end[DEMO_PARTITIONS]; /* after the last offset acknowledged */

    /* Of the program that ran last: */
    uint64_t open_ns, opened_at_ns, last_ack_ns;
    uint64_t log_end[DEMO_PARTITIONS];      /* where it went on */
    uint64_t acked_before[DEMO_PARTITIONS]; /* acked_end at that moment */
    uint32_t in_flight;                     /* when it was killed, at least */
    struct message done;
    bool is_done, killed;
    pid_t pid; /* while it runs, ... */
    int from;  /* ... and its end of the pipe */
};

/* Moments, counted in acknowledged bytes, ascending; reach() is called once for each, in the middle
 * of whatever is in flight. */
struct watch_plan {
    uint64_t marks[DEMO_RUNS_MAX];
    unsigned count;
    void (*reach)(void *arg, struct watch *w, unsigned mark);
    void *arg;
};

/* Runs argv (its last word is replaced by the pipe's number) until it ends; `plan` may be NULL.
 * False: it failed by itself, and said why on stderr. */
bool watch_run(struct watch *w, char **argv, const struct watch_plan *plan);
/* For reach(): SIGKILL to the program. */
void watch_kill(struct watch *w);
/* For reach(): takes what it said by now. */
void watch_drain(struct watch *w);
/* For reach(): nobody was there to write to from then until now. */
void watch_paused(struct watch *w, uint64_t from_ns);
/* All pauses together. */
uint64_t watch_paused_ns(const struct watch *w);
/* Whether this batch was under way when a pause began: it waited for the next broker. */
bool watch_ack_waited(const struct watch *w, const struct message *ack);
void watch_free(struct watch *w);

#endif
