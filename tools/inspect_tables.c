/* inspect_tables.c -- views of an open store: overview, partitions, extents, batches. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/inside.h"
#include "tools/inspect.h"

#define COLUMNS(c) c, (uint32_t)(sizeof(c) / sizeof((c)[0]))
#define READ_BYTES (1u << 20)

static bool part_wanted(const struct inspect *in, uint32_t number)
{
    return !in->part_given || in->part == number;
}

/* ---- overview ---- */

static void identity_show(const struct inspect *in, struct out *o)
{
    const struct identity *id = store_identity(in->store);
    char text[33];
    id_text(id->store, text);
    out_text(o, "store", "store", "%s", text);
    id_text(id->cluster, text);
    out_text(o, "cluster", "cluster", "%s", text);
    out_count(o, "node", "node", id->node);
    out_count(o, "format", "format version", id->format_version);
    out_count(o, "opening", "next opening", store_opening(in->store));
    out_count(o, "epoch", "next store epoch", store_epoch(in->store));
    out_bytes(o, "entry_max", "largest entry", id->geometry.entry_max);
    out_bytes(o, "batch_max", "largest batch", id->geometry.batch_max);
    out_bytes(o, "extent_min", "smallest extent", id->geometry.extent_min);
    out_bytes(o, "extent_max", "largest extent", id->geometry.extent_max);
}

static void recovery_show(const struct inspect *in, struct out *o)
{
    const struct store_report *r = store_report(in->store);
    uint64_t ring = store_identity(in->store)->geometry.journal_bytes - BLOCK_BYTES;
    out_bytes(o, "journal_bytes", "journal", ring);
    out_count(o, "generation", "image generation", store_generation(in->store));
    out_count(o, "replayed_entries", "entries since image", r->entries);
    out_bytes(o, "replayed_bytes", "bytes since image", r->entry_bytes);
    out_text(o, "verdict", "recovery case", "%c", r->verdict);
    out_count(o, "healed_pages", "image pages healed", r->healed);
    out_count(o, "damaged_partitions", "damaged partitions", r->parts_damaged);
}

static void volumes_show(const struct inspect *in, struct out *o)
{
    static const struct out_column columns[] = {
        { "volume", "volume", OUT_COUNT },   { "bytes", "size", OUT_BYTES },
        { "slabs", "slabs", OUT_COUNT },     { "free", "free", OUT_COUNT },
        { "written", "written", OUT_COUNT }, { "opening", "opening", OUT_COUNT },
    };
    struct out_sheet s;
    struct vol_inside v;
    sheet_open(&s, o, "volumes", "Volumes", COLUMNS(columns));
    for (uint32_t i = 0; store_vol_inside(in->store, i, &v); i++) {
        sheet_count(&s, v.number);
        sheet_count(&s, v.bytes);
        sheet_count(&s, v.slabs);
        sheet_count(&s, v.slabs_free);
        sheet_count(&s, v.slabs_written);
        sheet_count(&s, v.opening);
    }
    sheet_close(&s);
}

struct topic_sum {
    struct id16 id;
    uint64_t parts, records, bytes, disk_bytes, extents, damaged;
    int64_t max_time;
};

static int topic_order(const void *a, const void *b)
{
    const struct topic_sum *x = a, *y = b;
    if (x->disk_bytes != y->disk_bytes)
        return x->disk_bytes > y->disk_bytes ? -1 : 1;
    return memcmp(x->id.b, y->id.b, 16);
}

static struct topic_sum *topic_sum(struct topic_sum **all, uint32_t *n, struct id16 id)
{
    for (uint32_t i = 0; i < *n; i++)
        if (id16_equal((*all)[i].id, id))
            return &(*all)[i];
    if ((*n & (*n + 1)) == 0) {
        *all = realloc(*all, (2ull * *n + 2) * sizeof(**all));
        check(*all);
    }
    (*all)[*n] = (struct topic_sum){ .id = id, .max_time = INT64_MIN };
    return &(*all)[(*n)++];
}

static uint32_t topics_sum(const struct inspect *in, struct topic_sum **all)
{
    uint32_t n = 0;
    *all = NULL;
    for (uint32_t i = 0; i < store_part_count(in->store); i++) {
        struct part *p = store_part_at(in->store, i);
        if (!p)
            continue;
        struct part_state_info info = part_info(p);
        struct topic_sum *t = topic_sum(all, &n, info.topic);
        t->parts++;
        t->records += info.next_off - info.start_off;
        t->bytes += info.bytes;
        t->disk_bytes += info.disk_bytes;
        t->extents += info.extents;
        t->damaged += info.damaged;
        t->max_time = max_i64(t->max_time, info.max_time);
    }
    if (n)
        qsort(*all, n, sizeof(**all), topic_order);
    return n;
}

