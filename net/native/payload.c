/* payload.c -- the rows of docs/PROTOCOL.md, and whole frames.
 *
 * The names are those of the page: they are what an error answer says. */
#include "net/native/payload.h"

#include "engine/base/check.h"
#include "engine/base/crc32c.h"

/* ---- rows ---- */

static const struct field error_fields[] = {
    FIELD_OF(error_answer, U16, code, 0),
    FIELD_OF(error_answer, U16, retriable, 1),
    ZEROS(4),
    FIELD_OF(error_answer, U64, limit, 0),
    FIELD_OF(error_answer, U64, value, 0),
    FIELD_OF(error_answer, TEXT, text, ERROR_TEXT_MAX),
};
static const struct field hello_fields[] = {
    FIELD_OF(hello_request, U16, version_min, 0),
    FIELD_OF(hello_request, U16, version_max, 0),
    FIELD_OF(hello_request, U32, frame_max, 0),
    FIELD_OF(hello_request, U64, ignorable, 0),
    FIELD_OF(hello_request, U64, read_only, 0),
    FIELD_OF(hello_request, U64, refuse, 0),
    FIELD_OF(hello_request, U32, wanted_shard, 0),
    ZEROS(4),
    FIELD_OF(hello_request, TEXT, client_id, 255),
    FIELD_OF(hello_request, TEXT, auth_mechanism, 32),
    FIELD_OF(hello_request, BLOB, auth_bytes, 8192),
    FIELD_OF(hello_request, REST, later, 1024),
};
static const struct field hello_answer_fields[] = {
    FIELD_OF(hello_answer, U16, version, 0),
    FIELD_OF(hello_answer, U8, auth, 1),
    FIELD_OF(hello_answer, U8, access, 1),
    FIELD_OF(hello_answer, U32, frame_max, 0),
    FIELD_OF(hello_answer, U64, ignorable, 0),
    FIELD_OF(hello_answer, U64, read_only, 0),
    FIELD_OF(hello_answer, U64, refuse, 0),
    FIELD_OF(hello_answer, U32, shards, 0),
    FIELD_OF(hello_answer, U32, shard, 0),
    FIELD_OF(hello_answer, U32, requests_max, 0),
    FIELD_OF(hello_answer, U32, idle_ms, 0),
    FIELD_OF(hello_answer, ID, cluster, 0),
    FIELD_OF(hello_answer, U32, node, 0),
    ZEROS(4),
    FIELD_OF(hello_answer, TEXT, server, 255),
    FIELD_OF(hello_answer, TEXT, auth_mechanisms, 255),
    FIELD_OF(hello_answer, BLOB, auth_bytes, 8192),
    FIELD_OF(hello_answer, REST, later, 1024),
};
static const struct field auth_fields[] = { FIELD_OF(auth_request, TEXT, mechanism, 32),
                                            FIELD_OF(auth_request, BLOB, bytes, 8192) };
static const struct field auth_answer_fields[] = { FIELD_OF(auth_answer, U32, auth, 1),
                                                   FIELD_OF(auth_answer, BLOB, bytes, 8192) };
static const struct field ping_fields[] = { FIELD_OF(ping, REST, bytes, 65536) };
static const struct field topics_fields[] = { FIELD_OF(topics_request, U32, count_max, 0),
                                              FIELD_OF(topics_request, TEXT, after,
                                                       NATIVE_NAME_MAX) };
static const struct field topics_answer_fields[] = { FIELD_OF(topics_answer, U32, more, 1),
                                                     ITEMS_OF(topics_answer, names, NAME, 65536) };
