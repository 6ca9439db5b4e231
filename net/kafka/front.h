/* front.h -- the Kafka protocol as the door speaks it (net/door): requests to verbs.
 *
 * Each API that has a handler (handler.def) is advertised, and no other one. Requests of a
 * connection start one after another, so what one of them appends comes before what the next one
 * does; they end as they end, and are answered in their order.
 *
 * Memory     beside the door's, topics that clients name: once on each shard.
 */
#ifndef KAFKA_FRONT_H
#define KAFKA_FRONT_H

#include "net/door/door.h"

extern const struct protocol kafka_protocol;

#endif
