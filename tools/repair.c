/* repair.c -- `shardlog repair`: look, tell, save, repair, look again. */
#include "engine/log/repair.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/save.h"

struct plan {
    struct find *finds;
    uint32_t count, cap;
    struct verify_counts counts;
};

struct repair_words {
    bool write, json;
    const char *save;
};

static void plan_add(const struct find *f, void *arg)
{
    struct plan *p = arg;
    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->finds = realloc(p->finds, p->cap * sizeof(*p->finds));
        check(p->finds);
    }
    if (find_kind_info(f->kind)->class_ != FIND_NOTE)
        p->finds[p->count++] = *f;
}

static int plan_make(struct plan *plan, struct io *io, const struct place *place)
{
    struct verify_opts opts = { .found = plan_add, .arg = plan };
    struct why why = { "" };
    int lock;
    *plan = (struct plan){ 0 };
    if (!place_lock(io, place, &lock))
        return EXIT_TROUBLE;
    enum err err = verify_run(io, place->fd, &opts, &plan->counts, &why);
    if (lock >= 0)
        io_fd_close(io, lock);
    if (!err)
        return EXIT_CLEAN;
    complain("%s: %s", place->path, why.text[0] ? why.text : err_text(err));
    return EXIT_TROUBLE;
}

/* What repair does about a finding. */
static const char *find_action(enum find_kind kind)
{
    switch (kind) {
    case FOUND_IDENTITY:
        return "rebuild it from the other files";
    case FOUND_IMAGE_PAGE:
        return "write the page again from the other copy";
    case FOUND_IMAGE:
    case FOUND_CARRIED:
        return "write a new image; nothing is lost";
    case FOUND_ENTRY:
        return "give the entry up; its partitions go on behind it";
    case FOUND_PIECE:
        return "give these bytes up; the partition goes on behind them";
    case FOUND_INDEX:
        return "rebuild the block from the batches";
    case FOUND_TILE:
        return "give these blocks up; readers go on with the next batch";
    case FOUND_SLOT:
        return "give this block up; the partition goes on behind it";
    case FOUND_PART:
        return "let the partition go on behind what is lost";
    default:
        return NULL;
    }
}

static const char *class_name(enum find_kind kind)
{
    return find_kind_info(kind)->class_ == FIND_DAMAGE ? "lost" : "healable";
}

static void find_row(struct out_sheet *s, const struct find *f)
{
    const char *action = find_action(f->kind);
    sheet_text(s, "%s", find_kind_info(f->kind)->name);
    sheet_text(s, "%s", class_name(f->kind));
    sheet_text(s, "%s", f->file);
    sheet_count(s, f->pos);
    sheet_count(s, f->len);
    if (f->of_part) {
        sheet_count(s, f->part);
        sheet_count(s, f->from_off);
        sheet_count(s, f->to_off);
    } else {
        for (uint32_t i = 0; i < 3; i++)
            sheet_none(s);
    }
    sheet_text(s, "%s", action ? action : "not by repair");
    sheet_text(s, "%s", f->why.text);
}

static void plan_tell(const struct plan *plan, const char *key, const char *title, struct out *o)
{
    static const struct out_column columns[] = {
        { "kind", "kind", OUT_TEXT },         { "class", "class", OUT_TEXT },
        { "file", "file", OUT_TEXT },         { "pos", "byte", OUT_COUNT },
        { "len", "bytes", OUT_COUNT },        { "number", "partition", OUT_COUNT },
        { "from_offset", "from", OUT_COUNT }, { "to_offset", "to", OUT_COUNT },
        { "action", "action", OUT_TEXT },     { "why", "detail", OUT_TEXT },
    };
    struct out_sheet s;
    sheet_open(&s, o, key, title, columns, sizeof(columns) / sizeof(columns[0]));
    for (uint32_t i = 0; i < plan->count; i++)
        find_row(&s, &plan->finds[i]);
    sheet_close(&s);
}

