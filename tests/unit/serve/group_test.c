/* group_test.c -- consumer groups on a node: wards on several shards, waiting, stops, kills. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define SHARDS 3u

static const struct id16 group_topic = { { [14] = 1, [15] = 2 } };

static struct node_world w;

/* A verb and what it borrows; static, because a crash leaves it borrowed until the node closes. */
struct call {
    struct verb_group v;
    bool done;
    char group[32], member[128];
    struct group_protocol protocol;
    struct group_assignment assignment;
    struct group_leaver leaver;
    struct group_offset offset;
};
static struct call calls[64];
static uint32_t call_next;

static struct bytes text(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void called(struct verb *v)
{
    struct call *c = v->arg;
    EXPECT(v->home == HOME_ANY || (shard_current() && shard_current()->number == v->home));
    c->done = true;
}

static struct call *call_make(enum group_verb verb, const char *group, const char *member)
{
    struct call *c = &calls[call_next++ % 64];
    free(c->v.ask.block);
    *c = (struct call){ .v.verb = { .done = called, .arg = c, .home = HOME_ANY } };
    snprintf(c->group, sizeof(c->group), "%s", group);
    snprintf(c->member, sizeof(c->member), "%s", member ? member : "");
    c->v.ask.verb = verb;
    c->v.ask.group = text(c->group);
    c->v.ask.member = text(c->member);
    c->v.ask.generation = -1;
    c->v.ask.retention_ms = -1;
    c->v.ask.timeout_ms = 10000;
    c->v.ask.rebalance_ms = 20000;
    c->v.ask.client_id = c->v.ask.client_host = text("c");
    return c;
}

static struct call *start(struct call *c)
{
    serve_group(w.serve, &c->v);
    return c;
}

/* Waits for its answer; a coordinator that still reads its log is asked again. */
static struct call *wait(struct call *c)
{
    for (uint32_t i = 0; i < 1000; i++) {
        if (!node_until(&w, &c->done) || c->v.ask.err != GROUP_ERR_LOADING)
            break;
        c->done = false;
        c->v.verb.done = called;
        node_pass(&w, MS_NS);
        serve_group(w.serve, &c->v);
    }
    return c;
}

static struct call *join_make(const char *group, const char *member)
{
    struct call *c = call_make(GROUP_VERB_JOIN, group, member);
    c->protocol = (struct group_protocol){ text("range"), text("meta") };
    c->v.ask.protocol_type = text("consumer");
    c->v.ask.protocols = &c->protocol;
    c->v.ask.protocol_count = 1;
    return c;
}

static const char *member_of(const struct call *joined)
{
    static char id[2][128];
    static uint32_t turn;
    struct bytes m = joined->v.ask.out.member;
    char *to = id[turn++ % 2];
    snprintf(to, sizeof(id[0]), "%.*s", (int)m.len, (const char *)m.at);
    return to;
}

static struct call *sync_make(const struct call *joined)
{
    struct call *c = call_make(GROUP_VERB_SYNC, joined->group, member_of(joined));
    c->assignment = (struct group_assignment){ text(c->member), text("all of it") };
    c->v.ask.assignments = &c->assignment;
    c->v.ask.assignment_count = 1;
    c->v.ask.generation = joined->v.ask.out.generation;
    return c;
}

static enum group_err beat(const struct call *joined)
{
    struct call *c = call_make(GROUP_VERB_HEARTBEAT, joined->group, member_of(joined));
    c->v.ask.generation = joined->v.ask.out.generation;
    return wait(start(c))->v.ask.err;
}

static struct call *commit_make(const char *group, int64_t off)
{
    struct call *c = call_make(GROUP_VERB_COMMIT, group, NULL);
    c->offset = (struct group_offset){ .topic = text("t"), .off = off, .metadata = text("m") };
    c->v.ask.topics_seen = serve_topics_version(w.serve);
    c->v.ask.offsets = &c->offset;
    c->v.ask.offset_count = 1;
    return c;
}

static struct call *fetch_make(const char *group)
{
    struct call *c = call_make(GROUP_VERB_FETCH, group, NULL);
    c->offset = (struct group_offset){ .topic = text("t") };
    c->v.ask.offsets = &c->offset;
    c->v.ask.offset_count = 1;
    return c;
}

static int64_t fetched(const char *group)
{
    struct call *c = fetch_make(group);
    EXPECT_EQ(wait(start(c))->v.ask.err, GROUP_ERR_OK);
    return c->offset.off;
}

static void world_open(uint32_t shards)
{
    node_open(&w, 7, 2, shards);
    w.groups = true;
    w.group.delay_ms = -1;
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
}

static void world_close(void)
{
    node_close(&w);
    for (uint32_t i = 0; i < 64; i++) {
        free(calls[i].v.ask.block);
        calls[i] = (struct call){ .done = false };
    }
}

/* All wards have read their logs, or never will. */
static void restart(uint32_t shards)
{
    w.shards = shards;
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    for (uint32_t i = 0; i < WARDS; i++) {
        struct call *c = call_make(GROUP_VERB_LIST, "", NULL);
        c->v.ward = i;
        wait(start(c));
    }
}

/* Names of a group in every ward. */
static void group_names(char names[WARDS][32])
{
    uint32_t found = 0;
    memset(names, 0, WARDS * sizeof(names[0]));
    for (uint32_t i = 0; found < WARDS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "group-%u", i);
        uint32_t ward = serve_ward(text(name));
        found += !names[ward][0];
        memcpy(names[ward], name, sizeof(name));
    }
}

