/* embed_topic.c -- the embedded front: topics, offsets, figures. All of it waits. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/serve/embed_in.h"

static void verb_rung(struct verb *v)
{
    waiter_ring(v->arg);
}

/* Readies a verb whose start the caller makes next, before waiter_wait(). */
static enum err verb_ready(struct verb *v, struct waiter *w, struct sl_engine *e,
                           struct sl_why *why)
{
    TRY(engine_await(e, why));
    TRY(waiter_open(w, e));
    v->done = verb_rung;
    v->arg = w;
    v->home = HOME_ANY;
    return ERR_OK;
}

/* READY: runs START, waits; the verb's own err is the result. */
#define WAIT_FOR(engine, verb_, why_, start)                       \
    do {                                                           \
        struct waiter waiter_;                                     \
        enum err err_ = verb_ready(verb_, &waiter_, engine, why_); \
        if (err_ != ERR_OK)                                        \
            return (enum sl_err)err_;                              \
        start;                                                     \
        waiter_wait(&waiter_);                                     \
    } while (0)

static enum err why_result(struct sl_why *to, const struct why *from, enum err err)
{
    struct why plain;
    why_set(&plain, "%s", err_text(err));
    if (err != ERR_OK)
        why_out(to, from && from->text[0] ? from : &plain);
    return err;
}

/* Settings of the caller as the verbs take them: the same two pointers. */
static_assert(sizeof(struct sl_setting) == sizeof(struct setting_text) &&
                  offsetof(struct sl_setting, value) == offsetof(struct setting_text, value),
              "sl_setting is setting_text");

static const struct setting_text *settings_in(const struct sl_setting *s)
{
    return (const struct setting_text *)(const void *)s;
}

enum sl_err sl_topic_create(struct sl_engine *e, const char *name, const struct sl_topic_options *o,
                            struct sl_why *why)
{
    struct verb_create v = { .name = name, .partitions = FIELD(o, partitions, 0) };
    v.partitions = v.partitions ? v.partitions : 1;
    v.settings = settings_in(FIELD(o, settings, NULL));
    v.setting_count = v.settings ? FIELD(o, setting_count, 0) : 0;
    WAIT_FOR(e, &v.verb, why, serve_create(e->serve, &v));
    return (enum sl_err)why_result(why, &v.why, v.verb.err);
}

enum sl_err sl_topic_delete(struct sl_engine *e, const char *name, struct sl_why *why)
{
    struct verb_delete v = { .name = name };
    WAIT_FOR(e, &v.verb, why, serve_delete(e->serve, &v));
    return (enum sl_err)why_result(why, &v.why, v.verb.err);
}

enum sl_err sl_topic_alter(struct sl_engine *e, const char *name, const struct sl_setting *settings,
                           uint32_t count, struct sl_why *why)
{
    struct verb_alter v = { .name = name,
                            .settings = settings_in(settings),
                            .setting_count = count };
    WAIT_FOR(e, &v.verb, why, serve_alter(e->serve, &v));
    return (enum sl_err)why_result(why, &v.why, v.verb.err);
}

enum sl_err sl_topic_grow(struct sl_engine *e, const char *name, uint32_t partitions,
                          struct sl_why *why)
{
    struct verb_grow v = { .name = name, .partitions = partitions };
    WAIT_FOR(e, &v.verb, why, serve_grow(e->serve, &v));
    return (enum sl_err)why_result(why, &v.why, v.verb.err);
}

enum sl_err sl_topic_list(struct sl_engine *e, void (*each)(void *arg, const char *name), void *arg)
{
    struct verb_list v = { .count = 0 };
    WAIT_FOR(e, &v.verb, NULL, serve_list(e->serve, &v));
    for (uint32_t i = 0; i < v.count; i++)
        each(arg, v.names[i]);
    free(v.names);
    return (enum sl_err)v.verb.err;
}

/* ---- handles ---- */

enum sl_err sl_topic_open(struct sl_engine *e, const char *name, struct sl_topic **out,
                          struct sl_why *why)
{
    struct verb_describe v = { .name = name };
    *out = NULL;
    WAIT_FOR(e, &v.verb, why, serve_describe(e->serve, &v));
    if (v.verb.err != ERR_OK) {
        struct why missing;
        why_set(&missing, "topic '%.200s': %s", name, err_text(v.verb.err));
        return (enum sl_err)why_result(why, &missing, v.verb.err);
    }
    struct sl_topic *t = malloc(sizeof(*t));
    if (!t) {
        free(v.topic);
        return SL_ERR_NO_MEMORY;
    }
    *t = (struct sl_topic){ .engine = e, .info = v.topic };
    *out = t;
    return SL_ERR_OK;
}

void sl_topic_close(struct sl_topic **t)
{
    if (!*t)
        return;
    free((*t)->info);
    free(*t);
    *t = NULL;
}

const char *sl_topic_name(const struct sl_topic *t)
{
    return t->info->name;
}

