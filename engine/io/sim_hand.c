/* sim_hand.c -- the hand behind the disk: bit rot, swapped blocks, restored and deleted files.
 *
 * What it does is durable at once and leaves no trace in caches. It must not touch a file that is
 * being written by a flight in a way that the test depends on: the flight lands on top.
 */
#include <stdio.h>

#include "engine/io/sim_in.h"

static struct sim_dir *dir_of(struct sim_node *node, const char *path)
{
    char tidy[1024];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    snprintf(tidy, sizeof tidy, "%s%.*s", path[0] == '/' ? "" : "/", (int)len, path);
    return sim_dir_find(sim_disk_of_path(node, tidy), tidy);
}

static struct sim_inode *file_of(struct sim_node *node, const char *path, const char *name)
{
    const struct sim_dir *dir = dir_of(node, path);
    struct sim_inode *inode = dir ? sim_dir_lookup(dir, name) : NULL;
    return inode && !inode->dir ? inode : NULL;
}

uint64_t sim_file_bytes(struct sim_node *node, const char *dir, const char *name)
{
    const struct sim_inode *inode = file_of(node, dir, name);
    return inode ? inode->size : 0;
}

void sim_file_read(struct sim_node *node, const char *dir, const char *name, uint64_t pos,
                   void *buf, uint64_t len)
{
    const struct sim_inode *inode = file_of(node, dir, name);
    check(inode);
    sim_inode_read(inode, pos, buf, len);
}

void sim_file_write(struct sim_node *node, const char *dir_path, const char *name, uint64_t pos,
                    const void *buf, uint64_t len)
{
    struct sim_dir *dir = dir_of(node, dir_path);
    check(dir);
    struct sim_inode *inode = sim_dir_lookup(dir, name);
    if (!inode) {
        inode = sim_inode_open(dir->inode->disk);
        sim_dir_link_durably(dir, name, inode);
    }
    sim_inode_patch(inode, pos, buf, len);
}

void sim_file_delete(struct sim_node *node, const char *dir_path, const char *name)
{
    struct sim_dir *dir = dir_of(node, dir_path);
    check(dir);
    sim_dir_unlink_durably(dir, name);
}

void sim_dir_each(struct sim_node *node, const char *path,
                  void (*each)(const char *name, void *arg), void *arg)
{
    const struct sim_dir *dir = dir_of(node, path);
    for (uint32_t i = 0; dir && i < dir->now.count; i++)
        each(dir->now.at[i].text, arg);
}
