/* shelf.c -- one store of a shard: found or made, opened, closed. */
#include <inttypes.h>
#include <stdio.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

void shelf_path(const struct serve *s, uint32_t dir, uint32_t number, char *out, size_t cap)
{
    snprintf(out, cap, "%s/store-%02u", s->opts.dirs[dir], number);
}

static enum err shelf_dir(struct shelf *sh)
{
    char path[4096];
    struct desk *d = sh->desk;
    shelf_path(d->serve, sh->dir, sh->number, path, sizeof(path));
    int fd = io_dir_open(d->shard.io, path, IO_DIRECTORY | (sh->create ? IO_CREATE : 0), &sh->why);
    if (fd < 0)
        return (enum err) - fd;
    sh->fd = fd;
    return ERR_OK;
}

/* Opens the store; makes it first if it is not there and is to be made. Opening comes first: what
 * is a store already, however damaged, is never made anew. */
static enum err shelf_store(struct shelf *sh, const struct store_create *create,
                            const struct store_opts *opts)
{
    struct io *io = sh->desk->shard.io;
    enum err err = store_open(&sh->store, io, sh->fd, opts, &sh->why);
    if (err != ERR_NOT_FOUND || !sh->create)
        return err;
    TRY(store_create(io, sh->fd, create, &sh->why));
    return store_open(&sh->store, io, sh->fd, opts, &sh->why);
}

/* A store of another engine, or one that moved to another number, must not be served as ours. */
static enum err shelf_belongs(struct shelf *sh, const struct store_create *create)
{
    const struct identity *id = store_identity(sh->store);
    if (sh->founder || id16_equal(id->cluster, create->cluster))
        return ERR_OK;
    why_set(&sh->why, "store-%02u belongs to another engine: take it out of directory %s",
            sh->number, sh->desk->serve->opts.dirs[sh->dir]);
    return ERR_MISMATCH;
}

static enum err shelf_try(struct shelf *sh, const struct store_create *create, uint64_t tail_bytes)
{
    struct desk *d = sh->desk;
    struct store_opts opts = d->serve->opts.store;
    opts.tail_bytes = max_u64(tail_bytes, 4 * (uint64_t)d->serve->opts.geometry.batch_max);
    opts.reads = &d->reads;
    TRY(shelf_dir(sh));
    TRY(shelf_store(sh, create, &opts));
    return shelf_belongs(sh, create);
}

void shelf_open(struct shelf *sh, const struct store_create *create, uint64_t tail_bytes)
{
    sh->fd = -1;
    sh->err = shelf_try(sh, create, tail_bytes);
    if (sh->err == ERR_OK) {
        shard_add(&sh->desk->shard, &sh->berth, sh->store);
        return;
    }
    if (!sh->why.text[0])
        why_set(&sh->why, "%s", err_text(sh->err));
    shelf_close(sh);
}

void shelf_close(struct shelf *sh)
{
    shard_remove(&sh->berth);
    if (sh->store)
        store_close(&sh->store);
    if (sh->fd >= 0)
        io_fd_close(sh->desk->shard.io, sh->fd);
    sh->fd = -1;
}

void shelves_watch(struct desk *d)
{
    for (uint32_t i = 0; i < d->shelf_count; i++) {
        struct shelf *sh = &d->shelves[i];
        struct why why;
        if (!sh->store || sh->poison_told || !store_poisoned(sh->store, &why))
            continue;
        sh->poison_told = true;
        atomic_fetch_add(&d->serve->stores_stopped, 1);
        serve_note(d->serve, "store-%02u in %s takes no more writes, reads go on: %s", sh->number,
                   d->serve->opts.dirs[sh->dir], why.text);
    }
}

struct shelf *shelf_find(const struct desk *d, uint32_t number)
{
    for (uint32_t i = 0; i < d->shelf_count; i++)
        if (d->shelves[i].number == number)
            return &d->shelves[i];
    return NULL;
}
