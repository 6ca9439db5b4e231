/* kcat.h -- librdkafka's own figures at both brokers, to be read beside the others. */
#ifndef BENCH_KAFKA_KCAT_H
#define BENCH_KAFKA_KCAT_H

#include "bench/kafka/loads.h"

/* kcat on the client's core writes bench.lines_k thousand lines of 100 bytes and reads them again,
 * all settings at their defaults; says rates and CPU. Ends the program if kcat fails. */
void kcat_say(struct setting *s);

#endif