TEST(serve_group, every_ward_keeps_its_groups)
{
    /* Goal: groups live on all shards, and are found again after a kill, whatever the number of
     * shards is then. */
    char names[WARDS][32];
    world_open(SHARDS);
    group_names(names);
    bool seen[SHARDS] = { false };
    for (uint32_t i = 0; i < WARDS; i++) {
        struct call *c = wait(start(commit_make(names[i], 100 + i)));
        EXPECT_EQ(c->v.ask.err, GROUP_ERR_OK);
        EXPECT_EQ(c->v.ward, i);
        EXPECT_EQ(c->offset.err, GROUP_ERR_OK);
    }
    for (uint32_t i = 0; i < WARDS; i++)
        for (uint32_t k = 0; k < SHARDS; k++)
            for (uint32_t n = 0; n < 16; n++)
                seen[k] = seen[k] || (serve_store(w.serve, n) &&
                                      part_find(serve_store(w.serve, n), group_topic, i));
    EXPECT(seen[0] && seen[1] && seen[2]);
    static const uint32_t shards[] = { 3, 1, 2, 5 };
    for (uint32_t k = 0; k < 4; k++) {
        node_crash(&w, SIM_POWER);
        restart(shards[k]);
        for (uint32_t i = 0; i < WARDS; i++)
            EXPECT_EQ(fetched(names[i]), 100 + i);
    }
    EXPECT_EQ(w.notes, 0); /* no orphans, nothing lost */
    node_stop(&w);
    restart(2);
    EXPECT_EQ(fetched(names[3]), 103);
    world_close();
}

TEST(serve_group, members_go_on_after_a_kill)
{
    /* Goal: a member keeps its place and its assignment through a kill of the process, and falls
     * out when it is silent. */
    world_open(SHARDS);
    struct call *j = wait(start(join_make("g", NULL)));
    EXPECT_EQ(j->v.ask.err, GROUP_ERR_OK);
    EXPECT_EQ(j->v.ask.out.member_count, 1);
    struct call *s = wait(start(sync_make(j)));
    EXPECT_EQ(s->v.ask.err, GROUP_ERR_OK);
    node_crash(&w, SIM_KILL);
    restart(SHARDS);
    EXPECT_EQ(beat(j), GROUP_ERR_OK);
    struct call *again = wait(start(sync_make(j)));
    EXPECT_EQ(again->v.ask.err, GROUP_ERR_OK);
    EXPECT(bytes_equal(again->v.ask.out.assignment, text("all of it")));
    node_pass(&w, 9 * SEC_NS);
    EXPECT_EQ(beat(j), GROUP_ERR_OK);
    node_pass(&w, 11 * SEC_NS);
    EXPECT_EQ(beat(j), GROUP_ERR_UNKNOWN_MEMBER);
    world_close();
}

