/* front_in.h -- what the files of the front share.
 *
 * front.c has the lives of the node, front_fault.c what goes wrong with its disks, front_client.c
 * what clients do, front_ask.c requests, front_answer.c what their answers must be, front_wire.c
 * connections, front_audit.c the look at everything after a start.
 */
#ifndef SIM_FRONT_IN_H
#define SIM_FRONT_IN_H

#include "engine/coord/group.h"
#include "engine/io/sim.h"
#include "net/door/protocol.h"
#include "net/native/payload.h"
#include "tests/sim/ledger.h"
#include "tests/sim/roll.h"
#include "tests/sim/tally.h"

#define FRONT_TOPICS       4u
#define FRONT_PARTS        4u
#define FRONT_CLIENTS      6u
#define FRONT_SHARDS       4u
#define FRONT_MEMBERS      5u
#define FRONT_ROLLS        2u
#define FRONT_STORES       16u /* two directories, and as many shards as there ever were */
#define FRONT_DISK         "/disk0"
#define PLACE_UNKNOWN      UINT32_MAX /* the store, where clients are not told of it */
#define PRODUCER_UNDER_WAY 5u         /* unanswered batches of a producer in a partition */

enum front_state { FRONT_GONE, FRONT_CREATING, FRONT_LIVE, FRONT_DELETING };
enum audit_state { AUDIT_START, AUDIT_END, AUDIT_SCAN, AUDIT_DONE };

struct ask;
struct front;
struct member;
struct wire;

/* What is asked beside the verbs of net/native. */
/* clang-format off */
#define ASK_LIST                     \
    ASK(PRODUCER, "a producer's id") \
    ASK(JOIN, "join")                \
    ASK(SYNC, "sync")                \
    ASK(BEAT, "heartbeat")           \
    ASK(LEAVE, "leave")              \
    ASK(COMMIT, "commit")            \
    ASK(COMMITTED, "committed offsets")
/* clang-format on */

enum ask_verb {
    ASK_BEFORE = VERB_COUNT - 1,
#define ASK(name, text) ASK_##name,
    ASK_LIST
#undef ASK
        ASKS
};

/* A protocol as clients speak it. What is asked and told has the words of net/native, its verbs and
 * the structs of payload.h: who speaks another protocol translates. */
struct speech {
    const struct protocol *protocol; /* the door's */
    uint16_t port;
    uint64_t salt; /* of its seeds */
    bool kafka;    /* it has groups, producers' ids that the node gives, broker's times */
    void (*hello)(struct wire *w);
    void (*want)(struct ask *a); /* draws how an append is to be acknowledged */
    /* Writes what is asked at `at`; returns its bytes. */
    uint64_t (*make)(struct ask *a, const void *request, uint8_t *at, uint64_t cap);
    /* Takes an answer off what came, and gives it to ask_answered(); false: none is whole. */
    bool (*take)(struct wire *w);
    void (*greeted)(struct ask *a, enum err err, const union payload *p);
};
extern const struct speech native_speech, kafka_speech;

struct f_part {
    struct l_part *ledger;
    struct item_place place; /* valid with topic.placed */
    enum audit_state audit;
    bool audit_asked;
    uint64_t start_off, scan_off, end_off; /* of the audit */
    bool alive;                            /* took a record after the faults, and gave it back */
};

/* A place for topics: one after another, each with a name that was never used before. */
struct f_topic {
    char name[24];
    uint32_t serial;
    enum front_state state;
    bool asked;    /* create or delete is under way */
    bool doubtful; /* a create of this life has no answer: it may still come */
    bool refuses;  /* its deletion is in doubt, it was told: nothing asked since is acknowledged */
    bool known;    /* id is */
    bool placed;   /* places are, in this life */
    bool describe_asked;
    bool listed; /* by the audit */
    bool retention;
    bool append_time; /* its records have the broker's time */
    struct id16 id;
    enum durability durability;
    struct f_part parts[FRONT_PARTS];
};

/* A producer in one partition: what is not answered is sent again, in its order. */
struct line {
    uint32_t serial; /* of the topic that it belongs to */
    int64_t producer;
    int16_t epoch;
    int32_t sequence; /* of the next batch */
    uint64_t last;    /* number of the batch before it; L_NONE */
    uint32_t ordinal; /* batches that it ever had */
    uint32_t count;   /* without an answer */
    uint64_t numbers[PRODUCER_UNDER_WAY];
    uint32_t ordinals[PRODUCER_UNDER_WAY];
    bool asked[PRODUCER_UNDER_WAY]; /* on the wire of now */
    bool holed;                     /* one may have been turned away, and those behind it not */
};

struct client {
    struct front *f;
    uint32_t number;
    bool producer; /* its appends have ids, where they may */
    struct wire *wire;
    uint64_t call_ns; /* no call before */
    bool behind;      /* a line has something to send */
    uint64_t again_ns;
    int64_t producer_id; /* for the next line; 0: none */
    bool producer_asked;
    struct line lines[FRONT_TOPICS][FRONT_PARTS];
};

