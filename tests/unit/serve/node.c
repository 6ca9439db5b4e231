/* node.c -- see node.h. */
#include "tests/unit/serve/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"

#define STEPS_MAX 4000000u /* far more than any test needs: a run that hangs ends */

static const struct geometry small = { .journal_bytes = BLOCK_BYTES + MIB(1),
                                       .entry_max = 64u << 10,
                                       .extent_min = 16u << 10,
                                       .extent_max = 256u << 10,
                                       .slabs = 8,
                                       .batch_max = 64u << 10 };

void node_open(struct node_world *w, uint64_t seed, uint32_t dir_count, uint32_t shards)
{
    *w = (struct node_world){ .dirs = { "/a", "/b", "/c", "/d" },
                              .dir_count = dir_count,
                              .shards = shards };
    w->sim = sim_open(&(struct sim_opts){ .seed = seed, .hash_buffers = true });
    w->machine = sim_node(w->sim, 0);
}

void node_close(struct node_world *w)
{
    if (w->serve && !sim_dead(w->machine))
        sim_crash(w->machine, SIM_POWER);
    serve_close(&w->serve);
    sim_close(&w->sim);
}

static void node_note(void *arg, const char *line)
{
    struct node_world *w = arg;
    if (!strstr(line, "store-") && !strstr(line, "metadata") && !strstr(line, "group"))
        return; /* what the simulated kernel lacks */
    w->notes++;
    snprintf(w->note, sizeof(w->note), "%s", line);
}

static uint32_t node_turns(struct node_world *w)
{
    uint32_t did = 0;
    for (uint32_t i = 0; i < w->shards; i++)
        did += serve_turn(w->serve, i, SEC_NS);
    if (w->beside)
        did += w->beside();
    return did;
}

/* A shard has something to do at once: time stands still for it. */
static bool node_due(const struct node_world *w)
{
    for (uint32_t i = 0; i < w->shards; i++) {
        const struct io *io = serve_shard(w->serve, i)->io;
        if (io && serve_due_ns(w->serve, i) <= io_now_ns(io))
            return true;
    }
    return false;
}

/* One turn of each shard; time passes when none had anything to do. */
static bool node_step(struct node_world *w, uint64_t until_ns)
{
    if (node_turns(w) || node_due(w))
        return true;
    return sim_step(w->sim, until_ns);
}

bool node_until(struct node_world *w, const bool *done)
{
    for (uint32_t i = 0; i < STEPS_MAX && !*done; i++)
        if (!node_step(w, sim_now_ns(w->sim) + 10 * SEC_NS) && sim_dead(w->machine))
            break;
    return *done || (!EXPECT(sim_dead(w->machine)) && false);
}

bool node_within(struct node_world *w, uint64_t ns, bool (*done)(const void *arg), const void *arg)
{
    uint64_t until = sim_now_ns(w->sim) + ns;
    for (uint32_t i = 0; i < STEPS_MAX && !done(arg) && sim_now_ns(w->sim) < until; i++)
        (void)node_step(w, until);
    return done(arg);
}

void node_pass(struct node_world *w, uint64_t ns)
{
    uint64_t until = sim_now_ns(w->sim) + ns;
    for (uint32_t i = 0; i < STEPS_MAX && sim_now_ns(w->sim) < until; i++)
        (void)node_step(w, until);
}

static enum serve_state node_leave(struct node_world *w, enum serve_state leave, enum err *err)
{
    enum serve_state state = leave;
    for (uint32_t i = 0; i < STEPS_MAX && (state == leave || state == SERVE_STOPPING); i++) {
        (void)node_step(w, sim_now_ns(w->sim) + 10 * SEC_NS);
        state = serve_state(w->serve, err, NULL);
        if (sim_dead(w->machine))
            break; /* the state stays what it was */
    }
    return state;
}

enum serve_state node_start(struct node_world *w, enum err *err)
{
    struct serve_opts opts = { .dirs = w->dirs,
                               .dir_count = w->dir_count,
                               .shards = w->shards,
                               .io = { .node = w->machine, .recv_buffer_bytes = w->recv_bytes },
                               .geometry = small,
                               .store = { .tail_bytes = MIB(4) },
                               .retention_ns = SEC_NS,
                               .read_bytes = w->read_bytes,
                               .note = node_note,
                               .note_arg = w,
                               .fronts = w->fronts,
                               .front_count = w->front_count,
                               .groups = w->groups,
                               .group = w->group };
    enum err none;
    serve_close(&w->serve);
    check(serve_open(&w->serve, &opts, NULL) == ERR_OK);
    return node_leave(w, SERVE_STARTING, err ? err : &none);
}

void node_stop(struct node_world *w)
{
    enum err err;
    serve_stop(w->serve);
    EXPECT_EQ(node_leave(w, SERVE_STOPPING, &err), SERVE_STOPPED);
    serve_close(&w->serve);
}

