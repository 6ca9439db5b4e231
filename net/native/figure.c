/* figure.c -- the table. A name is never changed: clients and dashboards know it. */
#include "net/native/figure.h"

#define SHARD(field, gauge_) { #field, offsetof(struct serve_stats, field), true, gauge_ }
#define STORE(field, gauge_) { #field, offsetof(struct serve_stats, counts.field), false, gauge_ }

const struct figure figures[] = {
    SHARD(stores, true),        SHARD(stores_failed, true),  SHARD(partitions, true),
    SHARD(orphans, true),       STORE(entries, false),       STORE(entry_bytes, false),
    STORE(direct_bytes, false), STORE(behind_bytes, false),  STORE(image_bytes, false),
    STORE(slot_bytes, false),   STORE(commits, false),       STORE(syncs, false),
    STORE(checkpoints, false),  STORE(laps, false),          STORE(appends, false),
    STORE(append_bytes, false), STORE(reads_hot, false),     STORE(reads_cold, false),
    STORE(extents_used, false), STORE(extents_freed, false), STORE(extents_reused, false),
    STORE(vols_made, false),    STORE(vols_removed, false),  STORE(tail_bytes, true),
    STORE(journal_used, true),  STORE(space_bytes, true),    STORE(space_free_bytes, true),
};
const uint32_t figure_count = sizeof(figures) / sizeof(figures[0]);

uint64_t figure_get(const struct serve_stats *s, const struct figure *f)
{
    const char *at = (const char *)s + f->at;
    return f->u32 ? *(const uint32_t *)(const void *)at : *(const uint64_t *)(const void *)at;
}

void figures_add(struct serve_stats *to, const struct serve_stats *more)
{
    for (uint32_t i = 0; i < figure_count; i++) {
        char *at = (char *)to + figures[i].at;
        if (figures[i].u32)
            *(uint32_t *)(void *)at += (uint32_t)figure_get(more, &figures[i]);
        else
            *(uint64_t *)(void *)at += figure_get(more, &figures[i]);
    }
}
