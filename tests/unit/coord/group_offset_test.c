/* group_offset_test.c -- committed offsets: who may, what stays, what is forgotten. */
#include <stdio.h>

#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static void begin(void)
{
    group_world_new();
    group_world_start();
}

TEST(group_offset, a_commit_comes_back_whole)
{
    /* Goal: offset, epoch and metadata survive, also a restart; what was not committed is -1. */
    begin();
    struct ask *c = ask_make(GROUP_VERB_COMMIT, "g", NULL);
    for (int32_t i = 0; i < 6; i++)
        c->offsets[i] = (struct group_offset){ .topic = text(i % 2 ? "b" : "a"),
                                               .partition = 5 - i,
                                               .leader_epoch = i,
                                               .off = 100 + i,
                                               .metadata = text(i == 3 ? NULL : "note") };
    c->q.offsets = c->offsets;
    c->q.offset_count = 6;
    EXPECT_ASK(group_world_ask(c), OK);
    for (uint32_t again = 0; again < 2; again++) {
        struct ask *f = ask_fetch("g", "a", 5);
        EXPECT_EQ(f->offsets[0].off, 100);
        EXPECT_EQ(f->offsets[0].leader_epoch, 0);
        EXPECT(text_is(f->offsets[0].metadata, "note"));
        EXPECT_EQ(committed("g", "b", 2), 103);
        EXPECT_EQ(committed("g", "b", 3), -1);
        EXPECT_EQ(committed("g", "c", 0), -1);
        EXPECT_EQ(committed("none", "a", 0), -1);
        struct ask *all = ask_fetch("g", NULL, 0);
        REQUIRE(EXPECT_EQ(all->q.out.offset_count, 6));
        EXPECT(text_is(all->q.out.offsets[0].topic, "a"));
        EXPECT_EQ(all->q.out.offsets[0].partition, 1);
        EXPECT(text_is(all->q.out.offsets[5].topic, "b"));
        EXPECT(text_is(all->q.out.offsets[4].metadata, "")); /* null came; it is kept as empty */
        EXPECT_EQ(ask_fetch("none", NULL, 0)->q.out.offset_count, 0);
        group_world_restart();
    }
    group_world_end();
}

TEST(group_offset, who_may_commit)
{
    /* Goal: members with the generation; anybody while nobody is in the group; no one else. */
    begin();
    EXPECT_ASK(ask_commit("g", NULL, -1, 1), OK);
    EXPECT_ASK(ask_commit("g", "x", 1, 1), UNKNOWN_MEMBER);
    EXPECT_ASK(ask_commit("none", "x", 1, 1), ILLEGAL_GENERATION);
    EXPECT_ASK(ask_commit("", NULL, -1, 9), OK); /* Kafka has a group without a name */
    EXPECT_EQ(committed("", "t", 0), 9);
    struct ask *a = ask_join("g", NULL, "meta");
    EXPECT_ASK(ask_commit("g", NULL, -1, 2), UNKNOWN_MEMBER);
    EXPECT_ASK(ask_commit("g", id_of_join(a), 1, 2), REBALANCE_IN_PROGRESS);
    const struct ask *all[] = { a };
    EXPECT_ASK(ask_sync("g", a, all, 1), OK);
    EXPECT_ASK(ask_commit("g", id_of_join(a), 1, 3), OK);
    EXPECT_ASK(ask_commit("g", id_of_join(a), 0, 4), ILLEGAL_GENERATION);
    EXPECT(!ask_join("g", NULL, "other")->done);
    EXPECT_ASK(ask_commit("g", id_of_join(a), 1, 5), OK); /* before it joins again */
    EXPECT_EQ(committed("g", "t", 0), 5);
    group_world_end();
}

TEST(group_offset, a_commit_is_a_sign_of_life)
{
    /* Goal: a member that commits does not die. */
    begin();
    struct ask *a = stable_one("g");
    for (uint32_t i = 0; i < 3; i++) {
        group_world_pass(9000);
        EXPECT_ASK(ask_commit("g", id_of_join(a), 1, i), OK);
    }
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
    group_world_end();
}

