/* follow.h -- consumers: each reads every partition from its beginning, all the time, through every
 * kill, and notes what it saw.
 *
 * Owner      the main thread; each consumer is a thread with a client of its own.
 * Fails      a record that is not what was written, or another one than was seen there before, is
 *            wrong().
 */
#ifndef TORTURE_FOLLOW_H
#define TORTURE_FOLLOW_H

#include <stdint.h>

void follow_start(uint16_t port);
void follow_stop(void);

#endif
