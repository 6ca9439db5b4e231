/* position.h -- a place in a partition, in words: earliest, latest, an offset, @time.
 *
 * Times are @1700000000000, milliseconds since 1970, or @2026-11-26T09:00:00Z.
 */
#ifndef TOOLS_POSITION_H
#define TOOLS_POSITION_H

#include <shardlog/client.h>

#define POSITION_WORDS "earliest, latest, an offset, @MS or @2026-11-26T09:00:00Z"

struct position {
    enum { POSITION_EARLIEST, POSITION_LATEST, POSITION_TIME, POSITION_OFFSET } kind;
    uint64_t offset; /* OFFSET: as it was said */
    int64_t time_ms;
};

/* False: no such words. */
bool position_read(const char *words, struct position *out);
/* Its offset now. By time: the first record at or after it, or the end, if all are older. */
enum sl_err position_find(struct sl_client *c, const struct sl_client_topic *topic,
                          uint32_t partition, const struct position *p, uint64_t *offset);

#endif
