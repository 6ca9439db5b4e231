/* Altered settings were answered as soon as their record was synced, while the shards had not heard
 * of them: an append that arrived at another shard behind the answer could still be judged by the
 * old ones. Goal: the answer comes when every shard has applied them, and until then no other
 * change of the topic begins. Method: the decider alone; the shards answer late. */
#include "engine/coord/meta.h"
#include "tests/test.h"

static struct meta_actions out;
static struct settings settings;
static const struct id16 store = { { 1 } }, topic = { { 2 } };
static int request;

/* Which actions it gives, a bit for each kind; the error of a reply, or BUSY. */
static uint32_t step(struct meta *m, struct meta_event e, enum err *reply)
{
    uint32_t kinds = 0;
    *reply = ERR_BUSY;
    EXPECT_OK(meta_step(m, &e, &out));
    for (uint32_t i = 0; i < out.count; i++) {
        kinds |= 1u << out.at[i].kind;
        if (out.at[i].kind == META_REPLY)
            *reply = out.at[i].err;
    }
    meta_actions_clear(&out);
    return kinds;
}

static uint32_t appended(struct meta *m, enum meta_record_kind kind, struct id16 id,
                         enum err *reply)
{
    return step(
        m, (struct meta_event){ .kind = META_EVENT_APPENDED, .kind_of_record = kind, .id = id },
        reply);
}

static struct meta *with_topic(void)
{
    enum err reply;
    struct meta *m = meta_open(&(struct meta_opts){ 0 });
    settings = settings_default();
    (void)step(m, (struct meta_event){ .kind = META_EVENT_STORE, .id = store }, &reply);
    (void)step(m, (struct meta_event){ .kind = META_EVENT_START }, &reply);
    (void)appended(m, META_STORE, store, &reply);
    (void)step(m,
               (struct meta_event){ .kind = META_EVENT_CREATE,
                                    .name = "t",
                                    .id = topic,
                                    .partitions = 1,
                                    .settings = &settings,
                                    .request = &request },
               &reply);
    (void)appended(m, META_TOPIC, topic, &reply);
    (void)step(m, (struct meta_event){ .kind = META_EVENT_PLACED, .id = topic }, &reply);
    return m;
}

TEST(r0162, alter_before_applied)
{
    enum err reply;
    struct meta *m = with_topic();
    struct meta_event alter = {
        .kind = META_EVENT_ALTER, .name = "t", .settings = &settings, .request = &request
    };
    EXPECT_EQ(step(m, alter, &reply), 1u << META_APPEND);
    EXPECT_EQ(appended(m, META_SETTINGS, topic, &reply), 1u << META_APPLY);
    EXPECT_EQ(step(m, alter, &reply), 1u << META_REPLY); /* the first one is under way */
    EXPECT_ERR(reply, ERR_BUSY);
    EXPECT_EQ(step(m, (struct meta_event){ .kind = META_EVENT_APPLIED, .id = topic }, &reply),
              1u << META_REPLY);
    EXPECT_OK(reply);
    EXPECT_EQ(step(m, alter, &reply), 1u << META_APPEND);
    meta_close(&m);
    meta_actions_close(&out);
}
