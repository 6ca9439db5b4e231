/* group_test.c -- members come, go, rebalance; which answer when. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static void begin(void)
{
    group_world_new();
    group_world_start();
}

TEST(group, a_member_alone_lives_and_leaves)
{
    /* Goal: the whole life of a group of one, with its answers. */
    begin();
    struct ask *a = ask_join("g", NULL, "meta");
    EXPECT_ASK(a, OK);
    EXPECT_EQ(a->q.out.generation, 1);
    EXPECT(bytes_equal(a->q.out.leader, a->q.out.member));
    EXPECT(text_is(a->q.out.protocol, "range"));
    EXPECT(text_is(a->q.out.protocol_type, "consumer"));
    REQUIRE(EXPECT_EQ(a->q.out.member_count, 1));
    EXPECT(text_is(a->q.out.members[0].metadata, "meta"));
    EXPECT_EQ(state_of("g"), GROUP_COMPLETING);
    const struct ask *all[] = { a };
    struct ask *s = ask_sync("g", a, all, 1);
    EXPECT_ASK(s, OK);
    EXPECT(s->q.out.assignment.len > 4 && memcmp(s->q.out.assignment.at, "for client-", 11) == 0);
    EXPECT_ASK(ask_beat("g", id_of_join(a), 1), OK);
    struct ask *d = ask_group(GROUP_VERB_DESCRIBE, "g");
    EXPECT_EQ(d->q.out.state, GROUP_STABLE);
    EXPECT(text_is(d->q.out.protocol, "range"));
    REQUIRE(EXPECT_EQ(d->q.out.member_count, 1));
    EXPECT(text_is(d->q.out.members[0].client_host, "/127.0.0.1"));
    EXPECT(bytes_equal(d->q.out.members[0].assignment, s->q.out.assignment));
    EXPECT_EQ(ask_leave("g", id_of_join(a), NULL)->leavers[0].err, GROUP_ERR_OK);
    EXPECT_EQ(state_of("g"), GROUP_EMPTY);
    EXPECT_ASK(ask_beat("g", id_of_join(a), 1), UNKNOWN_MEMBER);
    struct ask *again = ask_join("g", NULL, "meta");
    EXPECT_EQ(again->q.out.generation, 3); /* 2: nobody was in it */
    group_world_end();
}

TEST(group, an_id_comes_first_from_version_4_on)
{
    /* Goal: with id_required a newcomer gets an id, and joins with it; without, it never does. */
    begin();
    struct ask *a = join_make("g", NULL, "meta");
    a->q.id_required = true;
    EXPECT_ASK(group_world_ask(a), MEMBER_ID_REQUIRED);
    EXPECT(a->q.out.member.len > 36);
    struct ask *b = ask_join("g", id_of_join(a), "meta");
    EXPECT_ASK(b, OK);
    EXPECT(bytes_equal(b->q.out.member, a->q.out.member));
    EXPECT_ASK(ask_join("g", "nobody", "meta"), UNKNOWN_MEMBER);
    EXPECT_ASK(ask_join("none", "nobody", "meta"), UNKNOWN_MEMBER);
    EXPECT_EQ(state_of("none"), GROUP_DEAD);
    group_world_end();
}

/* Two members in one generation: the first one leads. */
static void pair(struct ask *out[2])
{
    out[0] = stable_one("g");
    out[1] = ask_join("g", NULL, "other");
    EXPECT(!out[1]->done);
    EXPECT_ASK(ask_beat("g", id_of_join(out[0]), out[0]->q.out.generation), REBALANCE_IN_PROGRESS);
    out[0] = ask_join("g", id_of_join(out[0]), "meta");
    EXPECT_ASK(out[0], OK);
    EXPECT_ASK(out[1], OK);
}

/* The same, both with their assignment. */
static void stable_pair(struct ask *out[2])
{
    pair(out);
    struct ask *f = ask_sync("g", out[1], NULL, 0);
    EXPECT(!f->done);
    EXPECT_ASK(ask_sync("g", out[0], (const struct ask *const *)out, 2), OK);
    EXPECT_ASK(f, OK);
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
}

