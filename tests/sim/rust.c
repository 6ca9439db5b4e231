/* rust.c -- see rust.h. */
#include "tests/sim/rust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "tests/sim/verdict.h"

#define LATE_NS    (400 * MS_NS) /* writes of a killed process have landed by then */
#define READ_NS    (600 * SEC_NS)
#define READ_BYTES (256u << 10)
#define VOLS_MAX   64u

struct spot {
    char file[32];
    uint64_t pos;
    uint8_t was[BLOCK_BYTES];
};

struct rust {
    struct load *load;
    struct world *w;
    struct world_store *ws;
    struct spot spots[2]; /* two when blocks changed places */
    uint32_t spot_count;
    uint32_t vols[VOLS_MAX], vol_count;
};

/* ---- damage ---- */

static void spot_write(struct rust *r, const struct spot *s, const uint8_t *block)
{
    sim_file_write(r->w->node, r->ws->path, s->file, s->pos, block, BLOCK_BYTES);
}

static struct spot *spot_at(struct rust *r, const char *file, uint64_t pos)
{
    struct spot *s = &r->spots[r->spot_count++];
    snprintf(s->file, sizeof(s->file), "%s", file);
    s->pos = block_floor(pos);
    sim_file_read(r->w->node, r->ws->path, file, s->pos, s->was, BLOCK_BYTES);
    return s;
}

static void bit_flip(struct rust *r, const char *file, uint64_t pos)
{
    struct spot *s = spot_at(r, file, pos);
    uint8_t block[BLOCK_BYTES];
    memcpy(block, s->was, BLOCK_BYTES);
    block[pos % BLOCK_BYTES] ^= (uint8_t)(1u << rng_below(r->w->rng, 8));
    spot_write(r, s, block);
    trace("  rust: %s/%s at %llu", r->ws->path, file, (unsigned long long)pos);
}

static void anywhere(struct rust *r, const char *file)
{
    uint64_t bytes = sim_file_bytes(r->w->node, r->ws->path, file);
    if (bytes > BLOCK_BYTES)
        bit_flip(r, file, BLOCK_BYTES + rng_below(r->w->rng, bytes - BLOCK_BYTES));
}

struct vouched {
    uint64_t seq, pos;
    uint32_t len;
};

