/* member.c -- see member.h: what members do, and their requests. Answers are member_told.c's. */

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/front_kafka.h"
#include "tests/sim/verdict.h"

#define READ_WAIT_MS 400u
#define NOTE_BYTES   24u

static struct member members[FRONT_MEMBERS];

/* ---- names ---- */

/* "<instance>-<36 characters>": an instance outlives its ids. */
void member_key(const char *id, char key[ROLL_KEY])
{
    const char *dash = !strncmp(id, "inst.", 5) ? strchr(id, '-') : NULL;
    snprintf(key, ROLL_KEY, "%.*s", dash ? (int)(dash - id) : (int)strlen(id), id);
}

bool topic_sure(const struct front *f, uint32_t topic, uint32_t serial)
{
    const struct f_topic *t = &f->topics[topic];
    return t->serial == serial && t->state == FRONT_LIVE && !t->doubtful && !t->asked;
}

/* ---- states ---- */

void member_later(struct member *m, uint64_t ns)
{
    const struct front *f = m->client.f;
    m->due_ns = front_now(f) + 1 + rng_log_uniform(f->rng, ns);
}

void member_out(struct member *m, bool keeps_id)
{
    m->state = MEMBER_OUT;
    m->fine_ns = 0;
    memset(m->parts, 0, sizeof(m->parts));
    if (!keeps_id)
        m->id[0] = '\0';
}

void members_open(struct front *f)
{
    f->groups = (struct group_opts){ .timeout_min_ms = 500,
                                     .delay_ms = rng_chance(f->rng, 1, 2)
                                                     ? -1
                                                     : 1 + (int32_t)rng_below(f->rng, 300),
                                     .snapshot_bytes = KIB(4) << rng_below(f->rng, 6) };
    for (uint32_t i = 0; i < FRONT_ROLLS; i++)
        roll_open(&f->rolls[i], i, &f->events);
    f->members = members;
    for (uint32_t i = 0; i < FRONT_MEMBERS; i++) {
        struct member *m = &members[i];
        *m = (struct member){ .client = { .f = f, .number = FRONT_CLIENTS + 1 + i } };
        m->roll = &f->rolls[i % FRONT_ROLLS];
        m->session_ms = 600 + (int32_t)rng_below(f->rng, 2400);
        m->rebalance_ms = 300 + (int32_t)rng_below(f->rng, 2000);
        if (rng_chance(f->rng, 1, 3))
            snprintf(m->instance, sizeof(m->instance), "inst.%u", i);
    }
}

void members_close(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_ROLLS; i++)
        roll_close(&f->rolls[i]);
}

void members_life_ends(struct front *f)
{
    for (uint32_t i = 0; f->members && i < FRONT_ROLLS; i++)
        roll_life_ends(&f->rolls[i]);
}

/* ---- asking ---- */

static void member_ask(struct member *m, uint32_t verb)
{
    struct ask *a = ask_new(m->client.wire, verb, NULL, 0);
    a->member = m;
    a->then = roll_now(m->roll);
    a->generation = m->generation;
    m->asked = true;
    trace("  member %u of %s: %s, generation %d", m->client.number, m->roll->name, ask_name(a),
          m->generation);
    ask_send(a, NULL);
}

static struct bytes instance_of(const struct member *m)
{
    return m->instance[0] ? text_of(m->instance) : (struct bytes){ NULL, 0 };
}

int16_t kafka_static_from(uint32_t verb)
{
    switch (verb) {
    case ASK_JOIN:
        return 5;
    case ASK_COMMIT:
        return 7;
    default:
        return verb == ASK_SYNC || verb == ASK_BEAT || verb == ASK_LEAVE ? 3 : 0;
    }
}

void ask_join(struct ask *a, const void *from, void *to)
{
    static const uint8_t subscription[10] = { 0 }; /* version, no topics, no data */
    static struct kafka_join_group_request_protocol protocol;
    struct kafka_join_group_request *q = to;
    const struct member *m = a->member;
    (void)from;
    protocol.name = text_of("range");
    protocol.metadata = (struct bytes){ subscription, sizeof(subscription) };
    q->group_id = text_of(m->roll->name);
    q->session_timeout_ms = m->session_ms;
    q->rebalance_timeout_ms = m->rebalance_ms;
    q->member_id = text_of(m->id);
    q->group_instance_id = instance_of(m);
    q->protocol_type = text_of("consumer");
    q->protocols.at = &protocol;
    q->protocols.count = 1;
}