/* What was known of a partition when it was fetched. */
struct ask_place {
    uint64_t off, high_then, start_then;
};
/* A partition in a request of a group. */
struct ask_row {
    uint32_t topic, serial, part;
    uint64_t number; /* of the commit */
};

/* A request that was sent. */
struct ask {
    struct node node; /* wire.asks, in the order of sending */
    struct wire *wire;
    uint32_t verb; /* enum native_verb, enum ask_verb */
    uint64_t correlation;
    uint64_t from_pos, end_pos; /* of its bytes in the stream */
    struct f_topic *topic;
    uint32_t serial; /* of the topic */
    uint32_t part;
    bool gone;    /* the topic was deleted before this was asked */
    bool refused; /* ... or its deletion was known to be in doubt */
    bool audit, follow;
    uint64_t number; /* append */
    bool want_set;
    enum durability want;
    uint64_t off, high_then, start_then;
    uint32_t bytes_max;
    uint32_t what;
    int64_t time_ms;
    uint32_t ping_bytes;
    uint64_t sent_ns;
    /* Kafka's. */
    int16_t version, acks;
    bool silent; /* nobody answers it */
    bool many;   /* a fetch of all partitions, its own first */
    struct ask_place places[FRONT_PARTS];
    uint32_t wait_ms;
    struct member *member;
    struct roll_then then;
    int32_t generation;
    uint32_t row_count;
    struct ask_row rows[FRONT_TOPICS * FRONT_PARTS];
    char names[FRONT_TOPICS][24];
    uint64_t next_off; /* what was told: where to read on */
};

enum wire_state { WIRE_CALLING, WIRE_HELLO, WIRE_READY, WIRE_ENDED };

/* One connection, from the call to its end. */
struct wire {
    struct node node; /* front.wires */
    struct front *f;
    struct client *client; /* NULL: it has left it */
    enum wire_state state;
    int fd;
    uint64_t serial;
    int32_t correlation; /* Kafka: of the last request */
    uint32_t wanted, shard;
    uint32_t frame_max;
    struct op call, send, recv;
    struct iovec iov;
    struct list asks;
    uint32_t ask_count;
    uint64_t last_number[FRONT_TOPICS][FRONT_PARTS]; /* its stream in each partition */
    uint8_t *out, *flying;                           /* queued; being sent */
    uint64_t out_len, out_cap, fly_len, fly_cap, fly_at;
    uint64_t pos;       /* of the stream, behind what is queued */
    uint64_t given_pos; /* ... behind what a send was started for */
    uint8_t *in;
    uint64_t in_len, in_at, in_cap; /* at: answers taken so far */
    uint64_t quiet_until_ns;        /* it does not read */
    bool eager;                     /* asks behind hello, before it is answered */
    bool refused;                   /* hello was */
    bool ends_after_send;           /* the last frame is cut short */
    bool half_closed;
};

struct front {
    struct sim *sim;
    const struct speech *speech;
    struct sim_node *node, *far;
    struct rng *rng;
    struct io *io;      /* the clients' */
    struct io *control; /* the node's, for its listeners */
    struct serve *serve;
    struct door *door;
    struct metrics_board board;
    struct serve_front hook;
    struct io_address at;
    uint32_t shards;
    struct door_opts opts;
    struct geometry geometry;
    struct sim_opts chances;
    struct ledger ledger;
    struct tally tally;
    struct f_topic topics[FRONT_TOPICS];
    uint32_t topic_serial;
    int64_t producer_next;
    int64_t *producers; /* all ids that were given */
    uint64_t producer_count, producer_cap;
    struct client clients[FRONT_CLIENTS];
    struct client auditor;
    struct member *members; /* FRONT_MEMBERS; NULL: none */
    struct member *asking;  /* what is asked now is for it */
    struct roll rolls[FRONT_ROLLS];
    struct group_opts groups;
    uint64_t events;
    struct list wires;
    uint64_t wire_serial;
    enum end worst;
    bool hold;     /* nobody calls */
    bool verified; /* clients may ask */
    bool stopping;
    bool finishing;   /* no faults any more */
    bool reads_short; /* fetches have so little memory that an answer may be empty */
    bool limited;     /* few requests may be under way: BUSY is an answer */
    bool spaces;      /* the disk fills up now and then */
    bool errors;      /* I/Os fail in some lives */
    bool failing;     /* ... in this one: IO is an answer */
    uint32_t errors_per_million;
    struct sim_watch watch;
    uint64_t poisoned;       /* stores that were stopped in this life: a bit for each */
    bool full;               /* it did in this life: NO_SPACE is an answer */
    uint64_t limit_until_ns; /* it is full until then; 0: it is not */
    uint64_t spins;
    int64_t wall_ms;    /* of the node, when it was last up */
    uint32_t acks_left; /* until the node ends by acks_end; 0: no such order */
    bool acks_early;    /* count only acks that bought less than `synced` */
    enum end acks_end;
    /* the audit */
    bool listed, list_asked;
    char list_after[24];
    uint32_t audit_asks; /* at a time, at most */
};

