/* sim_flight.c -- I/O under way: how each verb lands, and what a crash makes of it.
 *
 *   started ──> lands: takes effect on the disk ──> ended: the owner's next turn reports it
 *      │          └─ a dsync write: flushes first, or needs no flush (FUA)
 *      ├─ kill: late. Lands within 200 ms, in any order, or never; tells nobody
 *      └─ kernel crash, power loss: takes effect in part, or not at all
 */
#include <errno.h>

#include "engine/io/sim_in.h"

#define LATE_NS_MAX (200 * MS_NS)

static void flight_end(struct sim_flight *f, int64_t result);
static void land_read(struct sim_flight *f);
static void land_fill(struct sim_flight *f);
static void land_write(struct sim_flight *f);
static void land_write_flush(struct sim_flight *f);
static void land_flush(struct sim_flight *f);
static void land_sync(struct sim_flight *f);
static int64_t land_allocate(struct sim_flight *f);
static int64_t land_open(struct sim_flight *f);

void sim_flight_fly(struct sim_flight *f, uint64_t delay_ns)
{
    struct sim *sim = f->disk->sim;
    f->order = sim_order_take(sim);
    sim_event_push(sim, (struct sim_event){
                            .kind = EVENT_FLIGHT,
                            .at_ns = sim->now_ns + delay_ns,
                            .order = f->order,
                            .flight = f,
                        });
}

void sim_flight_land(struct sim_flight *f)
{
    if (f->skipped)
        flight_end(f, 0);
    else if (f->phase == FLIGHT_FLUSHING)
        land_flush(f);
    else if (f->verb == IO_WRITE)
        land_write(f);
    else if (f->verb == IO_SYNC)
        land_sync(f);
    else if (f->result < 0)
        flight_end(f, f->result);
    else if (f->verb == IO_READ)
        land_read(f);
    else if (f->verb == IO_FILL)
        land_fill(f);
    else if (f->verb == IO_OPEN)
        flight_end(f, land_open(f));
    else if (f->verb == IO_ALLOCATE)
        flight_end(f, land_allocate(f));
    else if (f->verb == IO_RENAME)
        flight_end(f, sim_dir_rename(f->inode->dir, f->op->name, f->op->name_to));
    else
        flight_end(f, sim_dir_unlink(f->inode->dir, f->op->name));
}

static void flight_end(struct sim_flight *f, int64_t result)
{
    struct sim *sim = f->disk->sim;
    sim_trace(sim, sim->now_ns ^ (uint64_t)f->verb << 56 ^ (uint64_t)f->late << 55);
    sim_trace(sim, (uint64_t)result ^ f->inode->id << 48);
    f->order = 0;
    f->result = result;
    node_unlink(&f->in_disk);
    node_unlink(&f->in_inode);
    sim_sheets_give(sim, f->sheets);
    f->sheets = NULL;
    if (f->io) {
        list_push(&f->io->landed, &f->in_io);
        return;
    }
    f->inode->late_locked -= f->holds_lock;
    sim_flight_give(sim, f);
}

static void land_read(struct sim_flight *f)
{
    uint64_t size = f->inode->size;
    uint64_t len = f->pos < size ? min_u64(f->effect, size - f->pos) : 0;
    sim_inode_read(f->inode, f->pos, (uint8_t *)f->op->buf + f->op->got, len); /* the rest */
    if (!f->direct)
        sim_inode_cache_fill(f->inode, f->pos, len, !f->random);
    flight_end(f, (int64_t)len);
}

static void land_fill(struct sim_flight *f)
{
    if (!sim_inode_cache_has(f->inode, f->pos, f->len))
        sim_inode_cache_fill(f->inode, f->pos, f->len, false);
    flight_end(f, 0);
}

/* True if the caller's bytes are still those that were captured. */
static bool buffer_unchanged_in_flight(const struct sim_flight *f)
{
    const struct sim_sheet *sheet = f->sheets;
    uint64_t in_page = f->pos % BLOCK_BYTES;
    for (uint64_t at = 0; at < f->len; sheet = sheet->older) {
        uint64_t part = min_u64(f->len - at, BLOCK_BYTES - in_page);
        if (memcmp(sheet->data + in_page, f->buf + at, part) != 0)
            return false;
        at += part;
        in_page = 0;
    }
    return true;
}

static enum sim_reach flight_reach(const struct sim_flight *f)
{
    return f->direct ? REACH_DEVICE : REACH_CACHE;
}

static int no_space(const struct sim_disk *disk)
{
    return disk->quota ? -EDQUOT : -ENOSPC;
}

static void land_write(struct sim_flight *f)
{
    struct sim_disk *disk = f->disk;
    check(f->late || !disk->sim->opts.hash_buffers || buffer_unchanged_in_flight(f));
    uint64_t blocks = sim_inode_new_blocks(f->inode, f->pos, f->effect);
    if (blocks > 0 && !sim_node_room(disk->node, blocks)) {
        probe("sim: a write found no space");
        flight_end(f, no_space(f->disk));
        return;
    }
    bool fua = f->dsync && f->direct && f->result >= 0 && disk->fua &&
               sim_inode_overwrites(f->inode, f->pos, f->effect);
    if (f->late)
        disk->sim->counts.late_writes++;
    sim_inode_write(f->inode, f->sheets, f->pos, f->effect, fua ? REACH_MEDIA : flight_reach(f));
    sim_inode_cache_clear(f->inode, f->pos, f->effect);
    f->sheets = NULL;
    if (!f->dsync || fua || f->result < 0) {
        flight_end(f, f->result);
        return;
    }
    land_write_flush(f);
}

