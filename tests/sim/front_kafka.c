/* front_kafka.c -- the front's clients speak Kafka: what is asked becomes a request, at a version
 * that is drawn. Answers are front_kafka_told.c's. */
#include "tests/sim/front_kafka.h"
#include "engine/base/check.h"
#include "net/kafka/front.h"
#include "tests/sim/pick.h"
#include "tests/sim/verdict.h"

#define KAFKA_PORT    9092u
#define TIMEOUT_MS    30000
#define TIME_LATEST   (-1)
#define TIME_FIRST    (-2)
#define ZSTD_FROM     7  /* version of Produce */
#define SAYS_WHY_FROM 5  /* of DeleteTopics */
#define WITH_ID_FROM  10 /* of Metadata */
#define SETTINGS      3u

/* The lists of one request; everything is encoded before the next one. */
static struct {
    struct kafka_produce_request_partition_data data;
    struct kafka_produce_request_topic_data topic_data;
    struct kafka_fetch_request_partition fetch[FRONT_PARTS];
    struct kafka_fetch_request_topic fetch_topic;
    struct kafka_list_offsets_request_partition offset;
    struct kafka_list_offsets_request_topic offset_topic;
    struct kafka_delete_records_request_partition trim;
    struct kafka_delete_records_request_topic trim_topic;
    struct kafka_metadata_request_topic metadata_topic;
    struct kafka_create_topics_request_topic create;
    struct kafka_create_topics_request_config settings[SETTINGS];
    struct kafka_delete_topics_request_topic delete;
    struct bytes name;
} s;

/* ---- requests, from what is asked ---- */

static void ask_versions(struct ask *a, const void *from, void *to)
{
    struct kafka_api_versions_request *q = to;
    (void)a, (void)from;
    q->client_software_name = text_of("swarm");
    q->client_software_version = text_of("1");
}

static void ask_cluster(struct ask *a, const void *from, void *to)
{
    (void)a, (void)from, (void)to;
}

static void ask_all_topics(struct ask *a, const void *from, void *to)
{
    struct kafka_metadata_request *q = to;
    (void)from;
    q->topics.at = a->version ? NULL : &s.metadata_topic; /* version 0: none is all */
    q->topics.count = 0;
}

static void ask_topic(struct ask *a, const void *from, void *to)
{
    struct kafka_metadata_request *q = to;
    (void)from;
    s.metadata_topic.name = text_of(a->topic->name);
    q->topics.at = &s.metadata_topic;
    q->topics.count = 1;
    q->allow_auto_topic_creation = false;
}

static void setting_add(struct kafka_create_topics_request_topic *t, const char *name,
                        struct bytes value)
{
    t->configs.at = s.settings;
    s.settings[t->configs.count].name = text_of(name);
    s.settings[t->configs.count++].value = value;
}

static void ask_make_topic(struct ask *a, const void *from, void *to)
{
    struct kafka_create_topics_request *q = to;
    const struct create_request *r = from;
    struct items settings = r->settings;
    struct item_setting one;
    kafka_unset(kafka_create_topics_request_topic_shape(), &s.create);
    s.create.name = r->name;
    s.create.num_partitions = (int32_t)r->partitions;
    s.create.replication_factor = 1;
    while (items_next(&settings, ITEM_SETTING, &one)) {
        char name[64];
        check(text_copy(one.key, name, sizeof(name)));
        setting_add(&s.create,
                    !strcmp(name, "retention.bytes") ? "retention.bytes" : "shardlog.durability",
                    one.value);
    }
    if (a->topic->append_time)
        setting_add(&s.create, "message.timestamp.type", text_of("LogAppendTime"));
    q->topics.at = &s.create;
    q->topics.count = 1;
}

static void ask_drop_topic(struct ask *a, const void *from, void *to)
{
    struct kafka_delete_topics_request *q = to;
    const struct delete_request *r = from;
    (void)a;
    s.delete.name = s.name = r->name;
    q->topics.at = &s.delete;
    q->topics.count = q->topic_names.count = 1;
    q->topic_names.at = &s.name;
}

static void ask_produce(struct ask *a, const void *from, void *to)
{
    struct kafka_produce_request *q = to;
    const struct append_request *r = from;
    q->acks = a->acks;
    q->timeout_ms = TIMEOUT_MS;
    s.data.index = (int32_t)a->part;
    s.data.records = r->batch;
    s.topic_data.name = text_of(a->topic->name);
    s.topic_data.partition_data.at = &s.data;
    s.topic_data.partition_data.count = 1;
    q->topic_data.at = &s.topic_data;
    q->topic_data.count = 1;
}

