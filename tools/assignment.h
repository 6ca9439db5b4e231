/* assignment.h -- what a member of a consumer group was assigned, out of the bytes that the members
 * of protocol type `consumer` give each other.
 *
 * Kafka's ConsumerProtocolAssignment, big endian: version (2 bytes), a count (4) of topics, each a
 * name (2 bytes of length) and a count (4) of partitions (4 each); what follows is the members'
 * own.
 *
 * Memory     each() gets a copy that is valid during it.
 * Fails      false: these bytes are something else; each() may have run before that was seen.
 */
#ifndef TOOLS_ASSIGNMENT_H
#define TOOLS_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool assignment_each(const void *at, size_t bytes,
                     void (*each)(void *arg, const char *topic, uint32_t partition), void *arg);

#endif
