/* socket.h -- streams over TCP: io.h for connections.
 *
 * The same struct op, the same rules: a start runs no done, `done` runs once from io_turn() or
 * io_wait(), op and memory are the kernel's in between. In the simulator the streams run between
 * nodes of one world (sim.h says how a node is addressed).
 *
 * A descriptor has at most one op in flight in each direction: a receive (or an accept) and a send.
 * It may be used by another io, of another thread too, while nothing of it is in flight here: so
 * connections are handed over by number. io_fd_close() closes; nothing may be in flight: order
 * io_shutdown(), and close from the last done.
 *
 * Waiting for a peer is no I/O of the machine: these ops do not count towards queue_depth, and
 * there may be as many as there are descriptors.
 *
 * Thread     as io.h.
 * Fails      RESET (the connection is gone, whoever ended it), REFUSED, UNREACHABLE, LIMIT (no
 *            descriptor left: accept again when one was closed), CLOSED (accept after shutdown).
 */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include "engine/io/io.h"

#include <sys/uio.h>

/* ---- addresses: plain values ---- */

struct io_address {
    uint8_t ip[16];  /* network order; version 4 uses the first four, the rest is 0 */
    uint16_t port;   /* host order */
    uint8_t version; /* 4 or 6; 0: none */
};

/* Room for "[ffff:...:255.255.255.255]:65535" and the end. */
#define IO_ADDRESS_TEXT_BYTES 56

/* "127.0.0.1:9700", "[::1]:9700", "localhost:9700" (127.0.0.1). Other names are not looked up:
 * INVALID, with a sentence. */
enum err io_address_parse(const char *text, struct io_address *out, struct why *why);
/* The form that io_address_parse() reads; "none" for version 0. Returns `out`. */
const char *io_address_text(const struct io_address *a, char out[IO_ADDRESS_TEXT_BYTES]);
bool io_address_equal(const struct io_address *a, const struct io_address *b);
bool io_address_is_loopback(const struct io_address *a); /* 127.0.0.0/8, also as ::ffff:, or ::1 */
bool io_address_is_any(const struct io_address *a);      /* 0.0.0.0 or :: */

#endif
