/* api_topic.c -- CreateTopics, DeleteTopics.
 *
 * A topic of a request is a verb of its own; all are answered together. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/handler.h"

#define SETTINGS_MAX 64u

/* ---- CreateTopics ---- */

struct create_one {
    struct errand *errand;
    const struct kafka_create_topics_request_topic *ask;
    struct verb_create create;
    struct setting_text settings[SETTINGS_MAX + 1];
    uint32_t setting_count;
    enum kafka_error error;
    struct why why;
};
struct creates {
    uint32_t count;
    struct create_one *topics;
};

static void create_refuse(struct create_one *t, enum kafka_error error, const char *why)
{
    t->error = error;
    why_set(&t->why, "%s", why);
}

/* What a client is told of the settings that a topic was made with. */
static bool configs_fill(struct errand *c, const struct create_one *t,
                         struct kafka_create_topics_response_topic *to)
{
    struct settings s = settings_default();
    for (uint32_t i = 0; i < t->setting_count; i++)
        settings_parse(&s, t->settings[i].key, t->settings[i].value, NULL);
    to->configs.at = errand_items(c, kafka_create_topics_response_config_shape(), SETTING_COUNT);
    if (!to->configs.at)
        return false;
    to->configs.count = SETTING_COUNT;
    for (uint32_t i = 0; i < SETTING_COUNT; i++)
        if (!kafka_config_text(c, &s, (enum setting)i, &to->configs.at[i].name,
                               &to->configs.at[i].value, &to->configs.at[i].config_source))
            return false;
    return true;
}

static bool create_fill(struct errand *c, const struct create_one *t,
                        struct kafka_create_topics_response_topic *to)
{
    to->name = t->ask->name;
    to->error_code = (int16_t)t->error;
    to->error_message = (struct bytes){ NULL, 0 };
    if (t->error != KAFKA_NONE) {
        char *text = errand_text(c, text_bytes(t->why.text));
        if (text)
            to->error_message = text_bytes(text);
        return text;
    }
    to->topic_id = t->create.id;
    to->num_partitions = (int32_t)t->create.partitions;
    to->replication_factor = 1;
    return configs_fill(c, t, to);
}

static void creates_answer(struct errand *c)
{
    const struct creates *s = c->state;
    RESPONSE(create_topics, r);
    r.topics.at = errand_items(c, kafka_create_topics_response_topic_shape(), s->count);
    if (!r.topics.at)
        return;
    r.topics.count = s->count;
    for (uint32_t i = 0; i < s->count; i++)
        if (!create_fill(c, &s->topics[i], &r.topics.at[i]))
            return;
    errand_answer(c, &r);
}

static void create_done(struct verb *v)
{
    struct create_one *t = container_of(v, struct create_one, create.verb);
    if (v->err != ERR_OK)
        create_refuse(t, kafka_error_of(v->err),
                      t->create.why.text[0] ? t->create.why.text : err_text(v->err));
    if (v->err == ERR_INVALID)
        t->error = KAFKA_INVALID_PARTITIONS; /* name and settings were looked at before */
    if (errand_less(t->errand))
        creates_answer(t->errand);
}

/* Each of the partitions once, to this node alone; `seen` has a zero for each. */
static bool assigned_whole(const struct create_one *t, uint8_t *seen)
{
    const struct kafka_create_topics_request_topic *ask = t->ask;
    for (uint32_t i = 0; i < ask->assignments.count; i++) {
        const struct kafka_create_topics_request_assignment *a = &ask->assignments.at[i];
        uint32_t index = (uint32_t)a->partition_index;
        if (index >= ask->assignments.count || seen[index]++ || a->broker_ids.count != 1 ||
            a->broker_ids.at[0] != kafka_node(t->errand))
            return false;
    }
    return true;
}

/* Partitions as the client assigns them: all of them, and all to this node. False: the errand
 * ended. */
static bool assigned_take(struct create_one *t)
{
    const struct kafka_create_topics_request_topic *ask = t->ask;
    uint32_t count = ask->assignments.count;
    if (ask->num_partitions != -1 || ask->replication_factor != -1) {
        create_refuse(t, KAFKA_INVALID_REQUEST,
                      "with assignments, partitions and replication factor are -1");
        return true;
    }
    uint8_t *seen = errand_take(t->errand, count);
    if (!seen)
        return false;
    if (!assigned_whole(t, seen))
        create_refuse(t, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                      "partitions are assigned from 0 on, each to this node alone");
    t->create.partitions = count;
    return true;
}