static void fetch_part(struct ask *a, uint32_t part, const struct fetch_request *r)
{
    struct kafka_fetch_request_partition *p = &s.fetch[s.fetch_topic.partitions.count++];
    kafka_unset(kafka_fetch_request_partition_shape(), p);
    p->partition = (int32_t)part;
    p->fetch_offset = (int64_t)a->places[part].off;
    p->partition_max_bytes = (int32_t)r->bytes_max;
}

/* All partitions of the topic in one request: what belongs together in the answer is front_told's.
 */
static bool fetch_widen(struct ask *a)
{
    const struct front *f = a->wire->f;
    a->many = !a->audit && !a->gone && !a->member && rng_chance(a->wire->f->rng, 1, 4);
    for (uint32_t i = 0; a->many && i < FRONT_PARTS; i++) {
        const struct l_part *p = a->topic->parts[i].ledger;
        struct ask_place *at = &a->places[i];
        a->many = p != NULL;
        if (!p || i == a->part)
            continue;
        at->off = rng_chance(f->rng, 1, 2) ? p->high_off : rng_below(f->rng, p->high_off + 1);
        at->high_then = p->high_off;
        at->start_then = p->start_min;
    }
    return a->many;
}

static void ask_fetched(struct ask *a, const void *from, void *to)
{
    struct kafka_fetch_request *q = to;
    const struct fetch_request *r = from;
    a->places[a->part] = (struct ask_place){ a->off, a->high_then, a->start_then };
    a->wait_ms = r->wait_ms;
    q->max_wait_ms = (int32_t)r->wait_ms;
    q->min_bytes = (int32_t)r->bytes_min;
    q->max_bytes = (int32_t)r->bytes_max;
    q->isolation_level = (int8_t)rng_below(a->wire->f->rng, 2);
    kafka_unset(kafka_fetch_request_topic_shape(), &s.fetch_topic);
    s.fetch_topic.topic = text_of(a->topic->name);
    s.fetch_topic.topic_id = a->topic->id;
    s.fetch_topic.partitions.at = s.fetch;
    if (!fetch_widen(a))
        fetch_part(a, a->part, r);
    for (uint32_t i = 0; a->many && i < FRONT_PARTS; i++)
        fetch_part(a, (a->part + i) % FRONT_PARTS, r);
    q->topics.at = &s.fetch_topic;
    q->topics.count = 1;
}

static void ask_place(struct ask *a, const void *from, void *to)
{
    struct kafka_list_offsets_request *q = to;
    const struct offsets_request *r = from;
    kafka_unset(kafka_list_offsets_request_partition_shape(), &s.offset);
    s.offset.partition_index = (int32_t)a->part;
    s.offset.timestamp = r->what == OFFSET_TIME     ? r->time_ms
                         : r->what == OFFSET_LATEST ? TIME_LATEST
                                                    : TIME_FIRST;
    s.offset_topic.name = text_of(a->topic->name);
    s.offset_topic.partitions.at = &s.offset;
    s.offset_topic.partitions.count = 1;
    q->replica_id = -1;
    q->topics.at = &s.offset_topic;
    q->topics.count = 1;
}

static void ask_trimmed(struct ask *a, const void *from, void *to)
{
    struct kafka_delete_records_request *q = to;
    const struct trim_request *r = from;
    s.trim.partition_index = (int32_t)a->part;
    s.trim.offset = (int64_t)r->offset;
    s.trim_topic.name = text_of(a->topic->name);
    s.trim_topic.partitions.at = &s.trim;
    s.trim_topic.partitions.count = 1;
    q->topics.at = &s.trim_topic;
    q->topics.count = 1;
}

static void ask_producer_id(struct ask *a, const void *from, void *to)
{
    struct kafka_init_producer_id_request *q = to;
    (void)a, (void)from;
    q->transactional_id = (struct bytes){ NULL, 0 };
}

/* ---- the table ---- */

