/* group_test.c -- verbs of consumer groups, as a client of the native protocol gets them. Members
 * join as they would over Kafka's protocol: by the verb that its front starts. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static struct peer a;

static void world_open(void)
{
    broker_groups = true;
    broker_start(3, 2, NULL);
    broker_groups = false;
    peer_open(&a);
}

static void world_close(void)
{
    peer_close(&a);
    broker_end();
}

/* ---- what a client asks ---- */

static void commit_ask(const char *group, const struct item_commit *rows, uint32_t count)
{
    static uint8_t room[KIB(300)];
    struct writer w;
    struct commit_request ask = { .group = text_of(group) };
    writer_open(&w, room, sizeof(room));
    for (uint32_t i = 0; i < count; i++)
        check(items_add(&ask.rows, ITEM_COMMIT, &rows[i], &w, NULL));
    peer_ask(&a, VERB_COMMIT, NO_TOPIC, 0, &ask);
}

static void commit(const char *group, const char *topic, uint32_t partition, uint64_t offset)
{
    commit_ask(group, &(struct item_commit){ text_of(topic), partition, offset }, 1);
    peer_expect(&a, VERB_COMMIT, ERR_OK);
}

static struct lag_answer lag(const char *group, const char *topic, uint32_t partition,
                             uint32_t count)
{
    struct lag_request ask = { .count_max = count,
                               .after_partition = partition,
                               .group = text_of(group),
                               .after_topic = text_of(topic) };
    peer_ask(&a, VERB_LAG, NO_TOPIC, 0, &ask);
    return peer_expect(&a, VERB_LAG, ERR_OK).lag_answer;
}

static void expect_refused(uint32_t verb, const void *ask, enum err err, const char *says)
{
    char text[ERROR_TEXT_MAX + 1];
    peer_ask(&a, verb, NO_TOPIC, 0, ask);
    struct error_answer e = peer_expect(&a, verb, err).error;
    REQUIRE(text_copy(e.text, text, sizeof(text)));
    if (!EXPECT(strstr(text, says) != NULL))
        fprintf(stderr, "  the answer says: %s\n", text);
}

static void append_some(struct id16 topic, uint32_t partition, uint32_t count)
{
    struct append_request ask = { .durability = 3, .batch = peer_batch(100) };
    for (uint32_t i = 0; i < count; i++) {
        peer_ask(&a, VERB_APPEND, topic, partition, &ask);
        peer_expect(&a, VERB_APPEND, ERR_OK);
    }
}

/* ---- members ---- */

struct member {
    struct verb_group v;
    bool done;
    char id[512];
    struct group_protocol protocol;
    struct group_assignment assignment;
};

static void member_done(struct verb *v)
{
    ((struct member *)v->arg)->done = true;
}

static void member_ask(struct member *m, struct group_request ask)
{
    m->done = false;
    m->v = (struct verb_group){ .verb = { .done = member_done, .arg = m, .home = HOME_ANY },
                                .ask = ask };
    serve_group(world.node.serve, &m->v);
    for (uint32_t i = 0; i < 5000 && !m->done; i++)
        node_pass(&world.node, MS_NS);
    REQUIRE(m->done);
    EXPECT_EQ(m->v.ask.err, GROUP_ERR_OK);
}

/* Joins alone, leads, and assigns `assignment` to itself. */
static void member_join(struct member *m, const char *group, const char *instance,
                        const char *client, struct bytes assignment)
{
    m->protocol = (struct group_protocol){ text_of("range"), text_of("what it reads") };
    struct group_request join = { .verb = GROUP_VERB_JOIN,
                                  .group = text_of(group),
                                  .member = text_of(""),
                                  .protocol_type = text_of("consumer"),
                                  .client_id = text_of(client),
                                  .client_host = text_of("/127.0.0.1"),
                                  .timeout_ms = 10000,
                                  .rebalance_ms = 10000,
                                  .protocols = &m->protocol,
                                  .protocol_count = 1 };
    if (instance)
        join.instance = text_of(instance);
    member_ask(m, join);
    struct bytes id = m->v.ask.out.member;
    int32_t generation = m->v.ask.out.generation;
    REQUIRE(text_copy(id, m->id, sizeof(m->id)));
    free(m->v.ask.block);
    m->assignment = (struct group_assignment){ text_of(m->id), assignment };
    struct group_request sync = { .verb = GROUP_VERB_SYNC,
                                  .group = text_of(group),
                                  .member = text_of(m->id),
                                  .generation = generation,
                                  .protocol_type = text_of("consumer"),
                                  .protocol = text_of("range"),
                                  .assignments = &m->assignment,
                                  .assignment_count = 1 };
    if (instance)
        sync.instance = text_of(instance);
    member_ask(m, sync);
    free(m->v.ask.block);
}

