/* walk.c -- see walk.h: there by the verb stats, whose done runs where it was done; home by a
 * letter of its own. */
#include "net/metric/walk.h"

#include "engine/base/check.h"

static void walk_home(struct letter *l, struct shard *at)
{
    struct walk *w = container_of(l, struct walk, letter);
    check(at->number == w->home);
    w->done(w);
}

static void walk_on(struct walk *w)
{
    if (w->ask.shard < w->first + w->count) {
        serve_stats(w->serve, &w->ask);
        return;
    }
    w->letter.open = walk_home;
    shard_post(serve_shard(w->serve, w->home), &w->letter);
}

static void shard_taken(struct verb *v)
{
    struct walk *w = container_of(v, struct walk, ask.verb);
    struct metrics_shard *to = &w->shards[w->ask.shard - w->first];
    const struct shard *here = shard_current();
    check(here && here->number == w->ask.shard); /* whose figures are copied: HOME_ANY */
    w->err = v->err;
    to->engine = w->ask.stats;
    to->front = *metrics_board_at(w->board, w->ask.shard);
    w->ask.shard = v->err == ERR_OK ? w->ask.shard + 1 : w->first + w->count;
    walk_on(w);
}

void walk_start(struct walk *w)
{
    w->err = ERR_OK;
    w->ask =
        (struct verb_stats){ .verb = { .done = shard_taken, .home = HOME_ANY }, .shard = w->first };
    walk_on(w);
}
