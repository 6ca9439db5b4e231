/* api_config.c -- DescribeConfigs and IncrementalAlterConfigs.
 *
 * A topic's settings are those of engine/coord/settings.def, whose names are Kafka's where Kafka
 * has one. The node's can be looked at, under the names that Kafka's clients ask for, and are
 * changed in its configuration alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/handler.h"
#include "net/kafka/twice.h"

enum { RESOURCE_TOPIC = 2, RESOURCE_NODE = 4 };
enum { SOURCE_TOPIC = 1, SOURCE_NODE = 4, SOURCE_DEFAULT = 5 };
enum { TYPE_BOOLEAN = 1, TYPE_STRING = 2, TYPE_INT = 3, TYPE_LONG = 5, TYPE_LIST = 7 };
enum { OPERATION_SET, OPERATION_DELETE, OPERATION_APPEND, OPERATION_SUBTRACT };

#define CONFIGS_MAX 64u /* of one resource */

static const int8_t types[SETTING_COUNT] = {
    [SETTING_CLEANUP_POLICY] = TYPE_LIST,   [SETTING_RETENTION_MS] = TYPE_LONG,
    [SETTING_RETENTION_BYTES] = TYPE_LONG,  [SETTING_SEGMENT_MS] = TYPE_LONG,
    [SETTING_MAX_MESSAGE_BYTES] = TYPE_INT, [SETTING_TIMESTAMP_TYPE] = TYPE_STRING,
    [SETTING_DURABILITY] = TYPE_STRING,     [SETTING_TIME_BEFORE_MAX] = TYPE_LONG,
    [SETTING_TIME_AFTER_MAX] = TYPE_LONG,
};

bool kafka_config_text(struct errand *c, const struct settings *s, enum setting which,
                       struct bytes *name, struct bytes *value, int8_t *source)
{
    char *text = errand_take(c, SETTING_TEXT_MAX);
    if (!text)
        return false;
    settings_print(s, which, text);
    *name = text_bytes(setting_key(which));
    *value = text_bytes(text);
    *source = s->set >> which & 1 ? SOURCE_TOPIC : SOURCE_DEFAULT;
    return true;
}

char *kafka_config_value(struct errand *c, struct bytes text)
{
    while (text.len && (text.at[0] == ' ' || text.at[0] == '\t'))
        text.at++, text.len--;
    while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return errand_text(c, text);
}