static void topics_show(const struct inspect *in, struct out *o)
{
    static const struct out_column columns[] = {
        { "topic", "topic", OUT_TEXT },         { "partitions", "partitions", OUT_COUNT },
        { "offsets", "offsets", OUT_COUNT },    { "bytes", "bytes", OUT_BYTES },
        { "disk_bytes", "on disk", OUT_BYTES }, { "extents", "extents", OUT_COUNT },
        { "damaged", "damaged", OUT_COUNT },    { "max_time", "newest record", OUT_TIME },
    };
    struct out_sheet s;
    struct topic_sum *all;
    uint32_t n = topics_sum(in, &all);
    sheet_open(&s, o, "topics", "Topics, largest first", COLUMNS(columns));
    for (uint32_t i = 0; i < n; i++) {
        char name[256];
        names_text(in->names, all[i].id, name);
        sheet_text(&s, "%s", name);
        sheet_count(&s, all[i].parts);
        sheet_count(&s, all[i].records);
        sheet_count(&s, all[i].bytes);
        sheet_count(&s, all[i].disk_bytes);
        sheet_count(&s, all[i].extents);
        sheet_count(&s, all[i].damaged);
        sheet_time(&s, all[i].max_time);
    }
    sheet_close(&s);
    free(all);
}

void view_overview(struct inspect *in, struct out *o)
{
    struct store_counts c = store_counts(in->store);
    identity_show(in, o);
    recovery_show(in, o);
    out_bytes(o, "space_bytes", "volumes", c.space_bytes);
    out_bytes(o, "space_free_bytes", "of these in free slabs", c.space_free_bytes);
    volumes_show(in, o);
    topics_show(in, o);
}

/* ---- partitions ---- */

static const struct out_column partition_columns[] = {
    { "number", "number", OUT_COUNT },
    { "topic", "topic", OUT_TEXT },
    { "partition", "partition", OUT_COUNT },
    { "start", "start", OUT_COUNT },
    { "next", "next", OUT_COUNT },
    { "bytes", "bytes", OUT_BYTES },
    { "disk_bytes", "on disk", OUT_BYTES },
    { "extents", "extents", OUT_COUNT },
    { "leader_epoch", "epoch", OUT_COUNT },
    { "producers", "producers", OUT_COUNT },
    { "head_pos", "head pos", OUT_COUNT },
    { "extent_pos", "in extents", OUT_COUNT },
    { "slot", "slot", OUT_TEXT },
    { "max_time", "newest record", OUT_TIME },
    { "damaged_offset", "damaged from", OUT_COUNT },
};

static void partition_show(const struct inspect *in, struct part *p, struct out_sheet *s)
{
    struct part_state_info info = part_info(p);
    struct part_inside at = part_inside(p);
    char name[256];
    names_text(in->names, info.topic, name);
    sheet_count(s, info.number);
    sheet_text(s, "%s", name);
    sheet_count(s, info.index);
    sheet_count(s, info.start_off);
    sheet_count(s, info.next_off);
    sheet_count(s, info.bytes);
    sheet_count(s, info.disk_bytes);
    sheet_count(s, info.extents);
    sheet_count(s, info.leader_epoch);
    sheet_count(s, info.producers);
    sheet_count(s, at.head_pos);
    sheet_count(s, at.disk_pos);
    if (at.slot == NO_SLOT)
        sheet_none(s);
    else
        sheet_text(s, "%u/%u", at.slot, at.slot_side);
    sheet_time(s, info.max_time);
    if (info.damaged)
        sheet_count(s, info.damaged_off);
    else
        sheet_none(s);
}

void view_partitions(struct inspect *in, struct out *o)
{
    struct out_sheet s;
    sheet_open(&s, o, "partitions", "Partitions", COLUMNS(partition_columns));
    for (uint32_t i = 0; i < store_part_count(in->store); i++) {
        struct part *p = store_part_at(in->store, i);
        if (p && part_wanted(in, i))
            partition_show(in, p, &s);
    }
    sheet_close(&s);
}

/* ---- extents ---- */

static const struct out_column extent_columns[] = {
    { "number", "number", OUT_COUNT },
    { "topic", "topic", OUT_TEXT },
    { "partition", "partition", OUT_COUNT },
    { "extent", "extent", OUT_COUNT },
    { "volume", "volume", OUT_COUNT },
    { "place", "byte", OUT_COUNT },
    { "bytes", "size", OUT_BYTES },
    { "data_bytes", "used", OUT_BYTES },
    { "base_pos", "pos", OUT_COUNT },
    { "from_offset", "from", OUT_COUNT },
    { "to_offset", "to", OUT_COUNT },
    { "tiles", "tiles", OUT_COUNT },
    { "sealed", "sealed", OUT_FLAG },
    { "max_time", "newest record", OUT_TIME },
    { "max_append", "last append", OUT_TIME },
};

