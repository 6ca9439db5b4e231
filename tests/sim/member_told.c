/* member_told.c -- what the answers to members of groups must be, and what it means that none came.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/coord/group.h"
#include "tests/sim/front_kafka.h"
#include "tests/sim/verdict.h"

#define LLU(v)      ((unsigned long long)(v))
#define AGAIN_NS    (300 * MS_NS)
#define ROUNDING_NS (2 * MS_NS)   /* the node counts in milliseconds */
#define PATIENCE_NS (10 * SEC_NS) /* net/kafka/group_call.c */

/* ---- refusals ---- */

static bool text_take(struct bytes text, char *out, size_t cap)
{
    return text.len < cap && text_copy(text, out, cap);
}

/* Why the coordinator may not answer. */
static bool trouble(const struct front *f)
{
    return f->stopping || f->failing || f->full || f->limited || f->poisoned;
}

/* Who waits for its group, or for the record of another request of it, is told to ask again when
 * others wait for memory that it is in the way of: after PATIENCE_NS; or, who waits for its group,
 * at once where its connection holds much, as it does where fetches, and so the requests before
 * them, wait for theirs. */
static bool hurried(const struct front *f, const struct ask *a)
{
    bool long_ago = front_now(f) >= a->sent_ns + PATIENCE_NS;
    return long_ago || (f->reads_short && (a->verb == ASK_JOIN || a->verb == ASK_SYNC));
}

/* A dynamic member that gives signs of life is a member for as long as both its times last. */
static void expelled_check(const struct member *m, const struct ask *a)
{
    uint64_t lasts =
        min_u64((uint64_t)m->session_ms, (uint64_t)m->rebalance_ms) * MS_NS - ROUNDING_NS;
    demand(m->instance[0] || !m->fine_ns || front_now(m->client.f) >= m->fine_ns + lasts,
           "%s, generation %d: %s of member %s: it is not known, %llu ms after it was",
           m->roll->name, m->generation, ask_name(a), m->id,
           LLU((front_now(m->client.f) - m->fine_ns) / MS_NS));
}

/* Whatever was asked. */
static void member_refused(struct member *m, const struct ask *a, int16_t code)
{
    struct front *f = m->client.f;
    member_later(m, AGAIN_NS);
    switch (code) {
    case GROUP_ERR_LOADING:
        demand(!a->then.open, "%s: its log is read again", m->roll->name);
        break;
    case GROUP_ERR_UNAVAILABLE:
    case GROUP_ERR_NOT_COORDINATOR:
        demand(trouble(f) || hurried(f, a), "%s: %s is unavailable, and nothing is wrong",
               m->roll->name, ask_name(a));
        break;
    case GROUP_ERR_REBALANCE_IN_PROGRESS:
        member_out(m, true);
        break;
    case GROUP_ERR_ILLEGAL_GENERATION:
        f->tally.fenced++;
        member_out(m, true);
        break;
    case GROUP_ERR_UNKNOWN_MEMBER:
        expelled_check(m, a);
        f->tally.fenced++;
        member_out(m, false);
        break;
    case GROUP_ERR_FENCED_INSTANCE:
        demand(m->instance[0], "%s: %s is fenced, and has no instance", m->roll->name, m->id);
        f->tally.fenced++;
        member_out(m, false);
        break;
    default:
        violated("%s: %s of member %s is answered with code %d", m->roll->name, ask_name(a), m->id,
                 code);
    }
}

/* It is known, and its group does not rebalance: a commit would not say that. */
static void member_fine(struct member *m, const struct ask *a)
{
    if (a->then.open)
        m->fine_ns = a->sent_ns;
}

/* ---- join ---- */

/* No offset holds the group: if its members are gone, it is. */
static bool roll_bare(const struct front *f, const struct member *m, const struct ask *a)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        if (topic_sure(f, i, f->topics[i].serial) &&
            roll_has(m->roll, &a->then, f->topics[i].serial))
            return false;
    return true;
}

