/* check.c -- `shardlog check`: the verification of engine/log, in words. */
#include "engine/log/verify.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/names.h"
#include "tools/place.h"

struct check_store {
    const struct place *place;
    enum err err;
    struct why why;
    struct verify_counts counts;
    struct find *finds;
    uint32_t count, cap;
    struct names names;
    struct store *store; /* open, or NULL: for names and orphans */
};

static const char *const class_text[] = { "note", "healable", "DAMAGE" };
static const char *const class_json[] = { "note", "healable", "damage" };

static void find_keep(const struct find *f, void *arg)
{
    struct check_store *c = arg;
    if (c->count == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        c->finds = realloc(c->finds, c->cap * sizeof(*c->finds));
        check(c->finds);
    }
    c->finds[c->count++] = *f;
}

/* ---- people ---- */

static void find_say(const struct check_store *c, const struct find *f, struct out *o)
{
    const struct find_kind_info *info = find_kind_info(f->kind);
    char topic[256];
    out_say(o, "%s: %s/%s", class_text[info->class_], c->place->path, f->file);
    if (f->len)
        out_say(o, ", bytes %llu to %llu", (unsigned long long)f->pos,
                (unsigned long long)(f->pos + f->len));
    else if (f->pos)
        out_say(o, ", byte %llu", (unsigned long long)f->pos);
    out_say(o, "\n    %s%s%s\n", info->what, f->why.text[0] ? ": " : "", f->why.text);
    if (f->of_part) {
        names_text(&c->names, f->topic, topic);
        out_say(o, "    topic %s, partition %u (number %u), offsets %llu to %llu\n", topic,
                f->index, f->part, (unsigned long long)f->from_off, (unsigned long long)f->to_off);
    }
    out_say(o, "    to do: %s\n", info->advice);
}

static void counts_say(const struct check_store *c, struct out *o)
{
    const struct verify_counts *n = &c->counts;
    out_say(
        o,
        "%s: %llu files, %llu image pages, %llu journal entries, %llu partitions, %llu extents, "
        "%llu tiles, %llu batches (%llu bytes): ",
        c->place->path, (unsigned long long)n->files, (unsigned long long)n->pages,
        (unsigned long long)n->entries, (unsigned long long)n->parts,
        (unsigned long long)n->extents, (unsigned long long)n->tiles,
        (unsigned long long)n->batches, (unsigned long long)n->bytes);
    if (n->finds[FIND_DAMAGE] || n->finds[FIND_HEALABLE])
        out_say(o, "%llu damaged, %llu healable\n", (unsigned long long)n->finds[FIND_DAMAGE],
                (unsigned long long)n->finds[FIND_HEALABLE]);
    else
        out_say(o, "clean\n");
}

/* ---- programs ---- */

static void find_json(const struct check_store *c, const struct find *f, struct out *o)
{
    const struct find_kind_info *info = find_kind_info(f->kind);
    char topic[256];
    out_group(o, NULL, NULL);
    out_text(o, "kind", "", "%s", info->name);
    out_text(o, "class", "", "%s", class_json[info->class_]);
    out_text(o, "what", "", "%s", info->what);
    out_text(o, "why", "", "%s", f->why.text);
    out_text(o, "todo", "", "%s", info->advice);
    out_text(o, "file", "", "%s", f->file);
    out_count(o, "pos", "", f->pos);
    out_count(o, "len", "", f->len);
    if (f->of_part) {
        names_text(&c->names, f->topic, topic);
        out_text(o, "topic", "", "%s", topic);
        out_count(o, "partition", "", f->index);
        out_count(o, "number", "", f->part);
        out_count(o, "extent", "", f->extent);
        out_count(o, "from_offset", "", f->from_off);
        out_count(o, "to_offset", "", f->to_off);
    }
    out_group_end(o);
}

static void counts_json(const struct check_store *c, struct out *o)
{
    const struct verify_counts *n = &c->counts;
    out_count(o, "files", "", n->files);
    out_count(o, "image_pages", "", n->pages);
    out_count(o, "journal_entries", "", n->entries);
    out_count(o, "partitions", "", n->parts);
    out_count(o, "extents", "", n->extents);
    out_count(o, "index_blocks", "", n->index_blocks);
    out_count(o, "tiles", "", n->tiles);
    out_count(o, "slots", "", n->slots);
    out_count(o, "batches", "", n->batches);
    out_count(o, "batch_bytes", "", n->bytes);
    out_count(o, "damaged", "", n->finds[FIND_DAMAGE]);
    out_count(o, "healable", "", n->finds[FIND_HEALABLE]);
    out_count(o, "notes", "", n->finds[FIND_NOTE]);
}

static void store_json(const struct check_store *c, struct out *o)
{
    out_group(o, NULL, NULL);
    out_text(o, "path", "", "%s", c->place->path);
    counts_json(c, o);
    out_list(o, "found");
    for (uint32_t i = 0; i < c->count; i++)
        find_json(c, &c->finds[i], o);
    out_list_end(o);
    out_group_end(o);
}

