/* api_hello.c -- what a client asks first: versions, who is there, which topics. */
#include <stdlib.h>

#include "net/kafka/handler.h"
#include "net/kafka/twice.h"

#define CLUSTER_TEXT_BYTES 22u /* 16 bytes in base 64, without padding */
/* Bit n: operation n may be done; who may is not asked yet, so everybody may do everything.
 * READ 3, WRITE 4, CREATE 5, DELETE 6, ALTER 7, DESCRIBE 8, CLUSTER_ACTION 9, DESCRIBE_CONFIGS 10,
 * ALTER_CONFIGS 11, IDEMPOTENT_WRITE 12. */
#define TOPIC_OPERATIONS   0x0df8
#define CLUSTER_OPERATIONS 0x1fa0

#define TOPIC_BY_ID_FROM    12 /* version of Metadata */
#define ENDPOINT_BROKER     1
#define ENDPOINT_CONTROLLER 2

/* ---- ApiVersions ---- */

/* Kafka's rule for the client's software and its version. */
static bool software_possible(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = text.at[i], low = ch | 0x20;
        bool letter = (low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9');
        bool inner = i > 0 && i + 1 < text.len && (ch == '-' || ch == '.');
        if (!letter && !inner)
            return false;
    }
    return text.len > 0;
}

void versions_start(struct errand *c)
{
    const struct kafka_api_versions_request *ask = c->asked;
    RESPONSE(api_versions, r);
    if (errand_version(c) >= 3 && (!software_possible(ask->client_software_name) ||
                                   !software_possible(ask->client_software_version)))
        r.error_code = KAFKA_INVALID_REQUEST;
    r.api_keys.at = errand_items(c, kafka_api_versions_response_api_key_shape(), kafka_api_count);
    if (!r.api_keys.at)
        return;
    for (uint32_t i = 0; r.error_code == KAFKA_NONE && i < kafka_api_count; i++) {
        const struct kafka_api *api = &kafka_apis[i];
        if (handler_of(api->key))
            r.api_keys.at[r.api_keys.count++] =
                (struct kafka_api_versions_response_api_key){ api->key, api->advertised_first,
                                                              api->last };
    }
    errand_answer(c, &r);
}

/* ---- who is there ---- */

static struct bytes cluster_text(const struct errand *c, char out[CLUSTER_TEXT_BYTES + 2])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct id16 id = serve_cluster(errand_serve(c));
    for (uint32_t i = 0; i < 16; i += 3) {
        uint32_t v = (uint32_t)id.b[i] << 16;
        v |= i + 1 < 16 ? (uint32_t)id.b[i + 1] << 8 | id.b[i + 2] : 0;
        for (uint32_t k = 0; k < 4; k++)
            out[i / 3 * 4 + k] = digits[v >> (18 - 6 * k) & 63];
    }
    return (struct bytes){ (const uint8_t *)out, CLUSTER_TEXT_BYTES };
}

void cluster_start(struct errand *c)
{
    const struct kafka_describe_cluster_request *ask = c->asked;
    RESPONSE(describe_cluster, r);
    struct kafka_describe_cluster_response_broker broker;
    char id[CLUSTER_TEXT_BYTES + 2];
    kafka_unset(kafka_describe_cluster_response_broker_shape(), &broker);
    if (ask->endpoint_type != ENDPOINT_BROKER) {
        r.error_code = ask->endpoint_type == ENDPOINT_CONTROLLER ? KAFKA_MISMATCHED_ENDPOINT_TYPE
                                                                 : KAFKA_UNSUPPORTED_ENDPOINT_TYPE;
        r.error_message = text_bytes("only brokers can be described: endpoint type 1");
        errand_answer(c, &r);
        return;
    }
    broker.broker_id = kafka_node(c);
    kafka_advertised(c->conn, &broker.host, &broker.port);
    r.cluster_id = cluster_text(c, id);
    r.controller_id = broker.broker_id;
    r.brokers.at = &broker;
    r.brokers.count = 1;
    if (ask->include_cluster_authorized_operations)
        r.cluster_authorized_operations = CLUSTER_OPERATIONS;
    errand_answer(c, &r);
}

/* ---- FindCoordinator: this node is everybody's ---- */

