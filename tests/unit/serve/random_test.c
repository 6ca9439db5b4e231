/* random_test.c -- random lives of a node against a model of what was acknowledged.
 *
 * A seed creates, grows, deletes, appends, trims, alters, stops, and dies at a random I/O; it comes
 * back with another number of shards. After each start: an acknowledged create is there, an
 * acknowledged delete is gone, each acknowledged record is at its offset, and nothing is an orphan.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

/* What start-up reads when the machine dies is in nobody's memory: where leaks are looked for, it
 * does not die then. */
#ifdef SHARDLOG_SANITIZED
#define SEEDS       8u
#define START_DEATH false
#else
#define SEEDS       30u
#define START_DEATH true
#endif
#define OPERATIONS 150u
#define TOPICS     3u
#define PARTITIONS 4u
#define RECORDS    256u

enum known { KNOWN_GONE, KNOWN_THERE, KNOWN_UNSURE };

/* What must be true of a topic of this name. */
struct topic_model {
    enum known known;
    struct id16 id;      /* THERE */
    uint32_t partitions; /* at least: what was acknowledged or seen */
    struct {
        uint64_t start_off;
        uint32_t count; /* records acknowledged */
        uint64_t off[RECORDS];
        uint32_t value[RECORDS];
    } parts[PARTITIONS];
};

static struct node_world w;
static struct topic_model models[TOPICS];
static struct rng rng;
static uint32_t next_value;

static const char *name_of(uint32_t i)
{
    static const char *const names[TOPICS] = { "a", "b", "c" };
    return names[i];
}

static const char *value_text(uint32_t value)
{
    static char text[2048];
    /* Lengths differ, so that some appends go straight to their extent and most do not. */
    int len = snprintf(text, sizeof(text), "%u:", value);
    memset(text + len, 'a' + (int)(value % 26), value % 1900);
    text[(uint32_t)len + value % 1900] = '\0';
    return text;
}

static void model_reset(struct topic_model *m, enum known known)
{
    *m = (struct topic_model){ .known = known };
}

static void check_records(const struct topic_info *t, const struct topic_model *m)
{
    for (uint32_t p = 0; p < t->partitions; p++) {
        for (uint32_t i = 0; i < m->parts[p].count; i++) {
            enum err err;
            if (m->parts[p].off[i] < m->parts[p].start_off)
                continue;
            const char *got = node_value(&w, &t->places[p], m->parts[p].off[i], &err);
            if (sim_dead(w.machine))
                return;
            if (!EXPECT_STR(got, value_text(m->parts[p].value[i])))
                EXPECT_OK(err);
        }
    }
}

/* As far as the machine lives: what a dead one was asked for is its until the instance closes. */
static void check_all(void)
{
    EXPECT_EQ(w.notes, 0);
    for (uint32_t i = 0; i < TOPICS; i++) {
        struct topic_model *m = &models[i];
        struct topic_info *t = node_topic(&w, name_of(i));
        if (!t && sim_dead(w.machine))
            return;
        EXPECT(t || m->known != KNOWN_THERE);
        EXPECT(!t || m->known != KNOWN_GONE);
        bool same = t && !id16_zero(m->id) && id16_equal(t->id, m->id);
        if (same)
            check_records(t, m);
        else
            model_reset(m, t ? KNOWN_THERE : KNOWN_GONE);
        m->known = t ? KNOWN_THERE : KNOWN_GONE;
        if (!t)
            continue;
        m->id = t->id;
        EXPECT(t->partitions >= m->partitions && t->partitions <= PARTITIONS);
        m->partitions = t->partitions;
        free(t);
    }
}

/* ---- operations; each ends early when the machine dies ---- */

static void op_create(uint32_t i)
{
    uint32_t partitions = 1 + (uint32_t)rng_below(&rng, PARTITIONS);
    enum err err = node_create(&w, name_of(i), partitions, NULL, NULL);
    if (models[i].known == KNOWN_THERE) {
        EXPECT(err == ERR_EXISTS || err == ERR_DEAD);
        return;
    }
    EXPECT(err == ERR_OK || err == ERR_DEAD);
    model_reset(&models[i], err == ERR_OK ? KNOWN_THERE : KNOWN_UNSURE);
    struct topic_info *t = err == ERR_OK ? node_topic(&w, name_of(i)) : NULL;
    if (t)
        models[i].id = t->id;
    else
        models[i].known = KNOWN_UNSURE;
    if (t)
        models[i].partitions = partitions;
    free(t);
}