/* ---- metadata ---- */

/* For names; a store that does not open has none to give. */
static void store_look(struct check_store *c, struct io *io, struct names *names)
{
    struct store_opts opts = { .read_only = true, .salvage = true };
    if (store_open(&c->store, io, c->place->fd, &opts, NULL) == ERR_OK)
        names_learn(names, io, c->store);
}

static bool part_known(const struct names *names, const struct part_state_info *info)
{
    const struct name *topic = names_find(names, info->topic);
    return topic_is_metadata(info->topic) || topic_is_groups(info->topic) ||
           (topic && info->index < topic->partitions);
}

/* What a store holds and the metadata does not know is kept: it may be the metadata that is
 * incomplete. */
static void orphans_find(struct check_store *c, const struct names *names)
{
    for (uint32_t i = 0; names->complete && c->store && i < store_part_count(c->store); i++) {
        struct part *p = store_part_at(c->store, i);
        if (!p)
            continue;
        struct part_state_info info = part_info(p);
        if (part_known(names, &info))
            continue;
        c->counts.finds[FIND_HEALABLE]++;
        find_keep(&(struct find){ .kind = FOUND_ORPHAN,
                                  .file = "image",
                                  .of_part = true,
                                  .part = i,
                                  .index = info.index,
                                  .topic = info.topic,
                                  .from_off = info.start_off,
                                  .to_off = info.next_off },
                  c);
    }
}

/* Findings of the journal know a partition's number alone. */
static void topics_complete(struct check_store *c)
{
    for (uint32_t i = 0; c->store && i < c->count; i++) {
        struct part *p = store_part_at(c->store, c->finds[i].part);
        if (!c->finds[i].of_part || !p || !id16_zero(c->finds[i].topic))
            continue;
        c->finds[i].topic = part_info(p).topic;
        c->finds[i].index = part_info(p).index;
    }
}

/* ---- the command ---- */

static int exit_of(const struct check_store *all, uint32_t n)
{
    int code = EXIT_CLEAN;
    for (uint32_t i = 0; i < n; i++) {
        if (all[i].counts.finds[FIND_DAMAGE])
            return EXIT_DAMAGE;
        if (all[i].counts.finds[FIND_HEALABLE])
            code = EXIT_HEALABLE;
    }
    return code;
}

static int store_check(struct check_store *c, struct io *io, struct names *names)
{
    int lock;
    if (!place_lock(io, c->place, &lock))
        return EXIT_TROUBLE;
    struct verify_opts opts = { .found = find_keep, .arg = c };
    c->err = verify_run(io, c->place->fd, &opts, &c->counts, &c->why);
    if (c->err)
        complain("%s: %s", c->place->path, c->why.text[0] ? c->why.text : err_text(c->err));
    else
        store_look(c, io, names);
    if (lock >= 0)
        io_fd_close(io, lock);
    return c->err ? EXIT_TROUBLE : EXIT_CLEAN;
}

static void all_tell(struct check_store *all, uint32_t n, bool json, bool quiet)
{
    struct out o;
    if (json) {
        out_open(&o, stdout, true);
        out_list(&o, "stores");
        for (uint32_t i = 0; i < n; i++)
            store_json(&all[i], &o);
        out_list_end(&o);
        out_close(&o);
        return;
    }
    out_open(&o, stdout, false);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < all[i].count; k++)
            find_say(&all[i], &all[i].finds[k], &o);
        if (!quiet)
            counts_say(&all[i], &o);
    }
    out_close(&o);
}

static int check_all(struct places *p, bool json, bool quiet)
{
    struct check_store *all = calloc(p->count + 1, sizeof(*all));
    struct names names = { 0 };
    int code = EXIT_CLEAN;
    check(all);
    for (uint32_t i = 0; i < p->count && code == EXIT_CLEAN; i++) {
        all[i].place = &p->at[i];
        code = store_check(&all[i], p->io, &names);
    }
    for (uint32_t i = 0; i < p->count && code == EXIT_CLEAN; i++) {
        orphans_find(&all[i], &names);
        topics_complete(&all[i]);
        all[i].names = names;
    }
    if (code == EXIT_CLEAN) {
        all_tell(all, p->count, json, quiet);
        code = exit_of(all, p->count);
    }
    for (uint32_t i = 0; i < p->count; i++) {
        store_close(&all[i].store);
        free(all[i].finds);
    }
    names_close(&names);
    free(all);
    return code;
}

int check_command(int argc, char **argv)
{
    bool json = false, quiet = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json), { .name = "--quiet", .flag = &quiet } };
    struct places p = { 0 };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    int code = places_open(&p, argc, argv);
    if (code == EXIT_CLEAN)
        code = check_all(&p, json, quiet);
    places_close(&p);
    return code;
}
