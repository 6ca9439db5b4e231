/* found.c -- what start-up found. Nothing of it changes once the instance is READY; whoever saw
 * that state, under its lock, sees what was written before. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

struct id16 serve_cluster(const struct serve *s)
{
    return s->registry->cluster;
}

struct io_features serve_features(const struct serve *s)
{
    return s->features;
}

bool serve_store_found(const struct serve *s, uint32_t i, struct store_found *out)
{
    uint32_t desk = 0;
    while (desk < s->desk_count && i >= s->desks[desk].shelf_count)
        i -= s->desks[desk++].shelf_count;
    if (desk == s->desk_count)
        return false;
    const struct shelf *sh = &s->desks[desk].shelves[i];
    *out = (struct store_found){ .number = sh->number,
                                 .shard = desk,
                                 .dir = s->opts.dirs[sh->dir],
                                 .err = sh->err,
                                 .why = sh->why.text };
    if (!sh->store)
        return true;
    out->report = *store_report(sh->store);
    out->memory_bytes = store_memory_bytes(sh->store);
    return true;
}
