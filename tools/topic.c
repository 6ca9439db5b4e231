/* topic.c -- `shardlog topic`: create, list, describe, grow, delete; topic_config.c has its
 * settings. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/remote.h"
#include "tools/setting_words.h"

static int create_command(int argc, char **argv);
static int list_command(int argc, char **argv);
static int describe_command(int argc, char **argv);
static int grow_command(int argc, char **argv);
static int delete_command(int argc, char **argv);

#define HELP_OUT "  -o json|table  how the answer is written; --json is -o json\n"

const struct command topic_commands[] = {
    { "create", "NAME... | --file FILE", "make topics", create_command,
      "  --partitions N  of each (the node's default)\n"
      "  --set K=V,...   settings: retention.ms, retention.bytes, max.message.bytes,\n"
      "                  shardlog.durability, ...\n"
      "  --file FILE     a topic in each line: NAME [PARTITIONS] [K=V,...]; - is stdin\n"
      "  --if-missing    one that is there already is no error\n" HELP_OUT HELP_REMOTE "\n"
      "  Exit code 8: some were made, and some were not.\n"
      "\n"
      "  shardlog topic create events --partitions 8 --set shardlog.durability=written\n",
      NULL },
    { "list", "", "all topics", list_command, HELP_OUT HELP_REMOTE, NULL },
    { "describe", "NAME", "partitions, offsets, settings of a topic", describe_command,
      HELP_OUT HELP_REMOTE, NULL },
    { "config", "NAME", "the settings of a topic, and change them", topic_config_command,
      "  --set K=V,...  set these\n"
      "  --unset K,...  back to their defaults\n" HELP_OUT HELP_REMOTE "\n"
      "  Shows every setting with its source: `topic`, given to this topic; `default`. All "
      "changes\n"
      "  of one call are made, or none is; they are durable when the settings are shown.\n"
      "\n"
      "  shardlog topic config events --set retention.ms=86400000 --unset segment.ms\n",
      NULL },
    { "grow", "NAME... | --file FILE", "give topics more partitions", grow_command,
      "  --partitions N  in all, the new ones included\n"
      "  --file FILE     the first word of each line is a topic; - is stdin\n" HELP_OUT HELP_REMOTE
      "\n"
      "  Which partition a key belongs to changes with their number: records with a key go to\n"
      "  other partitions than before. Exit code 8: some have grown, and some have not.\n"
      "\n"
      "  shardlog topic grow events --partitions 16\n",
      NULL },
    { "delete", "NAME... | --file FILE", "delete topics and their records, for good",
      delete_command,
      "  --file FILE     the first word of each line is a topic; - is stdin\n" HELP_OUT HELP_REMOTE
      "\n"
      "  Exit code 8: some were deleted, and some were not.\n",
      NULL },
    { 0 },
};

/* ---- many topics: from words or from a file ---- */

#define STARTED_MAX 200u /* requests under way; their answers are written in the order asked */

/* One topic that was asked for. */
struct started {
    char name[256];
    struct sl_client_topic topic;
    enum sl_err err;
    char why[513];
};

struct many {
    struct remote remote;
    const char *file, *set;
    uint64_t partitions;
    bool if_missing, json;
    bool lines; /* what comes now is a line of a file: several words */
    struct out out;
    struct out_sheet sheet;
    struct started *started;
    uint32_t started_count, done, failed;
    int code; /* of the last failure */
};
/* Starts one, or does it: the outcome is in *s once nothing is under way. */
typedef void many_do(struct many *m, char *line, struct started *s);

static void started_end(struct many *m, struct started *s, enum sl_err err)
{
    s->err = err;
    if (err != SL_ERR_OK && !s->why[0])
        snprintf(s->why, sizeof(s->why), "%s", sl_client_error(m->remote.client)->text);
}

static void started_tell(struct many *m, const struct started *s)
{
    struct id16 id;
    char text[33];
    if (s->err != SL_ERR_OK) {
        complain("%s: %s (%s)", s->name, s->why, sl_err_name(s->err));
        m->code = remote_code(s->err);
        m->failed++;
        return;
    }
    memcpy(id.b, s->topic.id, 16);
    id_text(id, text);
    sheet_text(&m->sheet, "%s", s->name);
    sheet_text(&m->sheet, "%s", text);
    sheet_count(&m->sheet, s->topic.partitions);
    m->done++;
}

