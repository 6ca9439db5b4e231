/* errno_scene.c -- what a store does while a call site fails: small enough to be run thousands of
 * times, and between them they reach every site. Those of tools are errno_tool.c's. */
#include <string.h>

#include "engine/base/check.h"
#include "engine/log/capture.h"
#include "tests/sim/errno_in.h"
#include "tests/sim/verdict.h"

#define PARTS        6u
#define PART_LARGEST 2u   /* its appends are */
#define PARTS_MANY   540u /* rows of an image that nearly fills its file */
#define REST_NS      (4 * SEC_NS)

/* ---- what clients do ---- */

void scene_part(struct life *l)
{
    if (life_store(l))
        load_add(&l->load);
}

void scene_append(struct life *l, uint32_t part, uint32_t n, uint64_t bytes, enum durability want)
{
    for (uint32_t i = 0; i < n && life_store(l); i++)
        load_append(&l->load, l->w.oracle.parts[part], bytes, want);
}

/* Small and large, `written` and `synced`; large ones go straight to their extents. */
static void appends(struct life *l, uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t p = 0; p < PARTS; p++) {
            scene_append(l, p, 2, 300, p % 2 ? DURABILITY_WRITTEN : DURABILITY_SYNCED);
            scene_append(l, p, p < 3, 5000 + 20000 * p, DURABILITY_SYNCED);
        }
        life_settle(l);
    }
}

static void open_strictly(struct life *l)
{
    demand(world_start(&l->w), "the store does not open, and nothing fails");
}

void scene_fill(struct life *l)
{
    open_strictly(l);
    for (uint32_t p = 0; p < PARTS; p++)
        scene_part(l);
    life_settle(l);
    appends(l, 3);
}

static void filled(struct life *l)
{
    scene_fill(l);
    life_sleep(l, REST_NS);
}

/* ---- making and opening ---- */

static void nothing_before(struct life *l)
{
    (void)l;
}

static void create_run(struct life *l)
{
    life_arm(l);
    if (world_start(&l->w))
        for (uint32_t p = 0; p < 2; p++)
            scene_part(l);
    life_settle(l);
    life_finish(l);
}

/* Ends by a kill with a journal to replay, whose last entry names a direct run, and slots that the
 * journal goes on from. */
static void open_before(struct life *l)
{
    filled(l);
    appends(l, 1);
    scene_append(l, 2, 1, 45000, DURABILITY_SYNCED);
    life_settle(l);
    world_crash(&l->w, END_KILL);
    world_end(&l->w);
}

static void open_run(struct life *l)
{
    life_arm(l);
    if (world_start(&l->w))
        appends(l, 1);
    life_finish(l);
}

/* One copy of the newest image is damaged, and files are there that a crash left half made. */
static void heal_before(struct life *l)
{
    uint8_t block[BLOCK_BYTES] = { 1 };
    struct world *w = &l->w;
    filled(l);
    const struct store *s = life_store(l);
    uint64_t pos = image_copy_pos(s->image_capacity, s->generation, 0);
    appends(l, 1);
    check(s->generation && pos == image_copy_pos(s->image_capacity, s->generation, 0));
    world_crash(w, END_POWER);
    world_end(w);
    sim_file_write(w->node, w->stores[0].path, "image", pos, block, BLOCK_BYTES);
    sim_file_write(w->node, w->stores[0].path, "vol.tmp", 0, block, BLOCK_BYTES);
    sim_file_write(w->node, w->stores[0].path, IMAGE_TMP, 0, block, BLOCK_BYTES);
}

/* ---- running ---- */

static void append_run(struct life *l)
{
    life_arm(l);
    appends(l, 8);
    life_sleep(l, REST_NS);
    life_finish(l);
}

/* Space comes back: whole volumes of it are removed. */
static void space_before(struct life *l)
{
    filled(l);
    appends(l, 24);
    life_sleep(l, REST_NS);
}

static void space_run(struct life *l)
{
    struct oracle *o = &l->w.oracle;
    life_arm(l);
    for (uint32_t p = 0; p < 2; p++)
        load_seal(&l->load, o->parts[p]);
    load_trim(&l->load, o->parts[1], oracle_end_off(o->parts[1]) / 2);
    life_settle(l);
    load_drop(&l->load, o->parts[2]);
    load_drop(&l->load, o->parts[3]);
    load_trim(&l->load, o->parts[0], oracle_end_off(o->parts[0]));
    load_trim(&l->load, o->parts[1], oracle_end_off(o->parts[1]));
    life_settle(l);
    for (uint32_t r = 0; r < 12; r++) {
        scene_append(l, 4, 4, 2000, DURABILITY_SYNCED);
        life_settle(l);
        life_sleep(l, REST_NS / 4);
    }
    life_finish(l);
}

