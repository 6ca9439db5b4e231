/* A write of the metadata log failed while it carried the DELETE of a topic: whether the topic is
 * deleted was not known, the next start may replay the record. The topic was served on as if
 * nothing had been asked, and other stores acknowledged appends that the next start took away.
 * Goal: once the delete is answered nothing of the topic is acknowledged, be it asked before or
 * after; what is there can be read; the answer says that it is in doubt, and what to do. Method:
 * two stores, writes of the first one fail under a delete, and one append follows the other in the
 * second store. A failed write leaves a part of its bytes: some starts find the topic gone. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define SEEDS 60u

static struct node_world w;
static struct verb_delete gone;
static struct verb_append append;
static bool deleted, appending;
static uint32_t acked, acked_late;

/* Store-00 is shard 0's, and alone there. */
static int write_fails(struct sim_watch *watch, const struct op *op)
{
    (void)watch;
    return op->verb == IO_WRITE && shard_current()->number == 0 ? 5 : 0;
}

static void write_ends(struct sim_watch *watch, const struct op *op, int sys)
{
    (void)watch, (void)op, (void)sys;
}

static void append_ended(struct verb *v)
{
    acked += v->err == ERR_OK && !deleted;
    acked_late += v->err == ERR_OK && deleted;
    if (v->err != ERR_OK)
        EXPECT_ERR(v->err, ERR_POISONED);
    appending = false;
}

static void append_next(const struct place *p)
{
    static uint8_t room[512];
    struct batch_builder b;
    struct batch_record record = { .time = io_wall_ms(serve_shard(w.serve, 0)->io) };
    record.value = (struct bytes){ (const uint8_t *)"value", 5 };
    batch_builder_open(&b, room, sizeof(room));
    EXPECT_OK(batch_builder_add(&b, &record));
    append = (struct verb_append){ .verb = { .done = append_ended, .home = HOME_ANY },
                                   .place = *p,
                                   .batch = batch_builder_done(&b) };
    appending = true;
    serve_append(w.serve, &append);
}

static void append_for(const struct place *p, uint64_t ns)
{
    uint64_t until = sim_now_ns(w.sim) + ns;
    while (sim_now_ns(w.sim) < until) {
        if (!appending)
            append_next(p);
        node_pass(&w, 5000);
    }
}

static void delete_in_doubt(const struct topic_info *t)
{
    static struct sim_watch watch = { write_fails, write_ends };
    enum err err;
    append_for(&t->places[1], 100000);
    sim_watch(w.machine, &watch);
    gone = (struct verb_delete){ .verb = { .done = node_done, .arg = &deleted, .home = HOME_ANY },
                                 .name = "t" };
    serve_delete(w.serve, &gone);
    append_for(&t->places[1], 50 * MS_NS);
    REQUIRE(deleted);
    EXPECT_ERR(gone.verb.err, ERR_POISONED);
    EXPECT(strstr(gone.why.text, "in doubt") && strstr(gone.why.text, "start the node again"));
    EXPECT_STR(node_value(&w, &t->places[1], 0, &err), "first");
    struct topic_info *still = node_topic(&w, "t");
    EXPECT(still);
    free(still);
}

TEST(r0161, delete_in_doubt)
{
    uint32_t there = 0, away = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        deleted = appending = false;
        node_open(&w, seed, 1, 2);
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        EXPECT_OK(node_create(&w, "t", 2, NULL, NULL));
        struct topic_info *t = node_topic(&w, "t");
        REQUIRE(t && t->places[1].shard == 1);
        EXPECT_OK(node_append(&w, &t->places[1], "first", 0, NULL));
        delete_in_doubt(t);
        sim_watch(w.machine, NULL);
        node_crash(&w, SIM_KILL);
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        struct topic_info *still = node_topic(&w, "t");
        there += still != NULL;
        away += still == NULL;
        if (still) /* and takes records again */
            EXPECT_OK(node_append(&w, &still->places[1], "again", 0, NULL));
        free(still);
        free(t);
        node_close(&w);
    }
    EXPECT(acked && there && away);
    EXPECT_EQ(acked_late, 0);
}