static const struct field describe_fields[] = {
    FIELD_OF(describe_request, U32, first, 0), FIELD_OF(describe_request, U32, count_max, 0),
    FIELD_OF(describe_request, TEXT, name, NATIVE_NAME_MAX)
};
static const struct field describe_answer_fields[] = {
    FIELD_OF(describe_answer, ID, topic, 0),
    FIELD_OF(describe_answer, U32, partitions, 0),
    FIELD_OF(describe_answer, U32, first, 0),
    FIELD_OF(describe_answer, TEXT, name, NATIVE_NAME_MAX),
    ITEMS_OF(describe_answer, places, PLACE, 131072),
    ITEMS_OF(describe_answer, settings, SHOWN, 64),
};
static const struct field create_fields[] = { FIELD_OF(create_request, U32, partitions, 131072),
                                              FIELD_OF(create_request, TEXT, name, NATIVE_NAME_MAX),
                                              ITEMS_OF(create_request, settings, SETTING, 64) };
static const struct field create_answer_fields[] = { FIELD_OF(create_answer, ID, topic, 0),
                                                     FIELD_OF(create_answer, U32, partitions, 0),
                                                     ZEROS(4) };
static const struct field delete_fields[] = { FIELD_OF(delete_request, TEXT, name,
                                                       NATIVE_NAME_MAX) };
static const struct field alter_fields[] = { FIELD_OF(alter_request, TEXT, name, NATIVE_NAME_MAX),
                                             ITEMS_OF(alter_request, settings, SETTING, 64) };
static const struct field grow_fields[] = { FIELD_OF(grow_request, U32, partitions, 131072),
                                            FIELD_OF(grow_request, TEXT, name, NATIVE_NAME_MAX) };
static const struct field append_fields[] = {
    FIELD_OF(append_request, U8, durability, NATIVE_DURABILITY_MAX),
    ZEROS(7),
    FIELD_OF(append_request, BATCHES, batch, FRAME_PAYLOAD_MAX),
};
static const struct field append_answer_fields[] = {
    FIELD_OF(append_answer, U64, base_offset, 0),
    FIELD_OF(append_answer, U64, append_ms, 0),
    FIELD_OF(append_answer, U32, count, 0),
    FIELD_OF(append_answer, U8, bought, NATIVE_DURABILITY_MAX),
    FIELD_OF(append_answer, U8, duplicate, 1),
    ZEROS(2),
};
static const struct field fetch_fields[] = {
    FIELD_OF(fetch_request, U64, offset, INT64_MAX),
    FIELD_OF(fetch_request, U32, bytes_max, 0),
    FIELD_OF(fetch_request, U32, bytes_min, 0),
    FIELD_OF(fetch_request, U32, wait_ms, WAIT_MS_MAX),
    ZEROS(4),
};
static const struct field fetch_answer_fields[] = {
    FIELD_OF(fetch_answer, U64, next_offset, 0),
    FIELD_OF(fetch_answer, U64, high_offset, 0),
    FIELD_OF(fetch_answer, U64, start_offset, 0),
    FIELD_OF(fetch_answer, BATCHES, batches, FRAME_PAYLOAD_MAX),
};
static const struct field offsets_fields[] = { FIELD_OF(offsets_request, U32, what, 3), ZEROS(4),
                                               FIELD_OF(offsets_request, U64, time_ms, 0) };
static const struct field offsets_answer_fields[] = {
    FIELD_OF(offsets_answer, U64, offset, 0),
    FIELD_OF(offsets_answer, U64, found_ms, 0),
    FIELD_OF(offsets_answer, U32, leader_epoch, 0),
    ZEROS(4),
};
static const struct field trim_fields[] = { FIELD_OF(trim_request, U64, offset, 0) };
static const struct field trim_answer_fields[] = { FIELD_OF(trim_answer, U64, start_offset, 0) };
static const struct field stats_fields[] = { FIELD_OF(stats_request, U32, shard, 0) };
static const struct field stats_answer_fields[] = { ITEMS_OF(stats_answer, figures, FIGURE, 256) };
static const struct field groups_fields[] = { FIELD_OF(groups_request, U32, count_max, 0),
                                              FIELD_OF(groups_request, TEXT, after,
                                                       NATIVE_GROUP_MAX) };
