/* group_describe.c -- `shardlog group describe`: facts, members, partitions. */
#include "tools/group.h"

/* Of all partitions whose lag is known. */
struct lag_sum {
    uint64_t records, bytes;
    int64_t lag_ms; /* the largest; -1: of none */
    uint32_t unknown;
};

static bool lag_known(const struct group_place *p)
{
    return p->committed && p->lag.err == SL_ERR_OK;
}

static struct lag_sum lag_sum(const struct group *g)
{
    struct lag_sum sum = { .lag_ms = -1 };
    for (uint32_t i = 0; i < g->place_count; i++) {
        const struct group_place *p = &g->places[i];
        if (!lag_known(p)) {
            sum.unknown++;
            continue;
        }
        sum.records += p->lag.records;
        sum.bytes += p->lag.bytes;
        sum.lag_ms = p->lag.lag_ms > sum.lag_ms ? p->lag.lag_ms : sum.lag_ms;
    }
    return sum;
}

static void facts_tell(struct out *o, const char *id, const struct group *g)
{
    struct lag_sum sum = lag_sum(g);
    char shown[GROUP_SHOWN_MAX];
    out_text(o, "group", "group", "%s", group_shown(id, shown));
    out_text(o, "state", "state", "%s", g->facts.state);
    out_text(o, "type", "type", "%s", group_shown(g->facts.protocol_type, shown));
    out_text(o, "protocol", "protocol", "%s", group_shown(g->facts.protocol, shown));
    out_count(o, "lag_records", "lag", sum.records);
    out_bytes(o, "lag_bytes", "bytes", sum.bytes);
    out_span(o, "lag_seconds", "seconds", sum.lag_ms);
    out_count(o, "unknown", "unknown", sum.unknown);
}

static void members_tell(struct out *o, const struct group *g)
{
    static const struct out_column columns[] = { { "member", "member", OUT_TEXT },
                                                 { "instance", "instance", OUT_TEXT },
                                                 { "client_id", "client", OUT_TEXT },
                                                 { "host", "host", OUT_TEXT },
                                                 { "partitions", "partitions", OUT_COUNT } };
    struct out_sheet s;
    char shown[GROUP_SHOWN_MAX];
    sheet_open(&s, o, "members", "\nmembers", columns, 5);
    for (uint32_t i = 0; i < g->member_count; i++) {
        const struct group_member *m = &g->members[i];
        sheet_text(&s, "%s", group_shown(m->id, shown));
        if (m->instance[0])
            sheet_text(&s, "%s", group_shown(m->instance, shown));
        else
            sheet_none(&s);
        sheet_text(&s, "%s", group_shown(m->client_id, shown));
        sheet_text(&s, "%s", group_shown(m->client_host, shown));
        sheet_count(&s, m->partitions);
    }
    sheet_close(&s);
}

static void count_tell(struct out_sheet *s, bool known, uint64_t v)
{
    if (known)
        sheet_count(s, v);
    else
        sheet_none(s);
}

static void place_tell(struct out_sheet *s, const struct group *g, const struct group_place *p)
{
    bool there = p->lag.err == SL_ERR_OK, known = lag_known(p);
    char shown[GROUP_SHOWN_MAX];
    sheet_text(s, "%s", p->topic);
    sheet_count(s, p->partition);
    count_tell(s, p->committed, p->lag.committed);
    count_tell(s, there, p->lag.start);
    count_tell(s, there, p->lag.end);
    count_tell(s, known, p->lag.records);
    count_tell(s, known, p->lag.bytes);
    sheet_span(s, known ? p->lag.lag_ms : -1);
    sheet_text(s, "%s", there ? "ok" : sl_err_name(p->lag.err));
    if (p->member == GROUP_NOBODY)
        sheet_none(s);
    else
        sheet_text(s, "%s", group_shown(g->members[p->member].id, shown));
}

static void places_tell(struct out *o, const struct group *g)
{
    static const struct out_column columns[] = {
        { "topic", "topic", OUT_TEXT },
        { "partition", "partition", OUT_COUNT },
        { "committed", "committed", OUT_COUNT },
        { "start", "start", OUT_COUNT },
        { "end", "end", OUT_COUNT },
        { "lag_records", "lag", OUT_COUNT },
        { "lag_bytes", "bytes", OUT_BYTES },
        { "lag_seconds", "seconds", OUT_SPAN },
        { "state", "state", OUT_TEXT },
        { "member", "member", OUT_TEXT },
    };
    struct out_sheet s;
    sheet_open(&s, o, "partitions", "\npartitions", columns, 10);
    for (uint32_t i = 0; i < g->place_count; i++)
        place_tell(&s, g, &g->places[i]);
    sheet_close(&s);
}

int group_describe_command(int argc, char **argv)
{
    struct remote r = { 0 };
    struct group g = { .facts = { .size = 0 } };
    struct out o;
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json), OPTIONS_REMOTE(&r) };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    if (argc != 1) {
        complain("which group? One at a time");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&r);
    if (code == EXIT_CLEAN)
        code = group_open(&r, argv[0], false, &g);
    if (code == EXIT_CLEAN) {
        out_open(&o, stdout, json);
        facts_tell(&o, argv[0], &g);
        members_tell(&o, &g);
        places_tell(&o, &g);
        out_close(&o);
    }
    group_close(&g);
    remote_close(&r);
    return code;
}
