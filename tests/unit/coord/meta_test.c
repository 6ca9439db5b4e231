/* meta_test.c -- whole lives of topics, and a crash between every two steps of them. */
#include <stdio.h>

#include "tests/test.h"
#include "tests/unit/coord/meta_world.h"

TEST(meta, a_topic_lives_and_dies)
{
    /* Goal: the whole life, with a restart after each part of it. */
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    EXPECT(w.ready);
    EXPECT_OK(create("t", 1, 5));
    EXPECT_EQ(parts_held(), 5);
    EXPECT_ERR(create("t", 2, 1), ERR_EXISTS);
    restart();
    const struct meta_topic *t = meta_find(w.meta, "t");
    REQUIRE(t);
    EXPECT_EQ(t->partitions, 5);
    EXPECT_OK(alter("t", 77));
    restart();
    t = meta_find_id(w.meta, id_of(1));
    REQUIRE(t);
    EXPECT_EQ(setting_get(&t->settings, SETTING_RETENTION_MS), 77);
    EXPECT_OK(delete_topic("t"));
    EXPECT_EQ(parts_held(), 0);
    EXPECT(!meta_topic(w.meta, id_of(1)));
    EXPECT_ERR(delete_topic("t"), ERR_NOT_FOUND);
    restart();
    EXPECT_EQ(meta_count(w.meta), 0);
    EXPECT_EQ(w.orphans, 0);
    world_new();
}

TEST(meta, placement_is_even_and_recorded)
{
    /* Goal: partitions go to the emptiest stores and stay there. Method: two topics, a restart
     * with one store closed. */
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    EXPECT_OK(create("a", 1, 4));
    EXPECT_OK(create("b", 2, 2));
    for (uint32_t s = 0; s < STORES; s++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < PARTS_MAX; i++)
            count += w.parts[s][i].held;
        EXPECT_EQ(count, 2);
    }
    w.closed[1] = true;
    restart();
    EXPECT(w.ready);
    EXPECT_ERR(meta_store_err(w.meta, 1), ERR_IO);
    EXPECT_OK(create("c", 3, 3));
    const struct meta_topic *t = meta_find(w.meta, "c");
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_NE(t->stores[i], 1);
    world_new();
}

TEST(meta, names_follow_kafkas_rules)
{
    /* Goal: every rule refuses. Method: a name for each, and the ones just inside. */
    char name[TOPIC_NAME_MAX + 2];
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    EXPECT_ERR(create("", 1, 1), ERR_INVALID);
    EXPECT_ERR(create(".", 1, 1), ERR_INVALID);
    EXPECT_ERR(create("..", 1, 1), ERR_INVALID);
    EXPECT_ERR(create("a/b", 1, 1), ERR_INVALID);
    EXPECT_ERR(create("t\xc3\xa9", 1, 1), ERR_INVALID);
    EXPECT_OK(create("...", 1, 1));
    memset(name, 'n', sizeof(name));
    name[TOPIC_NAME_MAX + 1] = '\0';
    EXPECT_ERR(create(name, 2, 1), ERR_INVALID);
    name[TOPIC_NAME_MAX] = '\0';
    EXPECT_OK(create(name, 2, 1));
    EXPECT_OK(create("a.b_c", 3, 1));
    EXPECT_ERR(create("a_b_c", 4, 1), ERR_INVALID);
    EXPECT_STR(w.why.text, "topic 'a_b_c' collides with 'a.b_c': '.' and '_' count as the same");
    EXPECT_ERR(create("a.b_c", 4, 1), ERR_EXISTS);
    EXPECT_ERR(delete_topic("a_b_c"), ERR_NOT_FOUND);
    EXPECT_ERR(create("p", 5, 0), ERR_INVALID);
    EXPECT_ERR(create("p", 5, TOPIC_PARTITIONS_MAX + 1), ERR_INVALID);
    world_new();
}

/* Everything that must hold after a start that was not disturbed, whatever happened before. */
static void expect_whole(const char *name, uint8_t n, uint32_t partitions)
{
    const struct meta_topic *t = meta_topic(w.meta, id_of(n));
    EXPECT(w.ready);
    EXPECT_EQ(w.orphans, 0);
    EXPECT(!t || t->state == META_LIVE);
    EXPECT_EQ(parts_held(), t ? partitions : 0);
    EXPECT(!t || meta_find(w.meta, name) == t);
}

