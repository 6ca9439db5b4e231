/* start_scan.c -- step 1 of start-up: which stores are in the directories, and who opens them. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

static void found_add(struct registry *r, struct found f)
{
    if (r->found_count == r->found_cap) {
        r->found_cap = r->found_cap ? 2 * r->found_cap : 16;
        r->found = realloc(r->found, r->found_cap * sizeof(*r->found));
        check(r->found);
    }
    r->found[r->found_count++] = f;
}

static void found_name(const char *name, void *arg)
{
    struct registry *r = arg;
    char back[32];
    unsigned number;
    if (sscanf(name, "store-%u", &number) != 1 || number >= STORES_MAX)
        return;
    snprintf(back, sizeof(back), "store-%02u", number);
    if (strcmp(back, name) == 0)
        found_add(r, (struct found){ .number = number, .dir = r->dir });
}

static enum err dir_list(struct serve *s, uint32_t dir, struct why *why)
{
    struct registry *r = s->registry;
    struct io *io = s->desks[0].shard.io;
    int fd = io_dir_open(io, s->opts.dirs[dir], IO_DIRECTORY | IO_CREATE, why);
    if (fd < 0)
        return (enum err) - fd;
    r->dir = dir;
    enum err err = io_dir_list(io, fd, found_name, r);
    if (err != ERR_OK)
        why_set(why, "%s: cannot be listed: %s", s->opts.dirs[dir], err_text(err));
    io_fd_close(io, fd);
    return err;
}

static int found_order(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->dir != y->dir)
        return x->dir < y->dir ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static enum err found_check(const struct serve *s, struct why *why)
{
    const struct registry *r = s->registry;
    bool zero = false;
    for (uint32_t i = 0; i < r->found_count; i++) {
        zero = zero || r->found[i].number == 0;
        for (uint32_t k = 0; k < i; k++) {
            if (r->found[i].number != r->found[k].number)
                continue;
            why_set(why, "store-%02u is in %s and in %s: one of them is a copy; take it away",
                    r->found[i].number, s->opts.dirs[r->found[k].dir],
                    s->opts.dirs[r->found[i].dir]);
            return ERR_MISMATCH;
        }
    }
    if (zero || r->found_count == 0)
        return ERR_OK;
    why_set(why, "store-00, which holds the metadata, is in none of the %u directories",
            s->opts.dir_count);
    return ERR_NOT_FOUND;
}

/* Gives each store its shard, and each directory that was listed as many stores as shards. */
static void found_plan(struct serve *s, const bool *listed)
{
    struct registry *r = s->registry;
    uint32_t old = r->found_count, at = 0;
    bool virgin = old == 0;
    if (!virgin)
        qsort(r->found, old, sizeof(*r->found), found_order);
    for (uint32_t dir = 0; dir < s->opts.dir_count; dir++) {
        uint32_t k = 0;
        for (; at < old && r->found[at].dir == dir; at++, k++)
            r->found[at].shard = k % s->desk_count;
        for (; listed[dir] && k < s->desk_count; k++) {
            bool first = virgin && dir == 0 && k == 0;
            found_add(r,
                      (struct found){ .number = first ? 0 : NUMBER_NEW, .dir = dir, .shard = k });
        }
    }
}

static void shelves_plan(struct serve *s)
{
    const struct registry *r = s->registry;
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct desk *d = &s->desks[i];
        d->shelves = calloc(r->found_count, sizeof(*d->shelves));
        check(d->shelves);
        for (uint32_t k = 0; k < r->found_count; k++) {
            if (r->found[k].shard != i)
                continue;
            d->shelves[d->shelf_count++] = (struct shelf){
                .desk = d, .number = r->found[k].number, .dir = r->found[k].dir, .fd = -1
            };
        }
    }
}

enum err start_scan(struct serve *s, struct why *why)
{
    bool listed[DIRS_MAX] = { false };
    for (uint32_t dir = 0; dir < s->opts.dir_count; dir++) {
        enum err err = dir_list(s, dir, why);
        listed[dir] = err == ERR_OK;
        if (err != ERR_OK && dir == 0)
            return err;
        if (err != ERR_OK)
            serve_note(s, "%s", why->text);
    }
    TRY(found_check(s, why));
    found_plan(s, listed);
    shelves_plan(s);
    return ERR_OK;
}
