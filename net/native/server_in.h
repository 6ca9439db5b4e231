/* server_in.h -- what the files of the native server share: its part of a shard, of a connection,
 * and requests.
 *
 * server.c plugs them into the door, request.c begins and ends requests, verbs*.c are the rows of
 * the table, places.c knows where partitions are.
 */
#ifndef NATIVE_SERVER_IN_H
#define NATIVE_SERVER_IN_H

#include "engine/base/map.h"
#include "net/door/protocol.h"
#include "net/metric/walk.h"
#include "net/native/hello.h"
#include "net/native/server.h"

#define ANSWER_SMALL_BYTES 192u /* hello's and every fixed one */

/* ---- a shard's part ---- */

struct desk_native {
    struct door_desk *desk;
    struct list ones; /* request.placing: verb_serve.one, after the one that is under way */
    bool one_busy;
    struct map places;       /* topic id -> struct topic_row */
    struct batch_sums *sums; /* of the batch that is looked at: room for the largest one */
};

struct request;
/* A request that was refused, for who looks closely (debug): client, partition, error. */
void desk_say_request(const struct request *r, enum err err, const char *message);

/* ---- connections ---- */

struct conn_native {
    struct conn conn;
    struct frame_gate gate;
    uint32_t peer_max; /* largest answer that the client takes */
    bool read_only;
    struct frame frame; /* the header that conn.head is */
    struct fault fault; /* not FAULT_NONE: the payload is passed over, then this is answered */
};
static inline struct conn_native *native_of(struct conn *c)
{
    return container_of(c, struct conn_native, conn);
}
static inline struct desk_native *desk_of_conn(const struct conn *c)
{
    return c->own;
}

/* ---- requests ---- */

struct topic_row;
struct request;

struct group_errand; /* verbs_group.c */
struct topic_words;  /* C strings of create, delete, alter, grow: verbs_topic.c */

struct request {
    struct node node;    /* conn: requests, out or sending */
    struct node placing; /* topic_row: waits for its topic */
    struct conn *conn;
    struct frame frame;
    uint8_t *memory; /* its payload, where the verb keeps it */
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
        struct verb_grow grow;
        struct verb_describe describe;
        struct verb_list list;
        struct hello_answer hello;
    };
    union payload asked; /* views only into `memory` */
    struct walk *walk;   /* stats: free() */
    struct group_errand *groups;
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
/* What a payload would be that was given back too early (a pitfall). */
void requests_spoil(struct conn *c);
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

/* ---- verbs_topic.c, verbs_hello.c, verbs_stats.c, verbs_group.c ---- */

void words_free(struct topic_words *w);
void topics_start(struct request *r);
void topics_answer(struct request *r);
void describe_start(struct request *r);
void describe_answer(struct request *r);
void create_start(struct request *r);
void create_answer(struct request *r);
void delete_start(struct request *r);
void alter_start(struct request *r);
void grow_start(struct request *r);
void nothing_answer(struct request *r);
void stats_start(struct request *r);
void groups_start(struct request *r);
void group_start(struct request *r);
void lag_start(struct request *r);
void commit_start(struct request *r);
void forget_start(struct request *r);
void group_errand_free(struct group_errand *e); /* NULL is fine */
void hello_start(struct request *r);
void hello_tell(struct request *r); /* on the shard that serves it */
/* The hand-over, when nothing of it is in flight. */
void conn_move(struct conn *c);

#endif
