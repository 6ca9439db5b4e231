/* memory.c -- see memory.h. */
#include "tests/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#define GUARD_BYTES 64u
#define FILL_MAX    (64u << 10) /* more of a large piece is not filled: it would cost too much */
#define MAGIC       0x6d656d6f72793a29ull
#define GUARD       0xe7
#define FRESH       0xa5
#define GONE        0x5a

struct head { /* just before what the caller gets */
    struct head *next, *prev;
    void *base;
    uint64_t bytes;
    uint64_t magic; /* MAGIC ^ the head's address: nothing else looks like that */
    uint64_t spare;
};
_Static_assert(sizeof(struct head) % 16 == 0, "memory behind it is aligned as malloc's");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct head pieces = { &pieces, &pieces, NULL, 0, 0, 0 };
static struct memory_use use, at_start;
static uint64_t fail_after; /* allocations until the one that fails; 0: none will */

#ifdef TEST_MEMORY
void *__real_malloc(size_t bytes);
void __real_free(void *at);
int __real_posix_memalign(void **at, size_t align, size_t bytes);

static uint64_t magic_of(const struct head *h)
{
    return MAGIC ^ (uint64_t)(uintptr_t)h;
}

static void *piece_open(uint8_t *base, size_t before, size_t bytes)
{
    uint8_t *at = base + before;
    struct head *h = (struct head *)at - 1;
    *h = (struct head){ .base = base, .bytes = bytes, .magic = magic_of(h) };
    memset(at, FRESH, bytes < FILL_MAX ? bytes : FILL_MAX);
    memset(at + bytes, GUARD, GUARD_BYTES);
    pthread_mutex_lock(&lock);
    h->next = &pieces;
    h->prev = pieces.prev;
    h->next->prev = h->prev->next = h;
    use.pieces++;
    use.bytes += bytes;
    pthread_mutex_unlock(&lock);
    return at;
}

/* Is this the allocation that finds no memory? */
static bool fails(void)
{
    pthread_mutex_lock(&lock);
    bool now = fail_after && --fail_after == 0;
    pthread_mutex_unlock(&lock);
    return now;
}

static void guard_check(const struct head *h)
{
    const uint8_t *guard = (const uint8_t *)(h + 1) + h->bytes;
    for (uint32_t i = 0; i < GUARD_BYTES; i++) {
        if (guard[i] == GUARD)
            continue;
        printf("memory: a piece of %llu bytes was written %u bytes behind its end\n",
               (unsigned long long)h->bytes, i);
        fflush(stdout);
        abort();
    }
}

/* NULL: not of ours. */
static struct head *head_of(void *at)
{
    struct head *h = at ? (struct head *)at - 1 : NULL;
    return h && h->magic == magic_of(h) ? h : NULL;
}

static void piece_close(struct head *h)
{
    guard_check(h);
    pthread_mutex_lock(&lock);
    h->next->prev = h->prev;
    h->prev->next = h->next;
    use.pieces--;
    use.bytes -= h->bytes;
    pthread_mutex_unlock(&lock);
    h->magic = 0;
    memset(h + 1, GONE, h->bytes < FILL_MAX ? h->bytes : FILL_MAX);
    __real_free(h->base);
}

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *at, size_t bytes);
void __wrap_free(void *at);
char *__wrap_strdup(const char *text);
int __wrap_posix_memalign(void **at, size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    uint8_t *base = fails() ? NULL : __real_malloc(sizeof(struct head) + bytes + GUARD_BYTES);
    return base ? piece_open(base, sizeof(struct head), bytes) : NULL;
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    size_t all;
    void *at = __builtin_mul_overflow(n, bytes, &all) ? NULL : __wrap_malloc(all);
    return at ? memset(at, 0, all) : NULL;
}

void *__wrap_realloc(void *at, size_t bytes)
{
    const struct head *h = head_of(at);
    void *moved = __wrap_malloc(bytes);
    if (moved && h) {
        memcpy(moved, at, h->bytes < bytes ? h->bytes : bytes);
        __wrap_free(at);
    }
    return moved;
}

void __wrap_free(void *at)
{
    struct head *h = head_of(at);
    if (h)
        piece_close(h);
    else
        __real_free(at);
}

char *__wrap_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = __wrap_malloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

int __wrap_posix_memalign(void **at, size_t align, size_t bytes)
{
    void *base;
    size_t before = align > sizeof(struct head) ? align : sizeof(struct head);
    int err = fails() ? ENOMEM : __real_posix_memalign(&base, align, before + bytes + GUARD_BYTES);
    if (!err)
        *at = piece_open(base, before, bytes);
    return err;
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    void *at;
    return __wrap_posix_memalign(&at, align, bytes) ? NULL : at;
}

bool memory_watched(void)
{
    return true;
}
#else
bool memory_watched(void)
{
    return false;
}
#endif

struct memory_use memory_use(void)
{
    pthread_mutex_lock(&lock);
    struct memory_use now = use;
    pthread_mutex_unlock(&lock);
    return now;
}

void memory_fail(uint64_t nth)
{
    pthread_mutex_lock(&lock);
    fail_after = nth;
    pthread_mutex_unlock(&lock);
}

static void case_starts(void)
{
    at_start = memory_use();
}

static void case_ends(void)
{
    struct memory_use now = memory_use();
    memory_fail(0);
    if (EXPECT_EQ(now.pieces, at_start.pieces))
        return;
    const struct head *h = pieces.prev;
    for (uint64_t i = at_start.pieces; i < now.pieces && i < at_start.pieces + 4; i++, h = h->prev)
        printf("  a piece of %llu bytes was not given back\n", (unsigned long long)h->bytes);
}

__attribute__((constructor)) static void watch(void)
{
    test_around(case_starts, case_ends);
}
