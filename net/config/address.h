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

#include "engine/base/err.h"
#include "engine/base/types.h"

struct address {
    uint8_t ip[16]; /* network order; IPv4: the first four, the rest zero */
    bool v6;
    uint16_t port; /* host order */
};

#define ADDRESS_TEXT_MAX 56u /* "[", 45 digits and colons, "]:65535", terminator */

enum err address_parse(const char *text, struct address *out, struct why *why);
void address_print(const struct address *a, char out[ADDRESS_TEXT_MAX]);
bool address_equal(const struct address *a, const struct address *b);
/* Only this machine reaches it: 127.0.0.0/8, ::1, and 127.0.0.0/8 written as IPv6. */
bool address_loopback(const struct address *a);

#endif