/* front.c */
bool front_dead(const struct front *f);
bool front_turn(struct front *f, uint64_t until_ns); /* false: nothing happens before that */
uint64_t front_now(const struct front *f);
int64_t front_wall_ms(struct front *f); /* by the node's clock: retention looks at it */
void front_acked(struct front *f, enum durability bought); /* may end the node */
/* Turns until it is so. False: the node is dead, or it did not come within 600 s. */
bool front_until(struct front *f, bool (*wanted)(const struct front *f));
bool front_sleep(struct front *f, uint64_t ns); /* false: dead */
bool front_settle(struct front *f);             /* until every request is answered; false: dead */
void front_begin(struct front *f, bool may_crash);
bool front_stop(struct front *f); /* in order; false: it died */
void front_end(struct front *f, enum end end);

/* front_fault.c */
void front_limit(struct front *f, bool on); /* of the disk's space */
bool front_errors_draw(uint64_t seed);
void front_chances_draw(struct front *f);
void front_faults(struct front *f);      /* those of a life begin */
void front_poison_look(struct front *f); /* stores that a failed write has stopped stay so */
bool front_poisoned(const struct front *f, uint32_t store);

/* front_finish.c */
void front_finish(struct front *f);

/* front_wire.c */
void wire_call(struct client *c);
uint32_t wires_turn(struct front *f);
uint64_t wires_due_ns(const struct front *f);
void wire_end(struct wire *w); /* now; what is not answered is in doubt */
void wire_put(struct wire *w, const void *at, uint64_t len);
bool wire_usable(const struct wire *w);
void wires_drop(struct front *f); /* the world ends */

/* There are records to be asked for, and to be sent although they will be refused. */
static inline bool topic_open(const struct f_topic *t)
{
    return t->state == FRONT_LIVE || t->refuses;
}

/* front_ask.c, front_answer.c */
struct ask *ask_new(struct wire *w, uint32_t verb, struct f_topic *t, uint32_t part);
void ask_send(struct ask *a, const void *request);
const char *ask_name(const struct ask *a);
bool ask_placed(const struct ask *a); /* in a partition */
void ask_forget(struct ask *a);       /* it has been dealt with */
void fetch_answered(struct ask *a, enum err err, const union payload *p);
void ask_lost(struct ask *a, bool whole); /* whole: the node may have all of it */
void ask_answered(struct ask *a, enum err err, const union payload *p); /* frees it */
void ask_append(struct client *c, struct f_topic *t, uint32_t part, uint64_t value_bytes);
void ask_fetch(struct wire *w, struct f_topic *t, uint32_t part, uint64_t off, uint32_t wait_ms);
void ask_offsets(struct wire *w, struct f_topic *t, uint32_t part, uint32_t what);
void ask_trim(struct wire *w, struct f_topic *t, uint32_t part);
void ask_create(struct wire *w, struct f_topic *t);
void ask_delete(struct wire *w, struct f_topic *t);
void ask_describe(struct wire *w, struct f_topic *t);
void ask_ping(struct wire *w);
void ask_stats(struct wire *w);
void ask_topics(struct wire *w, const char *after);
void ask_producer(struct client *c);
void excuse_demand(const struct ask *a, enum err err, const struct error_answer *e);

/* front_line.c: producers */
void line_append(struct client *c, struct f_topic *t, uint32_t part, uint64_t value_bytes);
void line_answered(struct client *c, const struct ask *a, enum err err,
                   const struct error_answer *e);
void lines_lost(struct client *c); /* its wire ended */
void lines_turn(struct client *c); /* sends what is behind */
bool lines_empty(const struct client *c);
/* A batch of a client, in the ledger; its bytes are valid until the next one. */
struct bytes batch_make(struct front *f, struct f_part *p, uint64_t value_bytes,
                        const struct line *line, uint64_t before, uint64_t *number);
struct bytes batch_bytes(const struct front *f, uint64_t number);
void append_send(struct wire *w, struct f_topic *t, uint32_t part, uint64_t number,
                 struct bytes batch);

/* front_client.c */
void client_op(struct front *f); /* one of some client, drawn */
void client_turn(struct client *c);
uint64_t client_due_ns(const struct client *c);
void clients_turn(struct front *f);
uint64_t clients_due_ns(const struct front *f);
bool clients_quiet(const struct front *f); /* nobody waits for an answer */
void clients_tell(const struct front *f);  /* traces what they wait for */
void clients_wake(struct front *f);        /* nobody reads slowly */

/* front_audit.c */
void audit_begin(struct front *f);
void audit_turn(struct front *f);
bool audit_done(const struct front *f);
/* True: that was all; the rest of what the answer must be is front_answer.c's. */
bool audit_answered(struct ask *a, enum err err, const union payload *p);
void audit_lost(struct ask *a);

#endif
