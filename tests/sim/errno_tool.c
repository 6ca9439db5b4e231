/* errno_tool.c -- scenes of the tools: verify and repair, while a call site fails.
 *
 * Verify: what cannot be read is never said to be whole. Repair: whatever a failed one left, the
 * next one ends well, nothing is served that was not sent, and, unless blocks could not be read, no
 * more is given up than without the failure. */
#include <errno.h>
#include <stdio.h>

#include "engine/base/check.h"
#include "engine/log/image.h"
#include "engine/log/repair.h"
#include "engine/log/store_in.h"
#include "engine/log/verify.h"
#include "tests/sim/errno_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

#define READ_BYTES (64u << 10)

/* ---- verify ---- */

/* All of it on media: what a failed sync takes is the tool's own. */
static void power_off(struct life *l)
{
    world_crash(&l->w, END_POWER);
    world_end(&l->w);
}

void check_before(struct life *l)
{
    scene_fill(l);
    life_sleep(l, 4 * SEC_NS);
    scene_append(l, 1, 3, 1000, DURABILITY_SYNCED);
    life_settle(l);
    power_off(l);
}

struct verified {
    struct verify_counts counts;
    struct find find; /* the first one that is no note */
    bool whole;
    bool crashed; /* an image may be there whose writing a crash interrupted */
};

static void found(const struct find *f, void *arg)
{
    struct verified *v = arg;
    bool image = f->kind == FOUND_IMAGE || f->kind == FOUND_IMAGE_PAGE;
    if (find_kind_info(f->kind)->class_ == FIND_NOTE || (image && v->crashed))
        return;
    if (v->whole)
        v->find = *f;
    v->whole = false;
}

static enum err verified(struct io *io, int dir, bool crashed, struct verified *v)
{
    struct why why;
    *v = (struct verified){ .whole = true, .crashed = crashed };
    return verify_run(io, dir, &(struct verify_opts){ .found = found, .arg = v }, &v->counts, &why);
}

static void whole_check(const struct verified *v, enum err err)
{
    demand(!err, "verify gives %s, and nothing fails", err_name(err));
    demand(v->whole, "verify finds %s in %s at %llu", find_kind_info(v->find.kind)->name,
           v->find.file, LLU(v->find.pos));
}

/* Does an error of this site go to verify itself? EINTR and EAGAIN are tried again by io. */
static bool verify_hears(const struct fault *f)
{
    return f->site && f->site->verb == IO_READ && strstr(f->site->file, "log/verify") &&
           f->sys != EINTR && f->sys != EAGAIN;
}

void check_run(struct life *l)
{
    struct verified v;
    int dir;
    struct io *io = life_tools(l, &dir);
    life_arm(l);
    enum err err = verified(io, dir, false, &v);
    if (!l->fault.site)
        whole_check(&v, err);
    demand(!verify_hears(&l->fault) || !l->shared->faults || err || !v.whole,
           "a block cannot be read, and verify finds the store whole");
    life_finish(l);
    l->shared->outcome = err ? OUT_REFUSED : OUT_SERVED;
}

/* ---- repair ---- */

#define BLOCK_OF_TILES 84u /* in an open extent whose last tile is the last of an index block */
#define DAMAGED_PARTS  3u

/* Batches of a little more than a block, until a batch reaches from the last tile of an index block
 * into the slot. */
static void fill_index_block(struct life *l, uint32_t part)
{
    struct part *p = load_part(&l->load, l->w.oracle.parts[part]);
    for (uint32_t n = 0;; n++) {
        const struct extent *e = part_open_extent(p);
        if (e && e->tile_count == BLOCK_OF_TILES && p->head_pos > p->flight_pos)
            return;
        check(n < 1000);
        scene_append(l, part, 1, 4100, DURABILITY_SYNCED);
        life_settle(l);
    }
}

static void flip(struct life *l, const char *file, uint64_t pos)
{
    uint8_t byte;
    struct world *w = &l->w;
    sim_file_read(w->node, w->stores[0].path, file, pos, &byte, 1);
    byte ^= 0x10;
    sim_file_write(w->node, w->stores[0].path, file, pos, &byte, 1);
}

struct place {
    char file[32];
    uint64_t pos;
};

static struct place place(const char *file, uint64_t pos)
{
    struct place p = { .pos = pos };
    snprintf(p.file, sizeof(p.file), "%s", file);
    return p;
}

static struct place index_of(const struct extent *e, const struct geometry *g)
{
    return place(e->vol->name, index_place(g, e->unit, e->order, 0) + 100);
}