static void member_leave(struct member *m, const char *group)
{
    struct group_leaver leaver = { .member = text_of(m->id) };
    member_ask(m, (struct group_request){ .verb = GROUP_VERB_LEAVE,
                                          .group = text_of(group),
                                          .leavers = &leaver,
                                          .leaver_count = 1 });
    free(m->v.ask.block);
}

/* ---- cases ---- */

TEST(group_verbs, lists_page_by_page)
{
    /* Goal: every group once, in order, whatever its ward and the size of a page. */
    world_open();
    peer_topic(&a, "t", 1);
    for (uint32_t i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof(id), "g%02u", i * 7 % 30);
        commit(id, "t", 0, i);
    }
    for (uint32_t page = 1; page < 40; page += 6) {
        char last[64] = "";
        uint32_t seen = 0;
        bool more = true;
        while (more) {
            struct groups_request ask = { .count_max = page, .after = text_of(last) };
            peer_ask(&a, VERB_GROUPS, NO_TOPIC, 0, &ask);
            struct groups_answer got = peer_expect(&a, VERB_GROUPS, ERR_OK).groups_answer;
            struct item_group item;
            more = got.more;
            REQUIRE(got.groups.count > 0 && got.groups.count <= page);
            while (items_next(&got.groups, ITEM_GROUP, &item)) {
                char want[64];
                snprintf(want, sizeof(want), "g%02u", seen++);
                REQUIRE(text_copy(item.group, last, sizeof(last)));
                EXPECT_STR(last, want);
                EXPECT(item.state.len == 5 && memcmp(item.state.at, "Empty", 5) == 0);
            }
        }
        EXPECT_EQ(seen, 30);
    }
    world_close();
}

TEST(group_verbs, lag_of_each_partition)
{
    /* Goal: what was committed, and what is ahead of it, by topic and partition; page by page. */
    world_open();
    struct id16 t = peer_topic(&a, "t", 3), other = peer_topic(&a, "other", 1);
    append_some(t, 0, 5);
    append_some(t, 2, 3);
    append_some(other, 0, 1);
    const struct item_commit rows[] = { { text_of("t"), 2, 0 },
                                        { text_of("t"), 0, 4 },
                                        { text_of("t"), 1, 0 },
                                        { text_of("other"), 0, 1 } };
    static const struct {
        const char *topic;
        uint32_t partition, committed, end, records;
    } want[] = {
        { "other", 0, 1, 1, 0 }, { "t", 0, 4, 5, 1 }, { "t", 1, 0, 0, 0 }, { "t", 2, 0, 3, 3 }
    };
    commit_ask("g", rows, 4);
    peer_expect(&a, VERB_COMMIT, ERR_OK);
    node_pass(&world.node, SEC_NS);
    for (uint32_t page = 1; page < 6; page++) {
        char topic[64] = "";
        uint32_t partition = 0, seen = 0;
        bool more = true;
        while (more) {
            struct lag_answer got = lag("g", topic, partition, page);
            struct item_lag item;
            more = got.more;
            REQUIRE(got.rows.count > 0 && got.rows.count <= page);
            while (items_next(&got.rows, ITEM_LAG, &item)) {
                REQUIRE(seen < 4 && text_copy(item.topic, topic, sizeof(topic)));
                EXPECT_STR(topic, want[seen].topic);
                partition = item.partition;
                EXPECT_EQ(partition, want[seen].partition);
                EXPECT_EQ(item.err, 0);
                EXPECT_EQ(item.committed, want[seen].committed);
                EXPECT_EQ(item.start_offset, 0);
                EXPECT_EQ(item.end_offset, want[seen].end);
                EXPECT_EQ(item.records, want[seen].records);
                EXPECT_EQ(item.bytes, want[seen].records * peer_batch(100).len);
                EXPECT_EQ(item.lag_ms == 0, want[seen].records == 0);
                seen++;
            }
        }
        EXPECT_EQ(seen, 4);
    }
    EXPECT_EQ(lag("nobody", "", 0, 0).rows.count, 0);
    world_close();
}

