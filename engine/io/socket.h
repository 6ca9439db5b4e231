/* socket.h -- streams over TCP: what io.h is for files, for connections.
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

/* "127.0.0.1:9700", "[::1]:9700", "localhost:9700" (127.0.0.1). A name could mean another machine
 * tomorrow, so no other one is looked up. INVALID: *out unchanged; `why` quotes the text and says
 * what is accepted. */
enum err io_address_parse(const char *text, struct io_address *out, struct why *why);
/* The form that io_address_parse() reads; "none" for version 0. Returns `out`. */
const char *io_address_text(const struct io_address *a, char out[IO_ADDRESS_TEXT_BYTES]);
bool io_address_equal(const struct io_address *a, const struct io_address *b);
bool io_address_is_loopback(const struct io_address *a); /* 127.0.0.0/8, also as ::ffff:, or ::1 */
bool io_address_is_any(const struct io_address *a);      /* 0.0.0.0 or :: */

/* ---- control plane: short, blocking ---- */

/* What a connection is given. TCP_NODELAY is always set: answers are written whole, and the end of
 * a larger one is marked by the absence of IO_MORE. */
struct io_socket_opts {
    char congestion[16];    /* "" leaves the system's choice; one that is missing is no error */
    uint32_t send_bytes;    /* kernel buffer; 0 leaves it to the kernel's own tuning */
    uint32_t receive_bytes; /* likewise */
};

struct io_listen_opts {
    uint32_t backlog;             /* connections that wait for an accept; 0: 1,024 */
    bool reuse_port;              /* SO_REUSEPORT: each shard listens for itself */
    struct io_socket_opts socket; /* for what is accepted here */
};

/* A descriptor that listens, or a negative enum err and a sentence that names the address. Port 0:
 * the kernel chooses, io_socket_name() tells. SO_REUSEADDR; version 6 means version 6 alone.
 * NULL opts: all zero. Closed with io_fd_close(). */
int io_listen(struct io *io, const struct io_address *at, const struct io_listen_opts *opts,
              struct why *why);
void io_socket_tune(struct io *io, int fd, const struct io_socket_opts *opts);
enum err io_socket_name(struct io *io, int fd, struct io_address *out); /* this end */
enum err io_socket_peer(struct io *io, int fd, struct io_address *out); /* the other end */

/* Ends both directions; the descriptor stays. Ops in flight end soon: a receive with the bytes that
 * came, then 0, or CANCELLED where it waited for a buffer; a send with RESET; an accept, now or
 * later, with CLOSED. */
void io_shutdown(struct io *io, int fd);
/* Nothing more will be sent: the peer's receives end once they have had everything. Receiving goes
 * on. No send may be in flight. */
void io_send_end(struct io *io, int fd);

/* ---- operations ---- */

#define io_accept(io, op, listen_fd, done) io_accept_at(IO_SITE(IO_ACCEPT), io, op, listen_fd, done)
#define io_connect(io, op, address, done)  io_connect_at(IO_SITE(IO_CONNECT), io, op, address, done)
#define io_recv(io, op, fd, buf, len, flags, done) \
    io_recv_at(IO_SITE(IO_RECV), io, op, fd, buf, len, flags, done)
#define io_recv_any(io, op, fd, done) io_recv_any_at(IO_SITE(IO_RECV_ANY), io, op, fd, done)
#define io_send(io, op, fd, iov, count, flags, done) \
    io_send_at(IO_SITE(IO_SEND), io, op, fd, iov, count, flags, done)
#define io_send_file(io, op, fd, file, pos, len, done) \
    io_send_file_at(IO_SITE(IO_SEND_FILE), io, op, fd, file, pos, len, done)

/* op.got is the descriptor of the next connection. */
void io_accept_at(const struct io_site *, struct io *, struct op *, int listen_fd, io_done *done);

/* op.got is the descriptor of a new connection to `address`, which stays valid until done. An
 * address that does not answer is UNREACHABLE after about 15 s. */
void io_connect_at(const struct io_site *, struct io *, struct op *,
                   const struct io_address *address, io_done *done);

/* Flag of io_recv: done with all of len, or fewer at the end of the stream. */
#define IO_FULL 32u
/* Done with at least one byte; op.got is 0 at the end of the stream. After an error, op.got bytes
 * had come. */
void io_recv_at(const struct io_site *, struct io *, struct op *, int fd, void *buf, uint64_t len,
                uint32_t flags, io_done *done);

/* As io_recv, but no buffer is held while nothing arrives: one of this io's pool (io_opts) is
 * chosen when bytes do. Then op.buf and op.got say what came, and the owner gives the buffer back
 * with io_recv_give(), to the same io, before that is closed. op.buf is NULL at the end of the
 * stream and after an error. While the pool is empty the op waits: that is flow control. */
void io_recv_any_at(const struct io_site *, struct io *, struct op *, int fd, io_done *done);
void io_recv_give(struct io *io, void *buf);
/* The pool: bytes of each buffer; how many have owners, and how many nobody has. */
uint32_t io_recv_bytes(const struct io *io);
uint32_t io_recv_held(const struct io *io);
uint32_t io_recv_free(const struct io *io);

/* Flag of io_send: more follows at once, hold back a packet that is not full (MSG_MORE). */
#define IO_MORE 64u
/* Done when the kernel has taken every byte, or failed. The array, and what it names, are borrowed
 * until then. At least one byte. */
void io_send_at(const struct io_site *, struct io *, struct op *, int fd, const struct iovec *iov,
                uint32_t count, uint32_t flags, io_done *done);

/* The same for bytes of a file that io_cache_open() opened. They are taken from the page cache
 * while the op is in flight; what is not resident (io_cache_holds() says so beforehand) is read
 * from the disk, and the thread waits for that. A peer that is gone raises SIGPIPE here: the
 * program ignores it. */
void io_send_file_at(const struct io_site *, struct io *, struct op *, int fd, int file,
                     uint64_t pos, uint64_t len, io_done *done);

#endif
