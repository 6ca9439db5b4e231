/* cost.h -- what a slice costs: everything from its first request to the end of a sync().
 *
 * CPU is that of the whole machine without the client: so the kernel's threads count for the broker
 * that gave them work. The other broker is paused meanwhile.
 *
 * Thread     the caller's.
 */
#ifndef BENCH_KAFKA_COST_H
#define BENCH_KAFKA_COST_H

#include <stdint.h>

struct cost {
    /* Private. */
    uint64_t start_ns;
    double machine, client, broker;
    double written;
    int pid;
    char disk[64];
    /* Out, of cost_close(). */
    double load_s, sync_s; /* until the last answer; from there to the end of sync() */
    double cpu_s;          /* all but the client */
    double broker_cpu_s;   /* of the broker's process alone */
    double client_cpu_s;
    double disk_bytes; /* written to the device */
};

/* `pid`: the broker that is measured. `dir`: on the device. */
void cost_open(struct cost *c, int pid, const char *dir);
void cost_close(struct cost *c);

#endif