TEST(serve_group, a_join_waits_on_any_shard)
{
    /* Goal: two members from different shards meet in one generation; done runs at home. */
    world_open(SHARDS);
    struct call *a = join_make("g", NULL);
    a->v.verb.home = 1;
    wait(start(a));
    EXPECT_EQ(wait(start(sync_make(a)))->v.ask.err, GROUP_ERR_OK);
    struct call *b = join_make("g", NULL);
    b->v.verb.home = 2;
    start(b);
    node_pass(&w, SEC_NS);
    EXPECT(!b->done);
    EXPECT_EQ(beat(a), GROUP_ERR_REBALANCE_IN_PROGRESS);
    struct call *a2 = join_make("g", member_of(a));
    a2->v.verb.home = 0;
    start(a2);
    EXPECT(node_until(&w, &b->done));
    EXPECT(node_until(&w, &a2->done));
    EXPECT_EQ(a2->v.ask.out.generation, 2);
    EXPECT_EQ(b->v.ask.out.generation, 2);
    EXPECT_EQ(a2->v.ask.out.member_count, 2);
    world_close();
}

static struct call *gives_up;
static void give_up_open(struct letter *l, struct shard *at)
{
    (void)l, (void)at;
    if (!gives_up->done)
        serve_group_give_up(&gives_up->v);
}

TEST(serve_group, who_has_gone_gives_up)
{
    /* Goal: a join that waits ends at once; one that is answered meanwhile ends once, too. */
    static struct letter letter = { .open = give_up_open };
    world_open(SHARDS);
    wait(start(join_make("g", NULL)));
    struct call *b = join_make("g", NULL);
    b->v.verb.home = 1;
    start(b);
    node_pass(&w, SEC_NS);
    gives_up = b;
    shard_post(serve_shard(w.serve, 1), &letter);
    EXPECT(node_until(&w, &b->done));
    EXPECT_EQ(b->v.ask.err, GROUP_ERR_UNAVAILABLE);
    for (uint64_t after = 0; after < 2000; after += 50) {
        struct call *c = commit_make("other", (int64_t)after);
        c->v.verb.home = 1;
        start(c);
        node_pass(&w, after * 1000);
        gives_up = c;
        shard_post(serve_shard(w.serve, 1), &letter);
        EXPECT(node_until(&w, &c->done));
        EXPECT_EQ(c->v.ask.err, GROUP_ERR_OK); /* it is on its way to the disk */
        node_pass(&w, MS_NS);
    }
    EXPECT_EQ(fetched("other"), 1950);
    world_close();
}

TEST(serve_group, a_stop_answers_who_waits)
{
    /* Goal: the node stops although members wait, and the next start knows what was told. */
    world_open(SHARDS);
    struct call *a = wait(start(join_make("g", NULL)));
    EXPECT_EQ(wait(start(sync_make(a)))->v.ask.err, GROUP_ERR_OK);
    struct call *b = start(join_make("g", NULL)), *c = start(commit_make("h", 4));
    node_pass(&w, SEC_NS / 2);
    EXPECT(!b->done && c->done);
    node_stop(&w);
    EXPECT(b->done);
    EXPECT_EQ(b->v.ask.err, GROUP_ERR_UNAVAILABLE);
    restart(SHARDS);
    EXPECT_EQ(beat(a), GROUP_ERR_OK);
    EXPECT_EQ(fetched("h"), 4);
    world_close();
}

