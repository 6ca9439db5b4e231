/* twice.h -- what a request names more than once.
 *
 * Kafka looks at such a name once, and says of it that the request is wrong, or does it once.
 *
 * Thread     pure; sorts, so that many names cost little.
 * Memory     of the errand.
 */
#ifndef KAFKA_TWICE_H
#define KAFKA_TWICE_H

#include "net/kafka/front_in.h"

enum twice {
    TWICE_NOT,
    TWICE_FIRST, /* it comes again */
    TWICE_AGAIN, /* it came before */
};

/* One mark for each name, in their order; of a name at NULL it is TWICE_NOT. NULL: as
 * errand_take(). */
enum twice *twice_mark(struct errand *c, const struct bytes *names, uint32_t count);

#endif
