/* units.h -- sizes, durations and counts as people write them, and back: "64 MiB", "250ms".
 *
 *   sizes      B kB MB GB TB PB are powers of 1000, KiB MiB GiB TiB PiB of 1024, in any case; none:
 *              bytes. "64M" is refused: it means one to some and the other to others
 *   durations  ns us ms s min h d, and m for min; a bare number is refused, but for 0
 *   counts     digits
 *
 * Blanks around and one run of them before the unit are fine; so is a fraction that comes out
 * whole ("1.5 GiB"). Signs, exponents and sums ("1h30m") are not.
 *
 * Thread     pure functions; any thread.
 * Fails      INVALID, *out unchanged; `why` quotes the text and says what is accepted.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include "engine/base/err.h"
#include "engine/base/types.h"

#define UNITS_TEXT_MAX 32u /* any printed value, terminator included */

enum err units_bytes(const char *text, uint64_t *out, struct why *why);
enum err units_duration(const char *text, uint64_t *out_ns, struct why *why);
enum err units_count(const char *text, uint64_t *out, struct why *why);

/* Exactly the value, in the largest unit that divides it; what is printed parses to the same. */
void units_bytes_print(uint64_t bytes, char out[UNITS_TEXT_MAX]);
void units_duration_print(uint64_t ns, char out[UNITS_TEXT_MAX]);

#endif
