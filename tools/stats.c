/* stats.c -- `shardlog stats`: a node's figures. */
#include "tools/remote.h"

struct figures {
    struct out out;
    struct out_sheet sheet;
};

static void figure_tell(void *arg, const char *name, uint64_t value)
{
    struct figures *f = arg;
    if (f->out.json) {
        out_count(&f->out, name, "", value);
        return;
    }
    sheet_text(&f->sheet, "%s", name);
    sheet_count(&f->sheet, value);
}

static void node_tell(struct out *o, const struct sl_client *c)
{
    struct sl_client_hello hello = { .size = sizeof(hello) };
    struct id16 cluster;
    char text[33];
    if (sl_client_hello(c, &hello) != SL_ERR_OK)
        return; /* the figures' own request says what is wrong */
    memcpy(cluster.b, hello.cluster, sizeof(cluster.b));
    id_text(cluster, text);
    out_text(o, "server", "server", "%s", hello.server);
    out_text(o, "cluster", "cluster", "%s", text);
    out_count(o, "node", "node", hello.node);
}

int stats_command(int argc, char **argv)
{
    static const struct out_column columns[] = { { "figure", "figure", OUT_TEXT },
                                                 { "value", "value", OUT_COUNT } };
    struct remote r = { 0 };
    struct figures f;
    bool json = false;
    uint64_t shard = SL_CLIENT_ALL_SHARDS;
    const struct option_row rows[] = { OPTIONS_OUT(&json),
                                       OPTIONS_REMOTE(&r),
                                       { .name = "--shard", .number = &shard } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    int code = remote_open(&r);
    if (code != EXIT_CLEAN)
        return code;
    out_open(&f.out, stdout, json);
    node_tell(&f.out, r.client);
    if (!json)
        sheet_open(&f.sheet, &f.out, "figures", NULL, columns, 2);
    enum sl_err err =
        sl_client_stats(r.client, (uint32_t)min_u64(shard, UINT32_MAX), figure_tell, &f);
    if (!json)
        sheet_close(&f.sheet);
    out_close(&f.out);
    code = remote_exit(&r, err, "stats");
    remote_close(&r);
    return code;
}
