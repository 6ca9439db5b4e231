/* grown.h -- a table that grows: room for `need` elements of `each` bytes, twice as many when it
 * was too small. Returns where it lies now; *cap is its room. Dies when there is no memory. */
#ifndef SIM_GROWN_H
#define SIM_GROWN_H

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/types.h"

static inline void *grown(void *at, uint64_t *cap, uint64_t need, size_t each)
{
    if (need <= *cap)
        return at;
    *cap = max_u64(need, *cap * 2 + 16);
    at = realloc(at, *cap * each);
    check(at);
    return at;
}

#endif