/* A dsync write without FUA: everything that is in the device's cache by now goes with it. */
static void land_write_flush(struct sim_flight *f)
{
    f->phase = FLIGHT_FLUSHING;
    f->sync_seq = f->disk->seq;
    f->size = f->inode->size;
    f->alloc = f->inode->alloc;
    sim_flight_fly(f, sim_disk_latency(f->disk, IO_SYNC, 0));
}

static void land_flush(struct sim_flight *f)
{
    sim_disk_flush(f->disk, f->inode, f->sync_seq);
    if (f->inode->dir)
        sim_dir_commit(f->inode->dir, f->sync_seq);
    else
        sim_inode_commit(f->inode, f->sync_seq, f->size, f->alloc);
    flight_end(f, f->result);
}

static void land_sync(struct sim_flight *f)
{
    if (f->result == 0) {
        land_flush(f);
        return;
    }
    sim_disk_sync_failed(f->disk, f->inode, f->sync_seq);
    flight_end(f, f->result);
}

/* As on ext4, the file keeps what there was, or a part of it. */
static void allocate_part(struct sim_flight *f)
{
    uint64_t left = sim_node_left(f->disk->node) / BLOCK_BYTES;
    uint64_t part = rng_below(&f->disk->rng, left + 1) * BLOCK_BYTES;
    if (part)
        sim_inode_allocate(f->inode, min_u64(f->len, f->inode->alloc + part));
}

static int64_t land_allocate(struct sim_flight *f)
{
    uint64_t end = block_ceil(f->len);
    uint64_t blocks = sim_inode_new_blocks(f->inode, 0, end);
    if (blocks > 0 && !sim_node_room(f->disk->node, blocks)) {
        probe("sim: no space to allocate");
        allocate_part(f);
        return no_space(f->disk);
    }
    sim_inode_allocate(f->inode, f->len);
    return 0;
}

static int64_t land_open(struct sim_flight *f)
{
    const struct op *op = f->op;
    struct sim_inode *inode = sim_dir_lookup(f->inode->dir, op->name);
    if (op->flags & IO_CREATE) {
        int failed = sim_dir_create(f->inode->dir, op->name, &inode);
        if (failed)
            return failed;
    }
    if (!inode)
        return -ENOENT;
    if (inode->dir && !(op->flags & (IO_DIRECTORY | IO_READONLY)))
        return -EISDIR;
    if (!inode->dir && (op->flags & IO_DIRECTORY))
        return -ENOTDIR;
    uint32_t direct = op_direct(&f->io->io, op) ? IO_DIRECT : 0;
    return sim_fd_open(f->disk->node, inode, (op->flags & ~IO_DIRECT) | direct);
}

/* The process was killed. Reads and opens have no effect; names change at once or never; data
 * moves on, and so does its hold on the file's lock. */
void sim_flight_orphan(struct sim_flight *f)
{
    struct rng *rng = &f->disk->rng;
    bool data = f->verb == IO_WRITE || f->verb == IO_SYNC;
    node_unlink(&f->in_inode);
    if (!data) {
        bool names = f->verb == IO_RENAME || f->verb == IO_UNLINK;
        if (names && f->result >= 0 && rng_chance(rng, 1, 2))
            sim_flight_land(f); /* ends on its io's list, which dies with the process */
        else
            sim_flight_give(f->disk->sim, f);
        return;
    }
    f->late = true;
    f->skipped = f->result < 0 || rng_chance(rng, 1, 8);
    f->holds_lock = f->inode->locked_fd == f->fd;
    f->inode->late_locked += f->holds_lock;
    f->io = NULL;
    f->op = NULL;
    f->buf = NULL;
    sim_flight_fly(f, rng_below(rng, LATE_NS_MAX));
}

/* The machine stopped. A write joins the device's cache as far as it came, often a prefix; at power
 * loss its sectors then share the fates of all others. */
void sim_flight_cut(struct sim_flight *f)
{
    struct rng *rng = &f->disk->rng;
    if (f->holds_lock)
        f->inode->late_locked--;
    if (f->verb == IO_WRITE && f->phase == FLIGHT_MOVING && !f->skipped) {
        uint64_t len = f->effect;
        if (rng_chance(rng, 1, 2))
            len = rng_below(rng, len / SIM_SECTOR + 1) * SIM_SECTOR;
        uint64_t blocks = sim_inode_new_blocks(f->inode, f->pos, len);
        if (blocks == 0 || sim_node_room(f->disk->node, blocks)) {
            sim_inode_write(f->inode, f->sheets, f->pos, len, flight_reach(f));
            f->sheets = NULL;
        }
    } else if (!f->skipped && (f->verb == IO_SYNC || f->phase == FLIGHT_FLUSHING)) {
        if (f->result >= 0 && rng_chance(rng, 1, 2))
            sim_disk_flush(f->disk, f->inode, f->sync_seq);
    }
    sim_flight_give(f->disk->sim, f);
}