static bool text_is(struct bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* ---- DescribeConfigs ---- */

struct describe {
    uint32_t *want_of; /* for each resource: of a topic, which want */
};

/* Does the client want to see this one? None means all. */
static bool key_asked(const struct kafka_describe_configs_request_resource *ask, const char *key)
{
    if (!ask->configuration_keys.count)
        return true;
    for (uint32_t i = 0; i < ask->configuration_keys.count; i++)
        if (text_is(ask->configuration_keys.at[i], key))
            return true;
    return false;
}

/* A node's name for the default of a topic's setting, as Kafka has it; NULL: no node has one that
 * would be a default. */
static const char *const node_keys[SETTING_COUNT] = {
    [SETTING_CLEANUP_POLICY] = "log.cleanup.policy",
    [SETTING_RETENTION_BYTES] = "log.retention.bytes",
    [SETTING_MAX_MESSAGE_BYTES] = "message.max.bytes",
    [SETTING_TIMESTAMP_TYPE] = "log.message.timestamp.type",
    [SETTING_DURABILITY] = "topic.durability",
    [SETTING_TIME_BEFORE_MAX] = "log.message.timestamp.before.max.ms",
    [SETTING_TIME_AFTER_MAX] = "log.message.timestamp.after.max.ms",
};

/* The value of the topic, if it has one, and below it the default. */
static bool synonyms_fill(struct errand *c, struct kafka_describe_configs_response_config *to,
                          enum setting which)
{
    struct settings s = settings_default();
    to->synonyms.at = errand_items(c, kafka_describe_configs_response_synonym_shape(), 2);
    if (!to->synonyms.at)
        return false;
    struct kafka_describe_configs_response_synonym *one = to->synonyms.at;
    if (to->config_source == SOURCE_TOPIC)
        one[to->synonyms.count++] =
            (struct kafka_describe_configs_response_synonym){ to->name, to->value,
                                                              to->config_source };
    if (!node_keys[which])
        return true;
    one += to->synonyms.count++;
    if (!kafka_config_text(c, &s, which, &one->name, &one->value, &one->source))
        return false;
    one->name = text_bytes(node_keys[which]);
    return true;
}

static bool setting_fill(struct errand *c, const struct topic_info *t, enum setting which,
                         struct kafka_describe_configs_response_config *to)
{
    const struct kafka_describe_configs_request *ask = c->asked;
    if (!kafka_config_text(c, &t->settings, which, &to->name, &to->value, &to->config_source))
        return false;
    to->config_type = types[which];
    to->documentation = (struct bytes){ NULL, 0 };
    if (ask->include_documentation)
        to->documentation = text_bytes(setting_text(which));
    return !ask->include_synonyms || synonyms_fill(c, to, which);
}

static bool topic_fill(struct errand *c, const struct kafka_describe_configs_request_resource *ask,
                       const struct topic_want *w,
                       struct kafka_describe_configs_response_result *to)
{
    if (!w->topic) {
        to->error_code = (int16_t)topic_error(w);
        to->error_message = text_bytes(err_text(w->err));
        return true;
    }
    to->configs.at = errand_items(c, kafka_describe_configs_response_config_shape(), SETTING_COUNT);
    if (!to->configs.at)
        return false;
    for (uint32_t i = 0; i < SETTING_COUNT; i++)
        if (key_asked(ask, setting_key((enum setting)i)) &&
            !setting_fill(c, w->topic->info, (enum setting)i, &to->configs.at[to->configs.count++]))
            return false;
    return true;
}

/* What the node does, in the words of Kafka's brokers. */
static bool node_fill(struct errand *c, const struct kafka_describe_configs_request_resource *ask,
                      struct kafka_describe_configs_response_result *to)
{
    const struct door_opts *o = &c->conn->desk->opts;
    struct settings s = settings_default();
    const struct {
        const char *key;
        int64_t value;
        const char *word;
        int8_t type, source;
    } rows[] = {
        { "auto.create.topics.enable", 0, o->auto_partitions ? "true" : "false", TYPE_BOOLEAN,
          o->auto_partitions ? SOURCE_DEFAULT : SOURCE_NODE },
        { "num.partitions", o->partitions_default, NULL, TYPE_INT,
          o->partitions_default == 1 ? SOURCE_DEFAULT : SOURCE_NODE },
        { "default.replication.factor", 1, NULL, TYPE_INT, SOURCE_DEFAULT },
        { "min.insync.replicas", 1, NULL, TYPE_INT, SOURCE_DEFAULT },
        { "compression.type", 0, "producer", TYPE_STRING, SOURCE_DEFAULT },
        { "log.cleanup.policy", 0, "delete", TYPE_LIST, SOURCE_DEFAULT },
        { "log.retention.ms", setting_get(&s, SETTING_RETENTION_MS), NULL, TYPE_LONG,
          SOURCE_DEFAULT },
        { "log.retention.bytes", setting_get(&s, SETTING_RETENTION_BYTES), NULL, TYPE_LONG,
          SOURCE_DEFAULT },
        { "message.max.bytes", setting_get(&s, SETTING_MAX_MESSAGE_BYTES), NULL, TYPE_INT,
          SOURCE_DEFAULT },
    };
    const uint32_t count = sizeof(rows) / sizeof(rows[0]);
    to->configs.at = errand_items(c, kafka_describe_configs_response_config_shape(), count);
    for (uint32_t i = 0; to->configs.at && i < count; i++) {
        char *text = errand_take(c, SETTING_TEXT_MAX);
        if (!text)
            return false;
        if (!key_asked(ask, rows[i].key))
            continue;
        snprintf(text, SETTING_TEXT_MAX, "%" PRId64, rows[i].value);
        struct kafka_describe_configs_response_config *one = &to->configs.at[to->configs.count++];
        one->name = text_bytes(rows[i].key);
        one->value = text_bytes(rows[i].word ? rows[i].word : text);
        one->read_only = true;
        one->config_source = rows[i].source;
        one->config_type = rows[i].type;
        one->documentation = (struct bytes){ NULL, 0 };
    }
    return to->configs.at;
}

static void node_name_check(struct errand *c, struct bytes name, int16_t *error,
                            struct bytes *message)
{
    char own[16];
    snprintf(own, sizeof(own), "%d", kafka_node(c));
    if (!name.len || text_is(name, own))
        return;
    *error = KAFKA_INVALID_REQUEST;
    *message = text_bytes("no node of the cluster has this number");
}

static void configs_known(struct errand *c)
{
    const struct kafka_describe_configs_request *ask = c->asked;
    const struct describe *s = c->state;
    RESPONSE(describe_configs, r);
    uint32_t count = ask->resources.count;
    r.results.at = errand_items(c, kafka_describe_configs_response_result_shape(), count);
    if (!r.results.at)
        return;
    r.results.count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct kafka_describe_configs_request_resource *from = &ask->resources.at[i];
        struct kafka_describe_configs_response_result *to = &r.results.at[i];
        bool fine = true;
        to->resource_type = from->resource_type;
        to->resource_name = from->resource_name;
        to->error_message = (struct bytes){ NULL, 0 };
        if (from->resource_type == RESOURCE_TOPIC) {
            fine = topic_fill(c, from, &c->wants[s->want_of[i]], to);
        } else if (from->resource_type == RESOURCE_NODE) {
            node_name_check(c, from->resource_name, &to->error_code, &to->error_message);
            /* Without a name: what all nodes have in common and can be changed, which is nothing.
             */
            fine =
                to->error_code != KAFKA_NONE || !from->resource_name.len || node_fill(c, from, to);
        } else {
            to->error_code = KAFKA_INVALID_REQUEST;
            to->error_message = text_bytes("only topics (2) and nodes (4) have settings here");
        }
        if (!fine)
            return;
    }
    errand_answer(c, &r);
}

