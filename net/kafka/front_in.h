/* front_in.h -- what the files of the Kafka front share: a shard's part, connections, errands.
 *
 * front.c plugs them into the door, errand.c begins and ends errands, handler.def says who serves
 * which API, api_*.c do, topics.c knows where partitions are.
 *
 * An errand is one request. Its life:
 *
 *   begin --> waits for older ones of its connection to have started --> start --> verbs under way
 *         --> answered, or held until older ones are --> conn.out --> sent
 */
#ifndef KAFKA_FRONT_IN_H
#define KAFKA_FRONT_IN_H

#include "engine/base/map.h"
#include "net/door/protocol.h"
#include "net/kafka/api.h"
#include "net/kafka/error.h"
#include "net/kafka/front.h"
#include "net/kafka/unpack.h"

#define ERRAND_PARTS_MAX   16384u  /* partitions, or topics, that one request names */
#define ERRAND_ARENA_MAX   MIB(16) /* what one request's lists may take, decoded */
#define ERRAND_CHUNK_BYTES KIB(4)
#define KAFKA_TEXT_ROOM    256u /* a topic's name and a terminator: names have 249 at most */
#define KAFKA_NAME_MAX     249u /* of a topic */
#define KAFKA_NO_EPOCH     (-1)
#define KAFKA_WAIT_MAX_MS  (10 * 60 * 1000) /* a fetch waits no longer, whatever it asks for */

struct errand;
struct topic;
struct ask;

/* ---- a shard's part ---- */

struct desk_kafka {
    struct door_desk *desk;
    struct map names, ids;         /* struct topic, by its name's hash and by id */
    uint64_t topics_seen;          /* serve_topics_version() that they are of */
    struct list asks;              /* topics that the metadata is asked for ... */
    struct map name_asks, id_asks; /* ... the newest for each name's hash, for each id */
    uint64_t name_seed;            /* of the hashes */
    struct list waiting;           /* errand.wait: for memory, oldest first */
    struct timer look;             /* while there are some */
    struct list lists;             /* metadata.node: who waits to list all topics ... */
    bool listing;                  /* ... one after another: somebody does */
    struct unpack_desk unpack;
};

/* ---- connections ---- */

struct conn_kafka {
    struct conn conn;
    struct list unstarted;   /* errand.queue, oldest first */
    struct errand *starting; /* the next one waits for it */
    bool going;
    struct list far; /* far.node: work that waits for the one before, which is with the helper */
    bool far_busy;
    atomic_bool gone;                 /* it has ended; helpers look */
    char host[IO_ADDRESS_TEXT_BYTES]; /* that the client reached; empty: not asked for yet */
    uint16_t port;
};
static inline struct conn_kafka *kafka_of(struct conn *c)
{
    return container_of(c, struct conn_kafka, conn);
}

/* ---- errands ---- */

struct errand_chunk;

/* A stretch of an answer: bytes that were encoded, then batches that lie elsewhere. */
struct errand_batches {
    struct bytes bytes; /* at NULL: lent */
    const struct read_lent *lent;
};

struct errand {
    struct node node;  /* conn: requests, out or sending */
    struct node queue; /* conn_kafka.unstarted */
    struct conn *conn;
    const struct handler *handler;
    struct kafka_request q;
    uint8_t *memory;    /* of its own, for the request's bytes; NULL: it has none */
    struct bytes frame; /* views point into it; at NULL: gone (errand_frame.c) */
    bool passing;       /* it lies in the receive buffer */
    struct kafka_arena arena;
    struct errand_chunk *chunks;
    void *asked;              /* the decoded request; NULL: none */
    void *state;              /* the handler's */
    struct topic_want *wants; /* of topics_find() */
    uint32_t want_count, wants_left;
    uint64_t topics_seen; /* serve_topics_version() that they were looked up after */
    void (*known)(struct errand *c);
    uint32_t left;                   /* verbs under way */
    void (*first)(struct errand *c); /* set: all is done, and this answers when it is the oldest */
    uint64_t begin_ns;
    uint64_t charged, frame_charged; /* all; for its bytes alone */
    uint64_t aside;                  /* of all: not used yet */
    uint32_t granted;
    bool begun; /* a verb of it was started: what it did is not undone */
    /* It waits for `needs` bytes to begin anew, since wait_ns. */
    bool waits;
    struct node wait; /* desk_kafka.waiting */
    uint64_t needs, wait_ns;
    bool counted, started, ended, silent;
    bool asks; /* it has not started, and may be hurried all the same */
    /* The answer. */
    uint8_t *answer;
    size_t answer_bytes;
    uint64_t batch_bytes; /* of all batches */
    struct kafka_holes holes;
    struct errand_batches *batches; /* for each hole */
    /* What was handed to the send so far. */
    size_t sent;
    uint32_t sent_holes;
};