TEST(group, two_members_share_a_generation)
{
    /* Goal: both learn the same generation and leader; the leader alone sees the members; a
     * follower's sync waits for the leader's, and each gets what is its. */
    begin();
    struct ask *m[2];
    pair(m);
    EXPECT_EQ(m[0]->q.out.generation, 2);
    EXPECT_EQ(m[1]->q.out.generation, 2);
    EXPECT(bytes_equal(m[0]->q.out.leader, m[1]->q.out.leader));
    EXPECT(bytes_equal(m[0]->q.out.leader, m[0]->q.out.member));
    EXPECT_EQ(m[0]->q.out.member_count, 2);
    EXPECT_EQ(m[1]->q.out.member_count, 0);
    struct ask *f = ask_sync("g", m[1], NULL, 0);
    EXPECT(!f->done);
    EXPECT_ASK(ask_beat("g", id_of_join(m[1]), 2), OK); /* while it waits */
    const struct ask *only[] = { m[1] };
    struct ask *l = ask_sync("g", m[0], only, 1);
    EXPECT_ASK(l, OK);
    EXPECT_ASK(f, OK);
    EXPECT_EQ(l->q.out.assignment.len, 0); /* left out: empty, not missing */
    EXPECT(l->q.out.assignment.at);
    EXPECT(f->q.out.assignment.len > 4);
    struct ask *late = ask_sync("g", m[1], NULL, 0);
    EXPECT_ASK(late, OK);
    EXPECT(bytes_equal(late->q.out.assignment, f->q.out.assignment));
    group_world_end();
}

TEST(group, who_joins_again_says_whether_it_matters)
{
    /* Goal: a follower with the same metadata gets the generation that is; with another, or as the
     * leader, it begins the next one. */
    begin();
    struct ask *m[2];
    stable_pair(m);
    struct ask *same = ask_join("g", id_of_join(m[1]), "other");
    EXPECT_ASK(same, OK);
    EXPECT_EQ(same->q.out.generation, 2);
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
    struct ask *lead = ask_join("g", id_of_join(m[0]), "meta");
    EXPECT(!lead->done);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    EXPECT_ASK(ask_join("g", id_of_join(m[1]), "other"), OK);
    EXPECT_ASK(lead, OK);
    EXPECT_EQ(lead->q.out.generation, 3);
    struct ask *completing = ask_join("g", id_of_join(m[1]), "other");
    EXPECT_EQ(completing->q.out.generation, 3);
    EXPECT_EQ(state_of("g"), GROUP_COMPLETING);
    EXPECT(!ask_join("g", id_of_join(m[1]), "new")->done);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    group_world_end();
}

/* With two protocols, whose metadata is their name. */
static struct ask *join_two(const char *member, const char *const names[2])
{
    struct ask *a = join_make("g", member, "");
    for (uint32_t i = 0; i < 2; i++)
        a->protocols[i] = (struct group_protocol){ text(names[i]), text(names[i]) };
    a->q.protocol_count = 2;
    return group_world_ask(a);
}

TEST(group, the_protocol_with_the_most_votes_wins)
{
    /* Goal: what all have is voted on; who has nothing in common, or another type, is refused. */
    begin();
    static const char *const likes[3][2] = { { "range", "sticky" },
                                             { "sticky", "range" },
                                             { "sticky", "range" } };
    struct ask *first = join_two(NULL, likes[0]);
    (void)join_two(NULL, likes[1]);
    (void)join_two(NULL, likes[2]);
    struct ask *again = join_two(id_of_join(first), likes[0]);
    EXPECT_ASK(again, OK);
    EXPECT(text_is(again->q.out.protocol, "sticky"));
    REQUIRE(EXPECT_EQ(again->q.out.member_count, 3));
    EXPECT(text_is(again->q.out.members[0].metadata, "sticky"));
    static const char *const mine[2] = { "mine", "my other" };
    EXPECT_ASK(join_two(NULL, mine), INCONSISTENT_PROTOCOL);
    struct ask *type = join_make("g", NULL, "meta");
    type->q.protocol_type = text("connect");
    EXPECT_ASK(group_world_ask(type), INCONSISTENT_PROTOCOL);
    group_world_end();
}