TEST(meta, a_crash_between_any_two_steps_of_create)
{
    /* Goal: after any crash the topic is there whole, or not at all; acknowledged means there.
     * Method: crash after each step of the create, then after each step of the start. */
    for (uint32_t steps = 0; steps < 12; steps++) {
        for (uint32_t again = 0; again < 12; again++) {
            world_new();
            REQUIRE_OK(world_start(UINT32_MAX));
            w.steps_left = steps;
            bool acked = create("t", 1, 4) == ERR_OK;
            world_crash();
            (void)world_start(again);
            restart();
            expect_whole("t", 1, 4);
            EXPECT(!acked || meta_find(w.meta, "t"));
        }
    }
    world_new();
}

TEST(meta, a_crash_between_any_two_steps_of_delete)
{
    /* Goal: after any crash the topic is whole or gone; acknowledged means gone, and its name can
     * be taken. Method: as for create. */
    for (uint32_t steps = 0; steps < 12; steps++) {
        for (uint32_t again = 0; again < 12; again++) {
            world_new();
            REQUIRE_OK(world_start(UINT32_MAX));
            REQUIRE_OK(create("t", 1, 4));
            w.steps_left = steps;
            bool acked = delete_topic("t") == ERR_OK;
            world_crash();
            (void)world_start(again);
            restart();
            expect_whole("t", 1, 4);
            EXPECT(!acked || !meta_topic(w.meta, id_of(1)));
            if (!meta_find(w.meta, "t"))
                EXPECT_OK(create("t", 2, 2));
        }
    }
    world_new();
}

TEST(meta, a_closed_store_keeps_the_topic_dropping)
{
    /* Goal: a topic is forgotten only when every tombstone is durable. Method: delete with one
     * store closed, open it later. */
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    REQUIRE_OK(create("t", 1, 3));
    w.closed[2] = true;
    restart();
    EXPECT_OK(delete_topic("t"));
    EXPECT(!meta_find(w.meta, "t"));
    EXPECT_EQ(parts_held(), 1);
    EXPECT_OK(create("t", 2, 1)); /* the name is free */
    restart();
    REQUIRE(meta_topic(w.meta, id_of(1)));
    EXPECT_EQ(meta_topic(w.meta, id_of(1))->state, META_DROPPING);
    w.closed[2] = false;
    restart();
    EXPECT(!meta_topic(w.meta, id_of(1)));
    EXPECT_EQ(parts_held(), 1);
    EXPECT(meta_find(w.meta, "t"));
    world_new();
}

TEST(meta, what_it_does_not_know_is_kept)
{
    /* Goal: lost metadata deletes nothing. Method: forget the last records, as an older copy of
     * the log would. */
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    uint32_t before = w.record_count;
    REQUIRE_OK(create("t", 1, 3));
    w.record_count = before;
    restart();
    EXPECT(w.ready);
    EXPECT_EQ(w.orphans, 3);
    EXPECT_EQ(parts_held(), 3);
    world_new();
}

TEST(meta, a_swapped_store_is_refused)
{
    /* Goal: a store with another id is not served under the old number. Method: start with ids
     * that differ from the recorded ones. */
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    EXPECT_EQ(meta_store_next(w.meta), STORES);
    world_crash();
    w.meta = meta_open(&(struct meta_opts){ 0 });
    for (uint32_t i = 0; i < w.record_count; i++) {
        struct meta_event e = { .kind = META_EVENT_RECORD };
        e.record = (struct bytes){ w.records[i].at, w.records[i].len };
        EXPECT_OK(feed(e));
    }
    (void)feed((struct meta_event){ .kind = META_EVENT_STORE, .store = 1, .id = id_of(9) });
    EXPECT_ERR(meta_store_err(w.meta, 1), ERR_MISMATCH);
    EXPECT_ERR(meta_store_err(w.meta, 2), ERR_NOT_FOUND);
    EXPECT_ERR(meta_store_err(w.meta, 77), ERR_NOT_FOUND);
    world_new();
}

