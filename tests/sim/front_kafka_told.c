/* front_kafka_told.c -- Kafka's answers, in the words of front_answer.c.
 *
 * A Kafka code stands for several errors of ours: it is taken for the one that this life's troubles
 * explain. */
#include <stdlib.h>

#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "tests/sim/front_kafka.h"
#include "tests/sim/grown.h"
#include "tests/sim/verdict.h"
#include "tests/unit/net_kafka_front/pack.h"

#define LLU(v)      ((unsigned long long)(v))
#define ARENA_BYTES KIB(256)
#define NAMES_BYTES KIB(4)

/* ---- codes ---- */

static enum err storage_err(const struct ask *a)
{
    const struct front *f = a->wire->f;
    bool reads = a->verb == VERB_FETCH || a->verb == VERB_OFFSETS;
    if (f->poisoned && (!reads || a->topic->doubtful))
        return ERR_POISONED;
    return f->full && !reads ? ERR_NO_SPACE : ERR_IO;
}

static enum err code_err(const struct ask *a, int16_t code)
{
    switch (code) {
    case KAFKA_NONE:
        return ERR_OK;
    case KAFKA_KAFKA_STORAGE_ERROR:
        return storage_err(a);
    case KAFKA_UNKNOWN_TOPIC_OR_PARTITION:
    case KAFKA_UNKNOWN_TOPIC_ID:
        return ERR_NOT_FOUND;
    case KAFKA_OFFSET_OUT_OF_RANGE:
        return ERR_OFFSET_RANGE;
    case KAFKA_TOPIC_ALREADY_EXISTS:
        return ERR_EXISTS;
    case KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER:
        return ERR_SEQUENCE;
    case KAFKA_INVALID_PRODUCER_EPOCH:
        return ERR_FENCED;
    case KAFKA_REQUEST_TIMED_OUT:
        return ERR_BUSY;
    case KAFKA_NOT_LEADER_OR_FOLLOWER: /* a fetch: also to be tried again */
        return a->verb == VERB_FETCH && !a->wire->f->stopping ? ERR_BUSY : ERR_CLOSED;
    default:
        violated("wire %llu: %s of %s/%u is answered with code %d", LLU(a->wire->serial),
                 ask_name(a), a->topic ? a->topic->name : "", a->part, code);
    }
}

/* Everything about the row: there is one, of this topic and partition. */
static void row_demand(const struct ask *a, bool fits)
{
    demand(fits, "wire %llu: %s of %s/%u is answered for something else", LLU(a->wire->serial),
           ask_name(a), a->topic->name, a->part);
}

/* Or another topic has its place by now. */
static bool named(const struct ask *a, struct bytes text)
{
    const char *name = a->topic->name;
    return a->topic->serial != a->serial ||
           (text.len == strlen(name) && memcmp(text.at, name, text.len) == 0);
}

/* ---- what is there ---- */

enum err told_versions(struct ask *a, void *from, union payload *to)
{
    const struct kafka_api_versions_response *r = from;
    demand(r->error_code == KAFKA_NONE && r->api_keys.count > 20,
           "wire %llu: ApiVersions gives code %d and %u APIs", LLU(a->wire->serial), r->error_code,
           r->api_keys.count);
    to->ping.bytes.len = a->ping_bytes;
    return ERR_OK;
}

enum err told_cluster(struct ask *a, void *from, union payload *to)
{
    const struct kafka_describe_cluster_response *r = from;
    (void)to;
    demand(r->error_code == KAFKA_NONE && r->brokers.count == 1,
           "wire %llu: DescribeCluster gives code %d and %u brokers", LLU(a->wire->serial),
           r->error_code, r->brokers.count);
    return ERR_OK;
}

static int name_order(const void *a, const void *b)
{
    const struct kafka_metadata_response_topic *x = a, *y = b;
    int order = memcmp(x->name.at, y->name.at, min_u64(x->name.len, y->name.len));
    return order ? order : x->name.len < y->name.len ? -1 : x->name.len > y->name.len;
}

