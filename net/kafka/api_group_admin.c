/* api_group_admin.c -- groups seen from outside: describe, list, delete. */
#include <strings.h>

#include "net/kafka/group_call.h"
#include "net/kafka/twice.h"

#define DESCRIBE_MISSING_FROM 6 /* version from which a group that is not there is an error */
/* READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS: as of topics in api_hello.c. */
#define GROUP_OPERATIONS 0x0d48

/* ---- DescribeGroups ---- */

static bool members_fill(struct errand *c, struct kafka_describe_groups_response_group *to,
                         const struct group_request *q)
{
    uint32_t count = q->out.member_count;
    to->members.at = errand_items(c, kafka_describe_groups_response_member_shape(), count);
    if (!to->members.at)
        return false;
    to->members.count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct group_member_row *from = &q->out.members[i];
        struct kafka_describe_groups_response_member *m = &to->members.at[i];
        m->member_id = from->id;
        m->group_instance_id = from->instance;
        m->client_id = from->client_id;
        m->client_host = from->client_host;
        m->member_metadata = from->metadata;
        m->member_assignment = from->assignment;
    }
    return true;
}

static bool group_fill(struct errand *c, struct kafka_describe_groups_response_group *to,
                       const struct group_request *q)
{
    const struct kafka_describe_groups_request *ask = c->asked;
    bool missing = q->err == GROUP_ERR_NOT_FOUND;
    to->group_id = q->group;
    to->error_code = (int16_t)q->err;
    if (missing) {
        to->group_state = text_bytes(group_state_word(GROUP_DEAD));
        to->error_message = text_bytes(group_err_text(q->err));
        if (errand_version(c) < DESCRIBE_MISSING_FROM)
            to->error_code = 0;
    }
    if (to->error_code == 0 && ask->include_authorized_operations)
        to->authorized_operations = GROUP_OPERATIONS;
    if (q->err != GROUP_ERR_OK)
        return true;
    to->group_state = text_bytes(group_state_word(q->out.state));
    to->protocol_type = q->out.protocol_type;
    to->protocol_data = q->out.protocol;
    return members_fill(c, to, q);
}

static void describe_answer(struct errand *c)
{
    const struct group_calls *s = c->state;
    RESPONSE(describe_groups, r);
    r.groups.at = errand_items(c, kafka_describe_groups_response_group_shape(), s->count);
    if (!r.groups.at)
        return;
    r.groups.count = s->count;
    for (uint32_t i = 0; i < s->count; i++)
        if (!group_fill(c, &r.groups.at[i], &s->at[i].v.ask))
            return;
    errand_answer(c, &r);
}

void describes_start(struct errand *c)
{
    const struct kafka_describe_groups_request *ask = c->asked;
    if (!errand_parts_within(c, ask->groups.count))
        return;
    struct group_calls *s =
        group_calls_make(c, ask->groups.count, GROUP_VERB_DESCRIBE, describe_answer);
    if (!s)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        s->at[i].v.ask.group = ask->groups.at[i];
    group_calls_go(c);
}

/* ---- ListGroups: every ward is asked ---- */

static bool word_is(struct bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.at, word, text.len) == 0;
}

static bool list_wants(const struct kafka_list_groups_request *ask, const struct group_row *row)
{
    bool state = !ask->states_filter.count, type = !ask->types_filter.count;
    for (uint32_t i = 0; i < ask->states_filter.count && !state; i++)
        state = word_is(ask->states_filter.at[i], group_state_word(row->state));
    for (uint32_t i = 0; i < ask->types_filter.count && !type; i++)
        type = word_is(ask->types_filter.at[i], "classic");
    return state && type;
}

static void list_answer(struct errand *c)
{
    const struct group_calls *s = c->state;
    uint32_t count = 0;
    RESPONSE(list_groups, r);
    for (uint32_t i = 0; i < s->count; i++) {
        count += s->at[i].v.ask.out.group_count;
        if (s->at[i].v.ask.err != GROUP_ERR_OK)
            r.error_code = (int16_t)s->at[i].v.ask.err;
    }
    r.groups.at = errand_items(c, kafka_list_groups_response_group_shape(), count);
    if (!r.groups.at)
        return;
    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t k = 0; k < s->at[i].v.ask.out.group_count; k++) {
            const struct group_row *row = &s->at[i].v.ask.out.groups[k];
            if (!list_wants(c->asked, row))
                continue;
            struct kafka_list_groups_response_group *to = &r.groups.at[r.groups.count++];
            to->group_id = row->id;
            to->protocol_type = row->protocol_type;
            to->group_state = text_bytes(group_state_word(row->state));
            to->group_type = text_bytes("classic");
        }
    }
    errand_answer(c, &r);
}

void lists_start(struct errand *c)
{
    struct group_calls *s = group_calls_make(c, WARDS, GROUP_VERB_LIST, list_answer);
    for (uint32_t i = 0; s && i < WARDS; i++)
        s->at[i].v.ward = i;
    if (s)
        group_calls_go(c);
}

/* ---- DeleteGroups ---- */

static void ends_answer(struct errand *c)
{
    const struct group_calls *s = c->state;
    RESPONSE(delete_groups, r);
    r.results.at = errand_items(c, kafka_delete_groups_response_result_shape(), s->count);
    if (!r.results.at)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->at[i].skip)
            r.results.at[r.results.count++] = (struct kafka_delete_groups_response_result){
                .group_id = s->at[i].v.ask.group, .error_code = (int16_t)s->at[i].v.ask.err
            };
    errand_answer(c, &r);
}

void ends_start(struct errand *c)
{
    const struct kafka_delete_groups_request *ask = c->asked;
    if (!errand_parts_within(c, ask->groups_names.count))
        return;
    enum twice *marks = twice_mark(c, ask->groups_names.at, ask->groups_names.count);
    struct group_calls *s =
        marks ? group_calls_make(c, ask->groups_names.count, GROUP_VERB_DELETE, ends_answer) : NULL;
    if (!s)
        return;
    for (uint32_t i = 0; i < s->count; i++) {
        s->at[i].v.ask.group = ask->groups_names.at[i];
        s->at[i].skip = marks[i] == TWICE_AGAIN;
    }
    group_calls_go(c);
}