const struct kafka_word kafka_words[ASKS] = {
    [VERB_HELLO] = { KAFKA_KEY_api_versions, 0, ask_versions, told_versions },
    [VERB_PING] = { KAFKA_KEY_api_versions, 0, ask_versions, told_versions },
    [VERB_STATS] = { KAFKA_KEY_describe_cluster, 0, ask_cluster, told_cluster },
    [VERB_TOPICS] = { KAFKA_KEY_metadata, 0, ask_all_topics, told_topics },
    [VERB_DESCRIBE] = { KAFKA_KEY_metadata, WITH_ID_FROM, ask_topic, told_topic },
    [VERB_CREATE] = { KAFKA_KEY_create_topics, 0, ask_make_topic, told_made },
    [VERB_DELETE] = { KAFKA_KEY_delete_topics, SAYS_WHY_FROM, ask_drop_topic, told_dropped },
    [VERB_APPEND] = { KAFKA_KEY_produce, ZSTD_FROM, ask_produce, told_produced },
    [VERB_FETCH] = { KAFKA_KEY_fetch, 0, ask_fetched, told_fetched },
    [VERB_OFFSETS] = { KAFKA_KEY_list_offsets, 0, ask_place, told_place },
    [VERB_TRIM] = { KAFKA_KEY_delete_records, 0, ask_trimmed, told_trimmed },
    [ASK_PRODUCER] = { KAFKA_KEY_init_producer_id, 0, ask_producer_id, told_producer_id },
    [ASK_JOIN] = { KAFKA_KEY_join_group, 0, ask_join, told_member },
    [ASK_SYNC] = { KAFKA_KEY_sync_group, 0, ask_sync, told_member },
    [ASK_BEAT] = { KAFKA_KEY_heartbeat, 0, ask_beat, told_member },
    [ASK_LEAVE] = { KAFKA_KEY_leave_group, 0, ask_leave, told_member },
    [ASK_COMMIT] = { KAFKA_KEY_offset_commit, 0, ask_commit, told_member },
    [ASK_COMMITTED] = { KAFKA_KEY_offset_fetch, 0, ask_committed, told_member },
};

/* ---- bytes ---- */

static void version_draw(struct ask *a, const struct kafka_word *w, const struct kafka_api *api)
{
    int16_t least = w->version_least > api->served_first ? w->version_least : api->served_first;
    if (a->member && a->member->instance[0] && kafka_static_from(a->verb) > least)
        least = kafka_static_from(a->verb);
    a->version =
        (int16_t)(least + (int16_t)rng_below(a->wire->f->rng, (uint64_t)(api->last - least) + 1));
}

static uint64_t kafka_make(struct ask *a, const void *request, uint8_t *at, uint64_t cap)
{
    static union kafka_any to;
    const struct kafka_word *w = &kafka_words[a->verb];
    const struct kafka_api *api = kafka_api(w->key);
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    size_t first, second;
    memset(&s, 0, sizeof(s));
    version_draw(a, w, api);
    a->correlation = (uint64_t)++a->wire->correlation;
    struct kafka_request_header h = { w->key, a->version, (int32_t)a->correlation,
                                      text_of("front") };
    struct kafka_what head = kafka_head(api, a->version, KAFKA_REQUEST);
    struct kafka_what body = kafka_body(api, a->version, KAFKA_REQUEST);
    kafka_unset(api->shape[KAFKA_REQUEST](), &to);
    w->ask(a, request, &to);
    struct why why = { "" };
    check(kafka_encode(&head, &h, at + 4, cap - 4, &first, &fault) == ERR_OK);
    if (kafka_encode(&body, &to, at + 4 + first, cap - 4 - first, &second, &fault) != ERR_OK) {
        kafka_fault_text(&fault, &why);
        violated("a request cannot be made: %s", why.text);
    }
    be32_put(at, (uint32_t)(first + second));
    return 4 + first + second;
}

static void kafka_hello(struct wire *w)
{
    ask_send(ask_new(w, VERB_HELLO, NULL, 0), NULL);
}

/* Nothing has to be asked before the rest. */
static void kafka_greeted(struct ask *a, enum err err, const union payload *p)
{
    if (err)
        excuse_demand(a, err, &p->error);
    a->wire->state = WIRE_READY;
}

/* Who wants no answer gets none: what comes behind it is answered. */
static void kafka_want(struct ask *a)
{
    struct front *f = a->wire->f;
    bool produced = f->ledger.batches[a->number].content.producer != 0;
    a->silent = !produced && !f->finishing && rng_chance(f->rng, 1, 12);
    a->acks = a->silent ? 0 : rng_chance(f->rng, 1, 3) ? 1 : -1;
    a->want_set = a->silent;
    a->want = a->silent ? DURABILITY_MEMORY : a->topic->durability;
}

const struct speech kafka_speech = {
    .protocol = &kafka_protocol,
    .port = KAFKA_PORT,
    .salt = 0x616b66616bull,
    .kafka = true,
    .hello = kafka_hello,
    .want = kafka_want,
    .make = kafka_make,
    .take = kafka_take,
    .greeted = kafka_greeted,
};
