/* api_group.c -- the life of a member: join, sync, heartbeat, leave. */
#include "net/kafka/group_call.h"

#define SYNC_PROTOCOL_FROM 5 /* version from which a sync must name type and protocol */
#define LEAVE_MANY_FROM    3
#define PROTOCOL_NULL_FROM 7 /* version of JoinGroup */

/* As Kafka has it: a slash, and the address without its port and brackets. NULL: as errand_take().
 */
static char *client_host(struct errand *c)
{
    const char *peer = c->conn->peer, *colon = strrchr(peer, ':');
    size_t from = peer[0] == '[', len = colon ? (size_t)(colon - peer) - 2 * from : strlen(peer);
    char *text = errand_take(c, len + 2);
    if (!text)
        return NULL;
    text[0] = '/';
    memcpy(text + 1, peer + from, len);
    return text;
}

/* ---- JoinGroup ---- */

static void join_answer(struct errand *c)
{
    const struct group_request *q = &group_calls_of(c)->at[0].v.ask;
    RESPONSE(join_group, r);
    r.error_code = (int16_t)q->err;
    r.member_id = q->out.member.at ? q->out.member : q->member;
    if (q->err != GROUP_ERR_OK) {
        if (errand_version(c) >= PROTOCOL_NULL_FROM)
            r.protocol_name = (struct bytes){ NULL, 0 };
        errand_answer(c, &r);
        return;
    }
    r.generation_id = q->out.generation;
    r.protocol_type = q->out.protocol_type;
    r.protocol_name = q->out.protocol;
    r.leader = q->out.leader;
    r.skip_assignment = q->out.skip_assignment;
    r.members.at = errand_items(c, kafka_join_group_response_member_shape(), q->out.member_count);
    if (!r.members.at)
        return;
    r.members.count = q->out.member_count;
    for (uint32_t i = 0; i < r.members.count; i++) {
        r.members.at[i].member_id = q->out.members[i].id;
        r.members.at[i].group_instance_id = q->out.members[i].instance;
        r.members.at[i].metadata = q->out.members[i].metadata;
    }
    errand_answer(c, &r);
}

void joins_start(struct errand *c)
{
    const struct kafka_join_group_request *ask = c->asked;
    struct group_calls *s = group_calls_make(c, 1, GROUP_VERB_JOIN, join_answer);
    struct group_protocol *protocols =
        s ? errand_take(c, ask->protocols.count * sizeof(*protocols) + 1) : NULL;
    const char *host = protocols ? client_host(c) : NULL;
    if (!host)
        return;
    for (uint32_t i = 0; i < ask->protocols.count; i++)
        protocols[i] =
            (struct group_protocol){ ask->protocols.at[i].name, ask->protocols.at[i].metadata };
    struct group_request *q = &s->at[0].v.ask;
    q->group = ask->group_id;
    q->member = ask->member_id;
    q->instance = ask->group_instance_id;
    q->protocol_type = ask->protocol_type;
    q->client_id = c->q.header.client_id;
    q->client_host = text_bytes(host);
    q->timeout_ms = ask->session_timeout_ms;
    q->rebalance_ms = ask->rebalance_timeout_ms;
    q->id_required = errand_version(c) >= 4;
    q->skips_assignment = errand_version(c) >= 9;
    q->protocols = protocols;
    q->protocol_count = ask->protocols.count;
    group_calls_go(c);
}

/* ---- SyncGroup ---- */

static void sync_answer(struct errand *c)
{
    const struct group_request *q = &group_calls_of(c)->at[0].v.ask;
    RESPONSE(sync_group, r);
    r.error_code = (int16_t)q->err;
    if (q->err == GROUP_ERR_OK) {
        r.protocol_type = q->out.protocol_type;
        r.protocol_name = q->out.protocol;
        r.assignment = q->out.assignment;
    }
    errand_answer(c, &r);
}