/* Of a handler that says how long it looks at its request's batches. Its texts are its own. */
struct handler_frame {
    /* It has started: the state, or a verb of it, still looks at a batch. */
    bool (*looks)(const struct errand *c);
    /* The batches lie elsewhere now, as c->asked says. */
    void (*moved)(struct errand *c);
};

struct handler {
    int16_t key;
    void (*start)(struct errand *c); /* c->asked is valid */
    void (*hurry)(struct errand *c); /* it waits no longer; may be NULL */
    /* What the state holds beside memory of the errand; NULL: nothing. Not alive: the shards are
     * closed, no verb may start. */
    void (*free)(struct errand *c, bool alive);
    const struct handler_frame *frame; /* NULL: the request's bytes stay as long as the errand */
};
/* NULL: nobody serves it, it is not advertised. */
const struct handler *handler_of(int16_t key);

/* What an errand that has ended does nevertheless has no effect: verbs that it starts keep it until
 * they are done, answers are dropped; the same holds for one that waits, and then ends. So whoever
 * overlooks a refusal of memory does no harm. */
#define ERRAND_MAY_END __attribute__((warn_unused_result)) /* the caller returns at once then */

void errand_begin(struct conn *conn, struct bytes payload, uint8_t *memory, uint64_t charged);
/* All that it appends has been handed on: the next one may start. Again is fine. */
void errand_started(struct errand *c);
/* Ends it with this answer: a struct of the response's shape, encoded before this returns. */
void errand_answer(struct errand *c, const void *response);
/* The same around batches that lie elsewhere: batches[i] for the i-th member kafka_elsewhere. */
void errand_answer_around(struct errand *c, const void *response, struct errand_batches *batches,
                          uint32_t count);
void errand_answer_version(struct errand *c, int16_t version, const void *response);
/* Ends it without an answer: acks = 0. */
void errand_answer_not(struct errand *c);
/* Ends its connection: there is no way to say it; and the errand, if no verb of it is under way.
 * `text` is for the log. */
void errand_break(struct errand *c, enum err err, const char *text);
/* Zeroed memory until the errand is freed. NULL: the budget is used up, and the errand has ended
 * (errand_break), or will begin anew (errand_wait.c): return at once. */
ERRAND_MAY_END void *errand_take(struct errand *c, size_t bytes);
/* The same for the budget alone. */
ERRAND_MAY_END bool errand_charge(struct errand *c, uint64_t bytes);
/* The same for later: what is taken from now on is of these bytes first. For who waits long, and
 * must find memory for an answer then. */
ERRAND_MAY_END bool errand_set_aside(struct errand *c, uint64_t bytes);
void errand_free(struct errand *c);
void errand_drop(struct errand *c);
bool errand_gather(struct conn *conn, struct errand *c);
void errands_hurry(struct conn *conn);
void errands_turn(struct conn *conn); /* before the send: what may go out now */
/* All older ones of its connection have been answered. */
bool errand_first(const struct errand *c);
/* Nobody waits for the answer any more. */
static inline bool errand_gone(const struct errand *c)
{
    return c->conn->state == CONN_GONE;
}
static inline struct desk_kafka *errand_desk(const struct errand *c)
{
    return c->conn->own;
}
static inline struct serve *errand_serve(const struct errand *c)
{
    return c->conn->desk->serve;
}
static inline int16_t errand_version(const struct errand *c)
{
    return c->q.header.request_api_version;
}
/* A verb of the errand: done runs here. */
struct verb errand_verb(struct errand *c, void (*done)(struct verb *v));
/* A verb was started; one is done. True: that was the last one. */
static inline void errand_more(struct errand *c)
{
    c->begun = true;
    c->left++;
}
/* The same of one that only looks: when it is done, the errand may still begin anew. */
static inline void errand_more_look(struct errand *c)
{
    c->left++;
}
bool errand_less(struct errand *c);
/* "text" in memory of the errand, with a terminator. NULL: as errand_take(). */
ERRAND_MAY_END char *errand_text(struct errand *c, struct bytes text);
/* More than ERRAND_PARTS_MAX: it was ended. */
ERRAND_MAY_END bool errand_parts_within(struct errand *c, uint64_t count);

