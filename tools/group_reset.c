/* group_reset.c -- `shardlog group reset`: a plan, and with --write its execution.
 *
 * A plan has a row for each partition: where the group is, where it would go. What cannot be
 * planned (nothing is committed to shift from, the partition cannot be asked) says so and is left
 * out. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/group.h"
#include "tools/position.h"

struct reset {
    struct remote remote;
    const char *to, *shift, *topic;
    uint64_t partition;
    bool partition_given, write, json;
    struct position position;
    int64_t shift_by;
    struct group group;
    struct plan_row *rows;
    uint32_t count, planned;
    const char *known; /* the last row's topic; NULL: none */
    struct sl_client_topic known_topic;
};

struct plan_row {
    const struct group_place *place;
    uint64_t to;
    const char *state;
    bool planned;
};

/* ---- words ---- */

static bool shift_read(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *out = v;
    return errno == 0 && end != text && *end == '\0';
}

static bool reset_words(struct reset *r, int argc)
{
    if (argc != 1) {
        complain("which group? One at a time");
        return false;
    }
    if (!r->to == !r->shift) {
        complain("where to? Either --to or --shift is wanted");
        return false;
    }
    if (r->to && !position_read(r->to, &r->position)) {
        complain("--to wants " POSITION_WORDS ", not `%s`", r->to);
        return false;
    }
    if (r->shift && !shift_read(r->shift, &r->shift_by)) {
        complain("--shift wants a number of records, -100 or 100, not `%s`", r->shift);
        return false;
    }
    if (r->partition_given && !r->topic) {
        complain("--partition wants --topic");
        return false;
    }
    return true;
}

/* ---- the plan ---- */

/* `want` may lie on either side of what there is. */
static void row_clamp(struct plan_row *row, __int128 want)
{
    const struct sl_client_lag *l = &row->place->lag;
    row->planned = true;
    row->state = want < l->start ? "at start" : want > l->end ? "at end" : "ok";
    row->to = want < l->start ? l->start : want > l->end ? l->end : (uint64_t)want;
}

/* Rows of a topic follow each other. */
static enum sl_err topic_know(struct reset *r, const char *topic)
{
    if (r->known && strcmp(r->known, topic) == 0)
        return SL_ERR_OK;
    enum sl_err err = sl_client_describe(r->remote.client, topic, &r->known_topic);
    r->known = err == SL_ERR_OK ? topic : NULL;
    return err;
}

static void row_plan(struct reset *r, struct plan_row *row)
{
    const struct group_place *p = row->place;
    enum sl_err err = p->lag.err;
    if (r->shift && !p->committed) {
        row->state = "nothing committed";
        return;
    }
    if (err == SL_ERR_OK && r->to)
        err = topic_know(r, p->topic);
    if (err == SL_ERR_OK && r->to)
        err =
            position_find(r->remote.client, &r->known_topic, p->partition, &r->position, &row->to);
    if (err == SL_ERR_OK)
        row_clamp(row, r->to ? (__int128)row->to : (__int128)p->lag.committed + r->shift_by);
    else
        row->state = sl_err_name(err);
}

/* The partitions of --topic become places of the group. */
static int topic_places(struct reset *r)
{
    struct sl_client_topic topic;
    int code = remote_topic(&r->remote, r->topic, &topic);
    if (code != EXIT_CLEAN)
        return code;
    if (r->partition_given && r->partition >= topic.partitions) {
        complain("%s has the partitions 0 to %u", r->topic, topic.partitions - 1);
        return EXIT_NOT_FOUND;
    }
    uint32_t first = r->partition_given ? (uint32_t)r->partition : 0;
    uint32_t end = r->partition_given ? first + 1 : topic.partitions;
    for (uint32_t i = first; i < end; i++) {
        struct group_place *p = group_place(&r->group, r->topic, i);
        if (!p->committed)
            group_ends(&r->remote, p);
    }
    group_sort(&r->group);
    return EXIT_CLEAN;
}

static bool place_wanted(const struct reset *r, const struct group_place *p)
{
    if (!r->topic)
        return p->committed;
    return strcmp(p->topic, r->topic) == 0 && (!r->partition_given || p->partition == r->partition);
}

static void plan_make(struct reset *r)
{
    r->rows = calloc(r->group.place_count + 1u, sizeof(*r->rows));
    check(r->rows);
    for (uint32_t i = 0; i < r->group.place_count; i++) {
        if (!place_wanted(r, &r->group.places[i]))
            continue;
        struct plan_row *row = &r->rows[r->count++];
        row->place = &r->group.places[i];
        row_plan(r, row);
        r->planned += row->planned;
    }
}

