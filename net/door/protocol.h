/* protocol.h -- what a protocol plugs into the door, and what the door gives it.
 *
 * A protocol is a table of functions; its connections and its part of each shard are structs of its
 * own that begin with ours. door.c opens and closes, conn.c is the life of a connection, receive.c
 * takes frames apart, send.c gathers answers.
 *
 * A request is the protocol's own, hung by a node into one of three lists of its connection, oldest
 * first: `requests` under way, `out` answered, `sending` in the send. request_count counts all.
 *
 * Thread     the shard's; everything here.
 * Memory     budget first: memory_take(), memory_need(), then malloc().
 */
#ifndef DOOR_PROTOCOL_H
#define DOOR_PROTOCOL_H

#include <stdatomic.h>

#include "net/door/door.h"
#include "net/listen/listen.h"

#define CONN_REQUESTS_MAX 256u /* unanswered; then it reads no more. The native hello says so */
#define ANSWER_IOV_MAX    (1u + READ_PIECES_MAX) /* of one answer, or of one part of it */
#define CONN_IOV_MAX      32u     /* of one send: 20 answers, or two with batches in many pieces */
#define CONN_SEND_BYTES   MIB(1)  /* of one send, if an answer alone is not larger */
#define CONN_BYTES_MAX    MIB(8)  /* answers that wait to be sent; then it reads no more */
#define CONN_HELD_MAX     MIB(16) /* memory of its requests; then it reads no more */
#define CONN_GRANT_MAX    MIB(16) /* what all its fetches may bring; later ones then bring ... */
#define CONN_GRANT_LEAST  KIB(64) /* ... as much, or one batch */
#define CONN_RATE_BYTES   KIB(64) /* a second: slower than that is slow */
#define CONN_PIECE_BYTES  MIB(1)  /* of a large payload, received at once: progress is seen */
#define CONN_HEAD_MAX     48u     /* bytes in front of a payload */
#define SHED_NS           (2 * SEC_NS) /* without progress, while others wait for its memory */
#define HELLO_TIMEOUT_NS  (10 * SEC_NS)
#define LINGER_NS         (1 * SEC_NS) /* for the peer to read our last words */
#define DRAIN_NS          (10 * SEC_NS)
#define FAREWELLS_MAX     64u /* on a shard, for connections that are one too many */

struct conn;
struct door_desk;

/* ---- what a protocol says ---- */

/*  HELLO --hello--> READY --end of stream, bad framing, stop--> CLOSING --all is sent--> LINGER
 *    |  \                                                                                  |
 *    |   MOVING --letter, another shard--> READY                                           |
 *    +--------- cut, or too slow: from every state --> GONE <--end of stream, or 1 s ------+
 *
 *  HELLO, READY    frames are taken
 *  CLOSING, LINGER what arrives is passed over
 *  GONE            the descriptor is closed when no op is in flight, the struct is freed when the
 *                  last of its verbs is done */
enum conn_state {
    CONN_HELLO,
    CONN_MOVING,
    CONN_READY,
    CONN_CLOSING,
    CONN_LINGER,
    CONN_GONE,
    CONN_STATES
};

/* What becomes of a payload that lies in the receive buffer. */
enum conn_keep {
    CONN_KEEP_NOT,     /* it is looked at, and gone */
    CONN_KEEP_COPY,    /* the request gets a copy */
    CONN_KEEP_PASSING, /* the request may copy it, before begin() returns */
};

