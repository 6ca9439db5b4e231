/* api_topic.c -- CreateTopics, DeleteTopics.
 *
 * A topic of a request is a verb of its own; all are answered together. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/handler.h"
#include "net/kafka/twice.h"

#define SETTINGS_MAX 64u

/* ---- CreateTopics ---- */

struct create_one {
    struct errand *errand;
    const struct kafka_create_topics_request_topic *ask;
    struct verb_create create;
    struct setting_text settings[SETTINGS_MAX + 1];
    uint32_t setting_count;
    enum kafka_error error;
    enum twice twice;
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
    for (uint32_t i = 0; i < s->count; i++)
        if (s->topics[i].twice != TWICE_AGAIN &&
            !create_fill(c, &s->topics[i], &r.topics.at[r.topics.count++]))
            return;
    errand_answer(c, &r);
}

static void create_done(struct verb *v)
{
    struct create_one *t = container_of(v, struct create_one, create.verb);
    if (v->err != ERR_OK)
        create_refuse(t, kafka_error_of(v->err),
                      t->create.why.text[0] ? t->create.why.text : err_text(v->err));
    if (v->err == ERR_INVALID) /* name and settings by themselves were looked at before */
        t->error = t->create.partitions > PARTITIONS_MAX ? KAFKA_INVALID_PARTITIONS
                                                         : KAFKA_INVALID_TOPIC_EXCEPTION;
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
    if (ask->num_partitions != -1 && ask->num_partitions < 1) {
        create_refuse(t, KAFKA_INVALID_PARTITIONS, "a topic has one partition or more");
        return 0;
    }
    if (ask->replication_factor != -1 && ask->replication_factor != 1) {
        why_set(&t->why,
                "replication factor %d: there is one node, default.replication.factor is 1",
                ask->replication_factor);
        t->error = KAFKA_INVALID_REPLICATION_FACTOR;
        return 0;
    }
    return ask->num_partitions == -1 ? o->partitions_default : (uint32_t)ask->num_partitions;
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
        char *key = errand_text(c, from->name), *value = kafka_config_value(c, from->value);
        if (!key || !value)
            return false;
        if (!from->value.at) {
            create_refuse(t, KAFKA_INVALID_CONFIG, "a setting has no value");
            return true;
        }
        if (settings_parse(&s, key, value, &t->why) != ERR_OK) {
            t->error = KAFKA_INVALID_CONFIG;
            return true;
        }
        bool again = t->setting_count && strcmp(key, durability) == 0 && o->durability_set;
        t->settings[again ? 0 : t->setting_count++] = (struct setting_text){ key, value };
    }
    return true;
}

/* What is wrong is told in the order of Kafka: the name, that it is there, the settings, the rest.
 * False: the errand ended. */
static bool create_plan(struct create_one *t, bool there)
{
    if (t->twice != TWICE_NOT)
        create_refuse(t, KAFKA_INVALID_REQUEST, "the topic is named twice");
    else if (!topic_name_fits(t->ask->name))
        create_refuse(t, KAFKA_INVALID_TOPIC_EXCEPTION,
                      "a topic's name has 1 to 249 letters, digits, '.', '_' or '-', and is not "
                      "'.' or '..'");
    else if (there)
        create_refuse(t, KAFKA_TOPIC_ALREADY_EXISTS, "the topic is there already");
    else if (!(t->create.name = errand_text(t->errand, t->ask->name)) || !settings_take(t))
        return false;
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

/* It is known which ones are there. */
static void creates_known(struct errand *c)
{
    const struct kafka_create_topics_request *ask = c->asked;
    struct creates *s = c->state;
    for (uint32_t i = 0; i < s->count; i++)
        if (!create_plan(&s->topics[i], c->wants[i].topic))
            return;
    errand_more(c);
    for (uint32_t i = 0; i < s->count && !ask->validate_only; i++)
        if (s->topics[i].error == KAFKA_NONE)
            create_start(&s->topics[i]);
    if (errand_less(c))
        creates_answer(c);
}

#define CREATES_MAX 1000u /* in one request: each has room for its settings */

void creates_start(struct errand *c)
{
    const struct kafka_create_topics_request *ask = c->asked;
    uint32_t count = ask->topics.count;
    if (count > CREATES_MAX) {
        errand_break(c, ERR_LIMIT, "a request makes more than 1000 topics");
        return;
    }
    struct creates *s = errand_take(c, sizeof(*s));
    struct create_one *topics = s ? errand_take(c, count * sizeof(*topics) + 1) : NULL;
    struct bytes *names = topics ? errand_take(c, count * sizeof(*names) + 1) : NULL;
    struct topic_want *wants = names ? errand_take(c, count * sizeof(*wants) + 1) : NULL;
    if (!wants)
        return;
    s->topics = topics;
    s->count = count;
    c->state = s;
    for (uint32_t i = 0; i < count; i++)
        names[i] = ask->topics.at[i].name;
    enum twice *marks = twice_mark(c, names, count);
    if (!marks)
        return;
    for (uint32_t i = 0; i < count; i++) {
        topics[i].errand = c;
        topics[i].ask = &ask->topics.at[i];
        topics[i].twice = marks[i];
        wants[i] = (struct topic_want){ .name = names[i], .fresh = true };
    }
    topics_find(c, wants, count, creates_known);
}

/* ---- DeleteTopics ---- */

struct delete_one {
    struct errand *errand;
    const struct topic_want *want;
    struct verb_delete delete_;
    enum kafka_error error;
    bool skip; /* another one has its answer */
    struct why why;
};
struct deletes {
    uint32_t count;
    struct delete_one *topics;
};

static void delete_refuse(struct delete_one *t, enum kafka_error error, const char *why)
{
    t->error = error;
    why_set(&t->why, "%s", why);
}

static bool delete_fill(struct errand *c, const struct delete_one *t,
                        struct kafka_delete_topics_response_response *to)
{
    const struct topic *topic = t->error == KAFKA_INVALID_REQUEST ? NULL : t->want->topic;
    to->name = topic ? text_bytes(topic->info->name) : t->want->name;
    to->topic_id = topic ? topic->info->id : t->want->id;
    to->error_code = (int16_t)t->error;
    to->error_message = (struct bytes){ NULL, 0 };
    if (t->error == KAFKA_NONE)
        return true;
    char *text = errand_text(c, text_bytes(t->why.text));
    if (text)
        to->error_message = text_bytes(text);
    return text;
}

static void deletes_answer(struct errand *c)
{
    const struct deletes *s = c->state;
    RESPONSE(delete_topics, r);
    r.responses.at = errand_items(c, kafka_delete_topics_response_response_shape(), s->count);
    if (!r.responses.at)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->topics[i].skip &&
            !delete_fill(c, &s->topics[i], &r.responses.at[r.responses.count++]))
            return;
    errand_answer(c, &r);
}

