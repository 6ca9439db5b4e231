/* group_world.c -- see group_world.h. */
#include "tests/unit/coord/group_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"

struct group_world gw;

/* ---- the log ---- */

struct line {
    struct line *next;
    uint64_t off;
    size_t len;
    uint8_t at[];
};
static struct line *lines, **lines_end = &lines;

struct held {
    struct held *next;
    struct group_write *write;
    struct bytes record;
};
static struct held *held, **held_end = &held;
static struct ask *asks;
static uint64_t ids;

static struct group_event event(enum group_event_kind kind)
{
    return (struct group_event){ .kind = kind, .now_ms = gw.now_ms, .wall_ms = gw.wall_ms };
}

static void replay_line(struct groups *gs, const uint8_t *at, size_t len)
{
    struct group_actions out = { 0 };
    struct why why = { "" };
    struct group_event e = event(GROUP_EVENT_RECORD);
    e.record = (struct bytes){ at, len };
    e.why = &why;
    EXPECT_OK(groups_step(gs, &e, &out));
    EXPECT_EQ(out.count, 0);
    group_actions_close(&out);
}

static void line_add(struct bytes record)
{
    struct line *l = malloc(sizeof(*l) + record.len);
    check(l);
    l->next = NULL;
    l->off = gw.next_off++;
    l->len = record.len;
    if (record.len)
        memcpy(l->at, record.at, record.len);
    *lines_end = l;
    lines_end = &l->next;
    replay_line(gw.shadow, l->at, l->len);
}

static void lines_trim(uint64_t off)
{
    EXPECT(off >= gw.start_off && off <= gw.next_off);
    gw.start_off = off;
    gw.trims++;
    while (lines && lines->off < off) {
        struct line *l = lines;
        lines = l->next;
        free(l);
    }
    if (!lines)
        lines_end = &lines;
}

static struct groups *replayed(void)
{
    struct groups *gs = groups_open(&gw.opts);
    for (const struct line *l = lines; l; l = l->next)
        replay_line(gs, l->at, l->len);
    return gs;
}

static bool image_same(const struct groups *a, const struct groups *b)
{
    struct bytes x = groups_image(a), y = groups_image(b);
    bool same = bytes_equal(x, y);
    free((void *)x.at);
    free((void *)y.at);
    return same;
}

bool group_world_whole(void)
{
    struct groups *gs = replayed();
    bool same = image_same(gs, gw.shadow);
    groups_close(&gs);
    return same;
}

/* ---- steps ---- */

static void perform(const struct group_action *a)
{
    if (a->kind == GROUP_APPEND) {
        struct held *h = malloc(sizeof(*h));
        check(h);
        *h = (struct held){ .write = a->write, .record = a->record };
        *held_end = h;
        held_end = &h->next;
        gw.appends++;
    } else if (a->kind == GROUP_ANSWER) {
        struct ask *it = container_of(a->request, struct ask, q);
        EXPECT(!it->done);
        it->done = true;
        it->order = ++gw.answers;
    } else if (a->kind == GROUP_TRIM) {
        lines_trim(a->off);
    } else {
        gw.armed_ms = a->at_ms;
    }
}

static void feed(struct group_event e)
{
    struct group_actions out = { 0 };
    EXPECT_OK(groups_step(gw.gs, &e, &out));
    for (uint32_t i = 0; i < out.count; i++)
        perform(&out.at[i]);
    group_actions_close(&out);
}

void group_world_write(uint32_t count)
{
    while (held && count--) {
        struct held *h = held;
        held = h->next;
        held_end = held ? held_end : &held;
        struct group_event e = event(GROUP_EVENT_APPENDED);
        e.write = h->write;
        e.err = gw.append_err;
        e.off = gw.next_off;
        if (gw.append_err == ERR_OK)
            line_add(h->record);
        free(h);
        feed(e);
    }
}

uint32_t group_world_held(void)
{
    uint32_t count = 0;
    for (const struct held *h = held; h; h = h->next)
        count++;
    return count;
}

static void settle(void)
{
    if (!gw.hold)
        group_world_write(UINT32_MAX);
}