TEST(meta, a_record_that_was_refused_changes_nothing)
{
    /* Goal: a failed append takes each command back. Method: answer APPENDED with NO_SPACE. */
    struct settings s = settings_default();
    struct meta_actions out = { 0 };
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    struct meta_event e = { .kind = META_EVENT_CREATE, .name = "t", .id = id_of(1) };
    e.partitions = 1;
    e.settings = &s;
    e.request = &asked;
    EXPECT_OK(meta_step(w.meta, &e, &out));
    REQUIRE(out.count == 1 && out.at[0].kind == META_APPEND);
    meta_actions_clear(&out);
    EXPECT(!meta_find(w.meta, "t"));
    (void)feed((struct meta_event){ .kind = META_EVENT_APPENDED,
                                    .kind_of_record = META_TOPIC,
                                    .id = id_of(1),
                                    .err = ERR_NO_SPACE });
    EXPECT_ERR(w.reply_err, ERR_NO_SPACE);
    EXPECT(!meta_topic(w.meta, id_of(1)));
    REQUIRE_OK(create("t", 2, 1));
    e = (struct meta_event){ .kind = META_EVENT_DELETE, .name = "t", .request = &asked };
    EXPECT_OK(meta_step(w.meta, &e, &out));
    meta_actions_clear(&out);
    EXPECT_ERR(alter("t", 1), ERR_BUSY); /* one request at a time */
    (void)feed((struct meta_event){ .kind = META_EVENT_APPENDED,
                                    .kind_of_record = META_DELETE,
                                    .id = id_of(2),
                                    .err = ERR_NO_SPACE });
    EXPECT_ERR(w.reply_err, ERR_NO_SPACE);
    EXPECT_OK(alter("t", 5));
    EXPECT_OK(delete_topic("t"));
    meta_actions_close(&out);
    world_new();
}

/* The record of this kind failed; it may be in the log all the same. */
static void in_doubt(enum meta_record_kind kind, uint8_t n)
{
    w.reply_err = ERR_BUSY;
    (void)feed((struct meta_event){ .kind = META_EVENT_APPENDED,
                                    .kind_of_record = kind,
                                    .id = id_of(n),
                                    .err = ERR_POISONED,
                                    .doubt = true });
}

/* One command, whose record is not answered yet. */
static void ask(struct meta_event e)
{
    struct meta_actions out = { 0 };
    e.request = &asked;
    EXPECT_OK(meta_step(w.meta, &e, &out));
    EXPECT(out.count == 1 && out.at[0].kind == META_APPEND);
    meta_actions_close(&out);
}

TEST(meta, a_delete_in_doubt_is_refused_everywhere)
{
    /* Goal: it is answered when all shards refuse the topic, which is seen and not changed until
     * the next start; that finds it, or finds it deleted. Method: the record fails, and is in the
     * log of the next start or is not. */
    static const uint8_t delete_of_1[24] = { 1, 0, META_DELETE, 0, 0, 0, 0, 0, 1, 1 };
    for (int deleted = 0; deleted < 2; deleted++) {
        world_new();
        REQUIRE_OK(world_start(UINT32_MAX));
        REQUIRE_OK(create("t", 1, 3));
        ask((struct meta_event){ .kind = META_EVENT_DELETE, .name = "t" });
        in_doubt(META_DELETE, 1);
        EXPECT_EQ(w.refused, 1);
        EXPECT_ERR(w.reply_err, ERR_BUSY); /* not before every shard has answered */
        REQUIRE(meta_find(w.meta, "t"));
        EXPECT_EQ(meta_find(w.meta, "t")->state, META_DOUBTFUL);
        world_settle();
        EXPECT_ERR(w.reply_err, ERR_POISONED);
        EXPECT(strstr(w.why.text, "topic 't': its deletion is in doubt"));
        EXPECT_ERR(delete_topic("t"), ERR_POISONED);
        EXPECT(strstr(w.why.text, "in doubt"));
        EXPECT_ERR(alter("t", 5), ERR_POISONED);
        EXPECT_ERR(create("t", 2, 1), ERR_POISONED);
        EXPECT_EQ(meta_count(w.meta), 1);
        if (deleted) {
            memcpy(w.records[w.record_count].at, delete_of_1, sizeof(delete_of_1));
            w.records[w.record_count++].len = sizeof(delete_of_1);
        }
        restart();
        EXPECT_EQ(meta_count(w.meta), !deleted);
        EXPECT_EQ(parts_held(), deleted ? 0 : 3);
        EXPECT_OK(deleted ? create("t", 2, 1) : delete_topic("t"));
    }
    world_new();
}