TEST(group, an_empty_group_waits_for_more)
{
    /* Goal: the delay holds the first generation, a newcomer prolongs it, at most up to the longest
     * time that a member wanted. */
    group_world_new();
    gw.opts.delay_ms = 3000;
    group_world_start();
    struct ask *a = ask_join("g", NULL, "meta");
    group_world_pass(2900);
    EXPECT(!a->done);
    struct ask *b = ask_join("g", NULL, "meta");
    group_world_pass(2900);
    EXPECT(!a->done);
    group_world_pass(200);
    EXPECT_ASK(a, OK);
    EXPECT_ASK(b, OK);
    EXPECT_EQ(a->q.out.member_count, 2);
    struct ask *busy = ask_join("h", NULL, "meta");
    uint64_t from = gw.now_ms;
    while (!busy->done && gw.now_ms < from + 60000) {
        (void)ask_join("h", NULL, "meta");
        group_world_pass(1000);
    }
    EXPECT_EQ(gw.now_ms - from, 20000);
    group_world_end();
}

TEST(group, who_is_silent_is_gone)
{
    /* Goal: each of the four times does its work. Method: pass just less, then a bit more. */
    begin();
    struct ask *m[2];
    stable_pair(m);
    group_world_pass(9000); /* of 10 s without a sign of life */
    EXPECT_ASK(ask_beat("g", id_of_join(m[0]), 2), OK);
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
    group_world_pass(1001);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    EXPECT_ASK(ask_beat("g", id_of_join(m[1]), 2), UNKNOWN_MEMBER);
    struct ask *alone = ask_join("g", id_of_join(m[0]), "meta");
    EXPECT_ASK(alone, OK);
    EXPECT_EQ(alone->q.out.generation, 3);
    EXPECT_EQ(alone->q.out.member_count, 1);

    /* Who does not join again in a rebalance, though it shows signs of life. */
    struct ask *b = ask_join("g", NULL, "meta");
    for (uint32_t i = 0; i < 4; i++) {
        group_world_pass(4900);
        EXPECT_ASK(ask_beat("g", id_of_join(alone), 3), REBALANCE_IN_PROGRESS);
        EXPECT(!b->done);
    }
    group_world_pass(500);
    EXPECT_ASK(b, OK);
    EXPECT_EQ(b->q.out.member_count, 1);
    EXPECT(bytes_equal(b->q.out.leader, b->q.out.member));

    /* Who does not sync. */
    for (uint32_t i = 0; i < 4; i++) {
        EXPECT_EQ(state_of("g"), GROUP_COMPLETING);
        EXPECT_ASK(ask_beat("g", id_of_join(b), 4), OK);
        group_world_pass(5000);
    }
    EXPECT_EQ(state_of("g"), GROUP_EMPTY);

    /* Who was told an id and does not come back: the others wait for it so long. */
    struct ask *c = stable_one("g");
    struct ask *p = join_make("g", NULL, "meta");
    p->q.id_required = true;
    EXPECT_ASK(group_world_ask(p), MEMBER_ID_REQUIRED);
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
    c = ask_join("g", id_of_join(c), "meta");
    EXPECT(!c->done);
    group_world_pass(10001);
    EXPECT_ASK(c, OK);
    group_world_end();
}

TEST(group, a_newcomer_without_an_id_is_given_up_after_five_minutes)
{
    /* Goal: who cannot know its id does not stay for ever in a rebalance that does not end. */
    begin();
    struct ask *a = stable_one("g");
    struct ask *slow = join_make("g", id_of_join(a), "meta");
    slow->q.rebalance_ms = 3600 * 1000;
    slow->q.timeout_ms = 1800 * 1000;
    EXPECT_ASK(group_world_ask(slow), OK); /* alone: the next generation at once */
    struct ask *b = ask_join("g", NULL, "meta");
    group_world_pass(299 * 1000);
    EXPECT(!b->done);
    group_world_pass(2 * 1000);
    EXPECT_ASK(b, UNKNOWN_MEMBER);
    group_world_end();
}

