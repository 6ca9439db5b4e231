/* array.c -- see array.h. */
#include "engine/base/array.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/base/types.h"

void *array_grow(void *at, uint32_t *cap, uint64_t need, size_t each)
{
    if (need <= *cap)
        return at;
    check(need <= UINT32_MAX);
    uint64_t grown = *cap ? *cap : 1;
    while (grown < need)
        grown *= 2;
    grown = min_u64(grown, UINT32_MAX);
    uint8_t *moved = realloc(at, grown * each);
    check(moved);
    memset(moved + *cap * each, 0, (grown - *cap) * each);
    *cap = (uint32_t)grown;
    return moved;
}