void sl_topic_id(const struct sl_topic *t, uint8_t id[16])
{
    memcpy(id, t->info->id.b, 16);
}

uint32_t sl_topic_partitions(const struct sl_topic *t)
{
    return t->info->partitions;
}

enum sl_err sl_topic_setting(const struct sl_topic *t, const char *key, char *out, size_t out_bytes)
{
    char text[SETTING_TEXT_MAX];
    enum setting which = setting_find(key);
    if (which == SETTING_COUNT)
        return SL_ERR_INVALID;
    settings_print(&t->info->settings, which, text);
    if (strlen(text) >= out_bytes)
        return SL_ERR_TOO_LARGE;
    memcpy(out, text, strlen(text) + 1);
    return SL_ERR_OK;
}

/* ---- a partition ---- */

enum sl_err sl_partition_info(struct sl_topic *t, uint32_t partition, struct sl_partition_info *out)
{
    if (partition >= t->info->partitions)
        return SL_ERR_INVALID;
    struct verb_part v = { .place = t->info->places[partition] };
    WAIT_FOR(t->engine, &v.verb, NULL, serve_part(t->engine->serve, &v));
    struct sl_partition_info full = { .err = (enum sl_err)v.verb.err,
                                      .shard = v.place.shard,
                                      .store = v.place.store,
                                      .start_offset = v.info.start_off,
                                      .high_offset = v.info.visible_off,
                                      .next_offset = v.info.next_off,
                                      .synced_offset = v.info.synced_off,
                                      .bytes = v.info.bytes,
                                      .disk_bytes = v.info.disk_bytes,
                                      .leader_epoch = v.info.leader_epoch,
                                      .damaged = v.info.damaged,
                                      .damaged_offset = v.info.damaged_off };
    result_out(out, &full, sizeof(full));
    return (enum sl_err)v.verb.err;
}

enum sl_err sl_offset(struct sl_topic *t, uint32_t partition, enum sl_offset_of what,
                      int64_t time_ms, uint64_t *offset, int64_t *found_ms)
{
    if (partition >= t->info->partitions || what > SL_OFFSET_MAX_TIME)
        return SL_ERR_INVALID;
    struct verb_offset v = { .place = t->info->places[partition],
                             .what = (enum offset_of)what,
                             .time_ms = time_ms };
    WAIT_FOR(t->engine, &v.verb, NULL, serve_offset(t->engine->serve, &v));
    *offset = v.off;
    if (found_ms)
        *found_ms = v.found_ms;
    return (enum sl_err)v.verb.err;
}
static_assert((int)SL_OFFSET_EARLIEST == (int)OFFSET_EARLIEST &&
                  (int)SL_OFFSET_LATEST == (int)OFFSET_LATEST &&
                  (int)SL_OFFSET_TIME == (int)OFFSET_TIME &&
                  (int)SL_OFFSET_MAX_TIME == (int)OFFSET_MAX_TIME,
              "sl_offset_of is offset_of");

enum sl_err sl_trim(struct sl_topic *t, uint32_t partition, uint64_t offset, uint64_t *start)
{
    if (partition >= t->info->partitions)
        return SL_ERR_INVALID;
    struct verb_trim v = { .place = t->info->places[partition], .off = offset };
    WAIT_FOR(t->engine, &v.verb, NULL, serve_trim(t->engine->serve, &v));
    if (start)
        *start = v.start_off;
    return (enum sl_err)v.verb.err;
}

/* ---- figures ---- */

static void stats_add(struct sl_stats *to, const struct serve_stats *s)
{
    const struct store_counts *c = &s->counts;
    to->stores += s->stores;
    to->stores_failed += s->stores_failed;
    to->partitions += s->partitions;
    to->orphans += s->orphans;
    to->appends += c->appends;
    to->append_bytes += c->append_bytes;
    to->commits += c->commits;
    to->syncs += c->syncs;
    to->checkpoints += c->checkpoints;
    to->journal_bytes += c->entry_bytes;
    to->direct_bytes += c->direct_bytes;
    to->behind_bytes += c->behind_bytes;
    to->reads_hot += c->reads_hot;
    to->reads_cold += c->reads_cold;
    to->tail_bytes += c->tail_bytes;
    to->space_bytes += c->space_bytes;
    to->space_free_bytes += c->space_free_bytes;
    if (s->open_ns > to->open_ns)
        to->open_ns = s->open_ns;
}

enum sl_err sl_stats(struct sl_engine *e, struct sl_stats *out)
{
    struct sl_stats full = { .shards = e->shards };
    for (uint32_t i = 0; i < e->shards; i++) {
        struct verb_stats v = { .shard = i };
        WAIT_FOR(e, &v.verb, NULL, serve_stats(e->serve, &v));
        if (v.verb.err != ERR_OK)
            return (enum sl_err)v.verb.err;
        stats_add(&full, &v.stats);
    }
    result_out(out, &full, sizeof(full));
    return SL_ERR_OK;
}
