/* load.h -- producers: each has an id, writes to every partition, and sends again what has no
 * answer.
 *
 * Owner      the main thread; each producer is a thread with a client of its own.
 * Fails      an append that ends with an error is wrong(): that producer stops.
 */
#ifndef TORTURE_LOAD_H
#define TORTURE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* How much of what: may change at any time. */
enum load_mix {
    LOAD_ANY,   /* 0 B to 1 MiB, mostly small ones */
    LOAD_SMALL, /* what goes through the journal */
    LOAD_LARGE, /* what fills volumes */
};

void load_start(uint16_t port, uint64_t seed);
/* Bytes of values a second, of all producers together; 0: none are started. */
void load_pace(uint64_t bytes_s, enum load_mix mix);
/* Waits until everything is answered, then ends the threads. */
void load_stop(void);
/* After load_stop(): how many records this producer wrote to that partition. */
uint64_t load_written(uint32_t producer, uint32_t part);
/* Appends that were in the log already when they were sent again. */
uint64_t load_duplicates(void);

#endif