static void extent_show(const struct inspect *in, struct part *p, const struct extent_inside *e,
                        struct out_sheet *s)
{
    struct part_state_info info = part_info(p);
    char name[256];
    names_text(in->names, info.topic, name);
    sheet_count(s, info.number);
    sheet_text(s, "%s", name);
    sheet_count(s, info.index);
    sheet_count(s, e->id);
    sheet_count(s, e->vol);
    sheet_count(s, e->place);
    sheet_count(s, e->bytes);
    sheet_count(s, e->info.bytes);
    sheet_count(s, e->base_pos);
    sheet_count(s, e->info.base_off);
    sheet_count(s, e->info.end_off);
    sheet_count(s, e->tiles);
    sheet_flag(s, e->info.sealed);
    sheet_time(s, e->info.max_time);
    sheet_time(s, e->info.max_append);
}

void view_extents(struct inspect *in, struct out *o)
{
    struct out_sheet s;
    sheet_open(&s, o, "extents", "Extents", COLUMNS(extent_columns));
    for (uint32_t i = 0; i < store_part_count(in->store); i++) {
        struct part *p = store_part_at(in->store, i);
        struct extent_inside e;
        for (uint32_t k = 0; p && part_wanted(in, i) && part_extent_inside(p, k, &e); k++)
            extent_show(in, p, &e, &s);
    }
    sheet_close(&s);
}

/* ---- batches ---- */

static const struct out_column batch_columns[] = {
    { "number", "number", OUT_COUNT },          { "base_offset", "from", OUT_COUNT },
    { "last_offset", "last", OUT_COUNT },       { "bytes", "bytes", OUT_COUNT },
    { "records", "records", OUT_COUNT },        { "leader_epoch", "epoch", OUT_COUNT },
    { "base_time", "first record", OUT_TIME },  { "max_time", "newest claimed", OUT_TIME },
    { "compression", "compression", OUT_TEXT }, { "producer", "producer", OUT_TEXT },
};

static const char *compression(uint16_t attributes)
{
    static const char *const names[] = { "none", "gzip", "snappy", "lz4", "zstd" };
    uint32_t i = attributes & 7u;
    return i < sizeof(names) / sizeof(names[0]) ? names[i] : "unknown";
}

static void batch_show(uint32_t number, const struct batch_info *b, struct out_sheet *s)
{
    sheet_count(s, number);
    sheet_count(s, b->base_off);
    sheet_count(s, b->base_off + b->last_off_delta);
    sheet_count(s, b->bytes);
    sheet_count(s, b->record_count);
    sheet_count(s, b->leader_epoch);
    sheet_time(s, b->base_time);
    sheet_time(s, b->header_max_time);
    sheet_text(s, "%s", compression(b->attributes));
    if (b->producer_id < 0)
        sheet_none(s);
    else
        sheet_text(s, "%lld/%d", (long long)b->producer_id, b->producer_epoch);
}

/* Shows the batches of one read; returns how many. */
static uint64_t batches_show(uint32_t number, struct bytes left, uint64_t most, struct out_sheet *s)
{
    struct batch_info info;
    uint64_t n = 0;
    while (n < most && left.len && batch_peek(left, &info) == ERR_OK) {
        batch_show(number, &info, s);
        left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
        n++;
    }
    return n;
}

static void part_batches(struct inspect *in, struct part *p, struct out_sheet *s, struct why *why)
{
    struct part_state_info info = part_info(p);
    uint64_t off = max_u64(in->from, info.start_off), shown = 0;
    while (shown < in->limit && off < info.next_off) {
        struct read r = { .off = off, .bytes_max = READ_BYTES, .beyond_visible = true };
        read_wait(in->io, in->store, p, &r);
        if (r.err)
            why_set(why, "partition %u, from offset %llu on: %s", info.number,
                    (unsigned long long)off, err_text(r.err));
        if (r.err || !r.batches.len)
            return;
        shown += batches_show(info.number, r.batches, in->limit - shown, s);
        off = r.next_off;
        read_give(&r);
    }
}

void view_batches(struct inspect *in, struct out *o)
{
    struct out_sheet s;
    struct why why = { "" };
    sheet_open(&s, o, "batches", "Batches", COLUMNS(batch_columns));
    for (uint32_t i = 0; i < store_part_count(in->store); i++) {
        struct part *p = store_part_at(in->store, i);
        if (p && part_wanted(in, i))
            part_batches(in, p, &s, &why);
    }
    sheet_close(&s);
    if (why.text[0])
        out_text(o, "error", "reading stopped", "%s", why.text);
}