static void report_tell(const struct repair_report *r, struct out *o)
{
    out_group(o, "done", "Done");
    out_count(o, "identities", "identity blocks", r->identities);
    out_count(o, "image_pages", "image pages", r->image_pages);
    out_count(o, "index_blocks", "index blocks rebuilt", r->index_blocks);
    out_count(o, "tiles", "ranges given up", r->tiles);
    out_count(o, "slots", "slots given up", r->slots);
    out_count(o, "partitions", "partitions let go on", r->parts);
    out_group_end(o);
}

static bool beyond_repair(const struct plan *plan)
{
    bool any = false;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (find_action(plan->finds[i].kind) || plan->finds[i].kind == FOUND_STRANGER)
            continue;
        any |= find_kind_info(plan->finds[i].kind)->class_ == FIND_DAMAGE;
    }
    return any;
}

/* With a bad identity block nobody can see what else is damaged: then only that is healed, and the
 * next run has the whole plan. */
static bool plan_is_blind(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->finds[i].kind == FOUND_IDENTITY)
            return true;
    return false;
}

/* Does it, and says what is left: nothing, when all went well. */
static int plan_do(struct plan *plan, struct io *io, const struct place *place,
                   const struct repair_words *w, struct out *o)
{
    struct repair_report report;
    struct why why = { "" };
    uint64_t saved = 0;
    if (w->save && save_finds(io, place, plan->finds, plan->count, w->save, &saved) != EXIT_CLEAN)
        return EXIT_TROUBLE;
    if (w->save)
        out_bytes(o, "saved_bytes", "saved", saved);
    bool blind = plan_is_blind(plan);
    enum err err = blind ? repair_heal(io, place->fd, &report, &why)
                         : repair_run(io, place->fd, &report, &why);
    if (err) {
        complain("%s: %s", place->path, why.text[0] ? why.text : err_text(err));
        return EXIT_TROUBLE;
    }
    report_tell(&report, o);
    free(plan->finds);
    if (plan_make(plan, io, place) != EXIT_CLEAN)
        return EXIT_TROUBLE;
    plan_tell(plan, "left", "Left", o);
    if (blind && plan->count)
        out_say(o, "\nThis could not be seen before: run `shardlog repair` again.\n");
    return plan->counts.finds[FIND_DAMAGE] || report.tiles || report.parts || report.slots
               ? EXIT_DAMAGE
               : EXIT_CLEAN;
}

static int place_repair(struct io *io, const struct place *place, const struct repair_words *w)
{
    struct plan plan;
    struct out o;
    int code = plan_make(&plan, io, place);
    if (code != EXIT_CLEAN) {
        free(plan.finds);
        return code;
    }
    code = plan.counts.finds[FIND_DAMAGE] ? EXIT_DAMAGE : plan.count ? EXIT_HEALABLE : EXIT_CLEAN;
    out_open(&o, stdout, w->json);
    out_text(&o, "path", "directory", "%s", place->path);
    plan_tell(&plan, "plan", plan.count ? "Plan" : "Nothing to do", &o);
    if (plan.count && !w->write)
        out_say(&o,
                "\nNothing was written. --write does it; --save FILE keeps the damaged bytes.\n");
    if (plan.count && beyond_repair(&plan))
        out_say(&o, "\nRows that say `not by repair` need the file itself, from a copy.\n");
    if (plan.count && w->write)
        code = plan_do(&plan, io, place, w, &o);
    out_close(&o);
    free(plan.finds);
    return code;
}

int repair_command(int argc, char **argv)
{
    struct repair_words w = { 0 };
    struct places p = { 0 };
    const struct option_row rows[] = { { .name = "--write", .flag = &w.write },
                                       OPTIONS_OUT(&w.json),
                                       { .name = "--save", .text = &w.save } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    int code = places_open(&p, argc, argv);
    if (code == EXIT_CLEAN && p.count != 1) {
        complain("one store at a time; there are %u", p.count);
        code = EXIT_TROUBLE;
    }
    if (code == EXIT_CLEAN)
        code = place_repair(p.io, &p.at[0], &w);
    places_close(&p);
    return code;
}
