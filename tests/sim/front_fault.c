/* front_fault.c -- what goes wrong with the disks of a front: full, slow, failing.
 *
 * Reads and writes fail, syncs do not: a failed sync may lose what other stores of the device have
 * written, and the seeds of the stores have one store to a device. */
#include <errno.h>

#include "engine/base/check.h"
#include "tests/sim/front_in.h"
#include "tests/sim/verdict.h"

#define ERRORS_MAX    10000u /* of a million reads and writes */
#define DELETE_ERRORS 30000u /* at least, while a topic is being deleted */

/* ---- space ---- */

void front_limit(struct front *f, bool on)
{
    struct io_stat st;
    sim_disk_limit(f->node, 0);
    f->limit_until_ns = 0;
    int fd = on ? io_dir_open(f->control, FRONT_DISK, 0, NULL) : -1;
    if (fd < 0)
        return;
    check(io_fd_stat(f->control, fd, &st) == ERR_OK);
    io_fd_close(f->control, fd);
    sim_disk_limit(f->node, (1ull << 50) - st.free_bytes + rng_log_uniform(f->rng, MIB(1)));
    f->limit_until_ns = front_now(f) + 100 * MS_NS + rng_log_uniform(f->rng, 5 * SEC_NS);
    f->full = true;
    trace("  disk full");
}

/* ---- errors ---- */

/* Seeds in which no I/O fails are what they were before there were others. */
bool front_errors_draw(uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed ^ 0x6f6965ull);
    return rng_chance(&rng, 1, 8);
}

bool front_poisoned(const struct front *f, uint32_t store)
{
    return store < FRONT_STORES && (f->poisoned >> store & 1);
}

/* A store that a failed write or sync has stopped stays so. */
void front_poison_look(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_STORES; i++) {
        struct store *s = serve_store(f->serve, i);
        struct why why;
        if (front_poisoned(f, i) || !s || !store_poisoned(s, &why))
            continue;
        f->poisoned |= 1ull << i;
        trace("  store %u is stopped: %s", i, why.text);
    }
}

static bool deleting(const struct front *f)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        if (f->topics[i].state == FRONT_DELETING && f->topics[i].asked)
            return true;
    return false;
}

static int fault_starts(struct sim_watch *w, const struct op *op)
{
    struct front *f = container_of(w, struct front, watch);
    bool moves = op->verb == IO_READ || op->verb == IO_WRITE;
    uint64_t chance = f->errors_per_million;
    if (moves && deleting(f))
        chance = max_u64(chance, DELETE_ERRORS);
    return moves && rng_chance(f->rng, chance, 1000000) ? EIO : 0;
}

static void fault_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

void front_faults(struct front *f)
{
    sim_chances(f->sim, &f->chances);
    f->failing = f->errors && rng_chance(f->rng, 1, 2);
    if (!f->failing)
        return;
    f->errors_per_million = 1 + (uint32_t)rng_log_uniform(f->rng, ERRORS_MAX);
    f->watch = (struct sim_watch){ fault_starts, fault_ends };
    sim_watch(f->node, &f->watch);
}

/* ---- the rest ---- */

void front_chances_draw(struct front *f)
{
    struct sim_opts *o = &f->chances;
    if (rng_chance(f->rng, 2, 3))
        o->short_per_million = (uint32_t)rng_log_uniform(f->rng, 50000);
    if (rng_chance(f->rng, 2, 3))
        o->again_per_million = (uint32_t)rng_log_uniform(f->rng, 50000);
    if (rng_chance(f->rng, 2, 3))
        o->slow_per_million = (uint32_t)rng_log_uniform(f->rng, 20000);
    if (rng_chance(f->rng, 1, 4))
        o->stuck_per_million = (uint32_t)rng_log_uniform(f->rng, 2000);
    if (rng_chance(f->rng, 2, 3))
        o->cut_per_million = (uint32_t)rng_log_uniform(f->rng, 5000);
}
