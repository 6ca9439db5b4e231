/* error.h -- error codes of the Kafka protocol, from one table (error.def).
 *
 * Thread     pure functions; any thread.
 */
#ifndef KAFKA_ERROR_H
#define KAFKA_ERROR_H

#include "engine/base/err.h"

enum kafka_error {
#define CODE(name, code) KAFKA_##name = code,
#include "net/kafka/error.def"
#undef CODE
};

/* What a client is told where a handler knows no better. */
enum kafka_error kafka_error_of(enum err err);
enum kafka_error kafka_error_of_fetch(enum err err); /* ... and the request is a Fetch */

#endif
