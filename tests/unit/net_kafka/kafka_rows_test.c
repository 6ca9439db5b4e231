/* What must be true of every row, whatever message it belongs to. */
#include "net/kafka/api.h"
#include "tests/test.h"
#include "tests/unit/net_kafka/golden.h"

#include <stdio.h>

#define DEPTH_MAX 4 /* the README says so */

static void row_holds(const struct kafka_api *api, const struct kafka_shape *s,
                      const struct kafka_row *row)
{
    bool fine = EXPECT(row->first <= row->last) && EXPECT(row->first <= api->last) &&
                EXPECT(row->last >= api->served_first) && EXPECT(row->at < s->bytes) &&
                EXPECT(!row->unset_null || (row->nullable && row->null_first <= row->first)) &&
                EXPECT(row->kind < KAFKA_KINDS);
    if (row->nullable)
        fine &= EXPECT(row->null_first <= row->last);
    if (row->tagged)
        fine &= EXPECT(row->tag_first >= row->first && row->tag_first >= api->flexible_first);
    if (!fine)
        printf("    in %s.%s\n", s->name, row->name);
}

/* Tags ascend, members too, and nothing has two names. */
static void pair_holds(const struct kafka_shape *s, const struct kafka_row *a,
                       const struct kafka_row *b)
{
    bool fine = EXPECT(a->at < b->at) && EXPECT(strcmp(a->name, b->name) != 0);
    if (a->tagged && b->tagged)
        fine &= EXPECT(a->tag < b->tag);
    if (!fine)
        printf("    in %s: %s, %s\n", s->name, a->name, b->name);
}

static unsigned shape_holds(const struct kafka_api *api, const struct kafka_shape *s)
{
    unsigned deepest = 0;
    EXPECT(s->count == 0 || s->bytes > 0);
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        row_holds(api, s, row);
        for (unsigned k = i + 1; k < s->count; k++)
            pair_holds(s, row, &s->rows[k]);
        bool inner = row->kind == KAFKA_ITEMS || row->kind == KAFKA_STRUCT;
        if (!EXPECT_EQ(row->shape != NULL, inner) || !inner)
            continue;
        unsigned depth = shape_holds(api, row->shape());
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

TEST(kafka_rows, hold)
{
    unsigned deepest = 0;
    for (unsigned i = 0; i < kafka_api_count; i++)
        for (int side = KAFKA_REQUEST; side <= KAFKA_RESPONSE; side++) {
            unsigned depth = shape_holds(&kafka_apis[i], kafka_apis[i].shape[side]());
            deepest = depth > deepest ? depth : deepest;
        }
    EXPECT_EQ(deepest, DEPTH_MAX);
}

/* Elements of lists, in each version that has them, take at least a byte. */
static void elements_hold(const struct kafka_shape *s, unsigned version, bool flexible)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        if (row->kind != KAFKA_ITEMS || !kafka_row_lives(row, version))
            continue;
        if (!EXPECT(kafka_shape_bytes_min(row->shape(), version, flexible) > 0))
            printf("    in %s.%s, version %u\n", s->name, row->name, version);
        elements_hold(row->shape(), version, flexible);
    }
}

TEST(kafka_rows, elements_take_bytes)
{
    for (unsigned i = 0; i < kafka_api_count; i++)
        for (int16_t v = kafka_apis[i].served_first; v <= kafka_apis[i].last; v++)
            for (int side = KAFKA_REQUEST; side <= KAFKA_RESPONSE; side++) {
                struct kafka_what what = kafka_body(&kafka_apis[i], v, (enum kafka_side)side);
                elements_hold(what.shape, (unsigned)v, what.flexible);
            }
}

TEST(kafka_rows, smallest_is_smallest)
{
    // Goal: the divisor of every count is neither too large nor too small. Method: Kafka's own
    // bytes; an object that nobody filled is the smallest there is.
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++) {
        size_t least =
            kafka_shape_bytes_min(g[i].what.shape, (unsigned)g[i].what.version, g[i].what.flexible);
        bool unset = strcmp(g[i].kind, "unset") == 0;
        if (unset ? !EXPECT_EQ(g[i].bytes.len, least) : !EXPECT(g[i].bytes.len >= least))
            printf("    in %s\n", g[i].name);
    }
}

TEST(kafka_rows, unset_is_seen)
{
    // Goal: a tag with its unset value does not travel, one with another value does.
    struct kafka_fetch_request q;
    kafka_unset(kafka_fetch_request_shape(), &q);
    EXPECT_EQ(q.replica_id, -1);
    EXPECT_EQ(q.max_bytes, INT32_MAX);
    EXPECT(q.cluster_id.at == NULL);
    EXPECT(q.rack_id.at != NULL && q.rack_id.len == 0);
    EXPECT(q.topics.at != NULL && q.topics.count == 0);
    const struct kafka_shape *s = kafka_fetch_request_shape();
    for (unsigned i = 0; i < s->count; i++)
        EXPECT(kafka_row_is_unset(&s->rows[i], (const uint8_t *)&q + s->rows[i].at));
    q.cluster_id = (struct bytes){ (const uint8_t *)"", 0 };
    EXPECT(!kafka_row_is_unset(&s->rows[0], &q.cluster_id)); /* empty, and so not null */
}

/* Whether the row of this name has its unset value in *from. */
static bool unset_at(const struct kafka_shape *s, const char *name, const void *from)
{
    for (unsigned i = 0; i < s->count; i++)
        if (strcmp(s->rows[i].name, name) == 0)
            return kafka_row_is_unset(&s->rows[i], (const uint8_t *)from + s->rows[i].at);
    return EXPECT(!"a row of this name");
}

TEST(kafka_rows, every_kind_is_seen_to_be_set)
{
    const struct kafka_shape *topic = kafka_fetch_request_topic_shape();
    const struct kafka_shape *places = kafka_fetch_response_partition_shape();
    struct kafka_fetch_request_partition one;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_response_partition p;
    kafka_unset(topic, &t);
    kafka_unset(places, &p);
    EXPECT(unset_at(topic, "topic", &t) && unset_at(topic, "topic_id", &t));
    EXPECT(unset_at(topic, "partitions", &t));
    t.topic = (struct bytes){ (const uint8_t *)"t", 1 };
    t.topic_id.b[15] = 1;
    t.partitions.at = &one;
    t.partitions.count = 1;
    EXPECT(!unset_at(topic, "topic", &t) && !unset_at(topic, "topic_id", &t));
    EXPECT(!unset_at(topic, "partitions", &t));
    p.error_code = 0x100;
    p.high_watermark = 1ll << 32;
    p.partition_index = 1 << 16;
    p.snapshot_id.epoch = 0;
    EXPECT(!unset_at(places, "error_code", &p) && !unset_at(places, "high_watermark", &p));
    EXPECT(!unset_at(places, "partition_index", &p) && !unset_at(places, "snapshot_id", &p));
    EXPECT(unset_at(places, "current_leader", &p));
}