TEST(group_offset, rows_are_refused_one_by_one)
{
    /* Goal: metadata that is too long, and what is no partition, refuse their own row alone. */
    begin();
    char longer[4098];
    memset(longer, 'm', sizeof(longer));
    longer[4097] = '\0';
    struct ask *c = ask_make(GROUP_VERB_COMMIT, "g", NULL);
    c->offsets[0] = (struct group_offset){ text("t"), 0, -1, 7, text(longer), GROUP_ERR_OK };
    c->offsets[1] = (struct group_offset){ text("t"), 1, -1, 7, text(longer + 1), GROUP_ERR_OK };
    c->offsets[2] = (struct group_offset){ text("t"), -1, -1, 7, text("m"), GROUP_ERR_OK };
    c->q.offsets = c->offsets;
    c->q.offset_count = 3;
    EXPECT_ASK(group_world_ask(c), OK);
    EXPECT_EQ(c->offsets[0].err, GROUP_ERR_OFFSET_METADATA_TOO_LARGE);
    EXPECT_EQ(c->offsets[1].err, GROUP_ERR_OK);
    EXPECT_EQ(c->offsets[2].err, GROUP_ERR_INVALID_REQUEST);
    EXPECT_EQ(committed("g", "t", 0), -1);
    EXPECT_EQ(committed("g", "t", 1), 7);
    group_world_new();
    gw.opts.record_max = 300;
    gw.opts.bytes_max = 1000;
    group_world_start();
    EXPECT_ASK(ask_commit("g", NULL, -1, 1), OK);
    c = ask_make(GROUP_VERB_COMMIT, "g", NULL);
    longer[400] = '\0';
    c->offsets[0] = (struct group_offset){ text("t"), 0, -1, 2, text(longer), GROUP_ERR_OK };
    c->q.offsets = c->offsets;
    c->q.offset_count = 1;
    EXPECT_ASK(group_world_ask(c), COMMIT_TOO_LARGE); /* in one record */
    EXPECT_EQ(c->offsets[0].err, GROUP_ERR_COMMIT_TOO_LARGE);
    enum group_err err = GROUP_ERR_OK;
    char topic[8] = "x0";
    for (; topic[1] < 'z' && err == GROUP_ERR_OK; topic[1]++) {
        c = ask_make(GROUP_VERB_COMMIT, "g", NULL);
        c->offsets[0] = (struct group_offset){ text(topic), 0, -1, 2, text(""), GROUP_ERR_OK };
        c->q.offsets = c->offsets;
        c->q.offset_count = 1;
        err = group_world_ask(c)->q.err;
    }
    EXPECT_EQ(err, GROUP_ERR_COMMIT_TOO_LARGE); /* in all that is kept */
    EXPECT(topic[1] > '4');
    group_world_end();
}

/* A consumer's metadata: version 1, one topic. */
static const char subscription[] = "\0\1\0\0\0\1\0\1t\0\0\0\0";

static struct ask *consumer(void)
{
    struct ask *a = join_make("g", NULL, "");
    a->protocols[0].metadata = (struct bytes){ (const uint8_t *)subscription, 13 };
    group_world_ask(a);
    const struct ask *all[] = { a };
    EXPECT_ASK(ask_sync("g", a, all, 1), OK);
    return a;
}

static void commit_two(const char *member, int32_t generation)
{
    struct ask *c = ask_make(GROUP_VERB_COMMIT, "g", member);
    c->q.generation = generation;
    c->offsets[0] = (struct group_offset){ text("t"), 0, -1, 1, text(""), GROUP_ERR_OK };
    c->offsets[1] = (struct group_offset){ text("old"), 0, -1, 2, text(""), GROUP_ERR_OK };
    c->q.offsets = c->offsets;
    c->q.offset_count = 2;
    EXPECT_ASK(group_world_ask(c), OK);
}

static struct ask *forget_two(void)
{
    struct ask *d = ask_make(GROUP_VERB_DELETE_OFFSETS, "g", NULL);
    d->offsets[0] = (struct group_offset){ .topic = text("t") };
    d->offsets[1] = (struct group_offset){ .topic = text("old") };
    d->q.offsets = d->offsets;
    d->q.offset_count = 2;
    return group_world_ask(d);
}

TEST(group_offset, what_nobody_reads_can_be_deleted)
{
    /* Goal: offsets of topics that a member subscribes to stay; all go when it has left. */
    begin();
    EXPECT_ASK(forget_two(), NOT_FOUND);
    struct ask *a = consumer();
    commit_two(id_of_join(a), 1);
    struct ask *d = forget_two();
    EXPECT_ASK(d, OK);
    EXPECT_EQ(d->offsets[0].err, GROUP_ERR_SUBSCRIBED);
    EXPECT_EQ(d->offsets[1].err, GROUP_ERR_OK);
    EXPECT_EQ(committed("g", "t", 0), 1);
    EXPECT_EQ(committed("g", "old", 0), -1);
    EXPECT_ASK(ask_group(GROUP_VERB_DELETE, "g"), NOT_EMPTY);
    (void)ask_leave("g", id_of_join(a), NULL);
    EXPECT_ASK(forget_two(), OK);
    EXPECT_EQ(committed("g", "t", 0), -1);
    EXPECT_ASK(forget_two(), OK); /* again is fine */
    struct ask *c = join_make("g", NULL, "meta");
    c->q.protocol_type = text("connect");
    group_world_ask(c);
    EXPECT_ASK(forget_two(), NOT_EMPTY); /* what others read, nobody here knows */
    group_world_end();
}

