/* node.h -- a broker as a process: `shardlog serve` in a directory, on a port that stays its own.
 *
 * Owner      the program that starts it; it dies with that program.
 * Thread     one.
 * Fails      node_start() ends the program when the broker does: its last lines are shown.
 */
#ifndef DEMO_NODE_H
#define DEMO_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct node {
    const char *program, *data, *log; /* the log is appended to */
    const char *const *words;         /* further settings, NULL-terminated; NULL: none */
    uint16_t port, http_port;         /* 0: any; then what it got */
    pid_t pid;                        /* 0: none runs */
    uint64_t started_ns, ready_ns;    /* exec; its line "ready": 0: not yet */
    long log_at;                      /* where the log of this start begins */
};

/* Starts it and waits until it is ready; the ports are known then. */
void node_start(struct node *n);
/* The two halves, for who kills it in between. True: ready, or not running any more. */
void node_begin(struct node *n);
bool node_look(struct node *n);
/* SIGKILL, and waits for its end. */
void node_kill(struct node *n);
/* SIGTERM; false: it did not end with 0. */
bool node_stop(struct node *n);
/* Kills it, if it runs. */
void node_end(struct node *n);
/* What it warned of since its start, a line "note       ..." each, to stdout. */
void node_notes_show(const struct node *n);
/* Its last lines, to stderr. */
void node_log_show(const struct node *n);

#endif