static void op_grow(uint32_t i)
{
    struct topic_model *m = &models[i];
    uint32_t partitions = 1 + (uint32_t)rng_below(&rng, PARTITIONS);
    enum err err = node_grow(&w, name_of(i), partitions);
    if (err == ERR_DEAD)
        return;
    if (m->known == KNOWN_GONE)
        EXPECT_ERR(err, ERR_NOT_FOUND);
    if (m->known != KNOWN_THERE || !m->partitions)
        return;
    EXPECT_ERR(err, partitions > m->partitions    ? ERR_OK
                    : partitions == m->partitions ? ERR_EXISTS
                                                  : ERR_INVALID);
    m->partitions = (uint32_t)max_u64(m->partitions, partitions);
}

static void op_delete(uint32_t i)
{
    enum err err = node_delete(&w, name_of(i));
    if (models[i].known == KNOWN_GONE)
        EXPECT(err == ERR_NOT_FOUND || err == ERR_DEAD);
    else if (err == ERR_OK)
        model_reset(&models[i], KNOWN_GONE);
    else if (EXPECT_ERR(err, ERR_DEAD))
        models[i].known = KNOWN_UNSURE; /* whole or gone */
}

static void op_append(uint32_t i, uint32_t p)
{
    struct topic_info *t = node_topic(&w, name_of(i));
    uint64_t off = 0;
    uint32_t value = next_value++;
    if (!t || p >= t->partitions) {
        free(t);
        return;
    }
    enum err err = node_append(&w, &t->places[p], value_text(value), 0, &off);
    uint32_t at = models[i].parts[p].count;
    if (EXPECT(err == ERR_OK || err == ERR_DEAD) && err == ERR_OK && at < RECORDS) {
        EXPECT(at == 0 || off > models[i].parts[p].off[at - 1]);
        models[i].parts[p].off[at] = off;
        models[i].parts[p].value[at] = value;
        models[i].parts[p].count++;
    }
    free(t);
}

static void op_trim(uint32_t i, uint32_t p)
{
    struct topic_info *t = node_topic(&w, name_of(i));
    bool done = false;
    if (!t || p >= t->partitions) {
        free(t);
        return;
    }
    static struct verb_trim v; /* borrowed until the instance closes */
    v = (struct verb_trim){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                            .place = t->places[p],
                            .off = rng_below(&rng, models[i].parts[p].count + 1) };
    models[i].parts[p].start_off = max_u64(models[i].parts[p].start_off, v.off);
    serve_trim(w.serve, &v);
    if (node_until(&w, &done))
        EXPECT_OK(v.verb.err);
    free(t);
}

static void operate(void)
{
    uint32_t i = (uint32_t)rng_below(&rng, TOPICS), p = (uint32_t)rng_below(&rng, PARTITIONS);
    switch (rng_below(&rng, 20)) {
    case 0:
    case 1:
        op_create(i);
        break;
    case 2:
        op_delete(i);
        break;
    case 3:
        op_trim(i, p);
        break;
    case 4:
        op_grow(i);
        break;
    case 5:
        (void)node_alter(&w, name_of(i), "retention.bytes", "1000000");
        break;
    default:
        op_append(i, p);
        break;
    }
}

static bool life(uint32_t round)
{
    static const enum sim_end ends[] = { SIM_POWER, SIM_KERNEL, SIM_KILL };
    w.shards = 1 + (uint32_t)rng_below(&rng, 3);
    if (rng_chance(&rng, 1, 4) && START_DEATH) /* die while starting */
        sim_crash_at_io(w.machine, 1 + rng_below(&rng, 60), ends[round % 3]);
    enum serve_state state = node_start(&w, NULL);
    if (!sim_dead(w.machine)) {
        if (!EXPECT_EQ(state, SERVE_READY))
            return false;
        check_all();
    }
    if (!sim_dead(w.machine) && rng_chance(&rng, 3, 4))
        sim_crash_at_io(w.machine, 1 + rng_below(&rng, 300), ends[(round + 1) % 3]);
    for (uint32_t k = 0; k < OPERATIONS && !sim_dead(w.machine); k++)
        operate();
    if (sim_dead(w.machine)) {
        serve_close(&w.serve);
        sim_restart(w.machine);
    } else {
        node_crash(&w, ends[(round + 2) % 3]);
    }
    return true;
}

TEST(serve, random_lives)
{
    /* Goal: the promises hold whatever happens in whatever order. Method: see the head. */
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        rng_seed(&rng, seed);
        memset(models, 0, sizeof(models));
        next_value = 0;
        node_open(&w, seed, 2, 2);
        for (uint32_t round = 0; round < 5; round++)
            if (!life(round))
                break;
        w.shards = 2;
        if (EXPECT_EQ(node_start(&w, NULL), SERVE_READY))
            check_all();
        node_close(&w);
    }
}
