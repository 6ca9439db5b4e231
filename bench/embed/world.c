/* world.c -- the engine that is measured. */
#include <stdio.h>

#include "bench/embed/bench.h"
#include "bench/embed/load.h"
#include "engine/base/types.h"

static struct sl_topic *topic_make(struct world *w, const char *name, uint32_t partitions)
{
    static const struct sl_setting settings[] = { { "retention.bytes", "134217728" } };
    struct sl_topic_options o = {
        .size = sizeof(o), .partitions = partitions, .settings = settings, .setting_count = 1
    };
    struct sl_topic *t;
    struct sl_why why;
    if (sl_topic_create(w->engine, name, &o, &why) != SL_ERR_OK ||
        sl_topic_open(w->engine, name, &t, &why) != SL_ERR_OK)
        die("topic %s: %s", name, why.text);
    return t;
}

void world_open(struct world *w, const struct bench *b, const char *name)
{
    struct sl_why why;
    const char *dir = w->dir;
    struct sl_engine_options o = {
        .size = sizeof(o), .dirs = &dir, .dir_count = 1, .threads = SL_THREADS_CALLER
    };
    snprintf(w->dir, sizeof(w->dir), "%s/%s", b->dir, name);
    if (sl_engine_open(&w->engine, &o, &why) != SL_ERR_OK)
        die("%s: %s", w->dir, why.text);
    enum sl_err err;
    while ((err = sl_engine_ready(w->engine, &why)) == SL_ERR_BUSY)
        sl_engine_turn(w->engine, 0, MS_NS);
    if (err != SL_ERR_OK)
        die("%s: %s", w->dir, why.text);
    w->bulk = topic_make(w, "bulk", b->partitions);
    w->one = topic_make(w, "one", 1);
    w->wide = topic_make(w, "wide", 1024);
    w->drip = topic_make(w, "drip", 1);
    /* 64 records of 1,016 bytes and their batch header make 65,6xx bytes: one under 64 KiB. */
    pool_open(&w->large, POOL_MAX, 64, 1014);
    pool_open(&w->small, POOL_MAX, 1, 1024);
}

void world_close(struct world *w)
{
    struct sl_topic **topics[] = { &w->bulk, &w->one, &w->wide, &w->drip };
    for (uint32_t i = 0; i < 4; i++)
        sl_topic_close(topics[i]);
    sl_engine_close(&w->engine);
    pool_close(&w->large);
    pool_close(&w->small);
    dir_remove(w->dir);
}

void world_rest(struct world *w, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end)
        sl_engine_turn(w->engine, 0, MS_NS);
}

struct sl_stats world_stats(struct world *w)
{
    struct sl_stats s = { .size = sizeof(s) };
    if (sl_stats(w->engine, &s) != SL_ERR_OK)
        die("the engine gives no figures");
    return s;
}
