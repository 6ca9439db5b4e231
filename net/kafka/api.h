/* api.h -- the table of Kafka APIs, and frames: a header in front of a message.
 *
 * On the wire a frame is its length (four bytes, big endian, itself not counted), a header and a
 * body. Which encoding they have follows from the table: the request's header is version 2 from the
 * first flexible version on, else 1; the response's 1, else 0; that of ApiVersions always 0, as
 * nobody has agreed on anything yet.
 *
 * Thread     pure functions; any thread.
 * Memory     as codec.h.
 * Fails      as codec.h. A request that cannot be served fills what is known of its header, so
 *            that it can be answered or its connection closed with a reason.
 */
#ifndef KAFKA_API_H
#define KAFKA_API_H

#include "net/kafka/codec.h"
#include "net/kafka/messages.h"

#define KAFKA_FRAME_LENGTH_BYTES 4u

enum kafka_api_key {
#define API(shapes, key, ...) KAFKA_KEY_##shapes = key,
#include "net/kafka/api.def"
#undef API
};

struct kafka_api {
    const char *name;
    int16_t key;
    int16_t advertised_first, served_first, last; /* versions */
    int16_t flexible_first;
    const struct kafka_shape *(*shape[2])(void); /* by enum kafka_side */
};

/* In the order of their keys. */
extern const struct kafka_api kafka_apis[];
extern const unsigned kafka_api_count;
/* NULL: no such API. */
const struct kafka_api *kafka_api(int16_t key);

/* The body, or the header in front of it, of an API at a version. */
struct kafka_what kafka_body(const struct kafka_api *api, int16_t version, enum kafka_side side);
struct kafka_what kafka_head(const struct kafka_api *api, int16_t version, enum kafka_side side);

/* ---- frames, without their length ---- */

struct kafka_request {
    const struct kafka_api *api; /* NULL: unknown */
    struct kafka_request_header header;
    struct bytes body; /* a view */
};
/* Reads the header. ERR_UNSUPPORTED: api key, version and correlation id are filled in, api too if
 * only the version is wrong; ApiVersions answers that with error 35 in version 0. */
enum err kafka_request_open(struct bytes frame, struct kafka_request *out,
                            struct kafka_fault *fault);
/* The body of an opened request into a struct of its shape. Bytes behind it are passed over, as
 * Kafka does: librdkafka 2.16 sends three more when it asks for the metadata of all topics. */
enum err kafka_request_decode(const struct kafka_request *q, void *to, struct kafka_arena *arena,
                              struct kafka_fault *fault);

/* Bytes of a whole response frame, its length included. */
enum err kafka_response_size(const struct kafka_api *api, int16_t version, const void *body,
                             uint64_t *bytes, struct kafka_fault *fault);
/* Writes it; cap is what kafka_response_size() said, or more. */
enum err kafka_response_make(const struct kafka_api *api, int16_t version, int32_t correlation_id,
                             const void *body, void *at, size_t cap, size_t *len,
                             struct kafka_fault *fault);
/* The same around records that are elsewhere (codec.h), `bytes_elsewhere` of them in all; the
 * frame's length includes them. */
enum err kafka_response_make_around(const struct kafka_api *api, int16_t version,
                                    int32_t correlation_id, const void *body, void *at, size_t cap,
                                    size_t *len, struct kafka_holes *holes,
                                    uint64_t bytes_elsewhere, struct kafka_fault *fault);

#endif