void group_world_pass(uint64_t ms)
{
    uint64_t until = gw.now_ms + ms;
    while (gw.armed_ms <= until) {
        uint64_t at = max_u64(gw.armed_ms, gw.now_ms);
        gw.wall_ms += (int64_t)(at - gw.now_ms);
        gw.now_ms = at;
        feed(event(GROUP_EVENT_TIME));
        settle();
    }
    gw.wall_ms += (int64_t)(until - gw.now_ms);
    gw.now_ms = until;
}

/* ---- life ---- */

void group_world_new(void)
{
    group_world_end();
    gw = (struct group_world){ .now_ms = 1000, .wall_ms = 1700000000000, .armed_ms = UINT64_MAX };
    gw.opts.delay_ms = -1;
    gw.shadow = groups_open(&gw.opts);
}

void group_world_start(void)
{
    gw.gs = replayed();
    EXPECT(image_same(gw.gs, gw.shadow));
    gw.armed_ms = UINT64_MAX;
    if (gw.gone)
        group_world_topic_gone(gw.gone);
    feed(event(GROUP_EVENT_START));
    settle();
}

static void asks_free(void)
{
    while (asks) {
        struct ask *a = asks;
        asks = a->next;
        free(a->q.block);
        free(a);
    }
}

void group_world_crash(void)
{
    groups_close(&gw.gs);
    while (held) {
        struct held *h = held;
        held = h->next;
        free(h);
    }
    held_end = &held;
    gw.armed_ms = UINT64_MAX;
}

void group_world_crash_after(uint32_t count)
{
    for (const struct held *h = held; h && count; h = h->next, count--)
        line_add(h->record);
    group_world_crash();
}

void group_world_end(void)
{
    group_world_crash();
    groups_close(&gw.shadow);
    while (lines) {
        struct line *l = lines;
        lines = l->next;
        free(l);
    }
    lines_end = &lines;
    asks_free();
}

/* ---- asking ---- */