static void many_settle(struct many *m)
{
    sl_client_flush(m->remote.client);
    for (uint32_t i = 0; i < m->started_count; i++)
        started_tell(m, &m->started[i]);
    m->started_count = 0;
}

static void many_one(struct many *m, char *line, many_do *each)
{
    struct started *s = &m->started[m->started_count++];
    *s = (struct started){ .err = SL_ERR_CLOSED };
    each(m, line, s);
    if (m->started_count == STARTED_MAX)
        many_settle(m);
}

static int many_file(struct many *m, many_do *each)
{
    FILE *f = strcmp(m->file, "-") == 0 ? stdin : fopen(m->file, "r");
    char *line = NULL;
    size_t cap = 0;
    if (!f) {
        complain("%s: %s", m->file, strerror(errno));
        return EXIT_TROUBLE;
    }
    m->lines = true;
    while (getline(&line, &cap, f) >= 0 && m->code != EXIT_NO_ANSWER) {
        line[strcspn(line, "#\r\n")] = '\0';
        if (line[strspn(line, " \t")])
            many_one(m, line, each);
    }
    free(line);
    if (f != stdin)
        fclose(f);
    return EXIT_CLEAN;
}

static int many_run(struct many *m, int argc, char **argv, many_do *each)
{
    static const struct out_column columns[] = { { "topic", "topic", OUT_TEXT },
                                                 { "id", "id", OUT_TEXT },
                                                 { "partitions", "partitions", OUT_COUNT } };
    if (!argc && !m->file) {
        complain("which topic?");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&m->remote);
    if (code != EXIT_CLEAN)
        return code;
    m->started = calloc(STARTED_MAX, sizeof(*m->started));
    check(m->started);
    out_open(&m->out, stdout, m->json);
    sheet_open(&m->sheet, &m->out, "topics", NULL, columns, 3);
    for (int i = 0; i < argc && m->code != EXIT_NO_ANSWER; i++)
        many_one(m, argv[i], each);
    if (m->file)
        code = many_file(m, each);
    many_settle(m);
    sheet_close(&m->sheet);
    out_close(&m->out);
    remote_close(&m->remote);
    free(m->started);
    if (m->failed)
        code = m->done ? EXIT_PARTLY : m->code;
    return code;
}

/* The first word of a line of a file, or all of an argument; *rest is where the next one is. */
static void name_take(const struct many *m, char *line, struct started *s, char **rest)
{
    const char *name = m->lines ? strtok_r(line, " \t", rest) : line;
    snprintf(s->name, sizeof(s->name), "%s", name);
}

/* ---- create ---- */

struct create_call {
    struct many *many;
    struct started *started;
};

static void create_done(void *arg, enum sl_err err, const struct sl_client_topic *topic)
{
    struct create_call *call = arg;
    call->started->topic = *topic;
    started_end(call->many, call->started, err);
    free(call);
}

static void create_start(struct many *m, struct started *s, const struct sl_topic_options *o)
{
    struct create_call *call = malloc(sizeof(*call));
    check(call);
    *call = (struct create_call){ m, s };
    enum sl_err err = sl_client_create_start(m->remote.client, s->name, o, create_done, call);
    if (err == SL_ERR_OK)
        return;
    started_end(m, s, err);
    free(call);
}

/* The one that is there, where that is no error. */
static void create_if_missing(struct many *m, struct started *s, const struct sl_topic_options *o)
{
    enum sl_err err = sl_client_create(m->remote.client, s->name, o, &s->topic);
    if (err == SL_ERR_EXISTS)
        err = sl_client_describe(m->remote.client, s->name, &s->topic);
    started_end(m, s, err);
}

