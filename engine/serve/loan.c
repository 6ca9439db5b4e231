/* loan.c -- memory of what is under way: given back when it ends, or all at once with the desk.
 *
 * A machine that dies answers nothing any more; what waited for its answers is found here. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

struct loan {
    alignas(max_align_t) struct node node;
};

void *loan_take(struct desk *d, size_t bytes)
{
    struct loan *l = calloc(1, sizeof(*l) + bytes);
    check(l);
    list_push(&d->loans, &l->node);
    return l + 1;
}

void loan_give(void *at)
{
    struct loan *l = (struct loan *)at - 1;
    node_unlink(&l->node);
    free(l);
}

void loans_close(struct desk *d)
{
    struct node *n;
    while ((n = list_pop(&d->loans)))
        free(container_of(n, struct loan, node));
}
