/* watch.h -- runs a program of the demo and listens to it; kills it when it was told to.
 */
#ifndef DEMO_WATCH_H
#define DEMO_WATCH_H

#include "tools/demo/demo.h"

/* What all writers said, and the reader. */
struct watch {
    struct message *acks; /* in the order of arrival */
    size_t ack_count, ack_cap;
    uint64_t acked_bytes, acked_records;
    uint64_t write_ns; /* from open to the last acknowledgement, of all runs together */
    uint64_t acked_end[DEMO_PARTITIONS]; /* after the last offset acknowledged */

    /* Of the program that ran last: */
    uint64_t open_ns, opened_at_ns, last_ack_ns;
    uint64_t log_end[DEMO_PARTITIONS];      /* where it went on */
    uint64_t acked_before[DEMO_PARTITIONS]; /* acked_end at that moment */
    uint32_t in_flight;                     /* when it was killed, at least */
    struct message done;
    bool is_done, killed;
};

/* Runs argv (its last word is replaced by the pipe's number) until it ends, or until acked_bytes
 * reaches kill_at: then SIGKILL. False: it failed by itself, and said why on stderr. */
bool watch_run(struct watch *w, char **argv, uint64_t kill_at);
void watch_free(struct watch *w);

#endif
