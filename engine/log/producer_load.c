/* producer_load.c -- producers in the image, and found again after it.
 *
 *   image      {partition 4, count 4, count x producer}..., each as the last built entry left it
 *   recovery   the section, in the order of last use; then each PRODUCER row that the partition's
 *              row in the image does not contain yet
 *
 * Replay pushes the rows as naming pushed the batches. Of more than five in an entry the first ones
 * are in no row: the window begins anew with those that are, and is the same. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/log/producer_in.h"

void producers_capture(const struct part *p, struct buf *to)
{
    uint32_t count = 0;
    if (!p->producers)
        return;
    size_t at = to->len;
    (void)buf_grow(to, 8);
    list_each (&p->producers->by_use, n) {
        const struct producer *x = container_of(n, struct producer, node);
        const struct producer_window *w =
            pitfall(PRODUCER_OF_HEAD) && x->head ? x->head : &x->named;
        if (!w->n)
            continue; /* its first batch comes in a later entry */
        producer_encode(w, buf_grow(to, producer_bytes(w)));
        count++;
    }
    le32_put(to->at + at, p->number);
    le32_put(to->at + at + 4, count);
}

/* ---- recovery ---- */

static uint64_t window_end(const struct producer_window *w)
{
    const struct producer_batch *b = &w->at[w->n - 1];
    return b->base_off + b->count;
}

static enum err part_load(struct part *p, uint32_t count, const uint8_t **at, size_t *left)
{
    for (uint32_t i = 0; i < count; i++) {
        struct producer_window w;
        TRY(producer_decode(*at, *left, &w));
        if (window_end(&w) > p->next_off && !pitfall(PRODUCER_OF_HEAD))
            return ERR_CORRUPT;
        if (producer_find(p, w.id))
            return ERR_CORRUPT;
        struct producer *x = producer_add(p, w.id);
        x->named = w;
        producer_used(x);
        *at += producer_bytes(&w);
        *left -= producer_bytes(&w);
    }
    return ERR_OK;
}

static int use_order(const void *a, const void *b)
{
    const struct producer *x = *(struct producer *const *)a, *y = *(struct producer *const *)b;
    int64_t x_ms = x->named.at[x->named.n - 1].append_ms,
            y_ms = y->named.at[y->named.n - 1].append_ms;
    if (x_ms != y_ms)
        return x_ms < y_ms ? -1 : 1;
    if (x->part != y->part)
        return x->part->number < y->part->number ? -1 : 1;
    return x->named.id < y->named.id ? -1 : x->named.id > y->named.id;
}

/* Who is forgotten first is a question of time, not of the order of partitions. */
static enum err producers_sort(struct store *s)
{
    uint32_t count = s->producer_map.count, n = 0;
    struct producer **all = malloc((count + 1) * sizeof(struct producer *));
    if (!all)
        return ERR_NO_MEMORY;
    list_each (&s->producers_by_use, node)
        all[n++] = container_of(node, struct producer, store_node);
    check(n == count);
    qsort(all, n, sizeof(struct producer *), use_order);
    for (uint32_t i = 0; i < n; i++)
        producer_used(all[i]);
    free(all);
    return ERR_OK;
}

enum err producers_load(struct store *s, const uint8_t *at, size_t len)
{
    s->producers_live = true;
    while (len >= 8) {
        uint32_t number = le32_get(at), count = le32_get(at + 4);
        struct part *p = number < s->part_count ? s->parts[number] : NULL;
        if (!p || p->producers)
            return ERR_CORRUPT;
        at += 8;
        len -= 8;
        TRY(part_load(p, count, &at, &len));
    }
    if (len)
        return ERR_CORRUPT;
    TRY(producers_sort(s));
    producers_trim(s); /* the limit may be lower than it was */
    return ERR_OK;
}

enum err producers_replay(struct part *p, const struct producer_row *r)
{
    if (pitfall(PRODUCER_IMAGE_ONLY))
        return ERR_OK;
    if (r->batches[r->n - 1].base_off + r->batches[r->n - 1].count > p->next_off)
        return ERR_CORRUPT;
    struct producer *x = producer_take(p, r->id);
    for (uint32_t i = 0; i < r->n; i++)
        (void)window_push(&x->named, r->epoch, &r->batches[i]);
    return ERR_OK;
}

uint32_t producers_count(const struct part *p)
{
    return p->producers ? p->producers->count : 0;
}

bool producers_at(const struct part *p, uint32_t i, struct producer_window *out)
{
    if (!p->producers)
        return false;
    list_each (&p->producers->by_use, n)
        if (i-- == 0) {
            *out = container_of(n, struct producer, node)->named;
            return true;
        }
    return false;
}
