/* life.h -- a store's life drawn by a seed, and all that it asks of its disk and answers meanwhile,
 * line by line (lines.h).
 *
 * Appends of all sizes and durabilities, by producers too, alone and in bursts; reads that copy and
 * that lend, and are kept for a while; look-ups by time; trims, seals, partitions that go and come
 * back; checkpoints, idle time, orderly stops, crashes of each kind.
 */
#ifndef TESTS_UNIT_LOG_LIFE_H
#define TESTS_UNIT_LOG_LIFE_H

#include "tests/unit/log/damage.h"
#include "tests/unit/log/lines.h"

#define LIFE_BOOKS     4u
#define LIFE_PRODUCERS 3u
#define LIFE_KEPT      3u

struct life {
    struct damage d; /* its store: d.f */
    struct sim_watch watch;
    struct lines lines;
    struct rng rng, faults;
    uint32_t bytes_max;  /* of a batch */
    uint32_t unreadable; /* one read in so many fails while a step reads; 0: none */
    bool reading;
    struct got kept[LIFE_KEPT];
    bool keeps[LIFE_KEPT];
    int32_t sequences[LIFE_BOOKS][LIFE_PRODUCERS]; /* the next ones */
};

/* The caller has set d.f up with fixture_init(). */
void life_open(struct life *l, uint64_t seed);
void life_close(struct life *l);
void life_go(struct life *l, uint32_t steps);
void life_give(struct life *l); /* the reads that are kept */
/* Every partition from its start on, as far as it can be read. */
void life_read_all(struct life *l);
/* The machine ends, some bits of its files rot; what is found, what can be read, what a repair
 * does, what can be read then. The store is open afterwards. */
void life_rot(struct life *l);

#endif
