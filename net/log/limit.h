/* limit.h -- how many lines each of many keys may cause: a token bucket for each.
 *
 * Keys share a fixed table. When a set of it is full, the key that was quiet longest makes room;
 * what was suppressed of it is then counted as `lost`.
 *
 * Thread     one.
 * Memory     the struct alone.
 */
#ifndef NET_LOG_LIMIT_H
#define NET_LOG_LIMIT_H

#include "engine/base/types.h"

#define LIMIT_SETS     64u /* a power of two */
#define LIMIT_WAYS     4u  /* keys in a set */
#define LIMIT_NAME_MAX 64u /* of a key that is kept for limit_quiet(); longer ones are cut */
#define LIMIT_QUIET_NS (5 * SEC_NS)

struct bucket {
    uint64_t due_ns;     /* when it will be full again */
    uint64_t suppressed; /* refused since the last token was taken */
};
struct bucket_size {
    uint32_t burst;    /* tokens of a full bucket */
    uint64_t every_ns; /* a token comes back in this time */
};
/* A token, if there is one: true. */
bool bucket_take(struct bucket *b, struct bucket_size size, uint64_t now_ns);

struct limit_row {
    struct bucket bucket; /* due_ns 0: the row is free */
    uint64_t hash;
    uint8_t name[LIMIT_NAME_MAX];
    uint32_t name_len;
};
struct limit {
    struct bucket_size size;
    uint64_t seed;
    uint64_t lost;
    struct limit_row rows[LIMIT_SETS][LIMIT_WAYS];
};

void limit_open(struct limit *l, struct bucket_size size, uint64_t seed);
/* May this key do it once more now? True: *suppressed is how often it could not since the last
 * time. */
bool limit_take(struct limit *l, struct bytes key, uint64_t now_ns, uint64_t *suppressed);
/* The next key that has been quiet for LIMIT_QUIET_NS after something was suppressed; taken out of
 * the table. False: none. */
bool limit_quiet(struct limit *l, uint64_t now_ns, struct limit_row *out);
bool limit_owes(const struct limit *l); /* something of a key was suppressed since its last token */

#endif