static void delete_done(struct verb *v)
{
    struct delete_one *t = container_of(v, struct delete_one, delete_.verb);
    struct errand *c = t->errand;
    if (v->err != ERR_OK)
        delete_refuse(t, kafka_error_of(v->err), t->delete_.why.text);
    if (v->err == ERR_NOT_FOUND && !t->want->name.at)
        t->error = KAFKA_UNKNOWN_TOPIC_ID; /* somebody else was faster */
    if (errand_less(c))
        deletes_answer(c);
}

/* One topic by its name and by its id: the name gets the answer, with the id. */
static bool deletes_by_both(struct errand *c)
{
    struct deletes *s = c->state;
    struct bytes *ids = errand_take(c, s->count * sizeof(*ids) + 1);
    if (!ids)
        return false;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->topics[i].error == KAFKA_NONE && s->topics[i].want->topic)
            ids[i] = (struct bytes){ s->topics[i].want->topic->info->id.b, sizeof(struct id16) };
    enum twice *marks = twice_mark(c, ids, s->count);
    for (uint32_t i = 0; marks && i < s->count; i++) {
        if (marks[i] == TWICE_NOT)
            continue;
        delete_refuse(&s->topics[i], KAFKA_INVALID_REQUEST,
                      "the topic is named by its name and by its id");
        s->topics[i].skip = !s->topics[i].want->name.at;
        c->wants[i].id = s->topics[i].want->topic->info->id;
    }
    return marks;
}

static void deletes_known(struct errand *c)
{
    struct deletes *s = c->state;
    if (!deletes_by_both(c))
        return;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct delete_one *t = &s->topics[i];
        if (t->error != KAFKA_NONE || t->skip)
            continue;
        if (!t->want->topic) {
            delete_refuse(t, topic_error(t->want), err_text(t->want->err));
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

/* What is wrong with the names and ids by themselves. False: the errand ended. */
static bool deletes_check(struct errand *c, const struct topic_want *wants)
{
    struct deletes *s = c->state;
    struct bytes *names = errand_take(c, s->count * sizeof(*names) + 1);
    struct bytes *ids = names ? errand_take(c, s->count * sizeof(*ids) + 1) : NULL;
    if (!ids)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        bool id = !id16_zero(wants[i].id), name = wants[i].name.at;
        if (id == name)
            delete_refuse(&s->topics[i], KAFKA_INVALID_REQUEST,
                          id ? "a topic is named by its name or by its id, not by both"
                             : "a topic has neither a name nor an id");
        names[i] = id ? (struct bytes){ NULL, 0 } : wants[i].name;
        if (id && !name)
            ids[i] = (struct bytes){ wants[i].id.b, sizeof(wants[i].id) };
    }
    enum twice *by_name = twice_mark(c, names, s->count);
    enum twice *by_id = by_name ? twice_mark(c, ids, s->count) : NULL;
    for (uint32_t i = 0; by_id && i < s->count; i++) {
        enum twice mark = by_name[i] == TWICE_NOT ? by_id[i] : by_name[i];
        if (mark != TWICE_NOT)
            delete_refuse(&s->topics[i], KAFKA_INVALID_REQUEST, "the topic is named twice");
        s->topics[i].skip = mark == TWICE_AGAIN;
    }
    return by_id;
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
    if (deletes_check(c, wants))
        topics_find(c, wants, count, deletes_known);
}
