/* utf8.h -- the next character of bytes that may be anything.
 *
 * Thread     pure functions; any thread.
 */
#ifndef NET_LOG_UTF8_H
#define NET_LOG_UTF8_H

#include "engine/base/types.h"

/* How many bytes the character at the beginning takes, its number in *code; 0: these are no UTF-8
 * (cut off, overlong, a surrogate, beyond 10FFFF). `text` is not empty. */
uint32_t utf8_next(struct bytes text, uint32_t *code);
/* A terminal or a reader could be fooled by it: controls, line ends, turns of direction. */
bool utf8_unsafe(uint32_t code);

#endif