void configs_start(struct errand *c)
{
    const struct kafka_describe_configs_request *ask = c->asked;
    uint32_t count = ask->resources.count, topics = 0;
    if (!errand_parts_within(c, count))
        return;
    struct describe *s = errand_take(c, sizeof(*s));
    uint32_t *want_of = s ? errand_take(c, count * sizeof(*want_of) + 1) : NULL;
    struct topic_want *wants = want_of ? errand_take(c, count * sizeof(*wants) + 1) : NULL;
    if (!wants)
        return;
    s->want_of = want_of;
    c->state = s;
    for (uint32_t i = 0; i < count; i++) {
        if (ask->resources.at[i].resource_type != RESOURCE_TOPIC)
            continue;
        want_of[i] = topics;
        wants[topics++] = (struct topic_want){ .name = ask->resources.at[i].resource_name,
                                               .fresh = true,
                                               .strict = true };
    }
    topics_find(c, wants, topics, configs_known);
}

/* ---- IncrementalAlterConfigs ---- */

struct alter_one {
    struct errand *errand;
    const struct kafka_incremental_alter_configs_request_resource *ask;
    struct verb_alter alter;
    struct setting_text settings[CONFIGS_MAX];
    uint32_t setting_count;
    enum kafka_error error;
    struct why why;
};
struct alters {
    uint32_t count;
    struct alter_one *resources;
};

static bool alter_refuse(struct alter_one *a, enum kafka_error error, const char *why)
{
    a->error = error;
    why_set(&a->why, "%s", why);
    return true;
}

static void alters_answer(struct errand *c)
{
    const struct alters *s = c->state;
    RESPONSE(incremental_alter_configs, r);
    r.responses.at =
        errand_items(c, kafka_incremental_alter_configs_response_response_shape(), s->count);
    if (!r.responses.at)
        return;
    r.responses.count = s->count;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct alter_one *a = &s->resources[i];
        struct kafka_incremental_alter_configs_response_response *to = &r.responses.at[i];
        to->resource_type = a->ask->resource_type;
        to->resource_name = a->ask->resource_name;
        to->error_code = (int16_t)a->error;
        to->error_message = (struct bytes){ NULL, 0 };
        if (a->error == KAFKA_NONE)
            continue;
        char *text = errand_text(c, text_bytes(a->why.text));
        if (!text)
            return;
        to->error_message = text_bytes(text);
    }
    errand_answer(c, &r);
}

static void alter_done(struct verb *v)
{
    struct alter_one *a = container_of(v, struct alter_one, alter.verb);
    struct errand *c = a->errand;
    if (v->err != ERR_OK)
        alter_refuse(a, v->err == ERR_INVALID ? KAFKA_INVALID_CONFIG : kafka_error_of(v->err),
                     a->alter.why.text[0] ? a->alter.why.text : err_text(v->err));
    if (errand_less(c))
        alters_answer(c);
}

