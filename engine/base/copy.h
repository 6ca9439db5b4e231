/* copy.h -- copying past the caches, for bytes whose next reader is a device.
 *
 * memcpy() first reads each line of the destination into the cache, then drives other lines out of
 * it. Into memory that was last touched 100 MiB ago that is most of its cost: 0.11 s/GB against
 * 0.05 with stores that go to memory at once (docs/decisions/0013).
 *
 * Thread     any; no state.
 */
#ifndef BASE_COPY_H
#define BASE_COPY_H

#include <stddef.h>

/* memcpy() for at least a few KiB. Other threads and devices see the bytes after copy_past_end(),
 * this thread sees them at once. */
void copy_past(void *to, const void *from, size_t len);
/* After the last of several copy_past(). */
void copy_past_end(void);

#endif
