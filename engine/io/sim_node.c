/* sim_node.c -- a machine: its process with descriptors, its clocks, its ends and its fault orders.
 *
 * Several ios of one node are the shards of one process: they share descriptors and die together.
 * A kill leaves kernel and disks as they are, but for what the process had in flight; kernel crash
 * and power loss go on to the disks. What is not durable is settled at the crash, so the driver may
 * look at the disks of a dead node.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/io/sim_in.h"

#define CLOCK_BASE_NS_MAX (1000000ull * SEC_NS)
#define WALL_BASE_MS      1700000000000ll
#define WALL_SPREAD_MS    10000000000ull

static void process_end(struct sim_node *node);

static void clock_draw(struct sim_node *node)
{
    node->clock_base_ns = rng_below(&node->rng, CLOCK_BASE_NS_MAX);
}

struct sim_node *sim_node_open(struct sim *sim, uint32_t index)
{
    struct sim_node *node = calloc(1, sizeof *node);
    check(node);
    node->sim = sim;
    node->index = index;
    node->disk_limit = sim->opts.disk_bytes;
    rng_seed(&node->rng, sim_seed_for(sim, index + 1, 0));
    node->wall_base_ms = WALL_BASE_MS + (int64_t)rng_below(&node->rng, WALL_SPREAD_MS);
    clock_draw(node);
    list_init(&node->disks);
    return node;
}

void sim_node_close(struct sim_node *node)
{
    process_end(node);
    list_each (&node->disks, n)
        sim_disk_close(container_of(n, struct sim_disk, in_node));
    free(node->fds);
    free(node);
}

/* ---- descriptors ---- */

int sim_fd_take(struct sim_node *node, const struct sim_fd *what)
{
    uint32_t number = 3; /* as after stdin, stdout, stderr */
    while (number < node->fd_cap && node->fds[number])
        number++;
    if (number >= node->fd_cap) {
        uint32_t had = node->fd_cap;
        node->fds = sim_grow(node->fds, &node->fd_cap, number + 1, sizeof(struct sim_fd *));
        memset(node->fds + had, 0, (node->fd_cap - had) * sizeof(struct sim_fd *));
    }
    struct sim_fd *fd = calloc(1, sizeof *fd);
    check(fd);
    *fd = *what;
    node->fds[number] = fd;
    return (int)number;
}

int sim_fd_open(struct sim_node *node, struct sim_inode *inode, uint32_t flags)
{
    sim_inode_hold(inode);
    inode->live++;
    return sim_fd_take(node, &(struct sim_fd){
                                 .inode = inode,
                                 .direct = (flags & IO_DIRECT) != 0,
                                 .readonly = (flags & IO_READONLY) != 0,
                             });
}

struct sim_fd *sim_fd_get(const struct sim_node *node, int fd)
{
    return fd >= 0 && (uint32_t)fd < node->fd_cap ? node->fds[fd] : NULL;
}

static void fd_drop(struct sim_node *node, int number, bool ending)
{
    struct sim_fd *fd = sim_fd_get(node, number);
    check(fd);
    struct sim_inode *inode = fd->inode;
    node->fds[number] = NULL;
    if (!inode)
        sim_socket_close(fd, ending);
    else {
        if (inode->locked_fd == number)
            inode->locked_fd = -1;
        inode->live--;
        sim_inode_drop(inode);
    }
    free(fd);
}

void sim_fd_free(struct sim_node *node, int number)
{
    fd_drop(node, number, false);
}

/* ---- space ---- */

uint64_t sim_node_used(const struct sim_node *node)
{
    uint64_t used = 0;
    list_each (&node->disks, d) {
        const struct sim_disk *disk = container_of(d, struct sim_disk, in_node);
        list_each (&disk->inodes, n)
            used += sim_inode_used(container_of(n, struct sim_inode, in_disk));
    }
    return used;
}

uint64_t sim_node_left(const struct sim_node *node)
{
    uint64_t used = sim_node_used(node);
    if (node->disk_limit == 0)
        return SIM_NEVER;
    return used < node->disk_limit ? node->disk_limit - used : 0;
}

