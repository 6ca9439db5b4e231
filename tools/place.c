/* place.c -- which directories hold the stores that a command is about. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/place.h"

#define LOCK_WAIT_NS (200 * MS_NS)

struct listing {
    bool store;    /* a file of a store is here */
    char **stores; /* names store-NN */
    uint32_t count;
};

static void listing_name(const char *name, void *arg)
{
    struct listing *l = arg;
    unsigned number;
    char rest;
    l->store |=
        strcmp(name, "journal") == 0 || strcmp(name, "image") == 0 || strcmp(name, "tails") == 0;
    if (sscanf(name, "store-%u%c", &number, &rest) != 1)
        return;
    l->stores = realloc(l->stores, (l->count + 1) * sizeof(*l->stores));
    check(l->stores);
    l->stores[l->count] = strdup(name);
    check(l->stores[l->count++]);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void place_add(struct places *p, const char *dir, const char *name, int fd)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 8;
        p->at = realloc(p->at, p->cap * sizeof(*p->at));
        check(p->at);
    }
    size_t len = strlen(dir) + (name ? strlen(name) : 0) + 2;
    char *path = malloc(len);
    check(path);
    snprintf(path, len, name ? "%s/%s" : "%s%s", dir, name ? name : "");
    p->at[p->count++] = (struct place){ path, fd };
}

static int dir_open(struct places *p, const char *path)
{
    struct why why = { "" };
    int fd = io_dir_open(p->io, path, IO_DIRECTORY, &why);
    if (fd < 0)
        complain("%s: %s", path, why.text[0] ? why.text : err_text((enum err) - fd));
    return fd;
}

static int stores_open(struct places *p, const char *dir, const struct listing *l)
{
    qsort(l->stores, l->count, sizeof(*l->stores), name_order);
    for (uint32_t i = 0; i < l->count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", dir, l->stores[i]);
        int fd = dir_open(p, path);
        if (fd < 0)
            return EXIT_TROUBLE;
        place_add(p, dir, l->stores[i], fd);
    }
    return EXIT_CLEAN;
}

static int word_open(struct places *p, const char *path)
{
    struct listing l = { 0 };
    int fd = dir_open(p, path), code = EXIT_CLEAN;
    if (fd < 0)
        return EXIT_TROUBLE;
    enum err err = io_dir_list(p->io, fd, listing_name, &l);
    if (l.store) {
        place_add(p, path, NULL, fd);
        fd = -1;
    } else if (l.count) {
        code = stores_open(p, path, &l);
    } else {
        complain("%s: %s", path, err ? err_text(err) : "no store is here");
        code = EXIT_TROUBLE;
    }
    if (fd >= 0)
        io_fd_close(p->io, fd);
    for (uint32_t i = 0; i < l.count; i++)
        free(l.stores[i]);
    free(l.stores);
    return code;
}

int places_open(struct places *p, int argc, char **argv)
{
    struct why why = { "" };
    struct io_opts opts = { .why = &why };
    *p = (struct places){ 0 };
    if (!argc) {
        complain("which directory? `shardlog help` says more");
        return EXIT_TROUBLE;
    }
    enum err err = io_open(&p->io, &opts);
    if (err) {
        complain("%s", why.text[0] ? why.text : err_text(err));
        return EXIT_TROUBLE;
    }
    for (int i = 0; i < argc; i++)
        if (word_open(p, argv[i]) != EXIT_CLEAN)
            return EXIT_TROUBLE;
    return EXIT_CLEAN;
}

void places_close(struct places *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        io_fd_close(p->io, p->at[i].fd);
        free(p->at[i].path);
    }
    free(p->at);
    io_close(&p->io);
}

bool place_lock(struct io *io, const struct place *p, int *fd)
{
    struct op op = { 0 };
    *fd = -1;
    io_open_file(io, &op, p->fd, "journal", IO_READONLY, NULL);
    if (io_wait(io, &op) != ERR_OK)
        return true; /* that it is missing is for others to say */
    *fd = (int)op.got;
    enum err err = io_fd_lock(io, *fd, LOCK_WAIT_NS);
    if (err == ERR_OK || err == ERR_UNSUPPORTED)
        return true;
    complain("%s: %s; stop the program that has it, or use a copy", p->path, err_text(err));
    io_fd_close(io, *fd);
    *fd = -1;
    return false;
}
