/* figure.h -- the figures of the engine, by name, as the verb stats tells them.
 *
 * Thread     pure functions; any thread.
 */
#ifndef NATIVE_FIGURE_H
#define NATIVE_FIGURE_H

#include "engine/serve/serve.h"

struct figure {
    const char *name;
    size_t at; /* in struct serve_stats */
    bool u32;
};
extern const struct figure figures[];
extern const uint32_t figure_count;

uint64_t figure_get(const struct serve_stats *s, const struct figure *f);
/* Those of several shards together. */
void figures_add(struct serve_stats *to, const struct serve_stats *more);

#endif
