/* client_in.h -- what the files of the client share.
 *
 * A request under way is a call: its bytes, kept until it is answered, so that it can be sent again
 * after a cut. Calls hang in one list, in the order in which they were started; the first bytes of
 * the list that were not sent are sent next.
 *
 *   open --hello--> UP --cut--> DOWN --reconnect--> UP       each arrow: call.c, client.c
 *
 * Owner      the caller's thread.
 * Memory     one allocation for each call; one receive buffer, as large as the largest answer.
 * Invariant  a call is in `calls` and in `by_correlation`, or it is being answered;
 *            call_bytes is the sum of the lengths of calls
 */
#ifndef CLIENT_CLIENT_IN_H
#define CLIENT_CLIENT_IN_H

#include <shardlog/client.h>

#include "engine/base/list.h"
#include "engine/base/map.h"
#include "net/native/hello.h"

#define PRODUCER_UNANSWERED_MAX 5u /* what a server recognises, see docs/PROTOCOL.md */

struct client_call;

/* What became of a call. `payload` is NULL unless err is OK; its views die with the answer. */
struct call_result {
    enum err err;
    const union payload *payload;
};
typedef void call_answer(struct sl_client *c, struct client_call *call,
                         const struct call_result *result);

/* Sequences of one partition. Appends are numbered; what counts is how many were started since the
 * oldest one that is unanswered: a server forgets all but the last five. */
struct producer_place {
    int32_t sequence; /* of the next append */
    uint64_t started, oldest;
    uint32_t answered; /* bit i: number oldest + i */
};

struct client_call {
    struct node node;
    struct frame frame;
    size_t len, sent;
    uint64_t due_ns;   /* TIMEOUT then */
    uint64_t after_ns; /* not sent before: it was BUSY */
    bool again;        /* may be sent again after a cut */
    bool resent;
    struct producer_place *place; /* an append with a sequence ... */
    uint64_t number;              /* ... and its number there */
    call_answer *answer;
    void (*done)(void); /* the caller's, whatever its type */
    void *arg;
    uint8_t bytes[];
};

struct sl_client {
    /* Options. */
    char *host, *id;
    char port[8];
    bool shard_set, reconnect;
    uint32_t shard, requests_max, frame_max;
    uint64_t timeout_ns, bytes_max;
    /* Connection; fd -1: DOWN. */
    int fd;
    uint64_t retry_ns, retry_wait_ns; /* next attempt to connect again, and the wait after it */
    struct hello_answer hello;
    char server[256];
    bool read_only;
    uint8_t *in;
    size_t in_cap, in_from, in_to; /* received and not looked at: [in_from, in_to) */
    /* Calls. */
    struct list calls;
    struct client_call *torn; /* half of its bytes are sent */
    struct map by_correlation;
    uint32_t call_count;
    uint64_t call_bytes, next_correlation;
    bool inside; /* a callback runs */
    /* Producer. */
    int64_t producer_id;
    int16_t producer_epoch;
    struct map producer_places;
    struct sl_client_error error;
};

/* ---- conn.c: bytes ---- */

uint64_t client_now_ns(void);
/* Connects within the time; -1 and *why. */
int wire_open(const char *host, const char *port, uint64_t due_ns, struct why *why);
/* Waits for any of `events`; false: time is over. */
bool wire_wait(int fd, short events, uint64_t due_ns);
/* Receives what is there, into the free end of c->in. 0: nothing now; -1: cut. */
long wire_receive(struct sl_client *c);
/* Room for one whole frame of this payload from in_from on. */
enum err wire_room(struct sl_client *c, size_t bytes);

/* ---- call.c: requests and answers ---- */

/* A call with room for `bytes` of frame: NULL and an error that is noted. */
struct client_call *call_make(struct sl_client *c, enum native_verb verb, size_t bytes);
/* Fills the frame from the verb's struct; false: a fault, noted. The batch, if there is one, lies
 * behind the head already. */
bool call_fill(struct sl_client *c, struct client_call *call, const void *from);
/* Under way from here on; *call is the client's. CLOSED: no connection; it is freed. */
enum err call_start(struct sl_client *c, struct client_call *call);
void call_free(struct client_call *call);
/* Ends a call that is under way. */
void call_cancel(struct sl_client *c, struct client_call *call, enum err err);
/* Sends, receives and answers until *until, or, without one, until something was answered; TIMEOUT
 * at due_ns, CLOSED without a connection to come. */
enum err calls_turn(struct sl_client *c, uint64_t due_ns, const bool *until);
/* Ends every call with err. */
void calls_end(struct sl_client *c, enum err err);
/* The next whole frame. OK: *f, *payload; BUSY: not there yet; else framing is lost. */
enum err frame_take(struct sl_client *c, bool hello, struct frame *f, struct bytes *payload);

/* How many appends of this place are between the oldest unanswered one and the next. */
static inline uint32_t place_open(const struct producer_place *p)
{
    return (uint32_t)(p->started - p->oldest);
}

/* Starts and waits: `take` gets the payload while it is valid. */
typedef void call_take(void *arg, const union payload *p);
enum err call_wait(struct sl_client *c, struct client_call *call, call_take *take, void *arg);
/* The same from a verb's struct, for the small ones. */
enum err call_simple(struct sl_client *c, enum native_verb verb,
                     const struct sl_client_topic *topic, uint32_t partition, const void *from,
                     call_take *take, void *arg);

/* ---- client.c ---- */

/* Connects and says hello. */
enum err client_connect(struct sl_client *c, uint64_t due_ns);
/* The connection is gone: what cannot be sent again ends with CLOSED. */
void client_cut(struct sl_client *c, const char *reason);

/* Note an error for sl_client_error(), and return it. */
enum err client_note(struct sl_client *c, enum err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum err client_note_fault(struct sl_client *c, uint32_t verb, const struct fault *fault);
enum err client_note_answer(struct sl_client *c, const struct error_answer *e);

/* Options that an older program's struct does not have. */
#define CLIENT_FIELD(options, field, other)                                                        \
    ((options) &&                                                                                  \
             (options)->size >= offsetof(__typeof__(*(options)), field) + sizeof((options)->field) \
         ? (options)->field                                                                        \
         : (other))

#endif