static const struct field groups_answer_fields[] = {
    FIELD_OF(groups_answer, U32, more, 1), ITEMS_OF(groups_answer, groups, GROUP, GROUPS_MAX)
};
static const struct field group_fields[] = { FIELD_OF(group_ask, U32, first, 0),
                                             FIELD_OF(group_ask, U32, count_max, 0),
                                             FIELD_OF(group_ask, TEXT, group, NATIVE_GROUP_MAX) };
static const struct field group_answer_fields[] = {
    FIELD_OF(group_answer, U32, members, 0),     FIELD_OF(group_answer, U32, first, 0),
    FIELD_OF(group_answer, TEXT, state, 32),     FIELD_OF(group_answer, TEXT, protocol_type, 255),
    FIELD_OF(group_answer, TEXT, protocol, 255), ITEMS_OF(group_answer, list, MEMBER, MEMBERS_MAX),
};
static const struct field lag_fields[] = {
    FIELD_OF(lag_request, U32, count_max, 0),
    FIELD_OF(lag_request, U32, after_partition, 0),
    FIELD_OF(lag_request, TEXT, group, NATIVE_GROUP_MAX),
    FIELD_OF(lag_request, TEXT, after_topic, NATIVE_NAME_MAX),
};
static const struct field lag_answer_fields[] = { FIELD_OF(lag_answer, U32, more, 1),
                                                  ITEMS_OF(lag_answer, rows, LAG, LAGS_MAX) };
static const struct field commit_fields[] = { FIELD_OF(commit_request, TEXT, group,
                                                       NATIVE_GROUP_MAX),
                                              ITEMS_OF(commit_request, rows, COMMIT, COMMITS_MAX) };
static const struct field forget_fields[] = { FIELD_OF(forget_request, TEXT, group,
                                                       NATIVE_GROUP_MAX) };

#define EMPTY { NULL, 0 }

static const struct shape error_shape = SHAPE(error_fields);
static const struct shape shapes[VERB_COUNT][2] = {
    [VERB_CLOSE] = { EMPTY, EMPTY },
    [VERB_HELLO] = { SHAPE(hello_fields), SHAPE(hello_answer_fields) },
    [VERB_AUTH] = { SHAPE(auth_fields), SHAPE(auth_answer_fields) },
    [VERB_PING] = { SHAPE(ping_fields), SHAPE(ping_fields) },
    [VERB_TOPICS] = { SHAPE(topics_fields), SHAPE(topics_answer_fields) },
    [VERB_DESCRIBE] = { SHAPE(describe_fields), SHAPE(describe_answer_fields) },
    [VERB_CREATE] = { SHAPE(create_fields), SHAPE(create_answer_fields) },
    [VERB_DELETE] = { SHAPE(delete_fields), EMPTY },
    [VERB_ALTER] = { SHAPE(alter_fields), EMPTY },
    [VERB_GROW] = { SHAPE(grow_fields), EMPTY },
    [VERB_APPEND] = { SHAPE(append_fields), SHAPE(append_answer_fields) },
    [VERB_FETCH] = { SHAPE(fetch_fields), SHAPE(fetch_answer_fields) },
    [VERB_OFFSETS] = { SHAPE(offsets_fields), SHAPE(offsets_answer_fields) },
    [VERB_TRIM] = { SHAPE(trim_fields), SHAPE(trim_answer_fields) },
    [VERB_STATS] = { SHAPE(stats_fields), SHAPE(stats_answer_fields) },
    [VERB_GROUPS] = { SHAPE(groups_fields), SHAPE(groups_answer_fields) },
    [VERB_GROUP] = { SHAPE(group_fields), SHAPE(group_answer_fields) },
    [VERB_LAG] = { SHAPE(lag_fields), SHAPE(lag_answer_fields) },
    [VERB_COMMIT] = { SHAPE(commit_fields), EMPTY },
    [VERB_FORGET] = { SHAPE(forget_fields), EMPTY },
};