TEST(meta, what_is_in_doubt_does_not_hold)
{
    /* Goal: a create and an alter in doubt change nothing before the next start, and say so. */
    struct settings s = settings_default();
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    ask((struct meta_event){
        .kind = META_EVENT_CREATE, .name = "t", .id = id_of(1), .partitions = 2, .settings = &s });
    in_doubt(META_TOPIC, 1);
    EXPECT_ERR(w.reply_err, ERR_POISONED);
    EXPECT(strstr(w.why.text, "its creation is in doubt"));
    EXPECT(!meta_topic(w.meta, id_of(1)));
    REQUIRE_OK(create("t", 2, 2));
    REQUIRE_OK(alter("t", 5));
    ask((struct meta_event){ .kind = META_EVENT_ALTER, .name = "t", .settings = &s });
    in_doubt(META_SETTINGS, 2);
    EXPECT_ERR(w.reply_err, ERR_POISONED);
    EXPECT(strstr(w.why.text, "the change of its settings is in doubt"));
    EXPECT(strstr(w.why.text, "the old ones hold until you start the node again"));
    EXPECT_EQ(setting_get(&meta_find(w.meta, "t")->settings, SETTING_RETENTION_MS), 5);
    EXPECT_EQ(w.refused, 0);
    ask((struct meta_event){ .kind = META_EVENT_GROW, .name = "t", .partitions = 5 });
    in_doubt(META_GROWTH, 2);
    EXPECT_ERR(w.reply_err, ERR_POISONED);
    EXPECT(strstr(w.why.text, "its growth is in doubt"));
    EXPECT_EQ(meta_find(w.meta, "t")->partitions, 2);
    EXPECT_OK(grow("t", 3)); /* whoever could: nothing of it is left */
    EXPECT_EQ(parts_held(), 3);
    world_new();
}

TEST(meta, a_topic_grows)
{
    /* Goal: more partitions, in the emptiest stores, seen when they are placed, and there after a
     * restart; a number that is none is refused and changes nothing. */
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    REQUIRE_OK(create("t", 1, 2));
    uint32_t before = w.record_count;
    EXPECT_ERR(grow("t", 2), ERR_EXISTS);
    EXPECT_ERR(grow("t", 1), ERR_INVALID);
    EXPECT_ERR(grow("t", 0), ERR_INVALID);
    EXPECT_ERR(grow("t", TOPIC_PARTITIONS_MAX + 1), ERR_INVALID);
    EXPECT_ERR(grow("nobody", 3), ERR_NOT_FOUND);
    EXPECT_EQ(w.record_count, before);
    EXPECT_OK(grow("t", 5));
    EXPECT_OK(grow("t", 9));
    EXPECT_EQ(parts_held(), 9);
    for (uint32_t s = 0; s < STORES; s++) {
        uint64_t count = 0;
        uint32_t number;
        EXPECT(meta_store_at(w.meta, s, &number, &count));
        EXPECT_EQ(count, 3);
    }
    EXPECT_OK(alter("t", 7));
    restart();
    const struct meta_topic *t = meta_find(w.meta, "t");
    REQUIRE(t);
    EXPECT_EQ(t->partitions, 9);
    EXPECT_EQ(setting_get(&t->settings, SETTING_RETENTION_MS), 7);
    EXPECT_EQ(w.orphans, 0);
    EXPECT_OK(grow("t", 10));
    EXPECT_OK(delete_topic("t"));
    EXPECT_EQ(parts_held(), 0);
    world_new();
}

TEST(meta, a_topic_that_grows_is_what_it_was)
{
    /* Goal: until the new partitions are placed users see the old number, and nothing else changes
     * the topic; a record that was refused leaves no trace. */
    struct meta_actions out = { 0 };
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    REQUIRE_OK(create("t", 1, 2));
    struct meta_event e = { .kind = META_EVENT_GROW, .name = "t", .partitions = 6 };
    e.request = &asked;
    EXPECT_OK(meta_step(w.meta, &e, &out));
    meta_actions_clear(&out);
    EXPECT_ERR(grow("t", 7), ERR_BUSY);
    EXPECT_ERR(alter("t", 7), ERR_BUSY);
    EXPECT_ERR(delete_topic("t"), ERR_BUSY);
    e = (struct meta_event){ .kind = META_EVENT_APPENDED,
                             .kind_of_record = META_GROWTH,
                             .id = id_of(1) };
    EXPECT_OK(meta_step(w.meta, &e, &out));
    REQUIRE(out.count == 1 && out.at[0].kind == META_PLACE && out.at[0].index == 2);
    meta_actions_close(&out);
    EXPECT_EQ(meta_find(w.meta, "t")->partitions, 2);
    EXPECT_ERR(delete_topic("t"), ERR_BUSY);
    (void)feed(
        (struct meta_event){ .kind = META_EVENT_PLACED, .id = id_of(1), .err = ERR_NO_MEMORY });
    EXPECT_ERR(w.reply_err, ERR_NO_MEMORY); /* it has grown all the same: EXISTS says so */
    EXPECT_EQ(meta_find(w.meta, "t")->partitions, 6);
    EXPECT_ERR(grow("t", 6), ERR_EXISTS);
    ask((struct meta_event){ .kind = META_EVENT_GROW, .name = "t", .partitions = 12 });
    (void)feed((struct meta_event){ .kind = META_EVENT_APPENDED,
                                    .kind_of_record = META_GROWTH,
                                    .id = id_of(1),
                                    .err = ERR_NO_SPACE });
    EXPECT_ERR(w.reply_err, ERR_NO_SPACE);
    uint64_t sum = 0, count;
    uint32_t number;
    for (uint32_t s = 0; meta_store_at(w.meta, s, &number, &count); s++)
        sum += count;
    EXPECT_EQ(sum, 6);
    world_new();
}