TEST(group_verbs, a_commit_is_done_whole_or_not)
{
    /* Goal: one row that cannot be, and nothing is committed; the sentence names it. */
    world_open();
    peer_topic(&a, "t", 2);
    const struct item_commit rows[] = { { text_of("t"), 0, 7 }, { text_of("none"), 0, 7 } };
    commit_ask("g", rows, 2);
    char text[ERROR_TEXT_MAX + 1];
    REQUIRE(text_copy(peer_expect(&a, VERB_COMMIT, ERR_NOT_FOUND).error.text, text, sizeof(text)));
    EXPECT(strstr(text, "topic none"));
    const struct item_commit beyond[] = { { text_of("t"), 0, 7 }, { text_of("t"), 2, 7 } };
    commit_ask("g", beyond, 2);
    REQUIRE(text_copy(peer_expect(&a, VERB_COMMIT, ERR_NOT_FOUND).error.text, text, sizeof(text)));
    EXPECT(strstr(text, "partition 2"));
    commit_ask("g", &(struct item_commit){ text_of("t"), UINT32_MAX, 7 }, 1);
    peer_expect(&a, VERB_COMMIT, ERR_NOT_FOUND);
    commit_ask("g", NULL, 0);
    peer_expect(&a, VERB_COMMIT, ERR_INVALID);
    EXPECT_EQ(lag("g", "", 0, 0).rows.count, 0);
    struct group_ask ask = { .group = text_of("g") };
    expect_refused(VERB_GROUP, &ask, ERR_NOT_FOUND, "no such group");
    commit("g", "t", 1, 7);
    EXPECT_EQ(lag("g", "", 0, 0).rows.count, 1);
    world_close();
}

TEST(group_verbs, members_are_in_the_way)
{
    /* Goal: who reads goes on reading: nobody else commits, and the group cannot be forgotten. When
     * the members are gone, both work. */
    static struct member m;
    world_open();
    peer_topic(&a, "t", 1);
    commit("g", "t", 0, 1);
    member_join(&m, "g", NULL, "app", text_of("all"));
    struct forget_request forget = { text_of("g") };
    commit_ask("g", &(struct item_commit){ text_of("t"), 0, 7 }, 1);
    peer_expect(&a, VERB_COMMIT, ERR_NOT_EMPTY);
    expect_refused(VERB_FORGET, &forget, ERR_NOT_EMPTY, "the group has members");
    member_leave(&m, "g");
    commit("g", "t", 0, 7);
    struct lag_answer got = lag("g", "", 0, 0);
    struct item_lag item;
    REQUIRE(items_next(&got.rows, ITEM_LAG, &item));
    EXPECT_EQ(item.committed, 7);
    peer_ask(&a, VERB_FORGET, NO_TOPIC, 0, &forget);
    peer_expect(&a, VERB_FORGET, ERR_OK);
    expect_refused(VERB_FORGET, &forget, ERR_NOT_FOUND, "no such group");
    EXPECT_EQ(lag("g", "", 0, 0).rows.count, 0);
    world_close();
}

TEST(group_verbs, members_are_told)
{
    /* Goal: who they are, with texts that are cut to what a field holds. */
    static struct member m;
    static char client[400];
    world_open();
    memset(client, 'c', sizeof(client) - 1);
    member_join(&m, "g", "host-7", client, (struct bytes){ (const uint8_t *)"a\0b", 3 });
    struct group_ask ask = { .group = text_of("g") };
    peer_ask(&a, VERB_GROUP, NO_TOPIC, 0, &ask);
    struct group_answer got = peer_expect(&a, VERB_GROUP, ERR_OK).group_answer;
    struct item_member item;
    char text[300];
    EXPECT_EQ(got.members, 1);
    REQUIRE(text_copy(got.state, text, sizeof(text)));
    EXPECT_STR(text, "Stable");
    REQUIRE(text_copy(got.protocol_type, text, sizeof(text)));
    EXPECT_STR(text, "consumer");
    REQUIRE(text_copy(got.protocol, text, sizeof(text)));
    EXPECT_STR(text, "range");
    REQUIRE(items_next(&got.list, ITEM_MEMBER, &item));
    EXPECT(item.member.len && memcmp(item.member.at, m.id, item.member.len) == 0);
    EXPECT(item.instance.at && item.instance.len == 6);
    EXPECT_EQ(item.client_id.len, 255);
    REQUIRE(text_copy(item.client_host, text, sizeof(text)));
    EXPECT_STR(text, "/127.0.0.1");
    EXPECT(item.assignment.len == 3 && memcmp(item.assignment.at, "a\0b", 3) == 0);
    ask.first = 1;
    peer_ask(&a, VERB_GROUP, NO_TOPIC, 0, &ask);
    got = peer_expect(&a, VERB_GROUP, ERR_OK).group_answer;
    EXPECT(got.members == 1 && got.first == 1 && got.list.count == 0);
    ask.first = UINT32_MAX;
    peer_ask(&a, VERB_GROUP, NO_TOPIC, 0, &ask);
    EXPECT_EQ(peer_expect(&a, VERB_GROUP, ERR_OK).group_answer.list.count, 0);
    world_close();
}

