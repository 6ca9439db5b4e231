/* messages.h -- the structs of all requests and responses, made from their rows.
 *
 * For each SHAPE(x) of message.def: struct kafka_x, and kafka_x_shape(), which codec.h takes. A
 * struct that is to be encoded begins with kafka_unset(), so that each field has the value it has
 * where nobody says anything.
 *
 * Memory     texts and blobs are views, lists point into the caller's arena.
 */
#ifndef KAFKA_MESSAGES_H
#define KAFKA_MESSAGES_H

#include "net/kafka/rows.h"

/* clang-format off */
#define SHAPE(name) struct kafka_##name {
#define END(name)   };
/* clang-format on */
#define BOOL(name, ...)    bool name;
#define I8(name, ...)      int8_t name;
#define I16(name, ...)     int16_t name;
#define I32(name, ...)     int32_t name;
#define I64(name, ...)     int64_t name;
#define ID(name, ...)      struct id16 name;
#define TEXT(name, ...)    struct bytes name;
#define BLOB(name, ...)    struct bytes name;
#define RECORDS(name, ...) struct bytes name;
#define I32S(name, ...) \
    struct {            \
        int32_t *at;    \
        uint32_t count; \
    } name;
#define TEXTS(name, ...)  \
    struct {              \
        struct bytes *at; \
        uint32_t count;   \
    } name;
#define ITEMS(name, shape, ...)   \
    struct {                      \
        struct kafka_##shape *at; \
        uint32_t count;           \
    } name;
#define STRUCT(name, shape, ...) struct kafka_##shape name;
#include "net/kafka/message.def"

#define SHAPE(name) const struct kafka_shape *kafka_##name##_shape(void);
#define END(name)
#define BOOL(...)
#define I8(...)
#define I16(...)
#define I32(...)
#define I64(...)
#define ID(...)
#define TEXT(...)
#define BLOB(...)
#define RECORDS(...)
#define I32S(...)
#define TEXTS(...)
#define ITEMS(...)
#define STRUCT(...)
#include "net/kafka/message.def"

#endif