/* Of everything that repair knows how to heal, or to give up, one. */
static uint32_t places_find(struct life *l, struct place *out)
{
    const struct store *s = life_store(l);
    const struct geometry *g = &s->id.geometry;
    struct part *part[DAMAGED_PARTS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < DAMAGED_PARTS; i++)
        part[i] = load_part(&l->load, l->w.oracle.parts[i]);
    const struct extent *sealed = part[2]->extents[1];
    out[n++] = place("image", image_copy_pos(s->image_capacity, s->generation, 0) + 30);
    out[n++] = place("image", image_copy_pos(s->image_capacity, s->generation, 1) + 4126);
    out[n++] = place(sealed->vol->name, 33);
    out[n++] = index_of(part_open_extent(part[0]), g);
    out[n++] = place("tails", BLOCK_BYTES + 2ull * part[1]->slot * BLOCK_BYTES + 3);
    out[n++] = place("tails", BLOCK_BYTES + (2ull * part[1]->slot + 1) * BLOCK_BYTES + 3);
    out[n++] = index_of(sealed, g);
    out[n++] = place(sealed->vol->name, extent_place(sealed, sealed->base_pos) + 100);
    return n;
}

void repair_before(struct life *l)
{
    struct place places[8];
    struct world *w = &l->w;
    w->stores[0].geometry.extent_max = 1u << 20;
    w->stores[0].opts.direct_min = BLOCK_BYTES;
    demand(world_start(w), "the store does not open, and nothing fails");
    for (uint32_t p = 0; p < DAMAGED_PARTS; p++)
        scene_part(l);
    life_settle(l);
    for (uint32_t p = 0; p < DAMAGED_PARTS; p++)
        fill_index_block(l, p);
    life_sleep(l, 4 * SEC_NS); /* a checkpoint */
    uint32_t n = places_find(l, places);
    power_off(l);
    for (uint32_t i = 0; i < n; i++)
        flip(l, places[i].file, places[i].pos);
}

struct look {
    struct read read;
    bool done;
};

static void look_done(struct read *read)
{
    container_of(read, struct look, read)->done = true;
}

static uint64_t batches_count(struct bytes batches)
{
    struct batch_info info;
    uint64_t n = 0;
    for (; batches.len && batch_peek(batches, &info) == ERR_OK; n++) {
        batches.at += info.bytes;
        batches.len -= info.bytes;
    }
    return n;
}

/* Reads all of a partition; returns how many batches it has. */
static uint64_t part_look(struct life *l, struct o_part *p)
{
    struct part *part = load_part(&l->load, p);
    demand(part, "part %u: gone after a repair", p->number);
    struct part_state_info info = part_info(part);
    uint64_t off = info.start_off, n = 0;
    demand(!info.damaged, "part %u: stopped after a repair", p->number);
    while (off < info.next_off) {
        struct look k = { .read = { .done = look_done, .off = off, .bytes_max = READ_BYTES } };
        part_read(part, &k.read);
        while (!k.done && world_turn(&l->w, UINT64_MAX))
            ;
        demand(k.done && !k.read.err && k.read.next_off > off, "part %u: a read from %llu gives %s",
               p->number, LLU(off), err_name(k.read.err));
        oracle_look(&l->w.oracle, p, k.read.batches);
        n += batches_count(k.read.batches);
        off = k.read.next_off;
        read_give(&k.read);
    }
    return n;
}

static void repaired_look(struct life *l)
{
    uint64_t served = 0;
    demand(world_again(&l->w), "the store does not open after a repair");
    for (uint32_t i = 0; i < l->w.oracle.part_count; i++)
        served += part_look(l, l->w.oracle.parts[i]);
    if (!l->fault.site)
        l->shared->served = served;
    bool unread = l->fault.site && l->fault.site->verb == IO_READ;
    demand(served == l->shared->served || (unread && served < l->shared->served),
           "%llu batches are left after a repair, %llu without the failure", LLU(served),
           LLU(l->shared->served));
}

/* The repair that failed is done again, where nothing fails. */
static void repair_again(struct life *l, struct io *io, int dir)
{
    struct repair_report report;
    struct verified v;
    struct why why;
    if (l->end != LIFE_AGAIN) {
        world_crash(&l->w, l->end == LIFE_POWER ? END_POWER : END_KILL);
        world_end(&l->w);
        io = life_tools(l, &dir);
    }
    life_disarm(l);
    l->sync_failed = l->w.eio = l->w.full = false;
    enum err err = repair_run(io, dir, &report, &why);
    demand(!err, "repair gives %s (%s), and nothing fails", err_name(err), why.text);
    err = verified(io, dir, l->end != LIFE_AGAIN, &v);
    whole_check(&v, err);
}

void repair_scene_run(struct life *l)
{
    struct repair_report report;
    struct why why;
    int dir;
    struct io *io = life_tools(l, &dir);
    life_arm(l);
    enum err err = repair_run(io, dir, &report, &why);
    demand(!err || l->fault.site, "repair gives %s (%s), and nothing fails", err_name(err),
           why.text);
    repair_again(l, io, dir);
    repaired_look(l);
    l->shared->outcome = err ? OUT_REFUSED : OUT_SERVED;
}
