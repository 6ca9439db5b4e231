/* messages.c -- the tables of all shapes, made from their rows.
 *
 * A shape is a function that returns a constant: inside it `this` is the shape's own struct, so a
 * row finds its offset without naming the struct again. */
#include "net/kafka/messages.h"

/* Braces that open in one macro and close in another. */
/* clang-format off */
#define SHAPE(name_)                                                                        \
    const struct kafka_shape *kafka_##name_##_shape(void)                                   \
    {                                                                                       \
        typedef struct kafka_##name_ this;                                                  \
        static const char name[] = #name_;                                                  \
        static const struct kafka_row rows[] = {
#define END(name_)                                                                          \
        };                                                                                  \
        static const struct kafka_shape shape = { name, rows, sizeof(rows) / sizeof(*rows), \
                                                  sizeof(this) };                           \
        return &shape;                                                                      \
    }
/* clang-format on */

/* The last argument begins with the last version; what follows it names further members. */
#define ROW(kind_, name_, first_, ...)       \
    { .name = #name_,                        \
      .kind = KAFKA_##kind_,                 \
      .at = (uint16_t)offsetof(this, name_), \
      .first = first_,                       \
      .last = __VA_ARGS__ },

#define LAST            KAFKA_LAST
#define NULLABLE(from)  .nullable = true, .null_first = from
#define TAGGED(t, from) .tagged = true, .tag = t, .tag_first = from
#define UNSET(value)    .unset = value
#define NULL_UNSET      .unset_null = true
#define CLASSIC         .classic = true

#define BOOL(...)                ROW(BOOL, __VA_ARGS__)
#define I8(...)                  ROW(I8, __VA_ARGS__)
#define I16(...)                 ROW(I16, __VA_ARGS__)
#define I32(...)                 ROW(I32, __VA_ARGS__)
#define I64(...)                 ROW(I64, __VA_ARGS__)
#define ID(...)                  ROW(ID, __VA_ARGS__)
#define TEXT(...)                ROW(TEXT, __VA_ARGS__)
#define BLOB(...)                ROW(BLOB, __VA_ARGS__)
#define RECORDS(...)             ROW(RECORDS, __VA_ARGS__)
#define I32S(...)                ROW(I32S, __VA_ARGS__)
#define TEXTS(...)               ROW(TEXTS, __VA_ARGS__)
#define ITEMS(name, inner, ...)  ROW(ITEMS, name, __VA_ARGS__, .shape = kafka_##inner##_shape)
#define STRUCT(name, inner, ...) ROW(STRUCT, name, __VA_ARGS__, .shape = kafka_##inner##_shape)
#include "net/kafka/message.def"
