/* io_buffer.c -- memory that direct I/O accepts: block-aligned, from the program's allocator, which
 * recycles it without page faults. Large buffers are advised to sit in huge pages: fewer pages for
 * the kernel to pin on each I/O. */
#include "engine/io/io_in.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_BYTES MIB(2)

void *io_buffer_take(uint64_t bytes)
{
    check(bytes > 0);
    void *at = NULL;
    bool huge = bytes >= HUGE_BYTES;
    if (posix_memalign(&at, huge ? HUGE_BYTES : BLOCK_BYTES, block_ceil(bytes)) != 0) {
        probe("io: no memory for a buffer");
        return NULL;
    }
    if (huge)
        (void)madvise(at, block_ceil(bytes), MADV_HUGEPAGE); /* a refusal costs speed only */
    return at;
}

void io_buffer_give(void *at)
{
    free(at);
}

void io_buffer_rest(void *at, uint64_t bytes)
{
    (void)madvise(at, bytes, MADV_DONTNEED); /* a refusal costs memory only */
}
