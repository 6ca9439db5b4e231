/* The values that native_golden.py wrote down, as the codec's structs. */
#include "tests/unit/net/native_values.h"

#include "engine/base/check.h"
#include "tests/unit/log/format_hex.h"
#include "tests/unit/net/native_golden.h"

#define MS   1700000000123
#define WIDE 0x1122334455667788

static const struct id16 topic = { { 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
                                     0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f } };
static const struct id16 cluster = { { 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39,
                                       0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f } };

static struct native_value values[60];
static unsigned value_count;
static uint8_t items_at[4096], batch_at[128];
static struct writer items_room;

#define B(text) ((struct bytes){ (const uint8_t *)(text), sizeof(text) - 1 })

/* A row; its payload is filled in by the caller. */
static union payload *value_add(const char *name, const char *golden, enum native_verb verb,
                                uint16_t flags, bool placed)
{
    struct native_value *v = &values[value_count++];
    v->name = name;
    v->golden = golden;
    v->frame = (struct frame){ .version = 1, .verb = verb, .flags = flags, .correlation = 7 };
    if (placed) {
        v->frame.topic = topic;
        v->frame.partition = 2;
    }
    return &v->payload;
}
#define ADD(name, verb, flags, placed) value_add(#name, golden_##name, VERB_##verb, flags, placed)

static struct items list_of(enum item_kind kind, const void *items, unsigned count, size_t size)
{
    struct items list = { 0, { NULL, 0 } };
    for (unsigned i = 0; i < count; i++)
        check(items_add(&list, kind, (const uint8_t *)items + i * size, &items_room, NULL));
    return list;
}
#define LIST(kind, type, ...)                                                   \
    list_of(kind, (const struct type[]){ __VA_ARGS__ },                         \
            sizeof((const struct type[]){ __VA_ARGS__ }) / sizeof(struct type), \
            sizeof(struct type))

static void values_of_connections(void)
{
    ADD(close, CLOSE, 3, false)->error = (struct error_answer){ .code = 15, .text = B("stopping") };
    values[value_count - 1].frame.correlation = 0;
    ADD(hello_request, HELLO, 0, false)->hello =
        (struct hello_request){ .version_min = 1,
                                .version_max = 3,
                                .frame_max = 8454144,
                                .ignorable = 1ull << 40,
                                .read_only = 2,
                                .wanted_shard = 5,
                                .client_id = B("a client"),
                                .auth_mechanism = B("PLAIN"),
                                .auth_bytes = B("\0who\0why"),
                                .later = B("later") };
    ADD(hello_answer, HELLO, 1, false)->hello_answer =
        (struct hello_answer){ .version = 1,
                               .auth = 1,
                               .access = 1,
                               .frame_max = 9000001,
                               .ignorable = 4,
                               .read_only = 8,
                               .refuse = 16,
                               .shards = 6,
                               .shard = 5,
                               .requests_max = 1024,
                               .idle_ms = 600000,
                               .cluster = cluster,
                               .node = 7,
                               .server = B("shardlog 0.1.0"),
                               .auth_mechanisms = B("PLAIN SCRAM"),
                               .auth_bytes = B("salt"),
                               .later = B("tail") };
    ADD(auth_request, AUTH, 0, false)->auth = (struct auth_request){ B("SCRAM"), B("step") };
    ADD(auth_answer, AUTH, 1, false)->auth_answer = (struct auth_answer){ 1, B("more") };
    ADD(ping_request, PING, 0, false)->ping = (struct ping){ B("echo\0echo") };
    ADD(ping_answer, PING, 1, false);
    ADD(stats_request, STATS, 0, false)->stats = (struct stats_request){ SHARD_ANY };
    ADD(stats_answer, STATS, 1, false)->stats_answer = (struct stats_answer){ LIST(
        ITEM_FIGURE, item_figure, { B("appends"), WIDE }, { B("syncs"), 9 }) };
}

static struct items settings_some(void)
{
    return LIST(ITEM_SETTING, item_setting, { B("retention.ms"), B("86400000") },
                { B("segment.ms"), { NULL, 0 } });
}

static void values_of_topics(void)
{
    ADD(topics_request, TOPICS, 0, false)->topics = (struct topics_request){ 100, B("events") };
    ADD(topics_answer, TOPICS, 1, false)->topics_answer =
        (struct topics_answer){ 1, LIST(ITEM_NAME, item_name, { B("faults") }, { B("goods") }) };
    ADD(describe_request, DESCRIBE, 0, true)->describe = (struct describe_request){ 3, 2, B("") };
    ADD(describe_answer, DESCRIBE, 1, true)->describe_answer =
        (struct describe_answer){ topic,
                                  5,
                                  3,
                                  B("events"),
                                  LIST(ITEM_PLACE, item_place, { 1, 2, 0 }, { 0, 3, 4 }),
                                  LIST(ITEM_SHOWN, item_shown,
                                       { B("retention.ms"), B("86400000"), 1 },
                                       { B("segment.ms"), B("604800000"), 0 }) };
    values[value_count - 2].frame.partition = values[value_count - 1].frame.partition = 0;
    ADD(create_request, CREATE, 0, false)->create =
        (struct create_request){ 12, B("events"), settings_some() };
    ADD(create_answer, CREATE, 1, false)->create_answer = (struct create_answer){ topic, 12 };
    ADD(delete_request, DELETE, 0, false)->delete_ = (struct delete_request){ B("events") };
    ADD(delete_answer, DELETE, 1, false);
    ADD(alter_request, ALTER, 0, false)->alter =
        (struct alter_request){ B("events"), settings_some() };
    ADD(alter_answer, ALTER, 1, false);
    ADD(grow_request, GROW, 0, false)->grow = (struct grow_request){ 24, B("events") };
    ADD(grow_answer, GROW, 1, false);
}