struct bytes text(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

bool text_is(struct bytes b, const char *s)
{
    return s ? b.at && bytes_equal(b, text(s)) : !b.at;
}

static struct bytes kept(char *to, size_t cap, const char *s)
{
    if (!s)
        return text(NULL);
    check(strlen(s) < cap);
    return text(strcpy(to, s));
}

struct ask *ask_make(enum group_verb verb, const char *group, const char *member)
{
    struct ask *a = calloc(1, sizeof(*a));
    check(a);
    a->next = asks;
    asks = a;
    a->q.verb = verb;
    a->q.group = kept(a->group, sizeof(a->group), group);
    a->q.member = kept(a->member, sizeof(a->member), member ? member : "");
    a->q.generation = -1;
    a->q.retention_ms = -1;
    a->q.topics_seen = gw.topics_version;
    return a;
}

struct ask *group_world_ask(struct ask *a)
{
    struct group_event e = event(GROUP_EVENT_ASK);
    e.request = &a->q;
    ids++;
    memcpy(e.random.b, &ids, sizeof(ids));
    feed(e);
    settle();
    return a;
}

void group_world_give_up(struct ask *a)
{
    struct group_event e = event(GROUP_EVENT_GIVE_UP);
    e.request = &a->q;
    feed(e);
}

void group_world_stop(void)
{
    feed(event(GROUP_EVENT_STOP));
}

void group_world_topic_gone(const char *topic)
{
    struct group_event e = event(GROUP_EVENT_TOPIC_GONE);
    e.topic = text(topic);
    e.version = ++gw.topics_version;
    feed(e);
}

struct ask *join_make(const char *group, const char *member, const char *meta)
{
    struct ask *a = ask_make(GROUP_VERB_JOIN, group, member);
    a->q.client_id = text("client");
    a->q.client_host = text("/127.0.0.1");
    a->q.timeout_ms = 10000;
    a->q.rebalance_ms = 20000;
    a->q.protocol_type = text("consumer");
    a->protocols[0] = (struct group_protocol){ text("range"), text(meta) };
    a->q.protocols = a->protocols;
    a->q.protocol_count = 1;
    return a;
}

struct ask *ask_join(const char *group, const char *member, const char *meta)
{
    return group_world_ask(join_make(group, member, meta));
}

struct ask *ask_static(const char *group, const char *member, const char *instance)
{
    struct ask *a = join_make(group, member, "meta");
    a->q.instance = kept(a->instance, sizeof(a->instance), instance);
    return group_world_ask(a);
}

const char *id_of_join(const struct ask *a)
{
    static char id[4][256];
    static uint32_t turn;
    char *to = id[turn++ % 4];
    snprintf(to, sizeof(id[0]), "%.*s", (int)a->q.out.member.len, (const char *)a->q.out.member.at);
    return to;
}

struct ask *ask_sync(const char *group, const struct ask *joined, const struct ask *const *others,
                     uint32_t count)
{
    struct ask *a = ask_make(GROUP_VERB_SYNC, group, id_of_join(joined));
    a->q.generation = joined->q.out.generation;
    a->q.assignments = a->assignments;
    a->q.assignment_count = count;
    for (uint32_t i = 0; i < count; i++) {
        snprintf(a->names[i], sizeof(a->names[i]), "for %s", id_of_join(others[i]));
        a->assignments[i].assignment = text(a->names[i]);
        a->assignments[i].member = text(a->names[i] + 4);
    }
    return group_world_ask(a);
}

struct ask *ask_beat(const char *group, const char *member, int32_t generation)
{
    struct ask *a = ask_make(GROUP_VERB_HEARTBEAT, group, member);
    a->q.generation = generation;
    return group_world_ask(a);
}

struct ask *ask_leave(const char *group, const char *member, const char *instance)
{
    struct ask *a = ask_make(GROUP_VERB_LEAVE, group, NULL);
    a->leavers[0].member = kept(a->member, sizeof(a->member), member);
    a->leavers[0].instance = kept(a->instance, sizeof(a->instance), instance);
    a->q.leavers = a->leavers;
    a->q.leaver_count = 1;
    return group_world_ask(a);
}

struct ask *ask_commit(const char *group, const char *member, int32_t generation, int64_t off)
{
    struct ask *a = ask_make(GROUP_VERB_COMMIT, group, member);
    a->q.generation = generation;
    a->offsets[0] = (struct group_offset){
        .topic = text("t"), .partition = 0, .leader_epoch = 3, .off = off, .metadata = text("m")
    };
    a->q.offsets = a->offsets;
    a->q.offset_count = 1;
    return group_world_ask(a);
}

struct ask *ask_fetch(const char *group, const char *topic, int32_t partition)
{
    struct ask *a = ask_make(GROUP_VERB_FETCH, group, NULL);
    a->offsets[0] = (struct group_offset){ .topic = text(topic), .partition = partition };
    a->q.offsets = topic ? a->offsets : NULL;
    a->q.offset_count = topic ? 1 : 0;
    return group_world_ask(a);
}

struct ask *ask_group(enum group_verb verb, const char *group)
{
    return group_world_ask(ask_make(verb, group, NULL));
}

int64_t committed(const char *group, const char *topic, int32_t partition)
{
    const struct ask *a = ask_fetch(group, topic, partition);
    EXPECT(a->done);
    return a->offsets[0].off;
}

enum group_state state_of(const char *group)
{
    const struct ask *a = ask_group(GROUP_VERB_DESCRIBE, group);
    EXPECT(a->done);
    return a->q.err == GROUP_ERR_NOT_FOUND ? GROUP_DEAD : a->q.out.state;
}

bool ask_expect(const struct ask *a, enum group_err want, const char *file, int line,
                const char *what)
{
    if (!test_expect(a->done, file, line, what))
        return false;
    return test_expect_eq(a->q.err, want, file, line, what);
}

struct ask *stable_one(const char *group)
{
    struct ask *a = ask_join(group, NULL, "meta");
    const struct ask *all[] = { a };
    EXPECT_ASK(a, OK);
    EXPECT_ASK(ask_sync(group, a, all, 1), OK);
    EXPECT_EQ(state_of(group), GROUP_STABLE);
    return a;
}