TEST(group_verbs, small_answers_and_large_ids)
{
    /* Goal: a client that takes little gets pages that fit; what never fits is refused with sizes.
     */
    static struct member m;
    static uint8_t large[KIB(8)];
    static char id[1000];
    static uint8_t at[KIB(64)];
    broker_groups = true;
    broker_start(3, 2, NULL);
    broker_groups = false;
    peer_connect(&a);
    struct hello_request hello = peer_hello(SHARD_ANY);
    hello.frame_max = FRAME_MAX_LEAST;
    peer_put(&a, at, peer_make(&a, at, sizeof(at), VERB_HELLO, NO_TOPIC, 0, &hello));
    peer_expect(&a, VERB_HELLO, ERR_OK);
    peer_topic(&a, "t", 30);
    memset(id, 'g', sizeof(id) - 1);
    for (uint32_t i = 0; i < 10; i++) {
        id[0] = (char)('a' + i);
        for (uint32_t p = 0; p < 30; p++)
            commit(id, "t", p, i);
    }
    uint32_t seen = 0;
    struct groups_request groups = { .after = text_of("") };
    for (bool more = true; more;) {
        peer_ask(&a, VERB_GROUPS, NO_TOPIC, 0, &groups);
        struct groups_answer got = peer_expect(&a, VERB_GROUPS, ERR_OK).groups_answer;
        struct item_group item;
        more = got.more;
        REQUIRE(got.groups.count > 0);
        for (; items_next(&got.groups, ITEM_GROUP, &item); seen++)
            EXPECT(item.group.len == 999 && item.group.at[0] == 'a' + seen);
        id[0] = (char)('a' + seen - 1);
        groups.after = text_of(id);
    }
    EXPECT_EQ(seen, 10);
    struct lag_answer got = lag(id, "", 0, 0);
    EXPECT(got.more && got.rows.count > 5 && got.rows.count < 30);
    member_join(&m, "h", NULL, "app", (struct bytes){ large, sizeof(large) });
    struct group_ask ask = { .group = text_of("h") };
    expect_refused(VERB_GROUP, &ask, ERR_TOO_LARGE, "largest answer");
    world_close();
}

TEST(group_verbs, without_groups)
{
    /* Goal: a node that keeps none says so, whatever is asked. */
    broker_start(3, 2, NULL);
    peer_open(&a);
    peer_topic(&a, "t", 1);
    struct groups_request groups = { .after = text_of("") };
    struct group_ask group = { .group = text_of("g") };
    struct lag_request lags = { .group = text_of("g"), .after_topic = text_of("") };
    struct forget_request forget = { text_of("g") };
    expect_refused(VERB_GROUPS, &groups, ERR_UNSUPPORTED, "no consumer groups here");
    expect_refused(VERB_GROUP, &group, ERR_UNSUPPORTED, "listen.kafka");
    expect_refused(VERB_LAG, &lags, ERR_UNSUPPORTED, "no consumer groups here");
    expect_refused(VERB_FORGET, &forget, ERR_UNSUPPORTED, "no consumer groups here");
    commit_ask("g", &(struct item_commit){ text_of("t"), 0, 7 }, 1);
    peer_expect(&a, VERB_COMMIT, ERR_UNSUPPORTED);
    world_close();
}

TEST(group_verbs, who_has_gone_leaves_nothing)
{
    /* Goal: a connection that is cut while its requests are under way costs nothing afterwards:
     * broker_end() looks. */
    static uint8_t at[KIB(64)];
    static struct peer b;
    world_open();
    peer_topic(&a, "t", 2);
    for (uint32_t i = 0; i < 20; i++)
        commit("g", "t", i % 2, i);
    for (uint32_t turn = 0; turn < 30; turn++) {
        struct groups_request groups = { .after = text_of("") };
        struct group_ask group = { .group = text_of("g") };
        struct lag_request lags = { .group = text_of("g"), .after_topic = text_of("") };
        size_t len = 0;
        peer_open(&b);
        len += peer_make(&b, at + len, sizeof(at) - len, VERB_GROUPS, NO_TOPIC, 0, &groups);
        len += peer_make(&b, at + len, sizeof(at) - len, VERB_LAG, NO_TOPIC, 0, &lags);
        len += peer_make(&b, at + len, sizeof(at) - len, VERB_GROUP, NO_TOPIC, 0, &group);
        len += peer_make(&b, at + len, sizeof(at) - len, VERB_GROUPS, NO_TOPIC, 0, &groups);
        peer_put(&b, at, len);
        node_pass(&world.node, turn * 10000);
        peer_close(&b);
    }
    node_pass(&world.node, SEC_NS);
    world_close();
}
