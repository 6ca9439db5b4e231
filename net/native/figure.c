/* figure.c -- the table. A name is never changed: clients know it. */
#include "net/native/figure.h"

#define SHARD(field) { #field, offsetof(struct serve_stats, field), true }
#define STORE(field) { #field, offsetof(struct serve_stats, counts.field), false }

const struct figure figures[] = {
    SHARD(stores),         SHARD(stores_failed), SHARD(partitions),       SHARD(orphans),
    STORE(entries),        STORE(entry_bytes),   STORE(direct_bytes),     STORE(behind_bytes),
    STORE(image_bytes),    STORE(slot_bytes),    STORE(commits),          STORE(syncs),
    STORE(checkpoints),    STORE(laps),          STORE(appends),          STORE(append_bytes),
    STORE(reads_hot),      STORE(reads_cold),    STORE(extents_used),     STORE(extents_freed),
    STORE(extents_reused), STORE(vols_made),     STORE(vols_removed),     STORE(tail_bytes),
    STORE(journal_used),   STORE(space_bytes),   STORE(space_free_bytes),
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
