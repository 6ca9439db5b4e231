/* verbs_stats.c -- the figures of the node, of one shard or of all: metric.def's, as whole numbers.
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/native/server_in.h"

#define FIGURES_BYTES 8192u

struct stats_walk {
    struct walk walk;
    struct metrics_shard shards[];
};

struct figures {
    struct stats_answer tell;
    struct writer w;
    uint8_t at[FIGURES_BYTES];
};

static void figure_tell(void *arg, const char *name, uint64_t value)
{
    struct figures *f = arg;
    struct fault fault;
    const struct item_figure item = { text_of(name), value };
    check(items_add(&f->tell.figures, ITEM_FIGURE, &item, &f->w, &fault));
}

static void walk_done(struct walk *w)
{
    struct request *r = w->arg;
    conn_mark(r->conn);
    const struct door_desk *d = r->conn->desk;
    const struct metrics_view v = { .node = { .one = 1,
                                              .start_ms = d->opts.board->start_ms,
                                              .ready =
                                                  !d->closing && !serve_stores_stopped(d->serve) },
                                    .shards = w->shards,
                                    .shard_count = w->count,
                                    .shard_first = w->first };
    struct figures f = { .tell = { .figures.count = 0 } };
    if (w->err != ERR_OK) {
        request_refuse(r, w->err, 0, 0, NULL);
        return;
    }
    writer_open(&f.w, f.at, sizeof(f.at));
    metrics_figures(&v, figure_tell, &f);
    request_answer(r, &f.tell, 4 + (uint32_t)f.w.len);
}

void stats_start(struct request *r)
{
    struct door_desk *d = r->conn->desk;
    uint32_t shard = r->asked.stats.shard, shards = serve_shards(d->serve);
    struct fault fault;
    if (shard != SHARD_ANY && shard >= shards) {
        fault_set(&fault, FAULT_RANGE, "shard", shard, shards - 1);
        request_fault(r, &fault);
        return;
    }
    uint32_t count = shard == SHARD_ANY ? shards : 1;
    size_t bytes = sizeof(struct stats_walk) + count * sizeof(struct metrics_shard);
    if (!request_charge(r, bytes))
        return;
    struct stats_walk *s = calloc(1, bytes);
    check(s); /* within the budget: the system is out of memory */
    s->walk = (struct walk){ .serve = d->serve,
                             .board = d->opts.board,
                             .home = d->shard->number,
                             .first = shard == SHARD_ANY ? 0 : shard,
                             .count = count,
                             .shards = s->shards,
                             .done = walk_done,
                             .arg = r };
    r->walk = &s->walk; /* first: free() takes it */
    walk_start(&s->walk);
}
