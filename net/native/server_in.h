/* server_in.h -- what the files of the native server share: the desk of a shard, connections,
 * requests.
 *
 * conn.c is their life, receive.c takes frames apart, request.c begins and ends
 * requests, verbs*.c are the rows of the table, send.c gathers answers, places.c knows where
 * partitions are.
 */
#ifndef NATIVE_SERVER_IN_H
#define NATIVE_SERVER_IN_H

#include <stdatomic.h>

#include "engine/base/map.h"
#include "net/listen/listen.h"
#include "net/metric/walk.h"
#include "net/native/hello.h"
#include "net/native/server.h"

#define CONN_REQUESTS_MAX  256u /* unanswered; then it reads no more. Hello says so */
#define ANSWER_IOV_MAX     (1u + READ_PIECES_MAX)
#define CONN_IOV_MAX       32u     /* of one send: 20 answers, or two with batches in many pieces */
#define CONN_SEND_BYTES    MIB(1)  /* of one send, if an answer alone is not larger */
#define CONN_BYTES_MAX     MIB(8)  /* answers that wait to be sent; then it reads no more */
#define CONN_HELD_MAX      MIB(16) /* memory of its requests; then it reads no more */
#define CONN_GRANT_MAX     MIB(16) /* what all its fetches may bring; later ones then bring ... */
#define CONN_GRANT_LEAST   KIB(64) /* ... as much, or one batch */
#define CONN_RATE_BYTES    KIB(64) /* a second: slower than that is slow */
#define CONN_PIECE_BYTES   MIB(1)  /* of a large payload, received at once: progress is seen */
#define SHED_NS            (2 * SEC_NS) /* without progress, while others wait for its memory */
#define HELLO_TIMEOUT_NS   (10 * SEC_NS)
#define LINGER_NS          (1 * SEC_NS) /* for the peer to read our last words */
#define DRAIN_NS           (10 * SEC_NS)
#define FAREWELLS_MAX      64u  /* on a shard, for connections that are one too many */
#define ANSWER_SMALL_BYTES 192u /* hello's and every fixed one */

/* ---- a shard's part ---- */

struct desk_native {
    struct native *native;
    struct serve *serve;
    struct shard *shard; /* NULL: not open */
    struct listener listeners[NATIVE_ADDRESSES_MAX];
    struct list conns;
    struct list dirty;   /* conn.dirty: have something to send, or to go on with */
    struct list waiting; /* conn.waiting: for memory */
    bool waking;         /* the first of them is looked at */
    struct list ones;    /* request.placing: verb_serve.one, after the one that is under way */
    bool one_busy;
    uint32_t farewells;
    uint64_t conn_numbers; /* given so far */
    uint64_t hurried_ns;   /* when all fetches here were */
    struct map places;     /* topic id -> struct topic_row */
    uint64_t memory_used, memory_max;
    bool closing, closed;
    struct timer drain;
    struct native_opts opts; /* this shard's: native_adjust() changes them */
    struct log *log;         /* NULL: none */
    struct timer sweep;      /* while lines about clients are owed */
    struct metrics *metrics;
    uint32_t requests_max;
    alignas(64) char pad[1];
};

struct native {
    struct native_opts opts;
    struct io_address at[NATIVE_ADDRESSES_MAX];
    struct desk_native *desks;
    struct log_opts log;
    atomic_uint_fast32_t connections; /* of all shards: only who comes and goes touches it */
};

/* Takes budget before there is memory.
 * take  for what can wait: false, if less than an eighth would be left; of a piece that is not
 *       small, also if less than three eighths would be, or others wait already: small requests go
 *       on beside large ones. A single piece that is larger than all passes when nothing is out.
 * need  for what cannot: false, if there is none at all; refuse it. */
