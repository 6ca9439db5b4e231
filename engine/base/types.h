/* types.h -- the small words that every layer shares. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define BLOCK_BYTES 4096u /* unit of every write: no device tears less than it acknowledges */

#define MS_NS  1000000ull
#define SEC_NS 1000000000ull

/* A view: outlives nothing, owns nothing. */
struct bytes {
    const uint8_t *at;
    size_t len;
};
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* 16 random bytes, never reused: clusters, stores, topics. */
struct id16 {
    uint8_t b[16];
};

static inline bool id16_equal(struct id16 a, struct id16 b)
{
    return memcmp(a.b, b.b, 16) == 0;
}
static inline bool id16_zero(struct id16 a)
{
    return id16_equal(a, (struct id16){ { 0 } });
}

/* How much an ack buys. Each class includes the ones before it. */
enum durability {
    DURABILITY_MEMORY,  /* nothing survives the process */
    DURABILITY_WRITTEN, /* survives kill and kernel crash, not power */
    DURABILITY_SYNCED,  /* survives a power cut, if the disk honours flushes */
};
/* "memory", "written", "synced", NULL. */
extern const char *const durability_words[];

static inline uint64_t block_floor(uint64_t pos)
{
    return pos & ~(uint64_t)(BLOCK_BYTES - 1);
}
static inline uint64_t block_ceil(uint64_t pos)
{
    return block_floor(pos + BLOCK_BYTES - 1);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}
static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The struct that contains `member` at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* A fixed text for "what happened, which value, what to do"; always terminated. */
struct why {
    char text[256];
};

/* printf into `why`, replacing what was there; NULL is allowed and ignored. */
void why_set(struct why *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
