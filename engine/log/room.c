/* room.c -- room for tiles: an extent takes a batch only if its index holds every tile that can
 * come of the bytes it has then, however they are cut, also after a crash. Nobody looks at the room
 * later: runs are cut when the bytes cannot go anywhere else any more (docs/STORE.md J6).
 *
 * Bytes of an extent from x, what the live image has of it, to z, its end with the batch:
 *
 *   x ...... from ........ named ........ head ...... z
 *   issued;  an opening    entries have   no entry
 *   may cut it anew        them           has them
 *
 * A run of n bytes is ceil(n / TILE_RUN_MAX) tiles. So [from, z) cut in c places is at most
 * ceil((z - from) / TILE_RUN_MAX) + c tiles. It is cut
 *
 * - where a chunk of the tail begins. They are there when the extent is asked: tail_room() comes
 *   first;
 * - where a batch ends that no entry has, and at named_pos: once each, by a checkpoint, which
 *   goes to named_pos, or by a direct run. Rounded down to a block: the last one's end leaves a
 *   block behind it, which makes two with head;
 * - a BEHIND_STEP after the last cut: one for each BEHIND_STEP of bytes, and one of a step that
 *   began in the extent before;
 * - where a direct run ends among bytes that entries have: direct_target() asks extent_takes_cut()
 *   before.
 *
 * After a crash [x, z) is cut anew, from some place in [x, from] on. What [x, from) was cut into is
 * at least ceil(n / TILE_RUN_MAX) tiles, which are free again; beyond these it is cut where a chunk
 * begins, all of BEHIND_STEP now (tail_reserve()), and after each step: twice for each BEHIND_STEP,
 * and three times at the ends. Cuts of before the crash may be durable by then: the sum of both
 * counts.
 *
 * And a tile is a block at least: bytes that are few take no more than their blocks. */
#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/tail.h"

static_assert(CHUNK_BYTES_MAX == BEHIND_STEP, "an opening's chunks and steps are of one size");

uint32_t extent_tile_cap(const struct store *s, const struct extent *e)
{
    return extent_index_blocks(&s->id.geometry, e->order) * TILES_PER_BLOCK;
}

uint32_t extent_tile_room(const struct store *s, const struct extent *e)
{
    uint32_t cap = extent_tile_cap(s, e);
    return e->tile_count < cap ? cap - e->tile_count : 0;
}

struct span { /* of an extent, see above */
    uint64_t x, from, z;
};

static struct span span_of(const struct part *p, const struct extent *e, uint64_t len)
{
    uint64_t z = block_ceil(extent_data_end(p, e) + len);
    uint64_t from = max_u64(p->flight_pos, e->base_pos);
    uint64_t x = max_u64(block_floor(p->image_head), e->base_pos);
    return (struct span){ .x = min_u64(x, from), .from = min_u64(from, z), .z = z };
}

/* Places where [from, z) may be cut in this life of the store. */
static uint64_t cuts_now(const struct part *p, const struct span *n)
{
    uint32_t batches = p->mark_count - mark_find(p, max_u64(n->from, p->named_pos)) + 2;
    return tail_chunks_between(p, n->from, n->z) + batches + (n->z - n->from) / BEHIND_STEP + 1;
}

/* Places where an opening may cut what the live image does not have. */
static uint64_t cuts_again(const struct span *n)
{
    return 2 * ((n->z - n->x) / BEHIND_STEP) + 3;
}

/* `more`: cuts beside those above. */
static bool tiles_fit(const struct part *p, const struct extent *e, uint64_t len, uint32_t more)
{
    struct span n = span_of(p, e, len);
    uint64_t room = extent_tile_room(p->store, e), bytes = n.z - n.from;
    if (room >= bytes / BLOCK_BYTES + (n.x < n.from ? cuts_again(&n) : 0))
        return true; /* nearly always */
    uint64_t whole = (bytes + TILE_RUN_MAX - 1) / TILE_RUN_MAX;
    return room >= whole + cuts_now(p, &n) + cuts_again(&n) + more;
}

bool extent_takes(const struct part *p, const struct extent *e, uint64_t len)
{
    uint64_t used = p->head_pos - e->base_pos;
    return used + len <= extent_data_bytes(&p->store->id.geometry, e->order) &&
           tiles_fit(p, e, len, 0);
}

bool extent_takes_cut(const struct part *p, uint64_t pos)
{
    const struct extent *e = part_extent_of(p, pos);
    return !e || pos == e->base_pos || pos >= block_ceil(extent_data_end(p, e)) ||
           tiles_fit(p, e, 0, 1);
}