static void ids_take(struct member *m, const struct kafka_join_group_response *r,
                     char keys[ROLL_MEMBERS][ROLL_KEY])
{
    demand(r->members.count <= ROLL_MEMBERS, "%s: has %u members", m->roll->name, r->members.count);
    m->id_count = r->members.count;
    for (uint32_t i = 0; i < m->id_count; i++) {
        check(text_take(r->members.at[i].member_id, m->ids[i], MEMBER_ID));
        member_key(m->ids[i], keys[i]);
    }
}

static void join_done(struct member *m, const struct ask *a,
                      const struct kafka_join_group_response *r)
{
    struct front *f = m->client.f;
    char leader[MEMBER_ID], key[ROLL_KEY], leader_key[ROLL_KEY],
        keys[ROLL_MEMBERS][ROLL_KEY] = { 0 };
    bool back = m->instance[0] && !m->id[0] && m->generation == r->generation_id;
    f->tally.static_back += back;
    m->generation = r->generation_id;
    check(text_take(r->member_id, m->id, MEMBER_ID) && text_take(r->leader, leader, MEMBER_ID));
    m->leads = !strcmp(leader, m->id);
    m->skips = r->skip_assignment;
    ids_take(m, r, keys);
    demand(m->leads == (m->id_count > 0),
           "%s, generation %d: %s is told of %u members, its leader is %s", m->roll->name,
           m->generation, m->id, m->id_count, leader);
    member_key(m->id, key);
    member_key(leader, leader_key);
    uint64_t turns = m->roll->turn_count;
    uint32_t round = m->roll->round;
    bool known =
        roll_joined(m->roll, &a->then, key, m->generation, leader_key,
                    (const char(*)[ROLL_KEY])keys, m->id_count, roll_bare(f, m, a)) != NULL;
    f->tally.rebalances += m->roll->turn_count > turns || m->roll->round != round;
    m->roll->open = true;
    trace("    member %u is %s in %s, generation %d of %u members%s", m->client.number, m->id,
          m->roll->name, m->generation, m->id_count, m->leads ? ", and leads" : "");
    m->round = m->roll->round;
    m->state = known ? MEMBER_JOINED : MEMBER_OUT;
    m->committed = false;
    member_later(m, 20 * MS_NS);
}

static void join_told(struct member *m, const struct ask *a,
                      const struct kafka_join_group_response *r)
{
    if (r->error_code == GROUP_ERR_MEMBER_ID_REQUIRED) {
        demand(a->version >= 4 && !m->instance[0] && !m->id[0], "%s: an id is required of %s",
               m->roll->name, m->id);
        check(text_take(r->member_id, m->id, MEMBER_ID));
        member_later(m, 20 * MS_NS);
    } else if (r->error_code) {
        m->fine_ns = 0; /* it was on its way out of a generation */
        member_refused(m, a, r->error_code);
    } else {
        join_done(m, a, r);
    }
}

/* ---- sync ---- */

static void sync_told(struct member *m, const struct ask *a,
                      const struct kafka_sync_group_response *r)
{
    char key[ROLL_KEY];
    if (r->error_code) {
        m->fine_ns = 0;
        member_refused(m, a, r->error_code);
        return;
    }
    member_key(m->id, key);
    roll_assigned(m->roll, &a->then, key, m->generation, r->assignment);
    demand(r->assignment.len == ROLL_ASSIGNMENT, "%s, generation %d: %s gets %zu bytes",
           m->roll->name, m->generation, key, r->assignment.len);
    uint32_t mask = le32_get(r->assignment.at + 4);
    memset(m->parts, 0, sizeof(m->parts));
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        m->serials[i] = le32_get(r->assignment.at + 8 + 4 * i);
        for (uint32_t k = 0; k < FRONT_PARTS; k++)
            m->parts[i][k].mine = mask >> (i * FRONT_PARTS + k) & 1;
    }
    m->roll->open = true;
    trace("    member %u owns %04x", m->client.number, mask);
    m->state = mask ? MEMBER_ASSIGNED : MEMBER_STEADY;
    member_fine(m, a);
    member_later(m, 20 * MS_NS);
}

/* ---- heartbeat, leave ---- */

