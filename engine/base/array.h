/* array.h -- a heap array that grows: tables of which nobody knows how long they will be.
 *
 *     p->epochs = array_grow(p->epochs, &p->epoch_cap, p->epoch_count + 1, sizeof(*p->epochs));
 *     p->epochs[p->epoch_count++] = e;
 *
 * Thread     pure functions; any thread.
 * Memory     the caller's, given back with free(); doubled, so that n elements cost 2n copies.
 * Fails      never: crashes without memory.
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

/* `at` (NULL while *cap is 0) with room for `need` elements of `each` bytes, moved if it has to be;
 * *cap says for how many. New elements are zeros. */
void *array_grow(void *at, uint32_t *cap, uint64_t need, size_t each);

#endif