const struct shape *payload_shape(uint32_t verb, uint32_t flags)
{
    if (flags & FRAME_ERROR) /* to an unknown verb too */
        return &error_shape;
    check(verb < VERB_COUNT);
    return &shapes[verb][flags & FRAME_ANSWER ? 1 : 0];
}

/* ---- decode ---- */

enum err payload_decode(const struct frame *f, struct bytes payload, union payload *out,
                        struct fault *fault)
{
    union payload got;
    struct fault mine = { 0 };
    check(payload.len == f->payload_bytes);
    uint32_t crc = crc32c(0, payload.at, frame_checked_bytes(f));
    if (crc != f->payload_crc)
        return fault_set(fault, FAULT_PAYLOAD_CRC, "payload checksum", crc, f->payload_crc);
    memset(&got, 0, sizeof(got));
    if (!shape_read(payload_shape(f->verb, f->flags), payload, &got, &mine)) {
        if (fault)
            *fault = mine;
        return mine.err;
    }
    *out = got;
    return ERR_OK;
}

/* ---- make ---- */

struct bytes frame_batches(const struct frame *f, const void *from)
{
    const struct shape *s = payload_shape(f->verb, f->flags);
    struct bytes batches = { NULL, 0 };
    if (s->count && s->fields[s->count - 1].kind == FIELD_BATCHES)
        memcpy(&batches, (const uint8_t *)from + s->fields[s->count - 1].at, sizeof(batches));
    return batches;
}

static uint32_t frame_bytes_most(const struct frame *f, uint32_t peer_max)
{
    uint64_t most = frame_is_error(f) ? shape_bytes_max(&error_shape)
                                      : verb_row(f->verb)->max[frame_is_answer(f)];
    return (uint32_t)min_u64(most, peer_max);
}

size_t frame_make(void *at, size_t cap, struct frame *f, const void *from, uint32_t peer_max,
                  struct fault *fault)
{
    struct writer w;
    struct fault mine = { 0 };
    writer_open(&w, at, cap);
    uint8_t *header = writer_take(&w, FRAME_HEADER_BYTES);
    bool written = header && shape_write(payload_shape(f->verb, f->flags), from, &w, &mine);
    if (written) {
        uint64_t head = w.len - FRAME_HEADER_BYTES, bytes = head + frame_batches(f, from).len;
        uint32_t most = frame_bytes_most(f, peer_max);
        if (bytes > most) {
            fault_set(&mine, FAULT_LARGE, "payload length", bytes, most);
        } else {
            f->payload_bytes = (uint32_t)bytes;
            f->payload_crc = crc32c(0, header + FRAME_HEADER_BYTES, head);
            frame_encode(f, header);
        }
    }
    if (fault)
        *fault = mine;
    return written && mine.kind == FAULT_NONE ? w.len : 0;
}

size_t frame_make_error(void *at, size_t cap, const struct frame *request, enum err err,
                        uint64_t limit, uint64_t value, const char *text)
{
    struct frame f = frame_answer(request, FRAME_ERROR);
    struct error_answer e = { .code = (uint16_t)err,
                              .retriable = sl_err_retriable((enum sl_err)err),
                              .limit = limit,
                              .value = value,
                              .text = text_of(text && *text ? text : err_text(err)) };
    e.text.len = min_u64(e.text.len, ERROR_TEXT_MAX);
    return frame_make(at, cap, &f, &e, FRAME_PAYLOAD_MAX, NULL);
}

size_t frame_make_fault(void *at, size_t cap, const struct frame *request, uint8_t version,
                        const struct fault *fault)
{
    struct frame close = { .version = version, .verb = VERB_CLOSE };
    struct why why;
    fault_text(fault, fault->lost ? VERB_COUNT : request->verb, &why);
    return frame_make_error(at, cap, fault->lost ? &close : request, fault->err, fault->limit,
                            fault->value, why.text);
}
