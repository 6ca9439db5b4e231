/* sim_dir.c -- names: what the running kernel sees, what the media know, and the changes between.
 *
 * A change is durable after a sync of its directory that began after it. At a crash the changes
 * since then are kept up to a cut and forgotten after it, in order: a rename is all or nothing, and
 * a later change never survives an earlier one of the same directory.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/io/sim_in.h"

#define NAME_BYTES_MAX 255u

static void names_set(struct sim_names *names, const char *text, struct sim_inode *inode,
                      bool live);
static void names_remove(struct sim_names *names, const char *text, bool live);

struct sim_dir *sim_dir_open(struct sim_disk *disk, const char *path)
{
    struct sim_dir *dir = calloc(1, sizeof *dir);
    check(dir);
    dir->path = strdup(path);
    check(dir->path);
    dir->inode = sim_inode_open(disk);
    dir->inode->dir = dir;
    sim_inode_hold(dir->inode);
    list_push(&disk->dirs, &dir->in_disk);
    return dir;
}

static void names_clear(struct sim_names *names, bool live)
{
    while (names->count > 0)
        names_remove(names, names->at[names->count - 1].text, live);
}

static void changes_clear(struct sim_dir *dir, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(dir->changes[i].from);
        free(dir->changes[i].to);
        if (dir->changes[i].inode)
            sim_inode_drop(dir->changes[i].inode);
    }
    dir->change_count -= count;
    memmove(dir->changes, dir->changes + count, dir->change_count * sizeof *dir->changes);
}

void sim_dir_free(struct sim_dir *dir)
{
    if (dir->change_count > 0)
        changes_clear(dir, dir->change_count);
    names_clear(&dir->now, true);
    names_clear(&dir->durable, false);
    node_unlink(&dir->in_disk);
    sim_inode_drop(dir->inode);
    free(dir->changes);
    free(dir->now.at);
    free(dir->durable.at);
    free(dir->path);
    free(dir);
}

struct sim_dir *sim_dir_find(struct sim_disk *disk, const char *path)
{
    list_each (&disk->dirs, n) {
        struct sim_dir *dir = container_of(n, struct sim_dir, in_disk);
        if (strcmp(dir->path, path) == 0)
            return dir;
    }
    return NULL;
}

static struct sim_name *names_find(const struct sim_names *names, const char *text)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (strcmp(names->at[i].text, text) == 0)
            return &names->at[i];
    return NULL;
}

static void names_set(struct sim_names *names, const char *text, struct sim_inode *inode, bool live)
{
    sim_inode_hold(inode);
    inode->live += live;
    names_remove(names, text, live);
    names->at = sim_grow(names->at, &names->cap, names->count + 1, sizeof *names->at);
    struct sim_name *name = &names->at[names->count++];
    *name = (struct sim_name){ .text = strdup(text), .inode = inode };
    check(name->text);
}

static void names_remove(struct sim_names *names, const char *text, bool live)
{
    struct sim_name *name = names_find(names, text);
    if (!name)
        return;
    struct sim_name gone = *name;
    *name = names->at[--names->count];
    gone.inode->live -= live;
    sim_inode_drop(gone.inode);
    free(gone.text);
}

struct sim_inode *sim_dir_lookup(const struct sim_dir *dir, const char *text)
{
    const struct sim_name *name = names_find(&dir->now, text);
    return name ? name->inode : NULL;
}

static int name_bad(const char *text)
{
    size_t len = strlen(text);
    if (len > NAME_BYTES_MAX)
        return -ENAMETOOLONG;
    return len == 0 || strchr(text, '/') ? -EINVAL : 0;
}

static void change_apply(struct sim_names *names, const struct sim_change *change, bool live)
{
    if (change->from)
        names_remove(names, change->from, live);
    if (change->to)
        names_set(names, change->to, change->inode, live);
}

static char *text_copy(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    check(copy || !text);
    return copy;
}

static void change_note(struct sim_dir *dir, const char *from, const char *to,
                        struct sim_inode *inode)
{
    dir->changes =
        sim_grow(dir->changes, &dir->change_cap, dir->change_count + 1, sizeof *dir->changes);
    struct sim_change *change = &dir->changes[dir->change_count++];
    *change = (struct sim_change){
        .seq = ++dir->inode->disk->seq,
        .from = text_copy(from),
        .to = text_copy(to),
        .inode = inode,
    };
    if (inode)
        sim_inode_hold(inode);
    change_apply(&dir->now, change, true);
}

int sim_dir_create(struct sim_dir *dir, const char *name, struct sim_inode **out)
{
    int bad = name_bad(name);
    if (bad)
        return bad;
    if (sim_dir_lookup(dir, name))
        return -EEXIST;
    *out = sim_inode_open(dir->inode->disk);
    change_note(dir, NULL, name, *out);
    return 0;
}

int sim_dir_rename(struct sim_dir *dir, const char *from, const char *to)
{
    int bad = name_bad(to);
    if (bad)
        return bad;
    struct sim_inode *inode = sim_dir_lookup(dir, from);
    if (!inode)
        return -ENOENT;
    if (strcmp(from, to) != 0)
        change_note(dir, from, to, inode);
    return 0;
}

int sim_dir_unlink(struct sim_dir *dir, const char *name)
{
    struct sim_inode *inode = sim_dir_lookup(dir, name);
    if (!inode)
        return -ENOENT;
    if (inode->dir)
        return -EISDIR;
    change_note(dir, name, NULL, NULL);
    return 0;
}

void sim_dir_link_durably(struct sim_dir *dir, const char *name, struct sim_inode *inode)
{
    names_set(&dir->now, name, inode, true);
    names_set(&dir->durable, name, inode, false);
}

void sim_dir_unlink_durably(struct sim_dir *dir, const char *name)
{
    sim_dir_commit(dir, UINT32_MAX);
    names_remove(&dir->now, name, true);
    names_remove(&dir->durable, name, false);
}

void sim_dir_commit(struct sim_dir *dir, uint32_t seq)
{
    uint32_t count = 0;
    while (count < dir->change_count && dir->changes[count].seq <= seq)
        change_apply(&dir->durable, &dir->changes[count++], false);
    if (count > 0)
        changes_clear(dir, count);
}

void sim_dir_end(struct sim_dir *dir, uint32_t cut_seq)
{
    if (dir->change_count == 0)
        return;
    sim_dir_commit(dir, cut_seq);
    names_clear(&dir->now, true);
    for (uint32_t i = 0; i < dir->durable.count; i++)
        names_set(&dir->now, dir->durable.at[i].text, dir->durable.at[i].inode, true);
    if (dir->change_count > 0)
        changes_clear(dir, dir->change_count);
}