/* The tables grow: more slots than the tails file has, more rows than the image file has. */
static void tables_before(struct life *l)
{
    open_strictly(l);
    for (uint32_t p = 0; p < PARTS_MANY; p++)
        scene_part(l);
    life_settle(l);
    life_sleep(l, REST_NS);
}

static void tables_run(struct life *l)
{
    life_arm(l);
    for (uint32_t p = 0; p < 60; p++)
        scene_part(l);
    for (uint32_t p = 0; p < 20; p++)
        scene_append(l, p, 1, 100, DURABILITY_SYNCED);
    life_settle(l);
    for (uint32_t r = 0; r < 2; r++) {
        scene_append(l, r, 4, 3000, DURABILITY_WRITTEN);
        life_settle(l);
        life_sleep(l, REST_NS);
    }
    life_finish(l);
}

/* Everything is at rest: nothing is in memory. */
static void read_before(struct life *l)
{
    struct world *w = &l->w;
    filled(l);
    appends(l, 6);
    life_sleep(l, REST_NS);
    demand(world_stop(w), "the machine died, and nothing killed it");
    world_end(w);
    open_strictly(l);
    load_reopened(&l->load, END_CLEAN);
}

/* The sealed extent with the most in it: those of large appends are worth lending. */
static struct extent *sealed_extent(struct load *load, struct o_part *p)
{
    const struct part *part = load_part(load, p);
    struct extent *most = NULL;
    for (uint32_t i = 0; part && i < part->extent_count; i++) {
        struct extent *e = part->extents[i];
        if (e->sealed && (!most || e->data_bytes > most->data_bytes))
            most = e;
    }
    return most;
}

/* A sealed extent, read twice: then through the page cache. */
static void read_lent(struct life *l)
{
    struct o_part *p = l->w.oracle.parts[PART_LARGEST];
    struct extent *e = sealed_extent(&l->load, p);
    if (!life_store(l))
        return;
    demand(e, "no extent of part %u is sealed", p->number);
    uint64_t before = store_counts(life_store(l)).cache_lent_bytes;
    load_read_lent(&l->load, p, e->base_off, MIB(1));
    life_settle(l);
    if (!life_store(l))
        return;
    load_read_lent(&l->load, p, e->base_off, MIB(1));
    life_settle(l);
    demand(l->fault.site || store_counts(life_store(l)).cache_lent_bytes > before,
           "a sealed extent of %u bytes is not lent out of the page cache", e->data_bytes);
}

static void read_run(struct life *l)
{
    struct oracle *o = &l->w.oracle;
    life_arm(l);
    for (uint32_t p = 0; p < PARTS; p++) {
        load_read(&l->load, o->parts[p], 0, 64u << 10, false, false);
        load_read(&l->load, o->parts[p], oracle_end_off(o->parts[p]) - 1, 100, false, false);
        load_time(&l->load, o->parts[p]);
        life_settle(l);
    }
    read_lent(l);
    appends(l, 1);
    for (uint32_t p = 0; p < PARTS; p++)
        load_read(&l->load, o->parts[p], 0, 64u << 10, false, true);
    life_settle(l);
    life_finish(l);
}

static void stop_run(struct life *l)
{
    life_arm(l);
    appends(l, 1);
    if (l->end == LIFE_AGAIN) { /* its end has a stop of its own */
        life_finish(l);
        return;
    }
    scene_append(l, 0, 3, 3000, DURABILITY_SYNCED);
    (void)world_stop(&l->w);
    life_finish(l);
}

const struct scene scenes[] = {
    { "create", nothing_before, create_run }, { "open", open_before, open_run },
    { "heal", heal_before, open_run },        { "append", filled, append_run },
    { "space", space_before, space_run },     { "tables", tables_before, tables_run },
    { "read", read_before, read_run },        { "stop", filled, stop_run },
    { "check", check_before, check_run },     { "repair", repair_before, repair_scene_run },
};
const uint32_t scene_count = sizeof(scenes) / sizeof(scenes[0]);