static uint32_t partitions_of(struct create_one *t)
{
    const struct door_opts *o = &t->errand->conn->desk->opts;
    const struct kafka_create_topics_request_topic *ask = t->ask;
    if (ask->replication_factor != -1 && ask->replication_factor != 1) {
        why_set(&t->why,
                "replication factor %d: there is one node, default.replication.factor is 1",
                ask->replication_factor);
        t->error = KAFKA_INVALID_REPLICATION_FACTOR;
        return 0;
    }
    if (ask->num_partitions == -1)
        return o->partitions_default;
    if (ask->num_partitions < 1) {
        create_refuse(t, KAFKA_INVALID_PARTITIONS, "a topic has one partition or more");
        return 0;
    }
    return (uint32_t)ask->num_partitions;
}

/* Whether the texts are settings; all that remains then is the engine's to say. */
static bool settings_take(struct create_one *t)
{
    struct errand *c = t->errand;
    const struct door_opts *o = &c->conn->desk->opts;
    struct settings s = settings_default();
    const char *durability = setting_key(SETTING_DURABILITY);
    if (t->ask->configs.count > SETTINGS_MAX) {
        create_refuse(t, KAFKA_INVALID_CONFIG, "a topic has at most 64 settings");
        return true;
    }
    if (o->durability_set)
        t->settings[t->setting_count++] =
            (struct setting_text){ durability, durability_words[o->durability] };
    for (uint32_t i = 0; i < t->ask->configs.count; i++) {
        const struct kafka_create_topics_request_config *from = &t->ask->configs.at[i];
        char *key = errand_text(c, from->name), *value = NULL;
        if (!key || (from->value.at && !(value = errand_text(c, from->value))))
            return false;
        if (settings_parse(&s, key, value, &t->why) != ERR_OK) {
            t->error = KAFKA_INVALID_CONFIG;
            return true;
        }
        bool again = t->setting_count && strcmp(key, durability) == 0 && o->durability_set;
        t->settings[again ? 0 : t->setting_count++] = (struct setting_text){ key, value };
    }
    return true;
}

/* Twice in one request: Kafka takes neither. */
static bool named_twice(const struct creates *s, uint32_t i)
{
    struct bytes name = s->topics[i].ask->name;
    for (uint32_t k = 0; k < s->count; k++)
        if (k != i && s->topics[k].ask->name.len == name.len &&
            memcmp(s->topics[k].ask->name.at, name.at, name.len) == 0)
            return true;
    return false;
}

/* The rules of the engine for names, asked where nothing is made. */
static bool name_fits(struct bytes name)
{
    bool dots = (name.len == 1 || name.len == 2) && memcmp(name.at, "..", name.len) == 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t ch = name.at[i], low = ch | 0x20;
        bool fits = (low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' ||
                    ch == '_' || ch == '-';
        if (!fits)
            return false;
    }
    return name.len && name.len <= 249 && !dots;
}

/* False: the errand ended. */
static bool create_plan(struct create_one *t)
{
    char *name = errand_text(t->errand, t->ask->name);
    if (!name || !settings_take(t))
        return false;
    t->create.name = name;
    if (t->error == KAFKA_NONE && !name_fits(t->ask->name))
        create_refuse(t, KAFKA_INVALID_TOPIC_EXCEPTION,
                      "a topic's name has 1 to 249 letters, digits, '.', '_' or '-', and is not "
                      "'.' or '..'");
    if (t->error == KAFKA_NONE && t->ask->assignments.count)
        return assigned_take(t);
    if (t->error == KAFKA_NONE)
        t->create.partitions = partitions_of(t);
    return true;
}

static void create_start(struct create_one *t)
{
    struct errand *c = t->errand;
    t->create.verb = errand_verb(c, create_done);
    t->create.settings = t->settings;
    t->create.setting_count = t->setting_count;
    errand_more(c);
    serve_create(errand_serve(c), &t->create);
}

/* Only looked at: those that are there already are told. */
static void creates_looked(struct errand *c)
{
    struct creates *s = c->state;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->topics[i].error == KAFKA_NONE && c->wants[i].topic)
            create_refuse(&s->topics[i], KAFKA_TOPIC_ALREADY_EXISTS, "the topic is there already");
    creates_answer(c);
}

static void creates_look(struct errand *c)
{
    struct creates *s = c->state;
    struct topic_want *wants = errand_take(c, s->count * sizeof(*wants) + 1);
    for (uint32_t i = 0; wants && i < s->count; i++)
        wants[i] = (struct topic_want){ .name = s->topics[i].ask->name, .fresh = true };
    if (wants)
        topics_find(c, wants, s->count, creates_looked);
}

