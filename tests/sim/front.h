/* front.h -- the third workload: a whole node through its native front, clients far away.
 *
 * The operations of town.h, asked for in frames of net/native over virtual sockets: clients of
 * another machine pipeline, split what they send, read slowly, poll, leave in the middle of a
 * frame, are cut off, come back and send again what was not answered. The node has several shards
 * and stores, and ends by power loss, kernel crash, kill, or in order; also while it starts. What
 * it promised is the ledger's business (ledger.h).
 *
 * Thread     the one thread of a seed.
 * Fails      violated(), or check() inside the engine: both end the process.
 */
#ifndef SIM_FRONT_H
#define SIM_FRONT_H

#include "tests/sim/seed.h"

void front_run(uint64_t seed, struct seed_result *out);
/* The same through its Kafka front, with groups of consumers (member.h, roll.h). */
void kafka_run(uint64_t seed, struct seed_result *out);

#endif
