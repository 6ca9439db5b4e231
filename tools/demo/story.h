/* story.h -- what the files of shardlog_demo share: the demo as it runs, and its two ways.
 */
#ifndef DEMO_STORY_H
#define DEMO_STORY_H

#include "tools/demo/ceiling.h"
#include "tools/demo/collect.h"
#include "tools/demo/node.h"
#include "tools/demo/options.h"
#include "tools/demo/watch.h"

#define KILLS 2u

struct demo;

/* Where the log lives: inside the programs, or in a broker. */
struct way {
    const char *writer, *reader; /* programs */
    /* Writes all inputs, with kills. `marks` are the moments, `count` of them at most. */
    void (*write)(struct demo *d, const uint64_t *marks, unsigned count);
    /* Nobody has the log open after this. */
    void (*close)(struct demo *d);
    /* Makes it readable: the reader's AT. */
    const char *(*open)(struct demo *d);
};
extern const struct way way_embedded, way_served;

struct demo {
    struct options options;
    const struct way *way;
    bool lost;
    char *bin, *log, *list, *acks;
    struct collect collect;
    struct ceiling ceiling;
    double wire_bytes_s;
    struct watch watch;
    struct node node; /* served: the broker ... */
    char *at;         /* ... and HOST:PORT of it */
};

/* printf() into memory of the caller's. */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
double mb(uint64_t bytes);
/* Runs a writer over all that is left; the plan may be NULL. False: it failed. */
bool demo_writer(struct demo *d, const char *at, unsigned run, const struct watch_plan *plan);
/* An offset that was acknowledged, and is beyond what the log holds: a loss, told. */
void demo_ends_compare(struct demo *d, const uint64_t held[DEMO_PARTITIONS],
                       const uint64_t acked[DEMO_PARTITIONS]);

#endif
