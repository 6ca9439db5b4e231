/* zero.c -- zeroes free slabs ahead of need, at a pace that the commits beside it bear: behind a
 * write of 1 MiB a commit waits for a millisecond, one of 64 KiB makes little difference. */
#include "engine/base/check.h"
#include "engine/log/commit.h"
#include "engine/log/grow.h"

#define ZERO_STEP    (64u << 10) /* beside commits */
#define ZERO_PACE_NS MS_NS       /* ... at least one in so long */

static void zero_done(struct op *op)
{
    struct grower *g = container_of(op, struct grower, zero_op);
    struct store *s = g->store;
    struct slab *b = &g->zeroing->slabs[g->zero_slab];
    if (op->err && (op->err != ERR_NO_SPACE || g->zero_syncing)) {
        store_poison(s, op, "zeroing space ahead of need");
    } else if (op->err) {
        probe("no space to zero a slab");
        g->zero_retry_ns = io_now_ns(s->io) + SEC_NS;
    }
    if (op->err || g->zero_syncing || s->poisoned) {
        b->zeroing = false;
        b->written = !op->err && g->zero_syncing;
        g->zeroing = NULL;
        g->zero_syncing = false;
        parked_retry(s);
        return;
    }
    g->zero_at += op->len;
}

/* How many bytes may be zeroed now: all of a step when nobody is disturbed by it; beside commits
 * twice what was appended meanwhile, since that is what space is needed for, in small steps, and a
 * little however slowly it comes. 0: not yet. */
static uint64_t zero_room(const struct store *s)
{
    const struct grower *g = s->grower;
    if (s->stopping || commit_quiet(s))
        return ZERO_BYTES;
    uint64_t room = (io_now_ns(s->io) - g->zero_from_ns) / ZERO_PACE_NS * ZERO_STEP +
                    2 * (s->counts.append_bytes - g->zero_from_bytes);
    return min_u64(room / ZERO_STEP * ZERO_STEP, ZERO_BYTES);
}

static void zero_began(struct store *s)
{
    s->grower->zero_from_ns = io_now_ns(s->io);
    s->grower->zero_from_bytes = s->counts.append_bytes;
}

static void zero_step(struct store *s)
{
    struct grower *g = s->grower;
    struct vol *v = g->zeroing;
    uint64_t left = s->id.geometry.extent_max - g->zero_at, room = zero_room(s);
    if (!left) {
        g->zero_syncing = true;
        io_sync(s->io, &g->zero_op, v->fd, zero_done);
        return;
    }
    if (!room)
        return; /* parks: zero_due_ns() */
    zero_began(s);
    uint64_t place =
        VOL_HEAD_BYTES + (uint64_t)g->zero_slab * s->id.geometry.extent_max + g->zero_at;
    io_write(s->io, &g->zero_op, v->fd, g->zeros, min_u64(left, room), place, 0, zero_done);
}

static uint32_t zeroed_slabs(const struct store *s, struct vol **raw_vol, uint32_t *raw_slab)
{
    uint32_t n = 0;
    *raw_vol = NULL;
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        for (uint32_t j = 0; v->state == VOL_LIVE && j < s->id.geometry.slabs; j++) {
            if (v->slabs[j].order != SLAB_FREE)
                continue;
            n += v->slabs[j].written;
            if (!v->slabs[j].written && !*raw_vol) {
                *raw_vol = v;
                *raw_slab = j;
            }
        }
    }
    return n;
}

void zero_turn(struct store *s)
{
    struct grower *g = s->grower;
    struct vol *v;
    uint32_t slab = 0;
    if (g->zeroing && !g->zero_op.busy)
        zero_step(s);
    if (io_now_ns(s->io) < g->zero_retry_ns)
        return;
    if (g->zeroing || s->stopping || zeroed_slabs(s, &v, &slab) >= s->opts.zero_ahead || !v)
        return;
    g->zeroing = v;
    g->zero_slab = slab;
    g->zero_at = 0;
    v->slabs[slab].zeroing = true;
    zero_began(s);
    zero_step(s);
}

uint64_t zero_due_ns(const struct store *s)
{
    const struct grower *g = s->grower;
    if (!g->zeroing || g->zero_op.busy)
        return UINT64_MAX;
    return zero_room(s) ? io_now_ns(s->io) : g->zero_from_ns + ZERO_PACE_NS;
}