void syncs_start(struct errand *c)
{
    const struct kafka_sync_group_request *ask = c->asked;
    struct group_calls *s = group_calls_make(c, 1, GROUP_VERB_SYNC, sync_answer);
    struct group_assignment *all =
        s ? errand_take(c, ask->assignments.count * sizeof(*all) + 1) : NULL;
    if (!all)
        return;
    for (uint32_t i = 0; i < ask->assignments.count; i++)
        all[i] = (struct group_assignment){ ask->assignments.at[i].member_id,
                                            ask->assignments.at[i].assignment };
    struct group_request *q = &s->at[0].v.ask;
    q->group = ask->group_id;
    q->member = ask->member_id;
    q->instance = ask->group_instance_id;
    q->generation = ask->generation_id;
    q->protocol_type = ask->protocol_type;
    q->protocol = ask->protocol_name;
    q->assignments = all;
    q->assignment_count = ask->assignments.count;
    if (errand_version(c) >= SYNC_PROTOCOL_FROM && (!q->protocol_type.at || !q->protocol.at)) {
        q->err = GROUP_ERR_INCONSISTENT_PROTOCOL;
        s->at[0].skip = true;
    }
    group_calls_go(c);
}

/* ---- Heartbeat ---- */

static void beat_answer(struct errand *c)
{
    RESPONSE(heartbeat, r);
    r.error_code = (int16_t)group_calls_of(c)->at[0].v.ask.err;
    errand_answer(c, &r);
}

void beats_start(struct errand *c)
{
    const struct kafka_heartbeat_request *ask = c->asked;
    struct group_calls *s = group_calls_make(c, 1, GROUP_VERB_HEARTBEAT, beat_answer);
    if (!s)
        return;
    struct group_request *q = &s->at[0].v.ask;
    q->group = ask->group_id;
    q->member = ask->member_id;
    q->instance = ask->group_instance_id;
    q->generation = ask->generation_id;
    group_calls_go(c);
}

/* ---- LeaveGroup ---- */

static void leave_answer(struct errand *c)
{
    const struct group_request *q = &group_calls_of(c)->at[0].v.ask;
    bool many = errand_version(c) >= LEAVE_MANY_FROM;
    /* A group that is not there has not one of them; that is each one's error. */
    bool told = q->err == GROUP_ERR_OK || (many && q->err == GROUP_ERR_UNKNOWN_MEMBER);
    uint32_t count = many && told ? q->leaver_count : 0;
    RESPONSE(leave_group, r);
    r.error_code = told ? 0 : (int16_t)q->err;
    if (!many && q->err == GROUP_ERR_OK)
        r.error_code = (int16_t)q->leavers[0].err;
    r.members.at = errand_items(c, kafka_leave_group_response_member_shape(), count);
    if (!r.members.at)
        return;
    r.members.count = count;
    for (uint32_t i = 0; i < count; i++) {
        r.members.at[i].member_id = q->leavers[i].member;
        r.members.at[i].group_instance_id = q->leavers[i].instance;
        r.members.at[i].error_code = (int16_t)q->leavers[i].err;
    }
    errand_answer(c, &r);
}

void leaves_start(struct errand *c)
{
    const struct kafka_leave_group_request *ask = c->asked;
    bool many = errand_version(c) >= LEAVE_MANY_FROM;
    uint32_t count = many ? ask->members.count : 1;
    struct group_calls *s = group_calls_make(c, 1, GROUP_VERB_LEAVE, leave_answer);
    struct group_leaver *leavers = s ? errand_take(c, count * sizeof(*leavers) + 1) : NULL;
    if (!leavers)
        return;
    if (!many)
        leavers[0].member = ask->member_id;
    for (uint32_t i = 0; many && i < count; i++)
        leavers[i] = (struct group_leaver){ .member = ask->members.at[i].member_id,
                                            .instance = ask->members.at[i].group_instance_id };
    s->at[0].v.ask.group = ask->group_id;
    s->at[0].v.ask.leavers = leavers;
    s->at[0].v.ask.leaver_count = count;
    group_calls_go(c);
}