/* All partitions that are there, one after another to all members. */
static void turn_assign(const struct front *f, struct turn *t)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        const struct f_topic *topic = &f->topics[i];
        bool there = topic->state == FRONT_LIVE && topic->placed;
        t->serials[i] = there ? topic->serial : 0;
        for (uint32_t k = 0; there && k < FRONT_PARTS; k++)
            t->masks[next++ % t->count] |= 1u << (i * FRONT_PARTS + k);
    }
    t->assigned = true;
}

void ask_sync(struct ask *a, const void *from, void *to)
{
    static struct kafka_sync_group_request_assignment all[ROLL_MEMBERS];
    static uint8_t bytes[ROLL_MEMBERS][ROLL_ASSIGNMENT];
    struct kafka_sync_group_request *q = to;
    struct member *m = a->member;
    struct turn *t = roll_turn(m->roll, m->generation);
    char key[ROLL_KEY];
    (void)from;
    q->group_id = text_of(m->roll->name);
    q->generation_id = m->generation;
    q->member_id = text_of(m->id);
    q->group_instance_id = instance_of(m);
    q->protocol_type = text_of("consumer");
    q->protocol_name = text_of("range");
    q->assignments.at = all;
    if (!m->leads || m->skips || !t)
        return;
    if (!t->assigned)
        turn_assign(m->client.f, t);
    for (uint32_t i = 0; i < m->id_count; i++) {
        member_key(m->ids[i], key);
        uint32_t at = turn_place(t, key);
        roll_assignment(t, at < t->count ? t->masks[at] : 0, bytes[i]);
        all[i].member_id = text_of(m->ids[i]);
        all[i].assignment = (struct bytes){ bytes[i], ROLL_ASSIGNMENT };
    }
    q->assignments.count = m->id_count;
}

void ask_beat(struct ask *a, const void *from, void *to)
{
    struct kafka_heartbeat_request *q = to;
    const struct member *m = a->member;
    (void)from;
    q->group_id = text_of(m->roll->name);
    q->generation_id = m->generation;
    q->member_id = text_of(m->id);
    q->group_instance_id = instance_of(m);
}

void ask_leave(struct ask *a, const void *from, void *to)
{
    static struct kafka_leave_group_request_member one;
    struct kafka_leave_group_request *q = to;
    const struct member *m = a->member;
    (void)from;
    kafka_unset(kafka_leave_group_request_member_shape(), &one);
    one.member_id = q->member_id = text_of(m->id);
    one.group_instance_id = instance_of(m);
    q->group_id = text_of(m->roll->name);
    q->members.at = &one;
    q->members.count = 1;
}

/* ---- offsets ---- */

static void row_add(struct ask *a, uint32_t topic, uint32_t part, uint64_t number)
{
    a->rows[a->row_count++] = (struct ask_row){ topic, a->member->serials[topic], part, number };
}

/* Every position that is known goes into one request. */
void ask_commit(struct ask *a, const void *from, void *to)
{
    static struct kafka_offset_commit_request_topic topics[FRONT_TOPICS];
    static struct kafka_offset_commit_request_partition parts[FRONT_TOPICS][FRONT_PARTS];
    static char notes[FRONT_TOPICS][FRONT_PARTS][NOTE_BYTES];
    struct kafka_offset_commit_request *q = to;
    struct member *m = a->member;
    (void)from;
    q->group_id = text_of(m->roll->name);
    q->generation_id_or_member_epoch = a->generation;
    q->member_id = text_of(m->id);
    q->group_instance_id = instance_of(m);
    q->topics.at = topics;
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        struct kafka_offset_commit_request_topic *t = &topics[q->topics.count];
        *t = (struct kafka_offset_commit_request_topic){ .partitions.at = parts[i] };
        for (uint32_t k = 0; k < FRONT_PARTS; k++) {
            struct member_part *p = &m->parts[i][k];
            if (!p->mine || !p->known)
                continue;
            uint64_t number = roll_commit(m->roll, m->serials[i], k, p->off);
            row_add(a, i, k, number);
            snprintf(notes[i][k], NOTE_BYTES, "%llu", (unsigned long long)number);
            struct kafka_offset_commit_request_partition *row = &parts[i][t->partitions.count++];
            kafka_unset(kafka_offset_commit_request_partition_shape(), row);
            row->partition_index = (int32_t)k;
            row->committed_offset = (int64_t)p->off;
            row->committed_metadata = text_of(notes[i][k]);
        }
        snprintf(a->names[i], sizeof(a->names[i]), "topic-%u", m->serials[i]);
        t->name = text_of(a->names[i]);
        q->topics.count += t->partitions.count > 0;
    }
}