struct protocol {
    const char *name; /* as log lines and faults have it; static */
    enum conn_state first;
    uint32_t head_bytes;    /* in front of each payload; CONN_HEAD_MAX at most */
    uint32_t request_bytes; /* budget of a request and of an answer that is an error */
    uint32_t conn_bytes;    /* the struct that begins with struct conn ... */
    uint32_t desk_bytes;    /* ... and what it keeps on each shard */
    /* Of a shard: `own` is zeroed; before the shards run; once a turn; after all have stopped. */
    void (*desk_open)(struct door_desk *d, void *own);
    void (*desk_turn)(void *own); /* may be NULL */
    void (*desk_close)(void *own);
    /* A connection was made: its own fields. */
    void (*open)(struct conn *c);
    /* c->head is whole: says payload_bytes and keep, or skips: so many bytes are passed over, then
     * skipped() runs. False: it was refused (conn_refuse), no frame follows. */
    bool (*head)(struct conn *c);
    /* `charged` bytes were taken for the payload. It lies in `memory`, which becomes the request's;
     * or (NULL) in the receive buffer, for as long as c->keep says. c->room, taken before, is the
     * request's too. */
    void (*begin)(struct conn *c, struct bytes payload, uint8_t *memory, uint64_t charged);
    void (*skipped)(struct conn *c);
    void (*turn)(struct conn *c); /* once in a turn while it is dirty, before the send; or NULL */
    /* Adds to the send what is left of an answer (conn_iov), as far as there is room. True: that
     * was all of it. */
    bool (*gather)(struct conn *c, struct node *request);
    void (*free)(struct node *request); /* sent, or never to be */
    void (*drop)(struct node *request); /* the shards are closed: the memory alone */
    void (*hurry)(struct conn *c);      /* requests wait for records, or others, no longer */
    void (*broken)(struct conn *c);     /* it ends now; may be NULL */
    /* Last words, as an answer to no request; NULL: the protocol has none. */
    void (*say_close)(struct conn *c, enum err err, const char *text);
    void (*move)(struct conn *c); /* MOVING, and nothing is in flight; NULL: none moves */
};

/* ---- a shard's part ---- */

struct door_desk {
    struct door *door;
    struct serve *serve;
    struct shard *shard; /* NULL: not open */
    struct listener listeners[DOOR_ADDRESSES_MAX];
    void *own[DOOR_PROTOCOLS_MAX]; /* of each protocol */
    struct list conns;
    struct list dirty; /* conn.dirty: have something to send, or to go on with */
    struct list waiting_small, waiting_large; /* conn.waiting: for memory, oldest first */
    struct list *waking; /* one of the two: its first is looked at; NULL: none */
    uint32_t farewells;
    uint64_t conn_numbers; /* given so far */
    uint64_t hurried_ns;   /* when all fetches here were */
    uint64_t memory_used, memory_max;
    uint64_t rest_used; /* of memory_used: rests of the connections here */
    uint32_t starved;   /* requests that have their frames, and wait for more */
    bool closing, closed;
    struct timer drain;
    struct door_opts opts; /* this shard's: door_adjust() changes them */
    struct log *log;       /* NULL: none */
    struct timer sweep;    /* while lines about clients are owed */
    struct metrics *metrics;
    uint32_t requests_max;
    alignas(64) char pad[1];
};

struct door {
    struct door_opts opts;
    struct door_listen listen[DOOR_ADDRESSES_MAX];
    const struct protocol *protocols[DOOR_PROTOCOLS_MAX];
    uint32_t protocol_count;
    struct door_desk *desks;
    struct log_opts log;
    atomic_uint_fast32_t connections; /* of all shards: only who comes and goes touches it */
};

/* Takes budget before there is memory.
 * take  for what can wait: false, if less than an eighth would be left; of a piece that is not
 *       small, also if less than three eighths would be: small requests go on beside large ones.
 *       Small and large pieces wait in two lines; whoever comes waits at the end of its own. A
 *       single piece that is larger than all passes when nothing is out.
 * need  for what cannot: false, if there is none at all; refuse it.
 * rest  for what came and waits: false, if rests would be more than a sixteenth; it keeps its
 *       receive buffer.
 *
 * Invariant: whoever waits for memory holds its rest and nothing else (conn_take gives the room
 * back), so all who wait hold a sixteenth at most. All other memory is of requests, answers and
 * payloads in reception: those end by themselves, or are shed, or end when they are hurried. What
 * waits for somebody else, records or the rest of a group, is hurried every SHED_NS as long as
 * anybody waits for memory: a fetch ends then; who waits for its group keeps its place for a while
 * if it holds little (groups_hurry() in net/kafka), and no longer. When they are gone, the first
 * that waits finds what it needs: half of all for the largest frame, a sixteenth for its room, and
 * a sixteenth of rests are no more than the five eighths that a take may fill. */
