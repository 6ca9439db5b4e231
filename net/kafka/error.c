/* error.c -- see error.h. */
#include "net/kafka/error.h"

enum kafka_error kafka_error_of(enum err err)
{
    switch (err) {
#define MEANS(ours, code, in_fetch) \
    case ERR_##ours:                \
        return KAFKA_##code;
#include "net/kafka/error.def"
#undef MEANS
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

enum kafka_error kafka_error_of_fetch(enum err err)
{
    switch (err) {
#define MEANS(ours, code, in_fetch) \
    case ERR_##ours:                \
        return KAFKA_##in_fetch;
#include "net/kafka/error.def"
#undef MEANS
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}