TEST(group, each_state_answers_in_its_way)
{
    /* Goal: sync, heartbeat and leave where they do not fit. */
    begin();
    struct ask *m[2];
    EXPECT_ASK(ask_beat("g", "x", 1), UNKNOWN_MEMBER);
    EXPECT_EQ(ask_leave("g", "x", NULL)->q.err, GROUP_ERR_UNKNOWN_MEMBER);
    stable_pair(m);
    EXPECT_ASK(ask_beat("g", "x", 2), UNKNOWN_MEMBER);
    EXPECT_ASK(ask_beat("g", id_of_join(m[0]), 1), ILLEGAL_GENERATION);
    struct ask *s = ask_make(GROUP_VERB_SYNC, "g", id_of_join(m[0]));
    s->q.generation = 1;
    EXPECT_ASK(group_world_ask(s), ILLEGAL_GENERATION);
    struct ask *type = ask_make(GROUP_VERB_SYNC, "g", id_of_join(m[0]));
    type->q.generation = 2;
    type->q.protocol_type = text("connect");
    EXPECT_ASK(group_world_ask(type), INCONSISTENT_PROTOCOL);
    struct ask *name = ask_make(GROUP_VERB_SYNC, "g", id_of_join(m[0]));
    name->q.generation = 2;
    name->q.protocol = text("sticky");
    EXPECT_ASK(group_world_ask(name), INCONSISTENT_PROTOCOL);
    EXPECT_EQ(ask_leave("g", "x", NULL)->leavers[0].err, GROUP_ERR_UNKNOWN_MEMBER);
    EXPECT(!ask_join("g", id_of_join(m[0]), "new")->done);
    EXPECT_ASK(ask_sync("g", m[1], NULL, 0), REBALANCE_IN_PROGRESS);
    EXPECT_ASK(ask_join("", NULL, "meta"), INVALID_GROUP_ID);
    EXPECT_ASK(ask_beat("", "x", 1), INVALID_GROUP_ID);
    group_world_end();
}

TEST(group, a_retried_join_replaces_the_first_one)
{
    /* Goal: each request has its answer, also one whose client has sent it again. */
    begin();
    struct ask *m[2];
    stable_pair(m);
    struct ask *first = ask_join("g", id_of_join(m[0]), "new");
    struct ask *second = ask_join("g", id_of_join(m[0]), "new");
    EXPECT_ASK(first, REBALANCE_IN_PROGRESS);
    EXPECT(!second->done);
    EXPECT_ASK(ask_join("g", id_of_join(m[1]), "other"), OK);
    EXPECT_ASK(second, OK);
    struct ask *wait = ask_sync("g", m[1], NULL, 0);
    EXPECT_ASK(wait, ILLEGAL_GENERATION);
    group_world_end();
}

TEST(group, who_gives_up_is_answered_and_keeps_its_place)
{
    /* Goal: a client that is gone holds nobody up: its request ends, the member goes by its time.
     */
    begin();
    struct ask *m[2];
    m[0] = stable_one("g");
    m[1] = ask_join("g", NULL, "other");
    group_world_give_up(m[1]);
    EXPECT_ASK(m[1], UNAVAILABLE);
    m[0] = ask_join("g", id_of_join(m[0]), "meta");
    EXPECT_ASK(m[0], OK);
    EXPECT_EQ(m[0]->q.out.member_count, 2);
    group_world_pass(10001);
    EXPECT_EQ(ask_group(GROUP_VERB_DESCRIBE, "g")->q.out.member_count, 0);
    group_world_end();
}