static void row_tell(struct out_sheet *s, const struct plan_row *row)
{
    const struct group_place *p = row->place;
    sheet_text(s, "%s", p->topic);
    sheet_count(s, p->partition);
    if (p->committed)
        sheet_count(s, p->lag.committed);
    else
        sheet_none(s);
    if (row->planned) {
        sheet_count(s, row->to);
        sheet_count(s, p->lag.start);
        sheet_count(s, p->lag.end);
    } else {
        sheet_none(s);
        sheet_none(s);
        sheet_none(s);
    }
    sheet_text(s, "%s", row->state);
}

static void plan_tell(const struct reset *r, const char *id, uint32_t written)
{
    static const struct out_column columns[] = {
        { "topic", "topic", OUT_TEXT },          { "partition", "partition", OUT_COUNT },
        { "committed", "committed", OUT_COUNT }, { "to", "to", OUT_COUNT },
        { "start", "start", OUT_COUNT },         { "end", "end", OUT_COUNT },
        { "state", "state", OUT_TEXT },
    };
    struct out o;
    struct out_sheet s;
    char shown[GROUP_SHOWN_MAX];
    out_open(&o, stdout, r->json);
    out_text(&o, "group", "group", "%s", group_shown(id, shown));
    out_count(&o, "members", "members", r->group.facts.members);
    out_count(&o, "written", "written", written);
    sheet_open(&s, &o, "partitions", "\npartitions", columns, 7);
    for (uint32_t i = 0; i < r->count; i++)
        row_tell(&s, &r->rows[i]);
    sheet_close(&s);
    if (!r->write)
        out_say(&o, "\nThis is the plan; nothing was written. --write does it.\n");
    out_close(&o);
}

/* ---- doing it ---- */

static uint32_t piece_take(const struct reset *r, uint32_t *at, struct sl_client_commit *to)
{
    uint32_t count = 0;
    for (; *at < r->count && count < SL_CLIENT_COMMIT_MAX; ++*at) {
        const struct plan_row *row = &r->rows[*at];
        if (row->planned)
            to[count++] =
                (struct sl_client_commit){ row->place->topic, row->place->partition, row->to };
    }
    return count;
}

static enum sl_err plan_write(struct reset *r, const char *id, uint32_t *written)
{
    struct sl_client_commit *piece = calloc(SL_CLIENT_COMMIT_MAX, sizeof(*piece));
    enum sl_err err = SL_ERR_OK;
    uint32_t at = 0, count;
    check(piece);
    while (err == SL_ERR_OK && (count = piece_take(r, &at, piece))) {
        err = sl_client_commit(r->remote.client, id, piece, count);
        *written += err == SL_ERR_OK ? count : 0;
    }
    free(piece);
    return err;
}

static int members_refuse(const struct reset *r, const char *id)
{
    char shown[GROUP_SHOWN_MAX];
    complain("%s: the group has %u members: %s", group_shown(id, shown), r->group.facts.members,
             r->write ? "stop them, and wait until the group has noticed; nothing was written"
                      : "with --write this would be refused");
    return r->write ? EXIT_REFUSED : EXIT_CLEAN;
}

static int reset_run(struct reset *r, const char *id)
{
    uint32_t written = 0;
    char shown[GROUP_SHOWN_MAX];
    int code = group_open(&r->remote, id, r->topic != NULL, &r->group);
    if (code == EXIT_CLEAN && r->topic)
        code = topic_places(r);
    if (code == EXIT_CLEAN && r->group.facts.members)
        code = members_refuse(r, id);
    if (code != EXIT_CLEAN)
        return code;
    plan_make(r);
    if (r->write)
        code = remote_exit(&r->remote, plan_write(r, id, &written), group_shown(id, shown));
    plan_tell(r, id, written);
    if (r->write && written && written < r->count)
        return EXIT_PARTLY;
    if (code == EXIT_CLEAN && !r->planned && r->count)
        return EXIT_REFUSED;
    return code;
}

int group_reset_command(int argc, char **argv)
{
    struct reset r = { .group.facts.size = 0 };
    const struct option_row rows[] = {
        OPTIONS_OUT(&r.json),
        OPTIONS_REMOTE(&r.remote),
        { .name = "--to", .text = &r.to },
        { .name = "--shift", .text = &r.shift },
        { .name = "--topic", .text = &r.topic },
        { .name = "--partition", .number = &r.partition, .given = &r.partition_given },
        { .name = "--write", .flag = &r.write }
    };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !reset_words(&r, argc))
        return EXIT_TROUBLE;
    int code = remote_open(&r.remote);
    if (code == EXIT_CLEAN)
        code = reset_run(&r, argv[0]);
    group_close(&r.group);
    free(r.rows);
    remote_close(&r.remote);
    return code;
}