bool sim_node_room(const struct sim_node *node, uint64_t blocks)
{
    return blocks * BLOCK_BYTES <= sim_node_left(node);
}

/* ---- ends ---- */

/* Its ios stop where they are: what they were to report is never heard. */
static void io_die(struct sim_io *s)
{
    struct node *n;
    while ((n = list_pop(&s->landed)))
        sim_flight_give(s->node->sim, container_of(n, struct sim_flight, in_io));
    s->io.completed = s->io.backlog = s->answered = s->io.pool.parked = (struct op_queue){ 0 };
    s->io.completed_count = s->io.pool.parked_count = 0;
    s->io.dead = true;
    s->deadline_ns = SIM_NEVER;
}

static void process_end(struct sim_node *node)
{
    list_each (&node->sim->ios, n) {
        struct sim_io *s = container_of(n, struct sim_io, in_sim);
        if (s->node == node && !s->io.dead)
            io_die(s);
    }
    sim_links_end(node);
    for (uint32_t i = 0; i < node->fd_cap; i++)
        if (node->fds[i])
            fd_drop(node, (int)i, true);
}

void sim_crash(struct sim_node *node, enum sim_end end)
{
    sim_trace(node->sim, (uint64_t)end << 60 ^ node->index ^ node->sim->now_ns << 8);
    /* The disks first: what is in flight still belongs to descriptors and their locks. */
    list_each (&node->disks, n)
        sim_disk_end(container_of(n, struct sim_disk, in_node), end);
    process_end(node);
    node->dead = true;
    node->rebooting |= end != SIM_KILL;
    node->life++;
    node->crash_io_left = 0;
}

void sim_crash_at(struct sim_node *node, uint64_t at_ns, enum sim_end end)
{
    node->crash_order++;
    sim_event_push(node->sim, (struct sim_event){
                                  .kind = EVENT_CRASH,
                                  .at_ns = max_u64(at_ns, node->sim->now_ns),
                                  .node = node,
                                  .end = end,
                                  .life = node->life,
                                  .crash_order = node->crash_order,
                              });
}

void sim_crash_at_io(struct sim_node *node, uint64_t k, enum sim_end end)
{
    check(k > 0);
    node->crash_io_left = k;
    node->crash_io_end = end;
}

/* An I/O is about to start. True if the node ended instead. */
bool sim_node_crash_due(struct sim_node *node)
{
    if (node->crash_io_left == 0 || --node->crash_io_left > 0)
        return false;
    sim_crash(node, node->crash_io_end);
    return true;
}

bool sim_dead(const struct sim_node *node)
{
    return node->dead;
}

void sim_restart(struct sim_node *node)
{
    check(node->dead);
    node->dead = false;
    if (node->rebooting)
        clock_draw(node);
    node->rebooting = false;
}

void sim_clock_jump(struct sim_node *node, int64_t ms)
{
    node->wall_base_ms += ms;
}

void sim_disk_limit(struct sim_node *node, uint64_t bytes)
{
    node->disk_limit = bytes;
}

/* ---- fault orders ---- */

void sim_fault(struct sim_node *node, const struct io_site *site, int sys, uint64_t count)
{
    check(node->fault_count < SIM_FAULTS_MAX && sys > 0);
    node->faults[node->fault_count++] = (struct sim_fault_order){
        .site = site,
        .sys = sys,
        .left = count ? count : SIM_NEVER,
    };
}

void sim_fault_clear(struct sim_node *node)
{
    node->fault_count = 0;
}

uint64_t sim_fault_hits(const struct sim_node *node)
{
    return node->fault_hits;
}

void sim_watch(struct sim_node *node, struct sim_watch *watch)
{
    node->watch = watch;
}

int sim_node_fault(struct sim_node *node, const struct op *op)
{
    int sys = node->watch ? node->watch->starts(node->watch, op) : 0;
    if (sys)
        return sys;
    for (uint32_t i = 0; i < node->fault_count; i++) {
        struct sim_fault_order *order = &node->faults[i];
        if ((order->site && order->site != op->site) || order->left == 0)
            continue;
        if (order->left != SIM_NEVER)
            order->left--;
        node->fault_hits++;
        return order->sys;
    }
    return 0;
}