TEST(serve_group, a_stop_while_the_log_is_read)
{
    /* Goal: no stop is too early. Method: stop after more and more turns of a start. */
    world_open(2);
    EXPECT_EQ(wait(start(commit_make("g", 1)))->v.ask.err, GROUP_ERR_OK);
    node_stop(&w);
    for (uint32_t turns = 0; turns < 40; turns++) {
        EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
        for (uint32_t i = 0; i < turns; i++)
            (void)serve_turn(w.serve, i % 2, 0);
        node_stop(&w);
    }
    restart(2);
    EXPECT_EQ(fetched("g"), 1);
    world_close();
}

TEST(serve_group, a_missing_store_takes_its_wards_along)
{
    /* Goal: groups whose store does not open are not served, and not begun anew elsewhere; the
     * others are. */
    char names[WARDS][32];
    world_open(1); /* two directories: two stores */
    group_names(names);
    for (uint32_t i = 0; i < WARDS; i++)
        EXPECT_EQ(wait(start(commit_make(names[i], i)))->v.ask.err, GROUP_ERR_OK);
    node_stop(&w);
    w.dir_count = 1;
    restart(1);
    EXPECT(w.notes > 0);
    EXPECT_STR(w.note, "8 of 16 group partitions are in none of the stores that are open: their "
                       "consumer groups are not served");
    uint32_t served = 0;
    for (uint32_t i = 0; i < WARDS; i++) {
        struct call *c = wait(start(commit_make(names[i], 100 + i)));
        served += c->v.ask.err == GROUP_ERR_OK;
        EXPECT(c->v.ask.err == GROUP_ERR_OK || c->v.ask.err == GROUP_ERR_UNAVAILABLE);
        EXPECT_EQ(c->offset.err, c->v.ask.err);
    }
    EXPECT_EQ(served, 8);
    node_stop(&w);
    w.dir_count = 2;
    restart(1);
    uint32_t old = 0;
    for (uint32_t i = 0; i < WARDS; i++)
        old += fetched(names[i]) == i;
    EXPECT_EQ(old, 8);
    world_close();
}

static bool spoilt;
static void spoil_done(struct append *a)
{
    EXPECT_OK(a->err);
    spoilt = true;
}

TEST(serve_group, a_log_that_says_nonsense_is_not_served)
{
    /* Goal: a ward whose log cannot be read is refused and told of, once; the others are served. */
    static uint8_t room[256];
    char names[WARDS][32];
    world_open(1);
    group_names(names);
    EXPECT_EQ(wait(start(commit_make(names[4], 1)))->v.ask.err, GROUP_ERR_OK);
    struct batch_record record = { .time = 1, .value = text("nonsense") };
    struct batch_builder b;
    batch_builder_open(&b, room, sizeof(room));
    EXPECT_OK(batch_builder_add(&b, &record));
    struct append a = { .done = spoil_done, .batch = batch_builder_done(&b), .count = 1 };
    part_append(part_find(serve_store(w.serve, 0), group_topic, 4), &a);
    EXPECT(node_until(&w, &spoilt));
    node_stop(&w);
    restart(1);
    EXPECT_EQ(wait(start(commit_make(names[4], 1)))->v.ask.err, GROUP_ERR_UNAVAILABLE);
    EXPECT_EQ(wait(start(fetch_make(names[4])))->v.ask.err, GROUP_ERR_NOT_COORDINATOR);
    EXPECT_EQ(wait(start(commit_make(names[5], 1)))->v.ask.err, GROUP_ERR_OK);
    EXPECT_EQ(w.notes, 1);
    EXPECT_STR(w.note, "group partition 4 in store-00, offset 0: group note: version 28261, kind "
                       "25971: written by a newer shardlog; its consumer groups are not served");
    node_stop(&w);
    world_close();
}

