/* twice.c -- see twice.h. */
#include "net/kafka/twice.h"

#include <stdlib.h>

struct twice_name {
    struct bytes name;
    uint32_t at;
};

static int name_order(const struct twice_name *a, const struct twice_name *b)
{
    if (a->name.len != b->name.len)
        return a->name.len < b->name.len ? -1 : 1;
    return memcmp(a->name.at, b->name.at, a->name.len);
}

static int place_order(const void *x, const void *y)
{
    const struct twice_name *a = x, *b = y;
    int order = name_order(a, b);
    if (order)
        return order;
    return a->at < b->at ? -1 : 1;
}

enum twice *twice_mark(struct errand *c, const struct bytes *names, uint32_t count)
{
    uint32_t sorted = 0;
    enum twice *marks = errand_take(c, count * sizeof(*marks) + 1);
    struct twice_name *all = marks ? errand_take(c, count * sizeof(*all) + 1) : NULL;
    if (!all)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (names[i].at)
            all[sorted++] = (struct twice_name){ names[i], i };
    qsort(all, sorted, sizeof(*all), place_order);
    for (uint32_t i = 1; i < sorted; i++) {
        if (name_order(&all[i - 1], &all[i]) != 0)
            continue;
        marks[all[i].at] = TWICE_AGAIN;
        if (marks[all[i - 1].at] == TWICE_NOT)
            marks[all[i - 1].at] = TWICE_FIRST;
    }
    return marks;
}
