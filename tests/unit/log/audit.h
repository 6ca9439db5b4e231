/* audit.h -- what holds for every store between two turns, whatever happened to it.
 *
 * fixture_settle() and fixture_close() call it, so each test of engine/log checks all of this
 * besides what it is about:
 *
 *   positions and offsets of a partition are in the order that store_in.h gives
 *   extents follow one another, tiles lie back to back up to the issue frontier
 *   marks, chunks and block checksums describe exactly the newest bytes
 *   the space map has every extent once, and nothing else; so have slots and numbers
 *   what is counted (memory, bytes in flight) is the sum of what is there
 *
 * A test that changes the store's tables by hand sets fixture.bent.
 */
#ifndef TESTS_UNIT_LOG_AUDIT_H
#define TESTS_UNIT_LOG_AUDIT_H

#include "engine/log/store_in.h"

void store_audit(const struct store *s);
/* The same, and nothing waits: all that was said is named, durable and answered. */
void store_audit_quiet(const struct store *s);

#endif