void node_crash(struct node_world *w, enum sim_end end)
{
    sim_crash(w->machine, end);
    serve_close(&w->serve);
    sim_restart(w->machine);
}

/* ---- verbs: static, because one that a crash left under way stays borrowed until the instance
 * is closed ---- */

void node_done(struct verb *v)
{
    *(bool *)v->arg = true;
}

void node_done_at(struct verb *v)
{
    *(struct shard **)v->arg = shard_current();
}

#define NODE_VERB(flag) { .done = node_done, .arg = &(flag), .home = HOME_ANY }

enum err node_create(struct node_world *w, const char *name, uint32_t partitions, const char *key,
                     const char *value)
{
    bool done = false;
    struct setting_text setting = { key, value };
    static struct verb_create v;
    v = (struct verb_create){ .verb = NODE_VERB(done), .name = name, .partitions = partitions };
    v.settings = &setting;
    v.setting_count = key ? 1 : 0;
    serve_create(w->serve, &v);
    return node_until(w, &done) ? v.verb.err : ERR_DEAD;
}

enum err node_delete(struct node_world *w, const char *name)
{
    bool done = false;
    static struct verb_delete v;
    v = (struct verb_delete){ .verb = NODE_VERB(done), .name = name };
    serve_delete(w->serve, &v);
    return node_until(w, &done) ? v.verb.err : ERR_DEAD;
}

enum err node_alter(struct node_world *w, const char *name, const char *key, const char *value)
{
    bool done = false;
    struct setting_text setting = { key, value };
    static struct verb_alter v;
    v = (struct verb_alter){ .verb = NODE_VERB(done), .name = name, .settings = &setting };
    v.setting_count = 1;
    serve_alter(w->serve, &v);
    return node_until(w, &done) ? v.verb.err : ERR_DEAD;
}

enum err node_grow(struct node_world *w, const char *name, uint32_t partitions)
{
    bool done = false;
    static struct verb_grow v;
    v = (struct verb_grow){ .verb = NODE_VERB(done), .name = name, .partitions = partitions };
    serve_grow(w->serve, &v);
    return node_until(w, &done) ? v.verb.err : ERR_DEAD;
}

struct topic_info *node_topic(struct node_world *w, const char *name)
{
    bool done = false;
    static struct verb_describe v;
    v = (struct verb_describe){ .verb = NODE_VERB(done), .name = name };
    serve_describe(w->serve, &v);
    return node_until(w, &done) ? v.topic : NULL;
}

enum err node_append(struct node_world *w, const struct place *p, const char *value, int64_t time,
                     uint64_t *off)
{
    static uint8_t room[4096];
    bool done = false;
    struct batch_builder b;
    struct batch_record record = { .time = time ? time : io_wall_ms(serve_shard(w->serve, 0)->io) };
    record.value = (struct bytes){ (const uint8_t *)value, strlen(value) };
    batch_builder_open(&b, room, sizeof(room));
    check(batch_builder_add(&b, &record) == ERR_OK);
    static struct verb_append v;
    v = (struct verb_append){ .verb = NODE_VERB(done), .place = *p };
    v.batch = batch_builder_done(&b);
    serve_append(w->serve, &v);
    if (!node_until(w, &done))
        return ERR_DEAD;
    if (off)
        *off = v.base_off;
    return v.verb.err;
}

static bool value_at(struct bytes batches, uint64_t off, char *out, size_t cap)
{
    struct batch_info info;
    struct batch_walk walk;
    struct batch_record r;
    enum err err;
    while (batches.len && batch_peek(batches, &info) == ERR_OK) {
        struct bytes b = { batches.at, info.bytes };
        if (!EXPECT_OK(batch_walk_open(&walk, b)))
            return false;
        while (batch_walk_next(&walk, &r, &err)) {
            if (r.off != off)
                continue;
            snprintf(out, cap, "%.*s", (int)r.value.len, (const char *)r.value.at);
            return true;
        }
        batches = (struct bytes){ batches.at + info.bytes, batches.len - info.bytes };
    }
    return false;
}

const char *node_value(struct node_world *w, const struct place *p, uint64_t off, enum err *err)
{
    static char value[4096];
    bool done = false;
    static struct verb_fetch v;
    v = (struct verb_fetch){ .verb = NODE_VERB(done), .place = *p, .off = off, .bytes_max = 1 };
    serve_fetch(w->serve, &v);
    if (!node_until(w, &done))
        return NULL;
    *err = v.verb.err;
    bool found = value_at(v.batches, off, value, sizeof(value));
    serve_fetch_give(&v, NULL);
    node_turns(w); /* v is borrowed until the letter was opened */
    node_turns(w);
    return found ? value : NULL;
}

struct part_state_info node_part(struct node_world *w, const struct place *p, enum err *err)
{
    bool done = false;
    static struct verb_part v;
    v = (struct verb_part){ .verb = NODE_VERB(done), .place = *p };
    serve_part(w->serve, &v);
    *err = node_until(w, &done) ? v.verb.err : ERR_DEAD;
    return v.info;
}
