/* inspect.c -- `shardlog inspect`: what `ls` cannot show. */
#include "tools/inspect.h"

#include <stdlib.h>

#include "engine/base/check.h"

struct view {
    const char *name;
    void (*show)(struct inspect *in, struct out *o);
    bool raw; /* reads the files, not the tables */
};

static const struct view views[] = {
    { "overview", view_overview, false },
    { "journal", view_journal, true },
    { "image", view_image, true },
    { "extents", view_extents, false },
    { "partitions", view_partitions, false },
    { "batches", view_batches, false },
    { "producers", view_producers, false },
};

static const struct view *view_find(const char *name)
{
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
        if (strcmp(views[i].name, name) == 0)
            return &views[i];
    return NULL;
}

static void store_show(struct inspect *in, const struct view *v, struct out *o)
{
    out_group(o, NULL, in->place->path);
    out_text(o, "path", "directory", "%s", in->place->path);
    if (in->store || v->raw)
        v->show(in, o);
    else
        out_text(o, "error", "does not open", "%s", in->why.text);
    out_group_end(o);
}

static void stores_open(struct inspect *all, const struct places *p, struct names *names)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct store_opts opts = { .read_only = true };
        struct inspect *in = &all[i];
        in->io = p->io;
        in->place = &p->at[i];
        enum err err = store_open(&in->store, p->io, p->at[i].fd, &opts, &in->why);
        if (err && !in->why.text[0])
            why_set(&in->why, "%s", err_text(err));
        if (!err)
            names_learn(names, p->io, in->store);
    }
}

static int inspect_all(const struct places *p, const struct view *v, const struct inspect *wanted,
                       bool json)
{
    struct inspect *all = calloc(p->count + 1, sizeof(*all));
    struct names names = { 0 };
    struct out o;
    int code = EXIT_CLEAN;
    check(all);
    stores_open(all, p, &names);
    out_open(&o, stdout, json);
    out_list(&o, "stores");
    for (uint32_t i = 0; i < p->count; i++) {
        struct inspect *in = &all[i];
        in->names = &names;
        in->part_given = wanted->part_given;
        in->part = wanted->part;
        in->from = wanted->from;
        in->limit = wanted->limit;
        in->rows = wanted->rows;
        store_show(in, v, &o);
        if (!in->store && !v->raw)
            code = EXIT_TROUBLE;
        store_close(&in->store);
    }
    out_list_end(&o);
    out_close(&o);
    names_close(&names);
    free(all);
    return code;
}

int inspect_command(int argc, char **argv)
{
    struct inspect wanted = { .limit = 100 };
    bool json = false;
    const struct option_row rows[] = {
        OPTIONS_OUT(&json),
        { .name = "--rows", .flag = &wanted.rows },
        { .name = "--partition", .number = &wanted.part, .given = &wanted.part_given },
        { .name = "--from", .number = &wanted.from },
        { .name = "--limit", .number = &wanted.limit },
    };
    struct places p = { 0 };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    const struct view *v = argc > 1 ? view_find(argv[argc - 1]) : NULL;
    int code = places_open(&p, v ? argc - 1 : argc, argv);
    if (code == EXIT_CLEAN)
        code = inspect_all(&p, v ? v : &views[0], &wanted, json);
    places_close(&p);
    return code;
}
