/* address.h -- where to listen or connect, as people write it: "127.0.0.1:9700", "[::1]:9700".
 *
 * Numbers only: a name could mean another machine tomorrow, so none is looked up. Port 0 lets the
 * kernel choose.
 *
 * Thread     pure functions; any thread.
 * Fails      INVALID, *out unchanged; `why` quotes the text and says what is accepted.
 */
#ifndef NET_CONFIG_ADDRESS_H
#define NET_CONFIG_ADDRESS_H

#include "engine/io/socket.h"

enum err address_parse(const char *text, struct io_address *out, struct why *why);

#endif