static void values_of_records(void)
{
    /* The batch is that of the golden append: no builder is asked. */
    hex_bytes(golden_append_request + 2 * (FRAME_HEADER_BYTES + 8), batch_at, sizeof(batch_at));
    struct bytes batch = { batch_at, 73 };
    ADD(append_request, APPEND, 0, true)->append = (struct append_request){ 3, batch };
    ADD(append_answer, APPEND, 1, true)->append_answer = (struct append_answer){ 41, MS, 1, 3, 0 };
    ADD(append_error, APPEND, 3, true)->error =
        (struct error_answer){ 8, 0, 1048588, 2000000, B("too large") };
    ADD(fetch_request, FETCH, 0, true)->fetch = (struct fetch_request){ WIDE, 1 << 20, 4096, 500 };
    ADD(fetch_answer, FETCH, 1, true)->fetch_answer = (struct fetch_answer){ 42, 43, 40, batch };
    ADD(offsets_request, OFFSETS, 0, true)->offsets = (struct offsets_request){ 2, -5 };
    ADD(offsets_answer, OFFSETS, 1, true)->offsets_answer = (struct offsets_answer){ 41, MS, 3 };
    ADD(trim_request, TRIM, 0, true)->trim = (struct trim_request){ UINT64_MAX };
    ADD(trim_answer, TRIM, 1, true)->trim_answer = (struct trim_answer){ WIDE };
}

static void values_of_groups(void)
{
    ADD(groups_request, GROUPS, 0, false)->groups = (struct groups_request){ 50, B("billing") };
    ADD(groups_answer, GROUPS, 1, false)->groups_answer =
        (struct groups_answer){ 1, LIST(ITEM_GROUP, item_group,
                                        { B("mail"), B("consumer"), B("Stable") },
                                        { B("old"), B(""), B("Empty") }) };
    ADD(group_request, GROUP, 0, false)->group = (struct group_ask){ 2, 10, B("mail") };
    ADD(group_answer, GROUP, 1, false)->group_answer =
        (struct group_answer){ 4,
                               2,
                               B("Stable"),
                               B("consumer"),
                               B("range"),
                               LIST(ITEM_MEMBER, item_member,
                                    { B("m-1"), B("i-1"), B("app"), B("/127.0.0.1"), B("\0\1as") },
                                    { B("m-2"), { NULL, 0 }, B("app"), B("/127.0.0.1"), B("") }) };
    ADD(lag_request, LAG, 0, false)->lag = (struct lag_request){ 100, 3, B("mail"), B("events") };
    ADD(lag_answer, LAG, 1, false)->lag_answer =
        (struct lag_answer){ 0, LIST(ITEM_LAG, item_lag,
                                     { B("events"), 4, 0, 40, 10, 100, 60, WIDE, 12345 },
                                     { B("gone"), 0, 5, 7, 0, 0, 0, 0, -1 }) };
    ADD(commit_request, COMMIT, 0, false)->commit =
        (struct commit_request){ B("mail"), LIST(ITEM_COMMIT, item_commit, { B("events"), 4, WIDE },
                                                 { B("goods"), 0, 0 }) };
    ADD(commit_answer, COMMIT, 1, false);
    ADD(commit_error, COMMIT, 3, false)->error =
        (struct error_answer){ 30, 0, 0, 0, B("the group has members") };
    ADD(forget_request, FORGET, 0, false)->forget = (struct forget_request){ B("mail") };
    ADD(forget_answer, FORGET, 1, false);
}

const struct native_value *native_values(unsigned *count)
{
    if (!value_count) {
        writer_open(&items_room, items_at, sizeof(items_at));
        values_of_connections();
        values_of_topics();
        values_of_records();
        values_of_groups();
    }
    *count = value_count;
    return values;
}

size_t native_make(const struct native_value *v, uint8_t *at, size_t cap)
{
    struct frame f = v->frame;
    struct bytes batches = frame_batches(&f, &v->payload);
    size_t len = frame_make(at, cap, &f, &v->payload, FRAME_PAYLOAD_MAX, NULL);
    if (!len || batches.len > cap - len)
        return 0;
    if (batches.len)
        memcpy(at + len, batches.at, batches.len);
    return len + batches.len;
}

size_t native_golden(const struct native_value *v, uint8_t *at, size_t cap)
{
    return hex_bytes(v->golden, at, cap);
}

struct frame_gate native_gate(const struct frame *f)
{
    return (struct frame_gate){ .version = 1,
                                .answers = frame_is_answer(f),
                                .payload_max = FRAME_PAYLOAD_MAX };
}