/* "t0" to "t299", each twice, and one that is cut off. */
static struct bytes many_names(void)
{
    static uint8_t at[8192];
    size_t len = 6;
    memset(at, 0, len);
    at[4] = 601 >> 8;
    at[5] = 601 & 0xff;
    for (uint32_t i = 0; i < 601; i++) {
        int name = snprintf((char *)at + len + 2, 8, "t%u", i < 600 ? i % 300 : 999);
        at[len] = 0;
        at[len + 1] = (uint8_t)name;
        len += 2 + (size_t)name;
    }
    return (struct bytes){ at, len - 1 };
}

TEST(group_offset, of_many_topics_each_is_found)
{
    /* Goal: each name that whole metadata has, and no other. */
    static const char *const topics[] = { "t0", "t42", "t299", "t300", "t", "t999", "t99" };
    begin();
    struct ask *a = join_make("g", NULL, "");
    a->protocols[0].metadata = many_names();
    EXPECT_ASK(group_world_ask(a), OK);
    struct ask *d = ask_make(GROUP_VERB_DELETE_OFFSETS, "g", NULL);
    for (uint32_t i = 0; i < 7; i++)
        d->offsets[i] = (struct group_offset){ .topic = text(topics[i]) };
    d->q.offsets = d->offsets;
    d->q.offset_count = 7;
    EXPECT_ASK(group_world_ask(d), OK);
    for (uint32_t i = 0; i < 7; i++)
        EXPECT_EQ(d->offsets[i].err, i < 3 || i == 6 ? GROUP_ERR_SUBSCRIBED : GROUP_ERR_OK);
    group_world_end();
}

TEST(group_offset, a_group_is_deleted_with_its_offsets)
{
    /* Goal: gone is gone, also after a restart, and its name can be used again. */
    begin();
    EXPECT_ASK(ask_group(GROUP_VERB_DELETE, "g"), NOT_FOUND);
    struct ask *a = stable_one("g");
    EXPECT_ASK(ask_commit("g", id_of_join(a), 1, 3), OK);
    (void)ask_leave("g", id_of_join(a), NULL);
    EXPECT_ASK(ask_group(GROUP_VERB_DELETE, "g"), OK);
    EXPECT_EQ(state_of("g"), GROUP_DEAD);
    EXPECT_EQ(committed("g", "t", 0), -1);
    group_world_restart();
    EXPECT_EQ(state_of("g"), GROUP_DEAD);
    EXPECT_EQ(groups_count(gw.gs), 0);
    (void)stable_one("g");
    group_world_end();
}

TEST(group_offset, what_is_too_old_is_forgotten)
{
    /* Goal: offsets go a retention after the group is empty or, in no group, after the commit; the
     * group with them. Those of a group that lives stay, but for topics that it does not read. */
    group_world_new();
    gw.opts.retention_ms = 3600 * 1000;
    group_world_start();
    EXPECT_ASK(ask_commit("simple", NULL, -1, 4), OK);
    struct ask *own = ask_make(GROUP_VERB_COMMIT, "own time", NULL);
    own->offsets[0] = (struct group_offset){ .topic = text("t"), .off = 6 };
    own->q.offsets = own->offsets;
    own->q.offset_count = 1;
    own->q.retention_ms = 2 * 3600 * 1000;
    EXPECT_ASK(group_world_ask(own), OK);
    struct ask *a = consumer();
    commit_two(id_of_join(a), 1);
    for (uint32_t i = 0; i < 8 * 60; i++) { /* 70 minutes */
        group_world_pass(8750);
        EXPECT_ASK(ask_beat("g", id_of_join(a), 1), OK);
    }
    EXPECT_EQ(committed("simple", "t", 0), -1);
    EXPECT_EQ(state_of("simple"), GROUP_DEAD);
    EXPECT_EQ(committed("own time", "t", 0), 6);
    EXPECT_EQ(committed("g", "t", 0), 1);
    EXPECT_EQ(committed("g", "old", 0), -1);
    (void)ask_leave("g", id_of_join(a), NULL);
    group_world_pass(59 * 60 * 1000);
    EXPECT_EQ(committed("g", "t", 0), 1);
    group_world_restart();
    EXPECT_EQ(committed("g", "t", 0), 1);
    group_world_pass(11 * 60 * 1000);
    EXPECT_EQ(state_of("g"), GROUP_DEAD);
    EXPECT_EQ(committed("own time", "t", 0), -1);
    EXPECT_EQ(groups_count(gw.gs), 0);
    group_world_restart();
    EXPECT_EQ(groups_count(gw.gs), 0);
    group_world_end();
}