bool memory_take(struct desk_native *d, uint64_t bytes);
static inline bool memory_small(uint64_t bytes)
{
    return bytes <= KIB(64) + KIB(4); /* a batch of 64 KiB, and its frame */
}
bool memory_need(struct desk_native *d, uint64_t bytes);
void memory_move(struct desk_native *d, uint64_t bytes); /* taken on another shard: moves here */
void memory_give(struct desk_native *d, uint64_t bytes);
/* Somebody waits for memory, on this shard or for a fetch on another one. */
bool memory_short(const struct desk_native *d);
uint64_t desk_now(const struct desk_native *d);
/* A line about a client; c may be NULL. */
struct conn;
void desk_say(struct desk_native *d, enum log_level level, const struct conn *c, enum err err,
              const char *message);
/* A request that was refused, for who looks closely (debug): client, partition, error. */
struct request;
void desk_say_request(const struct request *r, enum err err, const char *message);
/* If it closes, and nothing is left: says so to serve. */
void desk_settle(struct desk_native *d);

/* ---- connections ---- */

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

struct conn {
    struct node node, dirty, waiting;
    struct desk_native *desk;
    enum conn_state state;
    int fd;          /* -1: closed */
    uint64_t number; /* of all shards */
    struct frame_gate gate;
    uint32_t peer_max; /* largest answer that the client takes */
    bool read_only, peer_ended, blocked;
    bool farewell; /* one too many: only told so */
    char peer[IO_ADDRESS_TEXT_BYTES];
    /* Receiving: `in` is what came and was not looked at; it lies in `pool` or in `rest`. */
    struct op recv;
    struct bytes in;
    void *pool;
    uint8_t *rest;
    size_t rest_bytes;
    uint8_t head[FRAME_HEADER_BYTES];
    uint32_t head_len; /* FRAME_HEADER_BYTES: `frame` is valid */
    struct frame frame;
    struct fault fault; /* not FAULT_NONE: the payload is passed over, then this is answered */
    uint32_t skip;
    uint8_t *large;     /* a payload that is received into memory of its size ... */
    uint32_t large_len; /* ... and how much of it is there */
    uint32_t room;      /* budget for the request that begins next */
    uint64_t held;      /* budget of all that is in here */
    uint64_t granted;   /* request.granted, all together */
    /* Requests, oldest first: under way; answered; in the send. */
    struct list requests, out, sending;
    uint32_t request_count; /* in the three */
    uint64_t out_bytes;
    struct op send;
    struct iovec iov[CONN_IOV_MAX];
    uint64_t send_bytes;
    const struct read_lent *send_file; /* after `send`: the last answer's batches; NULL: none */
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
void conn_open(struct desk_native *d, int fd);
/* The same for one that is told this alone, and not counted among the connections. */
void conn_farewell(struct desk_native *d, int fd, enum err err, const char *text);
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
static inline void conn_give(struct conn *c, uint64_t bytes)
{
    memory_give(c->desk, bytes);
    c->held -= bytes;
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

/* ---- requests ---- */

struct topic_row;
struct request;

struct topic_words; /* C strings of create, delete, alter: verbs_topic.c */

struct request {
    struct node node;    /* conn: requests, out or sending */
    struct node placing; /* topic_row: waits for its topic */
    struct conn *conn;
    struct frame frame;
    uint8_t *memory; /* its payload, where the verb keeps it */
    uint64_t memory_bytes;
    struct topic_words *words;
    void (*go)(struct request *r); /* when the place is known */
    struct place *place;
    uint64_t begin_ns;
    bool held;    /* an append that ended before an older one of its partition */
    bool counted; /* in METRIC_REQUESTS of its shard */
    bool lent;    /* fetch.batches are to be given back */
    bool passing; /* the payload lies in the receive buffer, for as long as it is looked at */
    bool one;     /* it is the desk's verb_serve.one */
    uint64_t charged, payload_charged; /* payload: part of `charged` */
    uint32_t granted;                  /* bytes that its fetch may bring */
    /* The answer: at `answer` or in `small`, and batches. */
    uint8_t small[ANSWER_SMALL_BYTES];
    uint8_t *answer;
    uint32_t answer_bytes;
    struct bytes batches;
    union {
        struct verb verb; /* first in all of them */
        struct verb_append append;
        struct verb_fetch fetch;
        struct verb_offset offset;
        struct verb_trim trim;
        struct verb_create create;
        struct verb_delete delete_;
        struct verb_alter alter;
        struct verb_describe describe;
        struct verb_list list;
        struct hello_answer hello;
    };
    union payload asked; /* views only into `memory` */
    struct walk *walk;   /* stats: free() */
};

/* One verb: how a decoded request starts, and how a finished one is answered. */
struct verb_serve {
    bool keeps;                        /* `asked` has views: the payload is kept */
    bool passes;                       /* but start() may be done with it: see request_begin() */
    bool one;                          /* its result is as large as all topics: one at a time */
    void (*start)(struct request *r);  /* r->asked is valid; ends it, or starts a verb */
    void (*answer)(struct request *r); /* its verb is done, without error */
};
extern const struct verb_serve verb_serves[VERB_COUNT];

/* `charged` bytes were taken for the payload. It lies in `memory`, which becomes the request's; or
 * (NULL) in the receive buffer: then it is copied before this returns, unless the verb is done with
 * it by then. */
void request_begin(struct conn *c, struct bytes payload, uint8_t *memory, uint64_t charged);
/* The payload is needed beyond the receive buffer: copies it, once. */
void request_keep(struct request *r);
/* The payload is not needed any more: its memory and its charge are given back. */
void request_unkeep(struct request *r);
/* Passed over: the answer says why. */
void request_begin_fault(struct conn *c, const struct fault *fault);
/* The end of a request: one of these, once. */
void request_answer(struct request *r, const void *payload, uint32_t cap);
void request_fault(struct request *r, const struct fault *fault);
void request_refuse(struct request *r, enum err err, uint64_t limit, uint64_t value,
                    const char *text);
/* Takes budget for it; false: there is none, it was refused with NO_MEMORY. */
bool request_charge(struct request *r, uint64_t bytes);
#define REQUEST_BYTES ((uint32_t)(sizeof(struct request) + FRAME_ERROR_MAX))
/* Those of verb_serve.one that may start now. Once a turn. */
void requests_ones(struct desk_native *d);
/* Fetches of this connection wait no longer. */
void requests_hurry(struct conn *c);
/* Sent, or never to be: gives everything back. */
void request_free(struct request *r);
void request_drop(struct request *r); /* the shards are closed: the memory alone */
void request_done(struct verb *v);    /* struct verb.done of all verbs */
/* An answer without a request: verb close. */
void request_say_close(struct conn *c, enum err err, const char *text);
/* The verb's fields that are the same for all. */
struct verb request_verb(const struct request *r);

/* ---- places.c ---- */

/* Fills *r->place and calls r->go(), now or when the topic is known; or refuses. Requests for one
 * topic go on in their order. */
void place_find(struct request *r);
/* The topic is not where the row says: it was deleted. */
void place_forget(struct desk_native *d, struct id16 topic);
/* NULL: not known. Valid until the next turn. */
const struct topic_info *place_topic(const struct desk_native *d, struct id16 topic);
void place_rows_free(struct desk_native *d);

/* ---- verbs_topic.c, verbs_hello.c ---- */

void words_free(struct topic_words *w);
void topics_start(struct request *r);
void topics_answer(struct request *r);
void describe_start(struct request *r);
void describe_answer(struct request *r);
void create_start(struct request *r);
void create_answer(struct request *r);
void delete_start(struct request *r);
void alter_start(struct request *r);
void nothing_answer(struct request *r);
void stats_start(struct request *r);
void hello_start(struct request *r);
void hello_tell(struct request *r); /* on the shard that serves it */
/* The hand-over, when nothing of it is in flight. */
void conn_move(struct conn *c);

#endif