/* A bit of an entry that is not the newest one: later ones prove that it was acknowledged. */
static void journal_rust(struct rust *r)
{
    struct sim_node *node = r->w->node;
    uint64_t bytes = sim_file_bytes(node, r->ws->path, "journal"), newest = 0;
    uint8_t *file = malloc(bytes);
    struct vouched *entries = malloc(bytes / BLOCK_BYTES * sizeof(*entries));
    struct identity id;
    struct entry e;
    uint32_t count = 0, old = 0;
    check(file && entries);
    sim_file_read(node, r->ws->path, "journal", 0, file, bytes);
    bool known = identity_decode(file, &id, NULL) == ERR_OK;
    for (uint64_t at = BLOCK_BYTES; known && at < bytes; at += BLOCK_BYTES) {
        uint64_t claimed = le64_get(file + at + ENTRY_POS_AT);
        if (entry_decode(file + at, id.key, id.store, claimed, id.geometry.entry_max, &e) ==
            ERR_OK) {
            entries[count++] = (struct vouched){ e.seq, at, e.len };
            newest = max_u64(newest, e.seq);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (entries[i].seq < newest && entries[i].seq + 20 > newest)
            entries[old++] = entries[i];
    if (old) {
        const struct vouched *v = &entries[rng_below(r->w->rng, old)];
        uint64_t in = rng_chance(r->w->rng, 1, 2) ? rng_below(r->w->rng, ENTRY_HEADER_BYTES)
                                                  : rng_below(r->w->rng, v->len);
        bit_flip(r, "journal", v->pos + in);
    }
    free(entries);
    free(file);
}

static void vol_found(const char *name, void *arg)
{
    struct rust *r = arg;
    if (sscanf(name, "vol-%u", &r->vols[r->vol_count]) == 1 && r->vol_count + 1 < VOLS_MAX)
        r->vol_count++;
}

static void blocks_swap(struct rust *r, const char *file)
{
    uint64_t blocks = sim_file_bytes(r->w->node, r->ws->path, file) / BLOCK_BYTES;
    if (blocks < 3)
        return;
    struct spot *a = spot_at(r, file, (1 + rng_below(r->w->rng, blocks - 1)) * BLOCK_BYTES);
    struct spot *b = spot_at(r, file, (1 + rng_below(r->w->rng, blocks - 1)) * BLOCK_BYTES);
    spot_write(r, a, b->was);
    spot_write(r, b, a->was);
    trace("  rust: %s/%s blocks %llu and %llu change places", r->ws->path, file,
          (unsigned long long)a->pos, (unsigned long long)b->pos);
}

static void vols_rust(struct rust *r)
{
    char file[32];
    sim_dir_each(r->w->node, r->ws->path, vol_found, r);
    if (!r->vol_count)
        return;
    snprintf(file, sizeof(file), "vol-%04u", r->vols[rng_below(r->w->rng, r->vol_count)]);
    if (rng_chance(r->w->rng, 1, 3))
        blocks_swap(r, file);
    else
        anywhere(r, file);
}

static void damage(struct rust *r)
{
    switch (rng_below(r->w->rng, 8)) {
    case 0:
        anywhere(r, "image");
        return;
    case 1:
        anywhere(r, "tails");
        return;
    case 2:
    case 3:
    case 4:
        vols_rust(r);
        return;
    default:
        journal_rust(r);
    }
}

static void mend(struct rust *r)
{
    while (r->spot_count) {
        const struct spot *s = &r->spots[--r->spot_count];
        spot_write(r, s, s->was);
    }
}

/* ---- looking ---- */

struct rust_read {
    struct read read;
    bool done;
};

static void rust_read_done(struct read *read)
{
    container_of(read, struct rust_read, read)->done = true;
}

static void part_look(struct rust *r, struct o_part *p, struct part *part)
{
    struct part_state_info info = part_info(part);
    uint64_t off = info.start_off, until = sim_now_ns(r->w->sim) + READ_NS;
    while (off < info.next_off) {
        struct rust_read rr = { .read = {
                                    .done = rust_read_done, .off = off, .bytes_max = READ_BYTES } };
        part_read(part, &rr.read);
        while (!rr.done && world_turn(r->w, until))
            ;
        demand(rr.done, "part %u: a read of a damaged store does not end", p->number);
        oracle_look(&r->w->oracle, p, rr.read.batches);
        bool more = !rr.read.err && rr.read.next_off > off;
        off = rr.read.next_off;
        read_give(&rr.read);
        if (!more)
            return;
    }
}

/* A run that only the last entry names is rotten: that looks like a run that had not landed when
 * the power went, and the entry is dropped whole (recovery case H; FORMAT.md says so). What the
 * entry held is then missing by right; the life that follows, on mended blocks, must have it. */
static bool last_run_hit(const struct rust *r)
{
    return store_report(r->ws->store)->verdict == 'H' && !strncmp(r->spots[0].file, "vol-", 4);
}

static void store_look(struct rust *r)
{
    struct oracle *o = &r->w->oracle;
    uint32_t number = (uint32_t)(r->ws - r->w->stores);
    for (uint32_t i = 0; i < o->part_count; i++) {
        struct o_part *p = o->parts[i];
        if (p->store != number || p->state == O_GONE)
            continue;
        struct part *part = load_part(r->load, p);
        struct part_state_info info = part ? part_info(part) : (struct part_state_info){ 0 };
        if (!info.damaged && !last_run_hit(r))
            oracle_kept(p, part != NULL, info.next_off, r->w->worst);
        if (part)
            part_look(r, p, part);
    }
}

static void store_try(struct rust *r)
{
    struct why why = { 0 };
    struct shard *shard = &r->w->shards[0];
    struct store_opts opts = r->ws->opts;
    int dir = io_dir_open(shard->io, r->ws->path, 0, &why);
    opts.read_only = true;
    demand(dir >= 0, "store %s: %s", r->ws->path, why.text);
    enum err err = store_open(&r->ws->store, shard->io, dir, &opts, &why);
    trace("  rust: %s (%s)", err_name(err), why.text);
    if (err)
        return; /* refused: that is found */
    shard_add(shard, &r->ws->berth, r->ws->store);
    store_look(r);
    shard_remove(&r->ws->berth);
    store_close(&r->ws->store);
}

void rust_try(struct load *l)
{
    struct world *w = l->w;
    struct rust r = { .load = l, .w = w };
    r.ws = &w->stores[rng_below(w->rng, w->store_count)];
    if (!r.ws->made)
        return;
    sim_restart(w->node);
    while (sim_step(w->sim, sim_now_ns(w->sim) + LATE_NS))
        ;
    w->shard_count = 1;
    shard_open(&w->shards[0], 0);
    check(shard_start(&w->shards[0], &(struct io_opts){ .node = w->node }) == ERR_OK);
    damage(&r);
    if (r.spot_count) {
        w->tally.rusts++;
        store_try(&r);
    }
    mend(&r);
    sim_crash(w->node, SIM_KILL);
    shard_close(&w->shards[0]);
}
