/* topic.c -- `shardlog topic`: create, list, describe, delete. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/remote.h"

#define SETTINGS_MAX 64u

static int create_command(int argc, char **argv);
static int list_command(int argc, char **argv);
static int describe_command(int argc, char **argv);
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
    { "delete", "NAME... | --file FILE", "delete topics and their records, for good",
      delete_command,
      "  --file FILE     the first word of each line is a topic; - is stdin\n" HELP_OUT HELP_REMOTE
      "\n"
      "  Exit code 8: some were deleted, and some were not.\n",
      NULL },
    { 0 },
};

/* ---- many topics: from words or from a file ---- */

struct many {
    struct remote remote;
    const char *file, *set;
    uint64_t partitions;
    bool if_missing, json;
    bool lines; /* what comes now is a line of a file: several words */
    struct out out;
    struct out_sheet sheet;
    uint32_t done, failed;
    int code; /* of the last failure */
};
typedef enum sl_err many_do(struct many *m, char *line, char **name);

static void many_one(struct many *m, char *line, many_do *each)
{
    char *name = line;
    enum sl_err err = each(m, line, &name);
    if (err == SL_ERR_OK) {
        m->done++;
        return;
    }
    m->failed++;
    m->code = remote_exit(&m->remote, err, name);
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
    out_open(&m->out, stdout, m->json);
    sheet_open(&m->sheet, &m->out, "topics", NULL, columns, 3);
    for (int i = 0; i < argc && m->code != EXIT_NO_ANSWER; i++)
        many_one(m, argv[i], each);
    if (m->file)
        code = many_file(m, each);
    sheet_close(&m->sheet);
    out_close(&m->out);
    remote_close(&m->remote);
    if (m->failed)
        code = m->done ? EXIT_PARTLY : m->code;
    return code;
}

static void topic_tell(struct many *m, const char *name, const struct sl_client_topic *t)
{
    struct id16 id;
    char text[33];
    memcpy(id.b, t->id, 16);
    id_text(id, text);
    sheet_text(&m->sheet, "%s", name);
    sheet_text(&m->sheet, "%s", text);
    sheet_count(&m->sheet, t->partitions);
}

/* ---- create ---- */

/* "K=V,K=V", taken apart in place. False: not of this form. */
static bool settings_split(char *text, struct sl_setting *to, uint32_t *count)
{
    char *save = NULL;
    for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        char *value = strchr(one, '=');
        if (!value || *count == SETTINGS_MAX)
            return false;
        *value++ = '\0';
        to[(*count)++] = (struct sl_setting){ one, value };
    }
    return true;
}

/* NAME [PARTITIONS] [K=V,...] */
static enum sl_err create_one(struct many *m, char *line, char **name)
{
    struct sl_setting settings[SETTINGS_MAX];
    struct sl_topic_options o = { .size = sizeof(o), .partitions = (uint32_t)m->partitions };
    struct sl_client_topic topic;
    char *save = NULL, all[1024];
    bool sound = snprintf(all, sizeof(all), "%s", m->set ? m->set : "") < (int)sizeof(all);
    sound = sound && settings_split(all, settings, &o.setting_count);
    *name = m->lines ? strtok_r(line, " \t", &save) : line;
    for (char *word; m->lines && (word = strtok_r(NULL, " \t", &save));) {
        if (strchr(word, '='))
            sound = sound && settings_split(word, settings, &o.setting_count);
        else
            o.partitions = (uint32_t)strtoul(word, NULL, 10);
    }
    o.settings = settings;
    if (!sound) {
        complain("%s: settings are KEY=VALUE,KEY=VALUE", *name);
        m->code = EXIT_TROUBLE;
        return SL_ERR_INVALID;
    }
    enum sl_err err = sl_client_create(m->remote.client, *name, &o, &topic);
    if (err == SL_ERR_EXISTS && m->if_missing)
        err = sl_client_describe(m->remote.client, *name, &topic);
    if (err == SL_ERR_OK)
        topic_tell(m, *name, &topic);
    return err;
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

/* ---- delete ---- */

static enum sl_err delete_one(struct many *m, char *line, char **name)
{
    struct sl_client_topic topic;
    char *save = NULL;
    *name = m->lines ? strtok_r(line, " \t", &save) : line;
    enum sl_err err = sl_client_describe(m->remote.client, *name, &topic);
    if (err == SL_ERR_OK)
        err = sl_client_delete(m->remote.client, *name);
    if (err == SL_ERR_OK)
        topic_tell(m, *name, &topic);
    return err;
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

/* The node's list again and again: words of `each` come from it. */
static enum sl_err list_one(struct many *m, char *line, char **name)
{
    struct sl_client_topic topic;
    *name = line;
    enum sl_err err = sl_client_describe(m->remote.client, line, &topic);
    if (err == SL_ERR_OK)
        topic_tell(m, line, &topic);
    return err == SL_ERR_NOT_FOUND ? SL_ERR_OK : err; /* deleted meanwhile */
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