void coordinator_start(struct errand *c)
{
    const struct kafka_find_coordinator_request *ask = c->asked;
    RESPONSE(find_coordinator, r);
    struct bytes host;
    bool many = errand_version(c) >= 4;
    uint32_t count = many ? ask->coordinator_keys.count : 0;
    kafka_advertised(c->conn, &host, &r.port);
    r.node_id = kafka_node(c);
    r.host = host;
    if (!many)
        r.error_message = text_bytes("NONE"); /* where there is no error, Kafka has its name here */
    if (!errand_parts_within(c, count))
        return;
    if (ask->key_type < 0 || ask->key_type > 1) { /* groups, transactions */
        r.error_code = KAFKA_INVALID_REQUEST;
        r.error_message = text_bytes("coordinators are of groups (0) and of transactions (1)");
        r.node_id = r.port = -1;
        r.host = text_bytes("");
    }
    r.coordinators.at = errand_items(c, kafka_find_coordinator_response_coordinator_shape(), count);
    if (!r.coordinators.at)
        return;
    r.coordinators.count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct kafka_find_coordinator_response_coordinator *one = &r.coordinators.at[i];
        one->key = ask->coordinator_keys.at[i];
        one->node_id = r.node_id;
        one->host = r.host;
        one->port = r.port;
        one->error_code = r.error_code;
        if (r.error_code != KAFKA_NONE)
            one->error_message = r.error_message;
    }
    errand_answer(c, &r);
}

/* ---- Metadata ---- */

/* How many all topics are is known when they are there: until then they are in no budget, and the
 * shard of the metadata puts them in order in one turn. So each shard asks for them once at a time.
 * Such an errand has started when it is answered: up to there it may wait for what it takes, and
 * the next one of its connection waits for it. */
struct metadata {
    struct node node; /* desk_kafka.lists */
    struct verb_list list;
    struct errand *errand;
    uint32_t count;
    struct topic_want wants[];
};

static bool partitions_fill(struct errand *c, struct kafka_metadata_response_topic *t,
                            const struct topic *topic)
{
    uint32_t count = topic->info->partitions;
    int32_t *node = errand_take(c, sizeof(*node));
    t->partitions.at = errand_items(c, kafka_metadata_response_partition_shape(), count);
    if (!node || !t->partitions.at)
        return false;
    *node = kafka_node(c);
    t->partitions.count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct kafka_metadata_response_partition *p = &t->partitions.at[i];
        bool there = topic->info->places[i].err == ERR_OK;
        p->error_code = there ? KAFKA_NONE : KAFKA_LEADER_NOT_AVAILABLE;
        p->partition_index = (int32_t)i;
        p->leader_id = there ? *node : -1;
        p->leader_epoch = topic->epochs[i];
        p->replica_nodes.at = node;
        p->replica_nodes.count = 1;
        p->isr_nodes.at = node;
        p->isr_nodes.count = there;
        p->offline_replicas.at = node;
        p->offline_replicas.count = !there;
    }
    return true;
}

static bool topic_fill(struct errand *c, struct kafka_metadata_response_topic *t,
                       const struct topic_want *w)
{
    const struct kafka_metadata_request *ask = c->asked;
    t->name = w->name;
    t->topic_id = w->id;
    t->error_code = w->topic ? KAFKA_NONE : (int16_t)topic_error(w);
    if (ask->include_topic_authorized_operations)
        t->topic_authorized_operations = TOPIC_OPERATIONS;
    if (!w->topic) {
        if (!t->name.at && errand_version(c) < 12)
            t->name = text_bytes("");
        return true;
    }
    t->name = text_bytes(w->topic->info->name);
    t->topic_id = w->topic->info->id;
    return partitions_fill(c, t, w->topic);
}

/* With all topics, one that went meanwhile is none. */
static void metadata_known(struct errand *c)
{
    struct metadata *m = c->state;
    const struct kafka_metadata_request *ask = c->asked;
    RESPONSE(metadata, r);
    struct kafka_metadata_response_broker broker;
    char id[CLUSTER_TEXT_BYTES + 2];
    kafka_unset(kafka_metadata_response_broker_shape(), &broker);
    broker.node_id = kafka_node(c);
    kafka_advertised(c->conn, &broker.host, &broker.port);
    r.brokers.at = &broker;
    r.brokers.count = 1;
    r.cluster_id = cluster_text(c, id);
    r.controller_id = broker.node_id;
    if (ask->include_cluster_authorized_operations)
        r.cluster_authorized_operations = CLUSTER_OPERATIONS;
    r.topics.at = errand_items(c, kafka_metadata_response_topic_shape(), c->want_count);
    if (!r.topics.at)
        return;
    for (uint32_t i = 0; i < c->want_count; i++) {
        const struct topic_want *w = &c->wants[i];
        if (m->list.names && w->err == ERR_NOT_FOUND)
            continue;
        if (!topic_fill(c, &r.topics.at[r.topics.count++], w))
            return;
    }
    errand_answer(c, &r);
}