void ask_committed(struct ask *a, const void *from, void *to)
{
    static struct kafka_offset_fetch_request_topic topics[FRONT_TOPICS];
    static struct kafka_offset_fetch_request_group_topic group_topics[FRONT_TOPICS];
    static struct kafka_offset_fetch_request_group group;
    static int32_t parts[FRONT_TOPICS][FRONT_PARTS];
    struct kafka_offset_fetch_request *q = to;
    struct member *m = a->member;
    uint32_t count = 0;
    (void)from;
    kafka_unset(kafka_offset_fetch_request_group_shape(), &group);
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        uint32_t n = 0;
        for (uint32_t k = 0; k < FRONT_PARTS; k++) {
            if (!m->parts[i][k].mine)
                continue;
            row_add(a, i, k, ROLL_NONE);
            parts[i][n++] = (int32_t)k;
        }
        if (!n)
            continue;
        snprintf(a->names[i], sizeof(a->names[i]), "topic-%u", m->serials[i]);
        topics[count].name = group_topics[count].name = text_of(a->names[i]);
        topics[count].partition_indexes.at = group_topics[count].partition_indexes.at = parts[i];
        topics[count].partition_indexes.count = group_topics[count].partition_indexes.count = n;
        count++;
    }
    q->group_id = group.group_id = text_of(m->roll->name);
    q->topics.at = topics;
    group.topics.at = group_topics;
    q->topics.count = group.topics.count = count;
    q->groups.at = &group;
    q->groups.count = 1;
}

/* ---- what it does next ---- */

static bool topics_changed(const struct front *f, const struct member *m)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        const struct f_topic *t = &f->topics[i];
        bool there = t->state == FRONT_LIVE && t->placed;
        if (!t->asked && m->serials[i] != (there ? t->serial : 0))
            return true;
    }
    return false;
}

/* Reads on in one of its partitions; false: it has none. */
static bool member_fetch(struct member *m)
{
    struct front *f = m->client.f;
    uint32_t at = (uint32_t)rng_below(f->rng, FRONT_TOPICS * FRONT_PARTS);
    for (uint32_t n = 0; n < FRONT_TOPICS * FRONT_PARTS; n++, at++) {
        uint32_t topic = at / FRONT_PARTS % FRONT_TOPICS, part = at % FRONT_PARTS;
        struct member_part *p = &m->parts[topic][part];
        struct f_topic *t = &f->topics[topic];
        if (!p->mine || !p->known || t->serial != m->serials[topic] || !t->parts[part].ledger)
            continue;
        m->asked = true;
        f->asking = m;
        if (p->sought)
            ask_offsets(m->client.wire, t, part, OFFSET_EARLIEST);
        else
            ask_fetch(m->client.wire, t, part, p->off,
                      rng_chance(f->rng, 1, 2) ? (uint32_t)rng_below(f->rng, READ_WAIT_MS) : 0);
        f->asking = NULL;
        return true;
    }
    return false;
}

/* Somebody who thinks that he is still in the generation before. */
static void member_haunt(struct member *m)
{
    struct ask *a = ask_new(m->client.wire, ASK_COMMIT, NULL, 0);
    a->member = m;
    a->then = roll_now(m->roll);
    a->generation = m->generation - 1;
    m->asked = true;
    ask_send(a, NULL);
}

static bool member_has(const struct member *m)
{
    for (uint32_t i = 0; i < FRONT_TOPICS * FRONT_PARTS; i++)
        if (m->parts[i / FRONT_PARTS][i % FRONT_PARTS].mine)
            return true;
    return false;
}