enum err told_topics(struct ask *a, void *from, union payload *to)
{
    static uint8_t at[NAMES_BYTES];
    const struct kafka_metadata_response *r = from;
    struct writer w;
    struct fault fault;
    (void)a;
    writer_open(&w, at, sizeof(at));
    to->topics_answer = (struct topics_answer){ 0 };
    qsort(r->topics.at, r->topics.count, sizeof(*r->topics.at), name_order);
    for (uint32_t i = 0; i < r->topics.count; i++) {
        struct item_name one = { .name = r->topics.at[i].name };
        check(items_add(&to->topics_answer.names, ITEM_NAME, &one, &w, &fault));
    }
    return ERR_OK;
}

enum err told_topic(struct ask *a, void *from, union payload *to)
{
    static uint8_t at[NAMES_BYTES];
    const struct kafka_metadata_response *r = from;
    struct describe_answer *d = &to->describe_answer;
    struct writer w;
    struct fault fault;
    demand(r->topics.count == 1, "wire %llu: Metadata of one topic gives %u", LLU(a->wire->serial),
           r->topics.count);
    const struct kafka_metadata_response_topic *t = &r->topics.at[0];
    if (t->error_code != KAFKA_NONE)
        return code_err(a, t->error_code);
    writer_open(&w, at, sizeof(at));
    *d = (struct describe_answer){ .topic = t->topic_id, .partitions = t->partitions.count };
    for (uint32_t i = 0; i < t->partitions.count; i++) {
        const struct kafka_metadata_response_partition *p = &t->partitions.at[i];
        struct item_place place = { .store = PLACE_UNKNOWN, .err = (uint16_t)p->error_code };
        demand(p->partition_index == (int32_t)i, "topic %s: partition %d in place %u",
               a->topic->name, p->partition_index, i);
        check(items_add(&d->places, ITEM_PLACE, &place, &w, &fault));
    }
    return ERR_OK;
}

enum err told_made(struct ask *a, void *from, union payload *to)
{
    const struct kafka_create_topics_response *r = from;
    row_demand(a, r->topics.count == 1 && named(a, r->topics.at[0].name));
    to->create_answer = (struct create_answer){ .topic = r->topics.at[0].topic_id };
    return code_err(a, r->topics.at[0].error_code);
}

enum err told_dropped(struct ask *a, void *from, union payload *to)
{
    const struct kafka_delete_topics_response *r = from;
    row_demand(a, r->responses.count == 1);
    struct bytes text = to->error.text = r->responses.at[0].error_message; /* in doubt or not */
    enum err err = code_err(a, r->responses.at[0].error_code);
    bool failed = text.at && bytes_equal(text, text_of(err_text(ERR_IO)));
    return err == ERR_NO_SPACE && failed ? ERR_IO : err; /* one code for both */
}

/* ---- records ---- */

enum err told_produced(struct ask *a, void *from, union payload *to)
{
    const struct kafka_produce_response *r = from;
    const struct l_batch *b = &a->wire->f->ledger.batches[a->number];
    row_demand(a, r->responses.count == 1 && named(a, r->responses.at[0].name) &&
                      r->responses.at[0].partition_responses.count == 1);
    const struct kafka_produce_response_partition_response *p =
        &r->responses.at[0].partition_responses.at[0];
    row_demand(a, p->index == (int32_t)a->part);
    enum err err = code_err(a, p->error_code);
    if (err) {
        to->error = (struct error_answer){ .code = (uint16_t)err, .text = p->error_message };
        return err;
    }
    int64_t told = p->log_append_time_ms; /* of a batch that is recognised, as Kafka: its own */
    bool recognised = b->sends > 1 && told == content_max_time(&b->content);
    bool same_time = b->part->append_time ? told >= 0 : told < 0 || recognised;
    demand(same_time, "part %u batch %llu: acknowledged with time %lld", b->part->number,
           LLU(a->number), (long long)p->log_append_time_ms);
    to->append_answer = (struct append_answer){
        .base_offset = (uint64_t)p->base_offset,
        .append_ms = b->part->append_time ? p->log_append_time_ms : 0,
        .count = b->content.count,
        .bought = (uint8_t)(b->part->durability + 1u),
        .duplicate = b->sends > 1 && b->fate == L_PLACED, /* it was there before */
    };
    return ERR_OK;
}