/* One change. False: the errand ended. */
static bool change_take(struct alter_one *a, const struct topic_info *t,
                        const struct kafka_incremental_alter_configs_request_config *from)
{
    struct settings s = t->settings;
    char *key = errand_text(a->errand, from->name);
    char *value = kafka_config_value(a->errand, from->value);
    int8_t operation = from->config_operation;
    if (!key || !value)
        return false;
    bool list = setting_find(key) == SETTING_CLEANUP_POLICY;
    if (operation < OPERATION_SET || operation > OPERATION_SUBTRACT)
        return alter_refuse(a, KAFKA_INVALID_REQUEST, "operations are 0 to 3");
    if (operation != OPERATION_DELETE && !from->value.at)
        return alter_refuse(a, KAFKA_INVALID_REQUEST, "a value is missing");
    if (operation == OPERATION_SUBTRACT || (operation == OPERATION_APPEND && !list))
        return alter_refuse(a, KAFKA_INVALID_CONFIG,
                            list ? "cleanup.policy has one word, which cannot be taken away"
                                 : "only lists can be appended to, and this setting is none");
    if (operation == OPERATION_DELETE)
        value = NULL;
    if (settings_parse(&s, key, value, &a->why) != ERR_OK) {
        a->error = KAFKA_INVALID_CONFIG;
        return true;
    }
    for (uint32_t i = 0; i < a->setting_count; i++)
        if (strcmp(a->settings[i].key, key) == 0)
            return alter_refuse(a, KAFKA_INVALID_REQUEST, "a setting is named twice");
    a->settings[a->setting_count++] = (struct setting_text){ key, value };
    return true;
}

/* False: the errand ended. */
static bool alter_plan(struct alter_one *a, const struct topic_want *w)
{
    if (a->ask->resource_type == RESOURCE_NODE)
        return alter_refuse(a, KAFKA_INVALID_REQUEST,
                            "a node's settings are changed in its configuration");
    if (a->ask->resource_type != RESOURCE_TOPIC)
        return alter_refuse(a, KAFKA_INVALID_REQUEST, "only topics (2) can be altered here");
    if (!a->ask->resource_name.len)
        return alter_refuse(a, KAFKA_INVALID_REQUEST, "the topic has no name");
    if (!w->topic)
        return alter_refuse(a, topic_error(w), err_text(w->err));
    if (a->ask->configs.count > CONFIGS_MAX)
        return alter_refuse(a, KAFKA_INVALID_REQUEST, "a topic has at most 64 settings");
    for (uint32_t i = 0; i < a->ask->configs.count && a->error == KAFKA_NONE; i++)
        if (!change_take(a, w->topic->info, &a->ask->configs.at[i]))
            return false;
    return true;
}

static void alters_known(struct errand *c)
{
    const struct kafka_incremental_alter_configs_request *ask = c->asked;
    struct alters *s = c->state;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->resources[i].error == KAFKA_NONE && !alter_plan(&s->resources[i], &c->wants[i]))
            return;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct alter_one *a = &s->resources[i];
        if (a->error != KAFKA_NONE || ask->validate_only || !a->setting_count)
            continue;
        a->alter = (struct verb_alter){ .verb = errand_verb(c, alter_done),
                                        .name = c->wants[i].topic->info->name,
                                        .settings = a->settings,
                                        .setting_count = a->setting_count };
        errand_more(c);
        serve_alter(errand_serve(c), &a->alter);
    }
    if (errand_less(c))
        alters_answer(c);
}

void alters_start(struct errand *c)
{
    const struct kafka_incremental_alter_configs_request *ask = c->asked;
    uint32_t count = ask->resources.count;
    if (!errand_parts_within(c, count))
        return;
    struct alters *s = errand_take(c, sizeof(*s));
    struct alter_one *all = s ? errand_take(c, count * sizeof(*all) + 1) : NULL;
    struct topic_want *wants = all ? errand_take(c, count * sizeof(*wants) + 1) : NULL;
    struct bytes *names = wants ? errand_take(c, count * sizeof(*names) + 1) : NULL;
    if (!names)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (ask->resources.at[i].resource_type == RESOURCE_TOPIC)
            names[i] = ask->resources.at[i].resource_name;
    enum twice *marks = twice_mark(c, names, count);
    if (!marks)
        return;
    s->resources = all;
    s->count = count;
    c->state = s;
    for (uint32_t i = 0; i < count; i++) {
        all[i].errand = c;
        all[i].ask = &ask->resources.at[i];
        if (marks[i] != TWICE_NOT)
            alter_refuse(&all[i], KAFKA_INVALID_REQUEST, "the topic is named twice");
        wants[i] = (struct topic_want){ .name = ask->resources.at[i].resource_name,
                                        .fresh = true,
                                        .strict = true };
    }
    topics_find(c, wants, count, alters_known);
}
