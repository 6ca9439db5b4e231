/* io_buffer.c -- memory that direct I/O accepts.
 *
 * One mapping per buffer: page-aligned by nature, zeroed by the kernel, and from HUGE_BYTES on
 * advised to sit in huge pages (fewer pages for the kernel to pin on each I/O). Its length is kept
 * in the page before it, so that giving needs no size.
 */
#include "engine/io/io_in.h"

#include <sys/mman.h>

#define HUGE_BYTES MIB(1)

static_assert(BLOCK_BYTES % 4096 == 0, "a page is a block or less");

void *io_buffer_take(uint64_t bytes)
{
    check(bytes > 0);
    uint64_t whole = block_ceil(bytes) + BLOCK_BYTES;
    uint8_t *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        probe("io: no memory for a buffer");
        return NULL;
    }
    if (bytes >= HUGE_BYTES)
        (void)madvise(at, whole, MADV_HUGEPAGE); /* advice: a refusal costs speed only */
    memcpy(at, &whole, sizeof(whole));
    return at + BLOCK_BYTES;
}

void io_buffer_give(void *at)
{
    if (!at)
        return;
    uint8_t *base = (uint8_t *)at - BLOCK_BYTES;
    uint64_t whole;
    memcpy(&whole, base, sizeof(whole));
    check(munmap(base, whole) == 0);
}
