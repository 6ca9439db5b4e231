/* include/shardlog/client.h against a server in memory: consumer groups. The fake gives two rows to
 * a page, so that what is longer is asked for again. */
#include "tests/client/fake.h"
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

static struct fake f;
static struct sl_client *c;

static bool world_open(const struct sl_client_options *o)
{
    if (!fake_open(&f, NULL, NULL) || !(c = fake_client(&f, o)))
        return false;
    struct sl_topic_options topic = { .size = sizeof(topic), .partitions = 3 };
    return EXPECT_OK(sl_client_create(c, "t", &topic, NULL)) &&
           EXPECT_OK(sl_client_create(c, "u", &topic, NULL));
}

static void world_close(void)
{
    sl_client_close(&c);
    fake_close(&f);
}

static void group_see(void *arg, const struct sl_client_group *g)
{
    char *all = arg;
    size_t len = strlen(all);
    snprintf(all + len, 400 - len, "%s:%s:%s;", g->id, g->state, g->protocol_type);
}

static void member_see(void *arg, const struct sl_client_member *m)
{
    char *all = arg;
    size_t len = strlen(all);
    snprintf(all + len, 400 - len, "%s:%s:%s:%s:%zu;", m->id, m->instance ? m->instance : "-",
             m->client_id, m->client_host, m->assignment_bytes);
}

static void lag_see(void *arg, const struct sl_client_lag *l)
{
    char *all = arg;
    size_t len = strlen(all);
    snprintf(all + len, 400 - len, "%s/%u=%llu+%llu,%llu,%lld,%d;", l->topic, l->partition,
             (unsigned long long)l->committed, (unsigned long long)l->records,
             (unsigned long long)l->bytes, (long long)l->lag_ms, l->err);
}

TEST(client_group, commits_and_lists)
{
    char all[400] = "";
    REQUIRE(world_open(NULL));
    const struct sl_client_commit rows[] = { { "u", 2, 5 }, { "t", 0, 0 }, { "t", 2, 7 } };
    static const char *const names[] = { "a", "b", "c", "d" };
    for (unsigned i = 0; i < 4; i++)
        EXPECT_OK(sl_client_commit(c, names[i], rows, 3));
    EXPECT_OK(sl_client_groups(c, group_see, all));
    EXPECT_STR(all, "a:Empty:consumer;b:Empty:consumer;c:Empty:consumer;d:Empty:consumer;"
                    "full house:Stable:consumer;");
    struct sl_client_topic t;
    struct sl_record r = { .value = "v", .value_bytes = 1, .time_ms = 1 };
    EXPECT_OK(sl_client_describe(c, "t", &t));
    EXPECT_OK(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL));
    EXPECT_OK(sl_client_delete(c, "u"));
    all[0] = '\0';
    EXPECT_OK(sl_client_lag(c, "a", lag_see, all));
    EXPECT_STR(all, "t/0=0+1,100,1234,0;t/2=7+0,0,0,0;u/2=5+0,0,-1,5;");
    all[0] = '\0';
    EXPECT_OK(sl_client_lag(c, "nobody", lag_see, all));
    EXPECT_STR(all, "");
    EXPECT_OK(sl_client_forget(c, "a"));
    EXPECT_ERR(sl_client_forget(c, "a"), SL_ERR_NOT_FOUND);
    world_close();
}

TEST(client_group, tells_members)
{
    char all[400] = "";
    struct sl_client_group_facts facts = { .size = sizeof(facts) };
    REQUIRE(world_open(NULL));
    EXPECT_OK(sl_client_group(c, "full house", &facts, member_see, all));
    EXPECT_STR(all, "member 0:instance 0:app:/127.0.0.1:0;member 1:-:app:/127.0.0.1:1;"
                    "member 2:instance 2:app:/127.0.0.1:2;");
    EXPECT_EQ(facts.members, 3);
    EXPECT_STR(facts.state, "Stable");
    EXPECT_STR(facts.protocol_type, "consumer");
    EXPECT_STR(facts.protocol, "range");
    EXPECT_OK(sl_client_group(c, "full house", NULL, NULL, NULL));
    EXPECT_ERR(sl_client_group(c, "none", &facts, NULL, NULL), SL_ERR_NOT_FOUND);
    facts = (struct sl_client_group_facts){ .size = offsetof(struct sl_client_group_facts, state) };
    facts.state[0] = '?';
    EXPECT_OK(sl_client_group(c, "full house", &facts, NULL, NULL)); /* an older program's */
    EXPECT(facts.members == 3 && facts.state[0] == '?');
    world_close();
}

TEST(client_group, refusals)
{
    static struct sl_client_commit many[SL_CLIENT_COMMIT_MAX + 1];
    REQUIRE(world_open(NULL));
    const struct sl_client_commit row = { "t", 0, 1 }, beyond = { "t", 3, 1 };
    for (unsigned i = 0; i <= SL_CLIENT_COMMIT_MAX; i++)
        many[i] = row;
    EXPECT_ERR(sl_client_commit(c, "g", many, SL_CLIENT_COMMIT_MAX + 1), SL_ERR_TOO_LARGE);
    EXPECT_EQ(sl_client_error(c)->limit, SL_CLIENT_COMMIT_MAX);
    EXPECT_OK(sl_client_commit(c, "g", many, SL_CLIENT_COMMIT_MAX));
    EXPECT_ERR(sl_client_commit(c, "full house", &row, 1), SL_ERR_NOT_EMPTY);
    EXPECT_ERR(sl_client_forget(c, "full house"), SL_ERR_NOT_EMPTY);
    EXPECT(!sl_client_error(c)->retriable);
    EXPECT_ERR(sl_client_commit(c, "g", &beyond, 1), SL_ERR_NOT_FOUND);
    many[0].offset = UINT64_MAX;
    EXPECT_ERR(sl_client_commit(c, "g", many, 1), SL_ERR_INVALID);
    world_close();
}

TEST(client_group, a_page_that_does_not_go_on)
{
    // Goal: a server that gives the same page for ever is not asked for ever.
    char all[400] = "";
    REQUIRE(world_open(NULL));
    const struct sl_client_commit row = { "t", 0, 1 };
    EXPECT_OK(sl_client_commit(c, "stuck", &row, 1));
    EXPECT_ERR(sl_client_groups(c, group_see, all), SL_ERR_BAD_FRAME);
    EXPECT_STR(all, "full house:Stable:consumer;stuck:Empty:consumer;"
                    "full house:Stable:consumer;stuck:Empty:consumer;");
    world_close();
}

TEST(client_group, a_commit_is_not_sent_twice)
{
    // Goal: after a cut it may have been done, and who does it again is asked, not this client.
    struct sl_client_options o = { .size = sizeof(o), .reconnect = true };
    char all[400] = "";
    REQUIRE(world_open(&o));
    const struct sl_client_commit row = { "t", 0, 1 };
    EXPECT_ERR(sl_client_commit(c, "cut", &row, 1), SL_ERR_CLOSED);
    EXPECT_OK(sl_client_lag(c, "cut", lag_see, all));
    EXPECT_STR(all, "t/0=1+0,0,0,0;");
    world_close();
}