TEST(group_offset, those_of_a_deleted_topic_go)
{
    /* Goal: offsets of a topic that is gone are not seen any more, and are forgotten; what is
     * committed after that, for another topic of this name, stays. */
    begin();
    struct ask *a = consumer();
    commit_two(id_of_join(a), 1);
    EXPECT_ASK(ask_commit("simple", NULL, -1, 4), OK);
    gw.hold = true;
    struct ask *late = ask_commit("simple", NULL, -1, 5);
    group_world_topic_gone("t");
    EXPECT_EQ(committed("g", "t", 0), -1);
    EXPECT_EQ(committed("simple", "t", 0), -1);
    struct ask *all = ask_fetch("g", NULL, 0);
    EXPECT_EQ(all->q.out.offset_count, 1);
    struct ask *anew = ask_commit("new", NULL, -1, 6);
    group_world_pass(50); /* of "simple" something is under way */
    group_world_write(UINT32_MAX);
    EXPECT_ASK(late, OK);
    EXPECT_ASK(anew, OK);
    EXPECT_EQ(committed("simple", "t", 0), -1); /* it had not heard of it */
    gw.hold = false;
    group_world_pass(200);
    EXPECT_EQ(committed("g", "old", 0), 2);
    group_world_restart();
    EXPECT_EQ(committed("g", "t", 0), -1);
    EXPECT_EQ(committed("g", "old", 0), 2);
    EXPECT_EQ(committed("simple", "t", 0), -1);
    EXPECT_EQ(committed("new", "t", 0), 6);
    group_world_end();
}

TEST(group_offset, a_deleted_topic_stays_so)
{
    /* Goal: what was looked up before a deletion cannot be committed after it, row by row; one of
     * which nobody knows any more whether it was, is to come again; while the log is read, too. */
    begin();
    struct ask *late = ask_make(GROUP_VERB_COMMIT, "g", NULL);
    late->offsets[0] = (struct group_offset){ text("t"), 0, -1, 7, text(""), GROUP_ERR_OK };
    late->offsets[1] = (struct group_offset){ text("u"), 0, -1, 8, text(""), GROUP_ERR_OK };
    late->q.offsets = late->offsets;
    late->q.offset_count = 2;
    group_world_topic_gone("t");
    EXPECT_ASK(group_world_ask(late), OK);
    EXPECT_EQ(late->offsets[0].err, GROUP_ERR_UNKNOWN_TOPIC);
    EXPECT_EQ(late->offsets[1].err, GROUP_ERR_OK);
    EXPECT_EQ(committed("g", "t", 0), -1);
    EXPECT_EQ(committed("g", "u", 0), 8);
    struct ask *oldest = ask_make(GROUP_VERB_COMMIT, "g", NULL);
    oldest->q.offsets = late->offsets;
    oldest->q.offset_count = 1;
    gw.hold = true;
    struct ask *under_way = ask_commit("h", NULL, -1, 9);
    for (uint32_t i = 0; i < 2000; i++)
        group_world_topic_gone("v");
    struct ask *later = ask_commit("h", NULL, -1, 10);
    group_world_write(UINT32_MAX);
    EXPECT_ASK(under_way, OK);
    EXPECT_ASK(later, OK);
    EXPECT_EQ(committed("h", "t", 0), 10);
    gw.hold = false;
    group_world_topic_gone("v");
    EXPECT_ASK(group_world_ask(oldest), OK);
    EXPECT_EQ(late->offsets[0].err, GROUP_ERR_UNAVAILABLE);
    gw.gone = "u";
    group_world_restart();
    EXPECT_EQ(committed("g", "u", 0), -1);
    EXPECT_EQ(committed("h", "t", 0), 10);
    gw.gone = NULL;
    group_world_pass(200);
    group_world_restart();
    EXPECT_EQ(committed("g", "u", 0), -1);
    EXPECT_EQ(committed("h", "t", 0), 10);
    group_world_end();
}

TEST(group_offset, many_old_groups_go_in_several_looks)
{
    /* Goal: a look does a bounded piece of work, and comes back soon for the rest. */
    group_world_new();
    gw.opts.retention_ms = 1000;
    group_world_start();
    char name[16] = "group-000";
    for (uint32_t i = 0; i < 200; i++) {
        name[6] = (char)('0' + i / 100);
        name[7] = (char)('0' + i / 10 % 10);
        name[8] = (char)('0' + i % 10);
        EXPECT_ASK(ask_commit(name, NULL, -1, 1), OK);
    }
    uint32_t before = gw.appends;
    group_world_pass(10 * 60 * 1000);
    EXPECT(gw.appends - before >= 64 && gw.appends - before < 200);
    group_world_pass(1000);
    EXPECT_EQ(groups_count(gw.gs), 0);
    EXPECT_EQ(gw.appends - before, 200);
    group_world_end();
}