static void beat_told(struct member *m, const struct ask *a,
                      const struct kafka_heartbeat_response *r)
{
    if (r->error_code) {
        member_refused(m, a, r->error_code);
        return;
    }
    roll_fine(m->roll, &a->then, a->generation, "a heartbeat");
    member_fine(m, a);
    member_later(m, (uint64_t)m->session_ms * MS_NS / 3);
}

static void leave_told(struct member *m, const struct ask *a,
                       const struct kafka_leave_group_response *r)
{
    int16_t code = r->error_code;
    if (!code && r->members.count)
        code = r->members.at[0].error_code;
    if (code)
        member_refused(m, a, code);
    if (code && code != GROUP_ERR_UNKNOWN_MEMBER && code != GROUP_ERR_FENCED_INSTANCE)
        return;
    member_out(m, false);
    m->due_ns = front_now(m->client.f) + rng_below(m->client.f->rng, 2 * SEC_NS);
}

/* ---- commit ---- */

static enum commit_fate fate_of(int16_t code)
{
    return code == GROUP_ERR_OK ? COMMIT_DONE
                                : (code == GROUP_ERR_UNAVAILABLE ? COMMIT_DOUBT : COMMIT_REFUSED);
}

/* The topic of a row is not there: it was deleted under its reader. */
static void row_gone(struct front *f, const struct member *m, const struct ask_row *row)
{
    demand(!topic_sure(f, row->topic, row->serial), "%s: topic-%u is not known, and is there",
           m->roll->name, row->serial);
    f->tally.under_consumer++;
}

static void commit_told(struct member *m, struct ask *a,
                        const struct kafka_offset_commit_response *r)
{
    struct front *f = m->client.f;
    uint32_t next = 0;
    int16_t refusal = 0;
    for (uint32_t t = 0; t < r->topics.count; t++) {
        for (uint32_t i = 0; i < r->topics.at[t].partitions.count; i++) {
            int16_t code = r->topics.at[t].partitions.at[i].error_code;
            demand(next < a->row_count, "%s: a commit of %u rows gives more", m->roll->name,
                   a->row_count);
            const struct ask_row *row = &a->rows[next++];
            demand(r->topics.at[t].partitions.at[i].partition_index == (int32_t)row->part,
                   "%s: commit of topic-%u/%u is answered for partition %d", m->roll->name,
                   row->serial, row->part, r->topics.at[t].partitions.at[i].partition_index);
            roll_commit_end(m->roll, row->number, fate_of(code));
            if (code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION)
                row_gone(f, m, row);
            else if (code)
                refusal = code;
            else
                roll_fine(m->roll, &a->then, a->generation, "a commit");
            m->roll->open |= code == 0;
            f->tally.commits += code == 0;
        }
    }
    demand(next == a->row_count, "%s: a commit of %u rows gives %u", m->roll->name, a->row_count,
           next);
    if (a->generation != m->generation)
        f->tally.fenced += refusal == GROUP_ERR_ILLEGAL_GENERATION;
    else if (refusal)
        member_refused(m, a, refusal);
    m->committed |= !refusal;
    if (!refusal || a->generation != m->generation)
        member_later(m, (uint64_t)m->session_ms * MS_NS / 4);
}

/* ---- committed ---- */

static void row_fetched(struct member *m, const struct ask *a, const struct ask_row *row,
                        int64_t off, struct bytes note)
{
    struct front *f = m->client.f;
    struct member_part *p = &m->parts[row->topic][row->part];
    const struct l_part *l = f->topics[row->topic].parts[row->part].ledger;
    char text[24] = "";
    uint64_t number = ROLL_NONE;
    if (off >= 0) {
        demand(text_take(note, text, sizeof(text)) && text[0],
               "%s: topic-%u/%u: a note of %zu bytes", m->roll->name, row->serial, row->part,
               note.len);
        number = strtoull(text, NULL, 10);
    }
    if (topic_sure(f, row->topic, row->serial))
        roll_fetched(m->roll, &a->then, row->serial, row->part, number, (uint64_t)off);
    if (p->known)
        return; /* it looks again, in the end */
    p->known = true;
    p->sought = off < 0;
    p->off = off < 0 ? (l ? l->start_min : 0) : (uint64_t)off;
}

