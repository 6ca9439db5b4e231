/* api.c -- the table of APIs; headers and frames around what the codec walks. */
#include "net/kafka/api.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

#define NEVER     KAFKA_LAST
#define KEY_BYTES 8u /* key, version, correlation id: the same in every request header */

/* ---- table ---- */

const struct kafka_api kafka_apis[] = {
#define API(shapes, key_, name_, advertised, served, last_, flexible) \
    { .name = name_,                                                  \
      .key = key_,                                                    \
      .advertised_first = advertised,                                 \
      .served_first = served,                                         \
      .last = last_,                                                  \
      .flexible_first = flexible,                                     \
      .shape = { kafka_##shapes##_request_shape, kafka_##shapes##_response_shape } },
#include "net/kafka/api.def"
#undef API
};
const unsigned kafka_api_count = sizeof(kafka_apis) / sizeof(*kafka_apis);

enum {
#define API(shapes, ...) ROW_##shapes,
#include "net/kafka/api.def"
#undef API
};

/* Row plus one; 0: no API. */
static const uint8_t rows_by_key[] = {
#define API(shapes, key, ...) [key] = ROW_##shapes + 1,
#include "net/kafka/api.def"
#undef API
};
#define KEY_MAX ((int)sizeof(rows_by_key) - 1)

const struct kafka_api *kafka_api(int16_t key)
{
    if (key < 0 || key > KEY_MAX || !rows_by_key[key])
        return NULL;
    return &kafka_apis[rows_by_key[key] - 1];
}

struct kafka_what kafka_body(const struct kafka_api *api, int16_t version, enum kafka_side side)
{
    check(version >= api->served_first && version <= api->last);
    return (struct kafka_what){ .shape = api->shape[side](),
                                .name = api->name,
                                .side = side,
                                .version = version,
                                .flexible = version >= api->flexible_first };
}

struct kafka_what kafka_head(const struct kafka_api *api, int16_t version, enum kafka_side side)
{
    struct kafka_what what = kafka_body(api, version, side);
    if (side == KAFKA_REQUEST) {
        what.shape = kafka_request_header_shape();
        what.version = what.flexible ? 2 : 1;
    } else {
        what.shape = kafka_response_header_shape();
        what.flexible = what.flexible && api->key != KAFKA_KEY_api_versions;
        what.version = what.flexible ? 1 : 0;
    }
    return what;
}

/* ---- requests ---- */

static enum err version_check(const struct kafka_request *q, struct kafka_fault *fault)
{
    struct kafka_what what = { .shape = kafka_request_header_shape(),
                               .name = q->api ? q->api->name : "Kafka",
                               .version = q->header.request_api_version };
    int16_t version = q->header.request_api_version;
    if (!q->api)
        return kafka_fault_set(fault, KAFKA_FAULT_API, &what, "request_api_key", 0,
                               q->header.request_api_key, KEY_MAX);
    if (version < q->api->served_first)
        return kafka_fault_set(fault, KAFKA_FAULT_OLD, &what, "request_api_version", 2, version,
                               q->api->served_first);
    if (version > q->api->last)
        return kafka_fault_set(fault, KAFKA_FAULT_NEW, &what, "request_api_version", 2, version,
                               q->api->last);
    return ERR_OK;
}

enum err kafka_request_open(struct bytes frame, struct kafka_request *out,
                            struct kafka_fault *fault)
{
    struct kafka_what head = { .shape = kafka_request_header_shape(), .name = "Kafka" };
    struct bytes first = { frame.at, min_u64(frame.len, KEY_BYTES) };
    *out = (struct kafka_request){ .api = NULL };
    TRY(kafka_decode_front(&head, &first, &out->header, NULL, fault));
    out->api = kafka_api(out->header.request_api_key);
    TRY(version_check(out, fault));
    head = kafka_head(out->api, out->header.request_api_version, KAFKA_REQUEST);
    out->body = frame;
    return kafka_decode_front(&head, &out->body, &out->header, NULL, fault);
}

enum err kafka_request_decode(const struct kafka_request *q, void *to, struct kafka_arena *arena,
                              struct kafka_fault *fault)
{
    struct kafka_what what = kafka_body(q->api, q->header.request_api_version, KAFKA_REQUEST);
    struct bytes from = q->body;
    return kafka_decode_front(&what, &from, to, arena, fault);
}

/* ---- responses ---- */

enum err kafka_response_size(const struct kafka_api *api, int16_t version, const void *body,
                             uint64_t *bytes, struct kafka_fault *fault)
{
    struct kafka_what head = kafka_head(api, version, KAFKA_RESPONSE);
    struct kafka_what what = kafka_body(api, version, KAFKA_RESPONSE);
    struct kafka_response_header header = { 0 };
    uint64_t head_bytes, body_bytes;
    TRY(kafka_size(&head, &header, &head_bytes, fault));
    TRY(kafka_size(&what, body, &body_bytes, fault));
    if (head_bytes + body_bytes > INT32_MAX)
        return kafka_fault_set(fault, KAFKA_FAULT_LARGE, &what, NULL, 0,
                               (int64_t)(head_bytes + body_bytes), INT32_MAX);
    *bytes = KAFKA_FRAME_LENGTH_BYTES + head_bytes + body_bytes;
    return ERR_OK;
}

enum err kafka_response_make(const struct kafka_api *api, int16_t version, int32_t correlation_id,
                             const void *body, void *at, size_t cap, size_t *len,
                             struct kafka_fault *fault)
{
    return kafka_response_make_around(api, version, correlation_id, body, at, cap, len, NULL, 0,
                                      fault);
}

enum err kafka_response_make_around(const struct kafka_api *api, int16_t version,
                                    int32_t correlation_id, const void *body, void *at, size_t cap,
                                    size_t *len, struct kafka_holes *holes,
                                    uint64_t bytes_elsewhere, struct kafka_fault *fault)
{
    struct kafka_what head = kafka_head(api, version, KAFKA_RESPONSE);
    struct kafka_what what = kafka_body(api, version, KAFKA_RESPONSE);
    struct kafka_response_header header = { .correlation_id = correlation_id };
    size_t used = KAFKA_FRAME_LENGTH_BYTES, more;
    if (cap < used)
        return kafka_fault_set(fault, KAFKA_FAULT_SPACE, &what, NULL, 0, (int64_t)used,
                               (int64_t)cap);
    TRY(kafka_encode(&head, &header, (uint8_t *)at + used, cap - used, &more, fault));
    used += more;
    uint32_t first = holes ? holes->count : 0;
    TRY(kafka_encode_around(&what, body, (uint8_t *)at + used, cap - used, &more, holes, fault));
    for (uint32_t i = first; holes && i < holes->count; i++)
        holes->pos[i] += used;
    used += more;
    uint64_t length = used - KAFKA_FRAME_LENGTH_BYTES + bytes_elsewhere;
    if (length > INT32_MAX)
        return kafka_fault_set(fault, KAFKA_FAULT_LARGE, &what, NULL, 0, (int64_t)length,
                               INT32_MAX);
    be32_put(at, (uint32_t)length);
    *len = used;
    return ERR_OK;
}
