/* town_copy.c -- the metadata's directory as a backup tool sees it: copied, and put back. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/town_in.h"

#define COPY_DIR  "/disk0/store-00"
#define FILES_MAX 64u

struct copied {
    char name[32];
    uint8_t *bytes;
    uint64_t len;
};

struct town_copy {
    struct copied files[FILES_MAX];
    uint32_t count;
};

static void name_copy(const char *name, void *arg)
{
    struct town_copy *c = arg;
    check(c->count < FILES_MAX);
    snprintf(c->files[c->count++].name, sizeof(c->files[0].name), "%s", name);
}

struct town_copy *town_copy_take(struct town *t)
{
    struct town_copy *c = calloc(1, sizeof(*c));
    check(c);
    sim_dir_each(t->node, COPY_DIR, name_copy, c);
    for (uint32_t i = 0; i < c->count; i++) {
        struct copied *f = &c->files[i];
        f->len = sim_file_bytes(t->node, COPY_DIR, f->name);
        f->bytes = malloc(f->len + 1);
        check(f->bytes);
        sim_file_read(t->node, COPY_DIR, f->name, 0, f->bytes, f->len);
    }
    return c;
}

void town_copy_put(struct town *t, const struct town_copy *c)
{
    struct town_copy now = { 0 };
    sim_dir_each(t->node, COPY_DIR, name_copy, &now);
    for (uint32_t i = 0; i < now.count; i++)
        sim_file_delete(t->node, COPY_DIR, now.files[i].name);
    for (uint32_t i = 0; i < c->count; i++)
        sim_file_write(t->node, COPY_DIR, c->files[i].name, 0, c->files[i].bytes, c->files[i].len);
}

void town_copy_give(struct town_copy *c)
{
    for (uint32_t i = 0; c && i < c->count; i++)
        free(c->files[i].bytes);
    free(c);
}
