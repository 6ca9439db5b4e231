/* server.h -- the native protocol as the door speaks it (net/door): requests to verbs.
 *
 * Beside what the door takes, each shard has the list of all topics, or the places of one, once.
 */
#ifndef NATIVE_SERVER_H
#define NATIVE_SERVER_H

#include "net/door/door.h"

extern const struct protocol native_protocol;

#endif
