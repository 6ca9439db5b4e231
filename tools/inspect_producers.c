/* inspect_producers.c -- view of an open store: what is known of idempotent producers. */
#include "engine/log/producer.h"
#include "tools/inspect.h"

static const struct out_column producer_columns[] = {
    { "number", "number", OUT_COUNT },
    { "topic", "topic", OUT_TEXT },
    { "partition", "partition", OUT_COUNT },
    { "producer", "producer", OUT_COUNT },
    { "epoch", "epoch", OUT_COUNT },
    { "batches", "batches", OUT_COUNT },
    { "first_sequence", "from", OUT_COUNT },
    { "next_sequence", "next", OUT_COUNT },
    { "first_offset", "offset", OUT_COUNT },
    { "last_offset", "last offset", OUT_COUNT },
    { "append_time", "last append", OUT_TIME },
};

static void producer_show(const struct inspect *in, const struct part_state_info *info,
                          const struct producer_window *w, struct out_sheet *s)
{
    const struct producer_batch *newest = &w->at[w->n - 1];
    char name[256];
    names_text(in->names, info->topic, name);
    sheet_count(s, info->number);
    sheet_text(s, "%s", name);
    sheet_count(s, info->index);
    sheet_count(s, (uint64_t)w->id);
    sheet_count(s, (uint64_t)w->epoch);
    sheet_count(s, w->n);
    sheet_count(s, (uint64_t)w->at[0].first);
    sheet_count(s, (uint64_t)producer_batch_next(newest));
    sheet_count(s, w->at[0].base_off);
    sheet_count(s, newest->base_off + newest->count - 1);
    sheet_time(s, newest->append_ms);
}

void view_producers(struct inspect *in, struct out *o)
{
    struct out_sheet s;
    sheet_open(&s, o, "producers", "Producers", producer_columns,
               sizeof(producer_columns) / sizeof(producer_columns[0]));
    for (uint32_t i = 0; i < store_part_count(in->store); i++) {
        struct part *p = store_part_at(in->store, i);
        struct producer_window w;
        if (!p || (in->part_given && in->part != i))
            continue;
        struct part_state_info info = part_info(p);
        for (uint32_t k = 0; producers_at(p, k, &w); k++)
            producer_show(in, &info, &w, &s);
    }
    sheet_close(&s);
}