static inline struct bytes text_bytes(const char *text)
{
    return (struct bytes){ (const uint8_t *)(text ? text : ""), text ? strlen(text) : 0 };
}
/* A response's struct with every member unset. */
#define RESPONSE(name, var)             \
    struct kafka_##name##_response var; \
    kafka_unset(kafka_##name##_response_shape(), &var)
/* The same for elements of a list: `count` of them in memory of the errand. */
ERRAND_MAY_END void *errand_items(struct errand *c, const struct kafka_shape *shape,
                                  uint32_t count);

/* From its bytes, once or again. */
void errand_start(struct errand *c);
/* As it was before errand_start(): nothing of it was under way. */
void errand_rewind(struct errand *c);

/* ---- errand_frame.c ---- */

/* `memory` NULL: it lies in the receive buffer. `first`: it may begin at once. */
void errand_frame_take(struct errand *c, struct bytes payload, uint8_t *memory, bool first);
/* Decoded: no text lies in the frame any more, if the handler says when that goes. */
ERRAND_MAY_END bool errand_frame_texts(struct errand *c);
/* Somebody else will look at the batches, or later: they leave the receive buffer. */
void errand_frame_own(struct errand *c);
/* Nobody looks at the batches any more, perhaps: then the frame goes. */
void errand_frame_settle(struct errand *c);
/* The receive buffer goes: so does the frame, or it is copied. */
void errand_frame_begun(struct errand *c);

/* ---- errand_wait.c ---- */

/* `bytes` were refused to an errand of which nothing is under way: it waits, and begins anew.
 * False: it would wait for ever. */
bool errand_wait(struct errand *c, uint64_t bytes);
void errand_wait_end(struct errand *c); /* if it waits */

/* ---- topics.c ---- */

/* What is known of a topic: fixed, shared by those who use it. */
struct topic {
    uint32_t users; /* the maps are one */
    struct topic_info *info;
    int32_t *epochs; /* leader epoch of each partition; KAFKA_NO_EPOCH: unavailable */
};

struct topic_want {
    struct node node; /* ask.waiting */
    struct errand *errand;
    struct bytes name; /* at NULL: by id */
    struct id16 id;
    bool create; /* if it is not there */
    bool fresh;  /* what is remembered will not do: ask */
    bool strict; /* an impossible name is INVALID; else just of a topic that is not there */
    /* Results. */
    struct topic *topic; /* NULL: err, why */
    enum err err;
    struct why why;
};
/* Finds all of c->wants, then c->known(c), now or later. */
void topics_find(struct errand *c, struct topic_want *wants, uint32_t count,
                 void (*known)(struct errand *c));
void topics_give(struct errand *c);
/* A verb said NOT_FOUND: it is not where we thought. */
void topic_forget(struct desk_kafka *d, struct id16 id);
void topics_close(struct desk_kafka *d);
/* The place of a partition; false: there is none. */
static inline bool topic_place(const struct topic *t, int32_t partition, struct place *out)
{
    if (!t || partition < 0 || (uint32_t)partition >= t->info->partitions)
        return false;
    *out = t->info->places[partition];
    return true;
}
/* What a client's idea of the leader's epoch deserves. */
enum kafka_error topic_epoch_check(const struct topic *t, int32_t partition, int32_t epoch);
enum kafka_error topic_error(const struct topic_want *w);
/* The engine's rule for names, asked where nothing is made. */
bool topic_name_fits(struct bytes name);

/* ---- hello ---- */

/* Where clients are told to connect to. */
void kafka_advertised(struct conn *c, struct bytes *host, int32_t *port);
int32_t kafka_node(const struct errand *c);

#endif