bool memory_take(struct door_desk *d, uint64_t bytes);
static inline bool memory_small(uint64_t bytes)
{
    return bytes <= KIB(64) + KIB(4); /* a batch of 64 KiB, and its frame */
}
/* Where a piece waits. */
static inline struct list *memory_line(struct door_desk *d, uint64_t bytes)
{
    return memory_small(bytes) ? &d->waiting_small : &d->waiting_large;
}
bool memory_need(struct door_desk *d, uint64_t bytes);
/* What a request whose frame was taken may take before anything of it is under way: so much that a
 * thirty-second is left for answers. The protocol lets it wait, and counts it in `starved`; as it
 * holds its frame meanwhile, which the invariant does not allow for, it ends after a while. */
static inline uint64_t memory_begin_max(const struct door_desk *d)
{
    return d->memory_max - d->memory_max / 32;
}
static inline bool memory_begin_fits(const struct door_desk *d, uint64_t bytes)
{
    return d->memory_used + bytes <= memory_begin_max(d);
}
bool memory_rest(struct door_desk *d, uint64_t bytes); /* counted in rest_used, too */
static inline uint64_t memory_rest_max(const struct door_desk *d)
{
    return d->memory_max / 16;
}
void memory_move(struct door_desk *d, uint64_t bytes); /* taken on another shard: moves here */
void memory_give(struct door_desk *d, uint64_t bytes);
/* Somebody waits for memory of this shard. */
bool memory_waited(const struct door_desk *d);
/* The same, or for that of a fetch on another one. */
bool memory_short(const struct door_desk *d);
/* One more request under way; false: there are requests_max already. The metric is the count. */
bool desk_count(struct door_desk *d);
uint64_t desk_now(const struct door_desk *d);
/* A line about a client; c may be NULL. */
void desk_say(struct door_desk *d, enum log_level level, const struct conn *c, enum err err,
              const char *message);
/* The same with fields of the caller's; time, shard, subsystem and client are filled in. */
void desk_say_line(struct door_desk *d, const struct conn *c, struct log_line line);
/* If it closes, and nothing is left: says so to serve. */
void desk_settle(struct door_desk *d);

/* ---- connections ---- */

struct conn {
    struct node node, dirty, waiting;
    struct door_desk *desk;
    const struct protocol *protocol;
    uint32_t spoken; /* which of the door's protocols */
    void *own;       /* its part of the desk */
    enum conn_state state;
    int fd;          /* -1: closed */
    uint64_t number; /* of all shards */
    bool peer_ended, blocked;
    bool farewell; /* one too many: only told so */
    char peer[IO_ADDRESS_TEXT_BYTES];
    /* Receiving: `in` is what came and was not looked at; it lies in `pool` or in `rest`. */
    struct op recv;
    struct bytes in;
    void *pool;
    bool tops; /* the receive under way goes on behind `in`, in the same buffer */
    uint8_t *rest;
    size_t rest_bytes;
    uint8_t head[CONN_HEAD_MAX];
    uint32_t head_len; /* protocol->head_bytes: what head() said of the frame is valid */
    uint32_t payload_bytes;
    enum conn_keep keep;
    bool skips; /* the payload is passed over, then skipped() runs */
    uint32_t skip;
    uint8_t *large;     /* a payload that is received into memory of its size ... */
    uint32_t large_len; /* ... and how much of it is there */
    uint32_t room;      /* budget for the request that begins next */
    uint64_t held;      /* budget of all that is in here */
    uint64_t granted;   /* bytes that its fetches under way may bring */
    /* Requests, oldest first: under way; answered; in the send. */
    struct list requests, out, sending;
    uint32_t request_count; /* in the three */
    uint64_t out_bytes;
    struct op send;
    struct iovec iov[CONN_IOV_MAX];
    uint32_t iov_count;
    struct node *part; /* the last of `sending`, if not all of it is in the send */
    uint64_t send_bytes;
    const struct read_lent *send_file; /* after `send`: batches in the page cache; NULL: none */
    uint64_t send_file_bytes;
    /* Time: 0 where it does not apply. */
    struct timer timer;
    uint64_t since_ns, quiet_ns;
    uint64_t frame_due_ns, send_due_ns; /* see pace_due_ns() */
    uint64_t moved_ns;                  /* last progress of a payload or a send */
    struct letter letter;               /* hand-over */
};