static bool creates_make(struct errand *c)
{
    const struct kafka_create_topics_request *ask = c->asked;
    struct creates *s = errand_take(c, sizeof(*s));
    struct create_one *topics = s ? errand_take(c, ask->topics.count * sizeof(*topics) + 1) : NULL;
    if (!topics)
        return false;
    s->topics = topics;
    s->count = ask->topics.count;
    c->state = s;
    for (uint32_t i = 0; i < s->count; i++) {
        topics[i].errand = c;
        topics[i].ask = &ask->topics.at[i];
    }
    for (uint32_t i = 0; i < s->count; i++)
        if (named_twice(s, i))
            create_refuse(&topics[i], KAFKA_INVALID_REQUEST, "the topic is named twice");
        else if (!create_plan(&topics[i]))
            return false;
    return true;
}

#define CREATES_MAX 1000u /* in one request: names are compared with each other */

void creates_start(struct errand *c)
{
    const struct kafka_create_topics_request *ask = c->asked;
    if (ask->topics.count > CREATES_MAX) {
        errand_break(c, ERR_LIMIT, "a request makes more than 1000 topics");
        return;
    }
    if (!creates_make(c))
        return;
    struct creates *s = c->state;
    if (ask->validate_only) {
        creates_look(c);
        return;
    }
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->topics[i].error == KAFKA_NONE)
            create_start(&s->topics[i]);
    if (errand_less(c))
        creates_answer(c);
}

/* ---- DeleteTopics ---- */

struct delete_one {
    struct errand *errand;
    const struct topic_want *want;
    struct verb_delete delete_;
    enum kafka_error error;
    struct why why;
};
struct deletes {
    uint32_t count;
    struct delete_one *topics;
};

static void deletes_answer(struct errand *c)
{
    const struct deletes *s = c->state;
    RESPONSE(delete_topics, r);
    r.responses.at = errand_items(c, kafka_delete_topics_response_response_shape(), s->count);
    if (!r.responses.at)
        return;
    r.responses.count = s->count;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct delete_one *t = &s->topics[i];
        struct kafka_delete_topics_response_response *to = &r.responses.at[i];
        to->name = t->want->topic ? text_bytes(t->want->topic->info->name) : t->want->name;
        to->topic_id = t->want->topic ? t->want->topic->info->id : t->want->id;
        to->error_code = (int16_t)t->error;
        to->error_message = (struct bytes){ NULL, 0 };
        if (!t->why.text[0])
            continue;
        char *text = errand_text(c, text_bytes(t->why.text));
        if (!text)
            return;
        to->error_message = text_bytes(text);
    }
    errand_answer(c, &r);
}

static void delete_done(struct verb *v)
{
    struct delete_one *t = container_of(v, struct delete_one, delete_.verb);
    struct errand *c = t->errand;
    if (v->err != ERR_OK) {
        t->error = kafka_error_of(v->err);
        t->why = t->delete_.why;
    }
    if (v->err == ERR_NOT_FOUND && !t->want->name.at)
        t->error = KAFKA_UNKNOWN_TOPIC_ID; /* somebody else was faster */
    if (errand_less(c))
        deletes_answer(c);
}

static void deletes_known(struct errand *c)
{
    struct deletes *s = c->state;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct delete_one *t = &s->topics[i];
        if (!t->want->topic) {
            t->error = topic_error(t->want);
            continue;
        }
        t->delete_.verb = errand_verb(c, delete_done);
        t->delete_.name = t->want->topic->info->name;
        t->delete_.id = t->want->topic->info->id;
        errand_more(c);
        serve_delete(errand_serve(c), &t->delete_);
    }
    if (errand_less(c))
        deletes_answer(c);
}

void deletes_start(struct errand *c)
{
    const struct kafka_delete_topics_request *ask = c->asked;
    bool ids = errand_version(c) >= 6;
    uint32_t count = ids ? ask->topics.count : ask->topic_names.count;
    if (!errand_parts_within(c, count))
        return;
    struct topic_want *wants = errand_take(c, count * sizeof(*wants) + 1);
    struct deletes *s = wants ? errand_take(c, sizeof(*s)) : NULL;
    struct delete_one *topics = s ? errand_take(c, count * sizeof(*topics) + 1) : NULL;
    if (!topics)
        return;
    s->topics = topics;
    s->count = count;
    c->state = s;
    for (uint32_t i = 0; i < count; i++) {
        wants[i] = (struct topic_want){ .fresh = true };
        wants[i].name = ids ? ask->topics.at[i].name : ask->topic_names.at[i];
        if (ids)
            wants[i].id = ask->topics.at[i].topic_id;
        topics[i].errand = c;
        topics[i].want = &wants[i];
    }
    topics_find(c, wants, count, deletes_known);
}
