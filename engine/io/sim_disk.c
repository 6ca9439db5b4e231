/* sim_disk.c -- one device with its file system: character, speed, flushes, ends.
 *
 * The first component of a path names the disk, so that "/disk0/a" and "/disk1/a" fail apart. A
 * disk is made when its name is first used, and draws its character from the seed and its name.
 */
#include <stdio.h>

#include "engine/io/sim_in.h"

#include <stdlib.h>

#define US                1000ull
#define BYTES_PER_US      2000ull /* 2 GB/s */
#define FLUSH_PER_PAGE_NS 400ull
#define SLOW_FLUSH_NS     (5 * MS_NS)

static struct sim_disk *disk_open(struct sim_node *node, const char *name, size_t name_len);

struct sim_disk *sim_disk_of_path(struct sim_node *node, const char *path)
{
    path += strspn(path, "/");
    size_t len = strcspn(path, "/");
    list_each (&node->disks, n) {
        struct sim_disk *disk = container_of(n, struct sim_disk, in_node);
        if (strlen(disk->name) == len && memcmp(disk->name, path, len) == 0)
            return disk;
    }
    return disk_open(node, path, len);
}

static uint64_t name_tag(const char *name)
{
    uint64_t tag = 0xcbf29ce484222325ull; /* FNV-1a, 64 bits */
    for (; *name; name++)
        tag = (tag ^ (uint8_t)*name) * 0x100000001b3ull;
    return tag;
}

static void disk_draw_character(struct sim_disk *disk)
{
    struct rng *rng = &disk->rng;
    disk->fua = rng_chance(rng, 1, 2);
    disk->sync_whole = rng_chance(rng, 3, 4);
    disk->scale16 = 8 + (uint32_t)rng_log_uniform(rng, 56);
    disk->flush_ns = (80 + rng_below(rng, 420)) * US;
    if (rng_chance(rng, 1, 8))
        disk->flush_ns += SLOW_FLUSH_NS;
}

static struct sim_disk *disk_open(struct sim_node *node, const char *name, size_t name_len)
{
    struct sim_disk *disk = calloc(1, sizeof *disk);
    check(disk && name_len < sizeof disk->name);
    memcpy(disk->name, name, name_len);
    disk->sim = node->sim;
    disk->node = node;
    list_init(&disk->inodes);
    list_init(&disk->dirs);
    list_init(&disk->flights);
    uint64_t tag = name_tag(disk->name);
    rng_seed(&disk->rng, sim_seed_for(node->sim, node->index + 1, tag));
    disk->device = (tag & 0xffffff) << 8 | node->index;
    disk_draw_character(disk);
    disk->quota = sim_seed_for(node->sim, node->index + 1, ~tag) & 1;
    list_push(&node->disks, &disk->in_node);
    char root[sizeof disk->name + 1];
    snprintf(root, sizeof root, "/%s", disk->name);
    sim_dir_open(disk, root);
    return disk;
}

void sim_disk_close(struct sim_disk *disk)
{
    list_each (&disk->flights, f)
        sim_flight_give(disk->sim, container_of(f, struct sim_flight, in_disk));
    list_each (&disk->dirs, d)
        sim_dir_free(container_of(d, struct sim_dir, in_disk));
    check(list_empty(&disk->inodes));
    node_unlink(&disk->in_node);
    free(disk);
}

/* From start to end of one attempt. Bandwidth is shared; otherwise requests run side by side. */
uint64_t sim_disk_latency(struct sim_disk *disk, enum io_verb verb, uint64_t bytes)
{
    uint64_t now = disk->sim->now_ns;
    uint64_t base_ns = (20 + rng_below(&disk->rng, 100)) * US;
    if (verb == IO_SYNC)
        base_ns = disk->flush_ns + rng_below(&disk->rng, disk->flush_ns / 2) +
                  disk->dirty_pages * FLUSH_PER_PAGE_NS;
    base_ns = base_ns * disk->scale16 / 16;
    if (bytes == 0)
        return base_ns;
    disk->bus_free_ns = max_u64(disk->bus_free_ns, now) + bytes * US / BYTES_PER_US;
    return base_ns + (disk->bus_free_ns - now);
}

/* What landed up to seq is on media now: of the whole device, or of one file. */
void sim_disk_flush(struct sim_disk *disk, struct sim_inode *inode, uint32_t seq)
{
    if (!disk->sync_whole) {
        sim_inode_flush(inode, seq, true);
        return;
    }
    list_each (&disk->inodes, n) {
        struct sim_inode *each = container_of(n, struct sim_inode, in_disk);
        if (each->dirty.count > 0)
            sim_inode_flush(each, seq, each == inode);
    }
}

/* The sync reports an error, and the next one will succeed whatever this one lost. */
void sim_disk_sync_failed(struct sim_disk *disk, struct sim_inode *inode, uint32_t seq)
{
    probe("sim: sync failed");
    struct sim_fate fate = sim_fate_draw(disk);
    list_each (&disk->inodes, n) {
        struct sim_inode *each = container_of(n, struct sim_inode, in_disk);
        if (disk->sync_whole || each == inode)
            sim_inode_sync_failed(each, &fate, seq);
    }
}

/* The process is gone (kill), or the kernel with it, or the power. */
void sim_disk_end(struct sim_disk *disk, enum sim_end end)
{
    list_each (&disk->flights, f) {
        struct sim_flight *flight = container_of(f, struct sim_flight, in_disk);
        if (end != SIM_KILL)
            sim_flight_cut(flight);
        else if (!flight->late)
            sim_flight_orphan(flight);
    }
    if (end == SIM_KILL)
        return;
    disk->bus_free_ns = 0;
    struct sim_fate fate = sim_fate_draw(disk);
    list_each (&disk->inodes, n)
        sim_inode_end(container_of(n, struct sim_inode, in_disk), &fate, end);
    list_each (&disk->dirs, d) {
        struct sim_dir *dir = container_of(d, struct sim_dir, in_disk);
        if (dir->change_count > 0)
            sim_dir_end(dir, sim_fate_meta_cut(&fate, disk));
    }
}