const char *conn_state_name(enum conn_state s);
/* Takes over a descriptor; closes it when there is no memory. */
void conn_open(struct door_desk *d, int fd, uint32_t protocol);
/* The same for one that is told this alone, and not counted among the connections. */
void conn_farewell(struct door_desk *d, int fd, uint32_t protocol, enum err err, const char *text);
/* No more requests; what is under way is finished and sent, then it closes. */
void conn_finish(struct conn *c);
/* Says why, then conn_finish(). */
void conn_refuse(struct conn *c, enum err err, const char *text);
/* Ends it now. */
void conn_break(struct conn *c);
/* After anything ended: closes, frees, moves. c may be gone afterwards. */
void conn_settle(struct conn *c);
/* Takes frames from what has come. c may be gone afterwards. */
void conn_feed(struct conn *c);
/* Once in a turn while it is dirty. c may be gone afterwards. */
void conn_turn(struct conn *c);
void conn_mark(struct conn *c);  /* dirty */
void conn_watch(struct conn *c); /* the timer, after a time has changed */
void conn_drop(struct conn *c);  /* frees the struct, whatever is in it: nothing is in flight */
void conn_send(struct conn *c);
void conn_move_state(struct conn *c, enum conn_state to); /* checks that it may */
void conn_receive(struct conn *c);       /* if it reads, and does not receive already */
void conn_received_free(struct conn *c); /* what came and was not taken */
bool conn_in_own(struct conn *c);        /* `in` no longer lies in the pool; false: no memory */
/* It leaves its desk, with one request, and comes to another one: lists, timer, memory, figures.
 * False: rests are too many there, it was cut; c may be gone. */
void conn_leave(struct conn *c);
bool conn_arrive_at(struct conn *c, struct door_desk *d);

/* ---- for gather() ---- */

static inline uint32_t conn_iov_room(const struct conn *c)
{
    return c->send_file ? 0 : CONN_IOV_MAX - c->iov_count;
}
static inline void conn_iov(struct conn *c, const void *at, size_t len)
{
    c->iov[c->iov_count++] = (struct iovec){ (void *)at, len };
    c->send_bytes += len;
}
/* Batches that a fetch lends, wherever they lie: ANSWER_IOV_MAX - 1 of conn_iov_room() at most. A
 * file ends the send: nothing has room behind it. */
void conn_iov_lent(struct conn *c, const struct read_lent *lent, size_t len);

/* What a fetch may bring: `asked`, but no more than its share of the connection and the shard. */
uint32_t conn_grant(struct conn *c, uint64_t asked);

static inline void conn_give(struct conn *c, uint64_t bytes)
{
    memory_give(c->desk, bytes);
    c->held -= bytes;
}
/* Its own shard serves the partition. */
static inline bool conn_serves(const struct conn *c, const struct place *place)
{
    return place->err == ERR_OK && place->shard == c->desk->shard->number;
}
static inline bool conn_full(const struct conn *c)
{
    return c->request_count >= CONN_REQUESTS_MAX || c->out_bytes >= CONN_BYTES_MAX ||
           c->held >= CONN_HELD_MAX;
}
/* When `bytes` more must have passed: `timeout_ns` for the peer to fall silent, and a second for
 * each CONN_RATE_BYTES. `due_ns` is that of the bytes before, 0: there were none. What came fast
 * gives no credit; what trickles uses up the silence. */
uint64_t pace_due_ns(uint64_t now_ns, uint64_t due_ns, uint64_t timeout_ns, uint64_t bytes);

#endif