/* Where the batches end: Kafka's clients count for themselves. */
static uint64_t batches_end(struct bytes left, uint64_t off)
{
    struct batch_info info;
    while (left.len && batch_peek(left, &info) == ERR_OK && info.bytes <= left.len) {
        off = info.base_off + info.last_off_delta + 1;
        left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
    }
    return off;
}

/* Before version 5 no log start is told: a trim under way may have moved it, as far as the first
 * batch shows. */
static uint64_t start_told(const struct ask *a, const struct kafka_fetch_response_partition *p)
{
    struct batch_info info;
    const struct l_part *l = a->topic->serial == a->serial ? a->topic->parts[a->part].ledger : NULL;
    if (p->log_start_offset >= 0)
        return (uint64_t)p->log_start_offset;
    if (!l || !p->records.len || batch_peek(p->records, &info) != ERR_OK || info.base_off <= a->off)
        return a->start_then;
    return max_u64(a->start_then,
                   l->retention ? info.base_off : min_u64(info.base_off, l->trim_asked));
}

static enum err fetch_fill(const struct ask *a, const struct kafka_fetch_response_partition *p,
                           struct fetch_answer *to)
{
    if (p->error_code != KAFKA_NONE)
        return code_err(a, p->error_code);
    *to = (struct fetch_answer){ .next_offset = batches_end(p->records, a->off),
                                 .high_offset = (uint64_t)p->high_watermark,
                                 .start_offset = start_told(a, p),
                                 .batches = p->records };
    return ERR_OK;
}

static void fetch_count(const struct ask *a, const struct fetch_answer *to)
{
    struct front *f = a->wire->f;
    struct batch_info info;
    f->tally.parked += a->wait_ms && front_now(f) - a->sent_ns > MS_NS;
    if (!to->batches.len || batch_peek(to->batches, &info) != ERR_OK)
        return;
    f->tally.inside += info.base_off < a->off;
    f->tally.packed += (info.attributes & PACK_CODEC) != 0;
    f->tally.stamped += (info.attributes & BATCH_ATTR_APPEND_TIME) != 0;
}

enum err told_fetched(struct ask *a, void *from, union payload *to)
{
    const struct kafka_fetch_response *r = from;
    uint32_t parts = a->many ? FRONT_PARTS : 1;
    uint64_t bytes = 0, with_bytes = 0;
    enum err err = ERR_OK;
    demand(r->error_code == KAFKA_NONE, "wire %llu: a fetch gives code %d", LLU(a->wire->serial),
           r->error_code);
    row_demand(a, r->responses.count == 1 && r->responses.at[0].partitions.count == parts);
    for (uint32_t i = 0; i < parts; i++) {
        const struct kafka_fetch_response_partition *p = &r->responses.at[0].partitions.at[i];
        struct ask one = *a;
        union payload p_one = { 0 };
        one.part = (a->part + i) % FRONT_PARTS;
        one.off = a->places[one.part].off;
        one.high_then = a->places[one.part].high_then;
        one.start_then = a->places[one.part].start_then;
        one.follow = a->follow && i == 0;
        row_demand(a, p->partition_index == (int32_t)one.part);
        bytes += p->records.len;
        with_bytes += p->records.len > 0;
        enum err e = fetch_fill(&one, p, &p_one.fetch_answer);
        if (!e)
            fetch_count(&one, &p_one.fetch_answer);
        if (i == 0) {
            err = e;
            *to = p_one;
        } else {
            fetch_answered(&one, e, &p_one);
        }
    }
    demand(with_bytes <= 1 || bytes <= a->bytes_max, "wire %llu: %llu bytes, %u were wanted",
           LLU(a->wire->serial), LLU(bytes), a->bytes_max);
    return err;
}

enum err told_place(struct ask *a, void *from, union payload *to)
{
    const struct kafka_list_offsets_response *r = from;
    row_demand(a, r->topics.count == 1 && r->topics.at[0].partitions.count == 1);
    const struct kafka_list_offsets_response_partition *p = &r->topics.at[0].partitions.at[0];
    row_demand(a, p->partition_index == (int32_t)a->part);
    if (p->error_code != KAFKA_NONE)
        return code_err(a, p->error_code);
    if (p->offset < 0)
        return ERR_NOT_FOUND; /* no such record */
    to->offsets_answer =
        (struct offsets_answer){ .offset = (uint64_t)p->offset, .found_ms = p->timestamp };
    return ERR_OK;
}