TEST(group, a_stop_answers_all)
{
    /* Goal: after it nothing waits and nothing is taken. */
    begin();
    struct ask *m[2];
    pair(m);
    struct ask *sync = ask_sync("g", m[1], NULL, 0);
    (void)stable_one("h");
    struct ask *join = ask_join("h", NULL, "meta");
    gw.hold = true;
    struct ask *commit = ask_commit("free", NULL, -1, 5);
    struct ask *leads = ask_sync("g", m[0], (const struct ask *const *)m, 2);
    struct ask *parked = ask_beat("g", id_of_join(m[0]), 2);
    group_world_stop();
    EXPECT_ASK(sync, UNAVAILABLE);
    EXPECT_ASK(join, UNAVAILABLE);
    EXPECT_ASK(leads, UNAVAILABLE);
    EXPECT_ASK(parked, UNAVAILABLE);
    EXPECT(!commit->done);
    group_world_write(2);
    EXPECT_ASK(commit, OK); /* it is durable, whoever stops */
    EXPECT_ASK(ask_join("g", NULL, "meta"), UNAVAILABLE);
    EXPECT_EQ(gw.armed_ms, UINT64_MAX);
    group_world_end();
}

TEST(group, limits_are_kept)
{
    /* Goal: every limit has its answer. */
    group_world_new();
    gw.opts.members_max = 2;
    gw.opts.groups_max = 2;
    gw.opts.record_max = 4096;
    group_world_start();
    char big[3000];
    memset(big, 'b', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    EXPECT_ASK(ask_join("g", NULL, big), FULL);
    struct ask *m[2];
    stable_pair(m);
    EXPECT_ASK(ask_join("g", NULL, "third"), FULL);
    EXPECT_ASK(ask_join("h", NULL, "meta"), OK);
    EXPECT_ASK(ask_join("i", NULL, "meta"), FULL);
    EXPECT_ASK(ask_commit("i", NULL, -1, 0), FULL);
    struct ask *t = join_make("g", NULL, "meta");
    t->q.timeout_ms = 5999;
    EXPECT_ASK(group_world_ask(t), INVALID_TIMEOUT);
    struct ask *u = join_make("g", NULL, "meta");
    u->q.timeout_ms = 1800001;
    EXPECT_ASK(group_world_ask(u), INVALID_TIMEOUT);
    struct ask *lead = ask_join("g", id_of_join(m[0]), "meta");
    EXPECT_ASK(ask_join("g", id_of_join(m[1]), "other"), OK);
    EXPECT_ASK(lead, OK);
    struct ask *s = ask_make(GROUP_VERB_SYNC, "g", id_of_join(lead));
    s->q.generation = lead->q.out.generation;
    char huge[4096];
    memset(huge, 'h', sizeof(huge));
    s->assignments[0] = (struct group_assignment){ lead->q.out.member, { (uint8_t *)huge, 4096 } };
    s->q.assignments = s->assignments;
    s->q.assignment_count = 1;
    EXPECT_ASK(group_world_ask(s), UNKNOWN);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    struct ask *many = ask_make(GROUP_VERB_SYNC, "g", id_of_join(lead));
    many->q.assignments = many->assignments;
    many->q.assignment_count = 3;
    EXPECT_ASK(group_world_ask(many), INVALID_REQUEST);
    struct ask *leavers = ask_make(GROUP_VERB_LEAVE, "g", NULL);
    leavers->q.leavers = leavers->leavers;
    leavers->q.leaver_count = 3;
    EXPECT_ASK(group_world_ask(leavers), INVALID_REQUEST);
    group_world_end();
}

TEST(group, all_groups_are_listed)
{
    /* Goal: the list has each group once, with type and state. */
    begin();
    (void)stable_one("g");
    (void)ask_commit("simple", NULL, -1, 7);
    struct ask *l = ask_group(GROUP_VERB_LIST, "");
    EXPECT_ASK(l, OK);
    REQUIRE(EXPECT_EQ(l->q.out.group_count, 2));
    for (uint32_t i = 0; i < 2; i++) {
        bool g = text_is(l->q.out.groups[i].id, "g");
        EXPECT(g || text_is(l->q.out.groups[i].id, "simple"));
        EXPECT(text_is(l->q.out.groups[i].protocol_type, g ? "consumer" : ""));
        EXPECT_EQ(l->q.out.groups[i].state, g ? GROUP_STABLE : GROUP_EMPTY);
    }
    EXPECT_STR(group_state_word(GROUP_COMPLETING), "CompletingRebalance");
    group_world_end();
}