TEST(meta, a_growth_that_does_not_fit_is_refused)
{
    /* Goal: damaged metadata is noticed. Method: a GROWTH twice, and one of no topic. */
    static const uint32_t stores[] = { 0 };
    struct meta_record r = { .kind = META_GROWTH, .id = id_of(1), .partitions = 1, .first = 2 };
    r.stores = stores;
    world_new();
    REQUIRE_OK(world_start(UINT32_MAX));
    REQUIRE_OK(create("t", 1, 2));
    for (int i = 0; i < 2; i++) {
        meta_record_encode(&r, w.records[w.record_count].at);
        w.records[w.record_count++].len = meta_record_bytes(&r);
        world_crash();
        EXPECT_ERR(world_start(UINT32_MAX), i ? ERR_CORRUPT : ERR_OK);
    }
    EXPECT(strstr(w.why.text, "it does not begin where the topic ends"));
    world_new();
}

TEST(meta, a_crash_between_any_two_steps_of_growth)
{
    /* Goal: after any crash the topic has the partitions it had or those it was to have, all of
     * them placed; acknowledged means the latter. Method: as for create. */
    for (uint32_t steps = 0; steps < 12; steps++) {
        for (uint32_t again = 0; again < 12; again++) {
            world_new();
            REQUIRE_OK(world_start(UINT32_MAX));
            REQUIRE_OK(create("t", 1, 2));
            w.steps_left = steps;
            bool acked = grow("t", 6) == ERR_OK;
            world_crash();
            (void)world_start(again);
            restart();
            const struct meta_topic *t = meta_find(w.meta, "t");
            REQUIRE(t && w.ready);
            bool grown = t->partitions == 6;
            EXPECT(grown || (t->partitions == 2 && !acked));
            EXPECT_EQ(parts_held(), t->partitions);
            EXPECT_EQ(w.orphans, 0);
            EXPECT_ERR(grow("t", 6), grown ? ERR_EXISTS : ERR_OK);
            EXPECT_EQ(parts_held(), 6);
        }
    }
    world_new();
}

TEST(meta, ten_thousand_topics)
{
    /* Goal: the tables grow and shrink. Method: many names in, half of them out. */
    struct settings s = settings_default();
    char name[32];
    struct meta *m = meta_open(&(struct meta_opts){ 0 });
    struct meta_actions out = { 0 };
    struct meta_event e = { .kind = META_EVENT_STORE, .store = 0, .id = id_of(1) };
    EXPECT_OK(meta_step(m, &e, &out));
    e = (struct meta_event){ .kind = META_EVENT_START };
    EXPECT_OK(meta_step(m, &e, &out));
    e = (struct meta_event){ .kind = META_EVENT_APPENDED, .kind_of_record = META_STORE };
    e.id = id_of(1);
    EXPECT_OK(meta_step(m, &e, &out));
    for (uint32_t i = 0; i < 10000; i++) {
        struct id16 id = { { 7, (uint8_t)i, (uint8_t)(i >> 8) } };
        snprintf(name, sizeof(name), "topic-%u", i);
        e = (struct meta_event){ .kind = META_EVENT_CREATE, .name = name, .partitions = 1 };
        e.id = id;
        e.settings = &s;
        EXPECT_OK(meta_step(m, &e, &out));
        e = (struct meta_event){ .kind = META_EVENT_APPENDED, .kind_of_record = META_TOPIC };
        e.id = id;
        EXPECT_OK(meta_step(m, &e, &out));
        e = (struct meta_event){ .kind = META_EVENT_PLACED, .id = id };
        EXPECT_OK(meta_step(m, &e, &out));
        meta_actions_clear(&out);
    }
    EXPECT_EQ(meta_count(m), 10000);
    EXPECT(meta_find(m, "topic-0") && meta_find(m, "topic-9999") && !meta_find(m, "topic-10000"));
    meta_actions_close(&out);
    meta_close(&m);
}
