/* A delete was answered with the error of the last record of its life (NO_SPACE on a full disk), or
 * with that of a store that could not drop its partitions, although the topic was gone for good
 * from the moment its DELETE record was synced: who asked again heard NOT_FOUND. Goal: a delete
 * that has happened is answered with OK, whatever comes later. Method: a topic is deleted, and each
 * step behind DELETE fails in turn. Found by seed 61184 of the front. */
#include "engine/coord/meta.h"
#include "tests/test.h"

static struct meta_actions out;
static const struct id16 store = { { 1 } }, topic = { { 2 } };
static int request;

/* The reply that the step gives: its error, or BUSY for none. */
static enum err step(struct meta *m, struct meta_event e)
{
    enum err reply = ERR_BUSY;
    EXPECT_OK(meta_step(m, &e, &out));
    for (uint32_t i = 0; i < out.count; i++)
        if (out.at[i].kind == META_REPLY)
            reply = out.at[i].err;
    meta_actions_clear(&out);
    return reply;
}

static enum err appended(struct meta *m, enum meta_record_kind kind, struct id16 id, enum err err)
{
    return step(m, (struct meta_event){
                       .kind = META_EVENT_APPENDED, .kind_of_record = kind, .id = id, .err = err });
}

static struct meta *with_topic(void)
{
    struct settings settings = settings_default();
    struct meta *m = meta_open(&(struct meta_opts){ 0 });
    (void)step(m, (struct meta_event){ .kind = META_EVENT_STORE, .id = store });
    (void)step(m, (struct meta_event){ .kind = META_EVENT_START });
    (void)appended(m, META_STORE, store, ERR_OK);
    (void)step(m, (struct meta_event){ .kind = META_EVENT_CREATE,
                                       .name = "t",
                                       .id = topic,
                                       .partitions = 1,
                                       .settings = &settings,
                                       .request = &request });
    (void)appended(m, META_TOPIC, topic, ERR_OK);
    EXPECT_OK(step(m, (struct meta_event){ .kind = META_EVENT_PLACED, .id = topic }));
    (void)step(m,
               (struct meta_event){ .kind = META_EVENT_DELETE, .name = "t", .request = &request });
    return m;
}

static enum err dropped(struct meta *m, enum err err)
{
    return step(m, (struct meta_event){ .kind = META_EVENT_DROPPED, .id = topic, .err = err });
}

TEST(r0101, delete_done_and_refused)
{
    struct meta *m = with_topic();
    EXPECT_ERR(appended(m, META_DELETE, topic, ERR_OK), ERR_BUSY);
    EXPECT_OK(dropped(m, ERR_OK));
    EXPECT_ERR(appended(m, META_GONE, topic, ERR_NO_SPACE), ERR_BUSY);
    EXPECT(!meta_find(m, "t"));
    meta_close(&m);

    m = with_topic();
    EXPECT_ERR(appended(m, META_DELETE, topic, ERR_OK), ERR_BUSY);
    EXPECT_OK(dropped(m, ERR_POISONED));
    EXPECT(!meta_find(m, "t"));
    meta_close(&m);

    m = with_topic(); /* one that has not happened says so, and can be asked for again */
    EXPECT_ERR(appended(m, META_DELETE, topic, ERR_NO_SPACE), ERR_NO_SPACE);
    EXPECT(meta_find(m, "t"));
    meta_close(&m);
    meta_actions_close(&out);
}