enum err told_trimmed(struct ask *a, void *from, union payload *to)
{
    const struct kafka_delete_records_response *r = from;
    row_demand(a, r->topics.count == 1 && r->topics.at[0].partitions.count == 1);
    const struct kafka_delete_records_response_partition *p = &r->topics.at[0].partitions.at[0];
    to->trim_answer.start_offset = (uint64_t)p->low_watermark;
    return code_err(a, p->error_code);
}

enum err told_producer_id(struct ask *a, void *from, union payload *to)
{
    const struct kafka_init_producer_id_response *r = from;
    struct front *f = a->wire->f;
    struct client *c = a->wire->client;
    (void)to;
    demand(r->error_code == KAFKA_NONE && r->producer_id > 0 && r->producer_epoch == 0,
           "wire %llu: a producer's id: code %d, id %lld, epoch %d", LLU(a->wire->serial),
           r->error_code, (long long)r->producer_id, r->producer_epoch);
    for (uint64_t i = 0; i < f->producer_count; i++)
        demand(f->producers[i] != r->producer_id, "producer %lld is given twice",
               (long long)r->producer_id);
    f->producers =
        grown(f->producers, &f->producer_cap, f->producer_count + 1, sizeof(*f->producers));
    f->producers[f->producer_count++] = c->producer_id = r->producer_id;
    c->producer_asked = false;
    return ERR_OK;
}

/* ---- frames ---- */

/* Who wanted no answer: it has been dealt with, for what came behind it is answered. */
static struct ask *ask_next(struct wire *w)
{
    struct node *n;
    while ((n = list_first(&w->asks))) {
        struct ask *a = container_of(n, struct ask, node);
        if (!a->silent)
            return a;
        ask_forget(a);
    }
    return NULL;
}

bool kafka_take(struct wire *w)
{
    static uint8_t memory[ARENA_BYTES] __attribute__((aligned(16)));
    static union kafka_any any;
    struct kafka_arena arena = { memory, sizeof(memory), 0 };
    const uint8_t *at = w->in + w->in_at;
    uint64_t have = w->in_len - w->in_at;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct kafka_response_header h;
    union payload p = { 0 };
    struct why why = { "" };
    if (have < 4 || have - 4 < be32_get(at))
        return false;
    struct bytes frame = { at + 4, be32_get(at) };
    w->in_at += 4 + frame.len;
    struct ask *a = ask_next(w);
    demand(a, "wire %llu: an answer that nobody asked for", LLU(w->serial));
    const struct kafka_api *api = kafka_api(kafka_words[a->verb].key);
    struct kafka_what head = kafka_head(api, a->version, KAFKA_RESPONSE);
    struct kafka_what body = kafka_body(api, a->version, KAFKA_RESPONSE);
    uint64_t bytes = frame.len;
    if (kafka_decode_front(&head, &frame, &h, NULL, &fault) != ERR_OK ||
        kafka_decode(&body, frame, &any, &arena, &fault) != ERR_OK) {
        kafka_fault_text(&fault, &why);
        violated("wire %llu: what comes is no answer: %s", LLU(w->serial), why.text);
    }
    demand((uint64_t)h.correlation_id == a->correlation,
           "wire %llu: request %llu is next to be answered, and %d was", LLU(w->serial),
           LLU(a->correlation), h.correlation_id);
    enum err err = kafka_words[a->verb].told(a, &any, &p);
    sim_trace(w->f->sim, a->correlation ^ (uint64_t)err << 8 ^ bytes << 16);
    if (err) {
        trace("    wire %llu: %s of %s/%u: %s", LLU(w->serial), ask_name(a),
              a->topic ? a->topic->name : "", a->part, err_name(err));
        p.error.code = (uint16_t)err;
    }
    ask_answered(a, err, &p);
    return true;
}
