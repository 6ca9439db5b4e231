/* limit.c -- a bucket is one number: the time at which it would be full again.
 *
 * A full bucket has due <= now. Taking a token moves due one step on, from now at the earliest; a
 * key is over its limit when that would be more than `burst` steps ahead.
 */
#include "net/log/limit.h"

bool bucket_take(struct bucket *b, struct bucket_size size, uint64_t now_ns)
{
    uint64_t due = max_u64(b->due_ns, now_ns) + size.every_ns;
    if (due - now_ns > size.burst * size.every_ns) {
        b->suppressed++;
        return false;
    }
    b->due_ns = due;
    return true;
}

void limit_open(struct limit *l, struct bucket_size size, uint64_t seed)
{
    *l = (struct limit){ .size = size, .seed = seed };
}

/* FNV-1a, seeded. */
static uint64_t key_hash(struct bytes key, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325ull ^ seed;
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.at[i]) * 0x100000001b3ull;
    return h ^ h >> 29;
}

/* The key's row, or the one that it takes over. */
static struct limit_row *row_of(struct limit *l, struct bytes key)
{
    uint64_t hash = key_hash(key, l->seed);
    struct limit_row *set = l->rows[hash % LIMIT_SETS], *oldest = &set[0];
    for (uint32_t i = 0; i < LIMIT_WAYS; i++) {
        if (set[i].bucket.due_ns && set[i].hash == hash)
            return &set[i];
        if (set[i].bucket.due_ns < oldest->bucket.due_ns)
            oldest = &set[i];
    }
    l->lost += oldest->bucket.suppressed;
    *oldest = (struct limit_row){ .hash = hash };
    oldest->name_len = (uint32_t)min_u64(key.len, LIMIT_NAME_MAX);
    if (oldest->name_len)
        memcpy(oldest->name, key.at, oldest->name_len);
    return oldest;
}

bool limit_take(struct limit *l, struct bytes key, uint64_t now_ns, uint64_t *suppressed)
{
    struct limit_row *row = row_of(l, key);
    if (!bucket_take(&row->bucket, l->size, now_ns))
        return false;
    *suppressed = row->bucket.suppressed;
    row->bucket.suppressed = 0;
    return true;
}

bool limit_quiet(struct limit *l, uint64_t now_ns, struct limit_row *out)
{
    for (uint32_t i = 0; i < LIMIT_SETS * LIMIT_WAYS; i++) {
        struct limit_row *row = &l->rows[i / LIMIT_WAYS][i % LIMIT_WAYS];
        if (!row->bucket.suppressed || row->bucket.due_ns + LIMIT_QUIET_NS > now_ns)
            continue;
        *out = *row;
        *row = (struct limit_row){ .hash = 0 };
        return true;
    }
    return false;
}

bool limit_owes(const struct limit *l)
{
    for (uint32_t i = 0; i < LIMIT_SETS * LIMIT_WAYS; i++)
        if (l->rows[i / LIMIT_WAYS][i % LIMIT_WAYS].bucket.suppressed)
            return true;
    return false;
}