#define ROWS_EACH(topics_)                                                                         \
    for (uint32_t t = 0; t < (topics_).count; t++)                                                 \
        for (uint32_t i = 0; i < (topics_).at[t].partitions.count; i++) {                          \
            demand(next < a->row_count && (topics_).at[t].partitions.at[i].partition_index ==      \
                                              (int32_t)a->rows[next].part,                         \
                   "%s: offsets of %u partitions come as others", m->roll->name, a->row_count);    \
            row_fetched(m, a, &a->rows[next++], (topics_).at[t].partitions.at[i].committed_offset, \
                        (topics_).at[t].partitions.at[i].metadata);                                \
        }

static int16_t committed_code(const struct ask *a, const struct kafka_offset_fetch_response *r)
{
    if (a->version >= 8)
        return r->groups.count == 1 ? r->groups.at[0].error_code : -1;
    int16_t code = r->error_code;
    if (a->version < 2 && r->topics.count && r->topics.at[0].partitions.count)
        code = r->topics.at[0].partitions.at[0].error_code;
    return code;
}

static void committed_told(struct member *m, struct ask *a,
                           const struct kafka_offset_fetch_response *r)
{
    int16_t code = committed_code(a, r);
    uint32_t next = 0;
    if (code) {
        member_refused(m, a, code);
        return;
    }
    m->roll->open = true;
    uint64_t kept = m->roll->kept, lost = m->roll->lost;
    if (a->version >= 8) {
        ROWS_EACH(r->groups.at[0].topics)
    } else {
        ROWS_EACH(r->topics)
    }
    demand(next == a->row_count, "%s: offsets of %u partitions are %u", m->roll->name, a->row_count,
           next);
    m->client.f->tally.commits_kept += m->roll->kept - kept;
    m->client.f->tally.commits_lost += m->roll->lost - lost;
    if (m->state == MEMBER_ASSIGNED)
        m->state = MEMBER_STEADY;
    else if (m->committed)
        m->proved = m->generation;
    member_later(m, 50 * MS_NS);
}

/* ---- all of them ---- */

enum err told_member(struct ask *a, void *from, union payload *to)
{
    struct member *m = a->member;
    (void)to;
    m->asked = false;
    if (a->verb == ASK_JOIN)
        join_told(m, a, from);
    else if (a->verb == ASK_SYNC)
        sync_told(m, a, from);
    else if (a->verb == ASK_BEAT)
        beat_told(m, a, from);
    else if (a->verb == ASK_LEAVE)
        leave_told(m, a, from);
    else if (a->verb == ASK_COMMIT)
        commit_told(m, a, from);
    else
        committed_told(m, a, from);
    return ERR_OK;
}

/* A fetch, or a look for the first offset. */
void member_read(struct ask *a, enum err err)
{
    struct member *m = a->member;
    struct member_part *p = &m->parts[a->topic - m->client.f->topics][a->part];
    m->asked = false;
    member_later(m, (uint64_t)m->session_ms * MS_NS / 4);
    if (!p->mine || m->serials[a->topic - m->client.f->topics] != a->serial)
        return;
    m->client.f->tally.under_consumer += err == ERR_NOT_FOUND;
    p->sought |= err == ERR_OFFSET_RANGE;
    if (err)
        return;
    p->off = a->next_off;
    p->sought = false;
}

void member_lost(struct ask *a, bool whole)
{
    struct member *m = a->member;
    m->asked = false;
    for (uint32_t i = 0; a->verb == ASK_COMMIT && i < a->row_count; i++)
        roll_commit_end(m->roll, a->rows[i].number, whole ? COMMIT_DOUBT : COMMIT_REFUSED);
    if (a->verb == ASK_LEAVE)
        member_out(m, false);
    else if (a->verb == ASK_JOIN || (a->verb == ASK_SYNC && rng_chance(m->client.f->rng, 1, 2)))
        member_out(m, true);
}
