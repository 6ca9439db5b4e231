/* retention.h -- what of a partition is old or too much: a decision over its extents.
 *
 * Extents are given oldest first; only a prefix of them can go, and only what readers see. Age
 * uses the smaller of record time and append time, so that neither a producer's clock in the
 * future nor a late load of old records keeps or kills the wrong thing alone; where the largest
 * record time is below 0 there is none, and the append time counts. Size counts bytes on
 * disk and never goes below the newest retention.bytes. An open extent cannot be freed: when it is
 * due by age, it is sealed first, and freed the next time.
 *
 * Thread     pure functions; any thread.
 */
#ifndef COORD_RETENTION_H
#define COORD_RETENTION_H

#include "engine/coord/settings.h"

struct retention_extent {
    uint64_t end_off;             /* after its last offset */
    uint64_t bytes;               /* on disk */
    int64_t max_time, max_append; /* ms; INT64_MIN when empty */
    bool sealed;
};

struct retention {
    const struct settings *settings;
    int64_t now_ms;
    uint64_t start_off, visible_off;
    /* Fills `out` with extent i, oldest first; false: there is none. */
    bool (*extent)(void *arg, uint32_t i, struct retention_extent *out);
    void *arg;
};

struct retention_verdict {
    uint64_t trim_off; /* delete below it; start_off: nothing */
    bool seal;         /* seal the open extent */
};

struct retention_verdict retention_decide(const struct retention *r);

#endif