TEST(serve_group, without_groups_nothing_is_made)
{
    /* Goal: a node that does not want them has none, says so, and keeps what another start made. */
    node_open(&w, 7, 1, 1);
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    EXPECT_EQ(wait(start(commit_make("g", 1)))->v.ask.err, GROUP_ERR_UNAVAILABLE);
    EXPECT_EQ(store_part_count(serve_store(w.serve, 0)), 1); /* the metadata */
    node_stop(&w);
    w.groups = true;
    restart(1);
    EXPECT_EQ(wait(start(commit_make("g", 1)))->v.ask.err, GROUP_ERR_OK);
    node_stop(&w);
    w.groups = false;
    restart(1);
    EXPECT_EQ(w.notes, 0);
    node_stop(&w);
    w.groups = true;
    restart(1);
    EXPECT_EQ(fetched("g"), 1);
    world_close();
}

TEST(serve_group, offsets_of_a_deleted_topic_go_with_it)
{
    /* Goal: wherever the group is; and for good. */
    char names[WARDS][32];
    world_open(SHARDS);
    group_names(names);
    EXPECT_OK(node_create(&w, "t", 1, NULL, NULL));
    for (uint32_t i = 0; i < WARDS; i++)
        EXPECT_EQ(wait(start(commit_make(names[i], 5)))->v.ask.err, GROUP_ERR_OK);
    EXPECT_OK(node_delete(&w, "t"));
    for (uint32_t i = 0; i < WARDS; i++)
        EXPECT_EQ(fetched(names[i]), -1);
    EXPECT_OK(node_create(&w, "t", 1, NULL, NULL));
    EXPECT_EQ(wait(start(commit_make(names[2], 6)))->v.ask.err, GROUP_ERR_OK);
    node_pass(&w, SEC_NS);
    node_crash(&w, SIM_POWER);
    restart(SHARDS);
    for (uint32_t i = 0; i < WARDS; i++)
        EXPECT_EQ(fetched(names[i]), i == 2 ? 6 : -1);
    world_close();
}

TEST(serve_group, the_log_on_disk_is_bounded)
{
    /* Goal: the log is trimmed for good: after thousands of commits and kills it is short. */
    world_open(1);
    w.group.snapshot_bytes = 8192;
    node_stop(&w);
    restart(1);
    for (uint32_t i = 0; i < 3000; i++) {
        EXPECT_EQ(wait(start(commit_make("g", i)))->v.ask.err, GROUP_ERR_OK);
        if (i % 700 != 699)
            continue;
        node_crash(&w, SIM_POWER);
        restart(1);
        EXPECT_EQ(fetched("g"), i);
    }
    struct part_state_info info = { 0 };
    for (uint32_t n = 0; n < 2; n++) {
        struct part *p = part_find(serve_store(w.serve, n), group_topic, serve_ward(text("g")));
        info = p ? part_info(p) : info;
    }
    EXPECT(info.next_off >= 3000);
    EXPECT(info.next_off - info.start_off < 200);
    world_close();
}

TEST(serve_group, kills_at_any_moment_lose_no_acknowledged_commit)
{
    /* Goal: what a commit was answered with OK is there after a kill or a power cut; what was not
     * may be. Method: pipelined commits, a crash after a random span. */
    world_open(2);
    w.group.snapshot_bytes = 8192;
    node_stop(&w);
    restart(2);
    int64_t acked = -1, asked = -1;
    for (uint32_t round = 0; round < 60; round++) {
        struct call *sent[8];
        for (uint32_t i = 0; i < 8; i++)
            sent[i] = start(commit_make("g", ++asked));
        node_pass(&w, round * 37 % 900 * 1000);
        for (uint32_t i = 0; i < 8; i++)
            if (sent[i]->done && sent[i]->v.ask.err == GROUP_ERR_OK)
                acked = sent[i]->offset.off;
        node_crash(&w, round % 2 ? SIM_POWER : SIM_KILL);
        restart(2);
        int64_t now = fetched("g");
        EXPECT(now >= acked && now <= asked);
        acked = now;
    }
    EXPECT(acked > 100);
    world_close();
}
