/* log.c -- which lines are written; how they look is log_format.c's. */
#include "net/log/log.h"

static const struct bucket_size client_size = { .burst = 10, .every_ns = SEC_NS };
static const struct bucket_size all_size = { .burst = 200, .every_ns = 10 * MS_NS };

void log_open(struct log *l, const struct log_opts *opts)
{
    *l = (struct log){ .opts = *opts };
    limit_open(&l->clients, client_size, opts->seed);
}

bool log_wants(const struct log *l, enum log_level level)
{
    return level <= l->opts.level;
}

static void line_put(struct log *l, const struct log_line *line)
{
    char text[LOG_LINE_MAX];
    size_t len = log_format(&l->opts, line, text);
    l->opts.put(l->opts.arg, text, len);
}

/* Within the limits? Then *suppressed says how many lines were not. */
static bool client_may(struct log *l, uint64_t now_ns, struct bytes client, uint64_t *suppressed)
{
    return limit_take(&l->clients, client, now_ns, suppressed) &&
           bucket_take(&l->all, all_size, now_ns);
}

bool log_say(struct log *l, uint64_t now_ns, const struct log_line *line)
{
    struct log_line copy = *line;
    if (!log_wants(l, line->level))
        return true;
    if (line->client.len && !client_may(l, now_ns, line->client, &copy.suppressed))
        return false;
    line_put(l, &copy);
    return true;
}

static void suppressed_put(struct log *l, int64_t time_ms, uint32_t shard, struct bytes client,
                           uint64_t count)
{
    struct log_line line = { .time_ms = time_ms,
                             .level = LOG_LEVEL_WARN,
                             .shard = shard,
                             .subsystem = "log",
                             .client = client,
                             .message = client.len ? "lines of this client were suppressed"
                                                   : "lines of several clients were suppressed",
                             .suppressed = count };
    if (log_wants(l, line.level))
        line_put(l, &line);
}

bool log_sweep(struct log *l, uint64_t now_ns, int64_t time_ms, uint32_t shard)
{
    struct limit_row row;
    while (limit_quiet(&l->clients, now_ns, &row))
        suppressed_put(l, time_ms, shard, (struct bytes){ row.name, row.name_len },
                       row.bucket.suppressed);
    if (l->clients.lost + l->all.suppressed)
        suppressed_put(l, time_ms, shard, (struct bytes){ NULL, 0 },
                       l->clients.lost + l->all.suppressed);
    l->clients.lost = 0;
    l->all.suppressed = 0;
    return limit_owes(&l->clients);
}
