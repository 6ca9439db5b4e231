/* retention.c -- see retention.h. */
#include "engine/coord/retention.h"

/* Where no record has a time since 1970 (Kafka's NO_TIMESTAMP is -1), the log's own counts. */
static int64_t extent_newest(const struct retention_extent *e)
{
    return e->max_time < 0 || e->max_append < e->max_time ? e->max_append : e->max_time;
}

/* True when `limit_ms` have passed since the extent's newest record; -1: never. */
static bool extent_aged(const struct retention_extent *e, int64_t now_ms, int64_t limit_ms)
{
    int64_t newest = extent_newest(e);
    if (limit_ms < 0 || newest == INT64_MIN || newest > now_ms)
        return false;
    /* Unsigned: newest <= now_ms, but their distance may exceed INT64_MAX. */
    return (uint64_t)now_ms - (uint64_t)newest >= (uint64_t)limit_ms;
}

static bool extent_idle(const struct retention_extent *e, int64_t now_ms, int64_t limit_ms)
{
    return e->max_append != INT64_MIN && e->max_append <= now_ms &&
           (uint64_t)now_ms - (uint64_t)e->max_append >= (uint64_t)limit_ms;
}

static uint64_t bytes_total(const struct retention *r)
{
    struct retention_extent e;
    uint64_t sum = 0;
    for (uint32_t i = 0; r->extent(r->arg, i, &e); i++)
        sum += e.bytes;
    return sum;
}

struct retention_verdict retention_decide(const struct retention *r)
{
    int64_t keep_ms = setting_get(r->settings, SETTING_RETENTION_MS);
    int64_t keep_bytes = setting_get(r->settings, SETTING_RETENTION_BYTES);
    int64_t idle_ms = setting_get(r->settings, SETTING_SEGMENT_MS);
    struct retention_verdict v = { .trim_off = r->start_off };
    struct retention_extent e;
    uint64_t left = keep_bytes >= 0 ? bytes_total(r) : 0;
    for (uint32_t i = 0; r->extent(r->arg, i, &e); i++) {
        bool aged = extent_aged(&e, r->now_ms, keep_ms);
        if (!e.sealed) {
            v.seal = aged || extent_idle(&e, r->now_ms, idle_ms);
            break;
        }
        bool surplus = keep_bytes >= 0 && left >= e.bytes && left - e.bytes >= (uint64_t)keep_bytes;
        if ((!aged && !surplus) || e.end_off > r->visible_off)
            break;
        v.trim_off = max_u64(v.trim_off, e.end_off);
        left -= min_u64(left, e.bytes);
    }
    return v;
}