static void metadata_want_all(struct errand *c)
{
    const struct metadata *m = c->state;
    uint32_t count = m->list.count;
    struct topic_want *wants = NULL;
    if (errand_charge(c, m->list.bytes))
        wants = errand_take(c, count * sizeof(*wants) + 1);
    if (!wants)
        return;
    for (uint32_t i = 0; i < count; i++)
        wants[i] = (struct topic_want){ .name = text_bytes(m->list.names[i]), .fresh = true };
    topics_find(c, wants, count, metadata_known);
}

static void metadata_listed(struct verb *v);

static void lists_go(struct desk_kafka *d)
{
    struct node *n;
    while (!d->listing && (n = list_pop(&d->lists))) {
        struct metadata *m = container_of(n, struct metadata, node);
        if (errand_gone(m->errand)) {
            errand_less(m->errand);
            errand_answer_not(m->errand);
            continue;
        }
        d->listing = true;
        m->list.verb = errand_verb(m->errand, metadata_listed);
        serve_list(d->desk->serve, &m->list);
    }
}

static void metadata_listed(struct verb *v)
{
    struct errand *c = v->arg;
    struct desk_kafka *d = errand_desk(c);
    errand_less(c);
    d->listing = false;
    lists_go(d);
    if (errand_gone(c))
        errand_answer_not(c);
    else if (v->err != ERR_OK)
        errand_break(c, v->err, "topics cannot be listed");
    else
        metadata_want_all(c);
}

static void metadata_list(struct errand *c)
{
    struct metadata *m = c->state;
    errand_more_look(c);
    list_push(&errand_desk(c)->lists, &m->node);
    lists_go(errand_desk(c));
}

static struct metadata *metadata_make(struct errand *c, uint32_t count)
{
    struct metadata *m = errand_take(c, sizeof(*m) + count * sizeof(m->wants[0]));
    c->state = m;
    if (m)
        m->errand = c;
    return m;
}

/* A topic that is named as this version does not allow. */
static bool topic_misnamed(const struct errand *c, const struct kafka_metadata_request_topic *t)
{
    bool id = !id16_zero(t->topic_id);
    return errand_version(c) < TOPIC_BY_ID_FROM ? id || !t->name.at : !id && !t->name.at;
}

/* One such topic, and the whole request is wrong. */
static void metadata_refuse(struct errand *c)
{
    const struct kafka_metadata_request *ask = c->asked;
    RESPONSE(metadata, r);
    r.controller_id = -1;
    r.topics.at = errand_items(c, kafka_metadata_response_topic_shape(), ask->topics.count);
    if (!r.topics.at)
        return;
    r.topics.count = ask->topics.count;
    for (uint32_t i = 0; i < ask->topics.count; i++) {
        r.topics.at[i].error_code = KAFKA_INVALID_REQUEST;
        r.topics.at[i].name = ask->topics.at[i].name.at ? ask->topics.at[i].name : text_bytes("");
        r.topics.at[i].topic_id = ask->topics.at[i].topic_id;
    }
    errand_answer(c, &r);
}

/* The topics of the request; one that is named again is told once. False: the errand ended. */
static bool metadata_wants(struct errand *c, struct metadata *m)
{
    const struct kafka_metadata_request *ask = c->asked;
    uint32_t count = ask->topics.count;
    bool create = c->conn->desk->opts.auto_partitions && ask->allow_auto_topic_creation;
    struct bytes *names = errand_take(c, count * sizeof(*names) + 1);
    for (uint32_t i = 0; names && i < count; i++)
        if (id16_zero(ask->topics.at[i].topic_id))
            names[i] = ask->topics.at[i].name;
    enum twice *marks = names ? twice_mark(c, names, count) : NULL;
    for (uint32_t i = 0; marks && i < count; i++)
        if (marks[i] != TWICE_AGAIN)
            m->wants[m->count++] = (struct topic_want){ .name = names[i],
                                                        .id = ask->topics.at[i].topic_id,
                                                        .create = names[i].at && create,
                                                        .fresh = true,
                                                        .strict = true };
    return marks;
}

void metadata_start(struct errand *c)
{
    const struct kafka_metadata_request *ask = c->asked;
    bool all = !ask->topics.at || (errand_version(c) == 0 && !ask->topics.count);
    uint32_t count = all ? 0 : ask->topics.count;
    if (!errand_parts_within(c, count))
        return;
    struct metadata *m = metadata_make(c, count);
    if (!m)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (topic_misnamed(c, &ask->topics.at[i])) {
            metadata_refuse(c);
            return;
        }
    if (all) {
        metadata_list(c);
    } else if (metadata_wants(c, m)) {
        errand_started(c);
        topics_find(c, m->wants, m->count, metadata_known);
    }
}

void metadata_free(struct errand *c, bool alive)
{
    struct metadata *m = c->state;
    (void)alive;
    node_unlink(&m->node);
    free(m->list.names);
}
