/* life_rot.c -- see life.h: what rots, what is found, what a repair makes of it. */
#include <stdio.h>

#include "engine/base/check.h"
#include "tests/unit/log/life.h"

#define LLU(v) ((unsigned long long)(v))

struct place { /* nothing: no name */
    char name[32];
    uint64_t at;
};

/* Half of them in extents, where most bytes are. */
static struct place rot_draw(struct life *l)
{
    static const char *const names[] = { "journal", "journal", "image", "tails" };
    const struct store *s = l->d.f.store;
    const struct journal *j = &s->journal;
    uint64_t kind = rng_below(&l->rng, 8), bytes;
    struct place place = { "", 0 };
    if (kind < 4)
        snprintf(place.name, sizeof(place.name), "%s", names[kind]);
    else
        memcpy(place.name, s->vols[rng_below(&l->rng, s->vol_count)]->name, sizeof(place.name));
    bytes = sim_file_bytes(l->d.f.node, FIXTURE_DIR, place.name);
    place.at = rng_below(&l->rng, rng_chance(&l->rng, 1, 8) ? BLOCK_BYTES : bytes);
    if (kind < 2 && j->head_pos > j->free_pos)
        place.at =
            BLOCK_BYTES + (j->free_pos + rng_below(&l->rng, j->head_pos - j->free_pos)) % j->ring;
    return place;
}

/* A page of the image before the live one, in both of its copies: nothing is lost by it. */
static void rot_older_image(struct life *l, uint64_t generation, uint64_t capacity)
{
    uint64_t at = rng_below(&l->rng, 6 * BLOCK_BYTES);
    line_add(&l->lines, "rot older image %llu", LLU(at));
    for (uint32_t copy = 0; copy < 2; copy++)
        fixture_flip(&l->d.f, "image", image_copy_pos(capacity, generation - 1, copy) + at);
}

static void rot(struct life *l)
{
    struct place places[3];
    uint64_t generation = l->d.f.store->generation, capacity = l->d.f.store->image_capacity;
    uint64_t count = 1 + rng_below(&l->rng, 3);
    for (uint64_t i = 0; i < count; i++)
        places[i] = rot_draw(l);
    fixture_crash(&l->d.f, SIM_POWER);
    for (uint64_t i = 0; i < count; i++) {
        line_add(&l->lines, "rot %s %llu", places[i].name, LLU(places[i].at));
        fixture_flip(&l->d.f, places[i].name, places[i].at);
    }
    if (rng_chance(&l->rng, 1, 4))
        rot_older_image(l, generation, capacity);
}

static void finds_add(struct life *l)
{
    damage_look(&l->d);
    for (uint32_t i = 0; i < l->d.find_count; i++) {
        const struct find *f = &l->d.finds[i];
        line_add(&l->lines, "%s %s %llu+%llu %u %llu %llu [%llu, %llu) %s",
                 find_kind_info(f->kind)->name, f->file, LLU(f->pos), LLU(f->len), f->part,
                 LLU(f->part_pos), LLU(f->extent), LLU(f->from_off), LLU(f->to_off), f->why.text);
    }
    line_add(&l->lines, "of %llu %llu %llu %llu %llu %llu %llu", LLU(l->d.counts.entries),
             LLU(l->d.counts.extents), LLU(l->d.counts.index_blocks), LLU(l->d.counts.tiles),
             LLU(l->d.counts.batches), LLU(l->d.counts.slots), LLU(l->d.counts.bytes));
}

/* The machine ends in the middle of a repair, or of a look. */
static void life_dies(struct life *l)
{
    struct fixture *f = &l->d.f;
    struct verify_counts counts;
    struct verify_opts opts = { 0 };
    struct repair_report r;
    bool looks = rng_chance(&l->rng, 1, 3);
    sim_crash_at_io(f->node, 1 + rng_below(&l->rng, 80), SIM_POWER);
    enum err err = looks ? verify_run(f->io, f->dir, &opts, &counts, &f->why)
                         : repair_run(f->io, f->dir, &r, &f->why);
    line_add(&l->lines, "it ends in a %s: %s, %llu %llu %llu", looks ? "look" : "repair",
             err_name(err), LLU(looks ? counts.finds[FIND_NOTE] : 0),
             LLU(looks ? counts.finds[FIND_HEALABLE] : 0),
             LLU(looks ? counts.finds[FIND_DAMAGE] : 0));
    EXPECT_ERR(err, sim_dead(f->node) ? ERR_DEAD : ERR_OK);
    fixture_crash(f, SIM_POWER);
}

static enum err repair(struct life *l)
{
    struct repair_report r;
    int fds = fixture_fds(&l->d.f);
    enum err err = repair_run(l->d.f.io, l->d.f.dir, &r, &l->d.f.why);
    EXPECT_EQ(fixture_fds(&l->d.f), fds);
    line_add(&l->lines, "repair: %s, %u %u %u %u %u %u", err_name(err), r.identities, r.image_pages,
             r.index_blocks, r.tiles, r.slots, r.parts);
    return err;
}

void life_rot(struct life *l)
{
    struct fixture *f = &l->d.f;
    fixture_settle(f);
    f->bent = true; /* offsets may be lost of which no batch is left */
    life_give(l);
    rot(l);
    l->reading = true;
    finds_add(l);
    l->reading = false;
    enum err err = fixture_start(f);
    line_add(&l->lines, "start: %s %s", err_name(err), err ? f->why.text : "");
    if (!err) {
        l->reading = true;
        life_read_all(l);
        l->reading = false;
        fixture_crash(f, SIM_POWER);
    }
    if (rng_chance(&l->rng, 1, 3))
        life_dies(l);
    l->reading = true;
    if (l->unreadable)
        repair(l);
    l->reading = false;
    EXPECT_OK(repair(l));
    finds_add(l);
    EXPECT(damage_none(&l->d));
    check(fixture_start(f) == ERR_OK);
    life_read_all(l);
}