/* NAME [PARTITIONS] [K=V,...] */
static void create_one(struct many *m, char *line, struct started *s)
{
    struct setting_words settings = { .count = 0 };
    struct sl_topic_options o = { .size = sizeof(o), .partitions = (uint32_t)m->partitions };
    char *rest = NULL, all[1024];
    bool sound = snprintf(all, sizeof(all), "%s", m->set ? m->set : "") < (int)sizeof(all);
    sound = sound && settings_split(all, &settings);
    name_take(m, line, s, &rest);
    for (char *word; m->lines && (word = strtok_r(NULL, " \t", &rest));) {
        if (strchr(word, '='))
            sound = sound && settings_split(word, &settings);
        else
            o.partitions = (uint32_t)strtoul(word, NULL, 10);
    }
    o.settings = settings.at;
    o.setting_count = settings.count;
    if (!sound) {
        snprintf(s->why, sizeof(s->why), "settings are KEY=VALUE,KEY=VALUE");
        started_end(m, s, SL_ERR_INVALID);
    } else if (m->if_missing) {
        create_if_missing(m, s, &o);
    } else {
        create_start(m, s, &o);
    }
}

static int create_command(int argc, char **argv)
{
    struct many m = { 0 };
    const struct option_row rows[] = { OPTIONS_OUT(&m.json),
                                       OPTIONS_REMOTE(&m.remote),
                                       { .name = "--partitions", .number = &m.partitions },
                                       { .name = "--set", .text = &m.set },
                                       { .name = "--file", .text = &m.file },
                                       { .name = "--if-missing", .flag = &m.if_missing } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    return many_run(&m, argc, argv, create_one);
}

/* ---- grow ---- */

static void grow_one(struct many *m, char *line, struct started *s)
{
    char *rest = NULL;
    name_take(m, line, s, &rest);
    enum sl_err err = sl_client_grow(m->remote.client, s->name, (uint32_t)m->partitions);
    if (err == SL_ERR_OK)
        err = sl_client_describe(m->remote.client, s->name, &s->topic);
    started_end(m, s, err);
}

static int grow_command(int argc, char **argv)
{
    struct many m = { 0 };
    const struct option_row rows[] = { OPTIONS_OUT(&m.json),
                                       OPTIONS_REMOTE(&m.remote),
                                       { .name = "--partitions", .number = &m.partitions },
                                       { .name = "--file", .text = &m.file } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    if (!m.partitions || m.partitions > UINT32_MAX) {
        complain("how many partitions? --partitions N, in all");
        return EXIT_TROUBLE;
    }
    return many_run(&m, argc, argv, grow_one);
}

/* ---- delete ---- */

static void delete_one(struct many *m, char *line, struct started *s)
{
    char *rest = NULL;
    name_take(m, line, s, &rest);
    enum sl_err err = sl_client_describe(m->remote.client, s->name, &s->topic);
    if (err == SL_ERR_OK)
        err = sl_client_delete(m->remote.client, s->name);
    started_end(m, s, err);
}

static int delete_command(int argc, char **argv)
{
    struct many m = { 0 };
    const struct option_row rows[] = { OPTIONS_OUT(&m.json),
                                       OPTIONS_REMOTE(&m.remote),
                                       { .name = "--file", .text = &m.file } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    return many_run(&m, argc, argv, delete_one);
}

/* ---- list ---- */

struct names_kept {
    char **at;
    uint32_t count, cap;
};

static void name_keep(void *arg, const char *name)
{
    struct names_kept *n = arg;
    if (n->count == n->cap) {
        n->cap = n->cap ? 2 * n->cap : 64;
        n->at = realloc(n->at, n->cap * sizeof(*n->at));
        check(n->at);
    }
    n->at[n->count] = strdup(name);
    check(n->at[n->count++]);
}

/* One of the node's list; none, if it was deleted meanwhile. */
static void list_one(struct many *m, char *line, struct started *s)
{
    char *rest = NULL;
    name_take(m, line, s, &rest);
    enum sl_err err = sl_client_describe(m->remote.client, s->name, &s->topic);
    if (err == SL_ERR_NOT_FOUND)
        m->started_count--;
    else
        started_end(m, s, err);
}

static int list_command(int argc, char **argv)
{
    struct many m = { 0 };
    struct names_kept names = { 0 };
    const struct option_row rows[] = { OPTIONS_OUT(&m.json), OPTIONS_REMOTE(&m.remote) };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    int code = remote_open(&m.remote);
    if (code != EXIT_CLEAN)
        return code;
    code = remote_exit(&m.remote, sl_client_list(m.remote.client, name_keep, &names), "topics");
    remote_close(&m.remote);
    m.file = names.count ? NULL : "/dev/null"; /* no topics is an answer too */
    if (code == EXIT_CLEAN)
        code = many_run(&m, (int)names.count, names.at, list_one);
    for (uint32_t i = 0; i < names.count; i++)
        free(names.at[i]);
    free(names.at);
    return code;
}

/* ---- describe ---- */

static void setting_tell(void *arg, const char *key, const char *value, bool given)
{
    struct out_sheet *s = arg;
    sheet_text(s, "%s", key);
    sheet_text(s, "%s", value);
    sheet_flag(s, given);
}

struct part_rows {
    struct sl_client_place *at;
    uint32_t count;
};

static void place_keep(void *arg, const struct sl_client_place *place)
{
    struct part_rows *p = arg;
    p->at[p->count++] = *place;
}

static enum sl_err part_tell(struct remote *r, const struct sl_client_topic *t,
                             const struct sl_client_place *p, struct out_sheet *s)
{
    uint64_t from = 0, to = 0;
    enum sl_err err = p->err;
    if (err == SL_ERR_OK)
        err = sl_client_offset(r->client, t, p->partition, SL_OFFSET_EARLIEST, 0, &from, NULL);
    if (err == SL_ERR_OK)
        err = sl_client_offset(r->client, t, p->partition, SL_OFFSET_LATEST, 0, &to, NULL);
    sheet_count(s, p->partition);
    sheet_count(s, p->shard);
    sheet_count(s, p->store);
    if (err == SL_ERR_OK) {
        sheet_count(s, from);
        sheet_count(s, to);
        sheet_text(s, "ok");
    } else {
        sheet_none(s);
        sheet_none(s);
        sheet_text(s, "%s", sl_err_name(err));
    }
    return err;
}

static enum sl_err parts_tell(struct remote *r, const struct sl_client_topic *t, struct out *o)
{
    static const struct out_column columns[] = {
        { "partition", "partition", OUT_COUNT },
        { "shard", "shard", OUT_COUNT },
        { "store", "store", OUT_COUNT },
        { "start", "start", OUT_COUNT },
        { "end", "end", OUT_COUNT },
        { "state", "state", OUT_TEXT },
    };
    struct part_rows p = { .at = calloc(t->partitions + 1u, sizeof(*p.at)) };
    struct out_sheet s;
    check(p.at);
    enum sl_err err = sl_client_places(r->client, t, place_keep, &p);
    sheet_open(&s, o, "partitions", "\npartitions", columns, 6);
    for (uint32_t i = 0; i < p.count; i++)
        part_tell(r, t, &p.at[i], &s);
    sheet_close(&s);
    free(p.at);
    return err;
}

static int describe_tell(struct remote *r, const char *name, bool json)
{
    static const struct out_column columns[] = { { "key", "setting", OUT_TEXT },
                                                 { "value", "value", OUT_TEXT },
                                                 { "given", "given", OUT_FLAG } };
    struct sl_client_topic topic;
    struct out o;
    struct out_sheet s;
    struct id16 id;
    char text[33];
    int code = remote_topic(r, name, &topic);
    if (code != EXIT_CLEAN)
        return code;
    memcpy(id.b, topic.id, 16);
    id_text(id, text);
    out_open(&o, stdout, json);
    out_text(&o, "topic", "topic", "%s", name);
    out_text(&o, "id", "id", "%s", text);
    sheet_open(&s, &o, "settings", "\nsettings", columns, 3);
    enum sl_err err = sl_client_settings(r->client, name, setting_tell, &s);
    sheet_close(&s);
    if (err == SL_ERR_OK)
        err = parts_tell(r, &topic, &o);
    out_close(&o);
    return remote_exit(r, err, name);
}

static int describe_command(int argc, char **argv)
{
    struct remote r = { 0 };
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json), OPTIONS_REMOTE(&r) };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    if (argc != 1) {
        complain("which topic? One at a time");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&r);
    if (code == EXIT_CLEAN)
        code = describe_tell(&r, argv[0], json);
    remote_close(&r);
    return code;
}