/* Trouble that it makes by itself; true: it did. */
static bool member_trouble(struct member *m, uint64_t dice)
{
    struct front *f = m->client.f;
    if (dice < 15) {
        member_ask(m, ASK_LEAVE);
    } else if (dice < 30) { /* it dies, and another one comes */
        trace("  member %u dies", m->client.number);
        member_out(m, false);
        m->due_ns = front_now(f) + rng_below(f->rng, 4 * SEC_NS);
    } else if (dice < 40) { /* it hangs */
        trace("  member %u hangs", m->client.number);
        m->due_ns = front_now(f) + (uint64_t)m->session_ms * MS_NS * 2;
    } else if (dice < 50) {
        wire_end(m->client.wire);
    } else if (dice < 65 && m->generation > 1 && member_has(m)) {
        member_haunt(m);
    } else {
        return false;
    }
    return true;
}

static void member_prove(struct member *m)
{
    if (m->proved == m->generation || !member_has(m)) {
        m->proved = m->generation;
        member_ask(m, ASK_BEAT);
    } else if (!m->committed) {
        member_ask(m, ASK_COMMIT);
    } else {
        member_ask(m, ASK_COMMITTED);
    }
}

static void member_steady(struct member *m)
{
    struct front *f = m->client.f;
    uint64_t dice = rng_below(f->rng, 1000);
    bool leads = m->leads || (f->finishing && m->instance[0]); /* one that is back may not know */
    if (leads && topics_changed(f, m) && (f->finishing || rng_chance(f->rng, 1, 2))) {
        m->state = MEMBER_OUT; /* by its id: the group rebalances */
        member_ask(m, ASK_JOIN);
    } else if (f->finishing) {
        member_prove(m);
    } else if (!member_trouble(m, dice)) {
        if (dice < 500 && member_fetch(m))
            return;
        member_ask(m, dice < 800 && member_has(m) ? ASK_COMMIT : ASK_BEAT);
    }
}

static void member_act(struct member *m)
{
    switch (m->state) {
    case MEMBER_OUT:
        member_ask(m, ASK_JOIN);
        break;
    case MEMBER_JOINED:
        member_ask(m, ASK_SYNC);
        break;
    case MEMBER_ASSIGNED:
        member_ask(m, ASK_COMMITTED);
        break;
    case MEMBER_STEADY:
        member_steady(m);
        break;
    }
}

/* ---- turns ---- */

static bool member_may(const struct member *m)
{
    const struct wire *w = m->client.wire;
    return m->client.f->verified && !m->asked && wire_usable(w) && w->state == WIRE_READY;
}

void members_turn(struct front *f)
{
    for (uint32_t i = 0; f->members && i < FRONT_MEMBERS; i++) {
        struct member *m = &f->members[i];
        client_turn(&m->client);
        if (member_may(m) && m->due_ns <= front_now(f))
            member_act(m);
    }
}

uint64_t members_due_ns(const struct front *f)
{
    uint64_t due = UINT64_MAX;
    for (uint32_t i = 0; f->members && i < FRONT_MEMBERS; i++) {
        const struct member *m = &f->members[i];
        due = min_u64(due, client_due_ns(&m->client));
        if (member_may(m))
            due = min_u64(due, m->due_ns);
    }
    return due;
}

/* ---- the end ---- */

static bool roll_proved(const struct front *f, const struct roll *r)
{
    uint32_t owned[FRONT_TOPICS] = { 0 };
    for (uint32_t i = 0; i < FRONT_MEMBERS; i++) {
        const struct member *m = &f->members[i];
        if (m->roll != r)
            continue;
        if (m->state != MEMBER_STEADY || m->generation != r->told_max ||
            m->proved != m->generation || topics_changed(f, m))
            return false;
        for (uint32_t k = 0; k < FRONT_TOPICS * FRONT_PARTS; k++)
            owned[k / FRONT_PARTS] += m->parts[k / FRONT_PARTS][k % FRONT_PARTS].mine;
    }
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        if (owned[i] != FRONT_PARTS)
            return false;
    return true;
}

bool members_proved(const struct front *f)
{
    for (uint32_t i = 0; i < FRONT_ROLLS; i++)
        if (!roll_proved(f, &f->rolls[i]))
            return false;
    return true;
}
