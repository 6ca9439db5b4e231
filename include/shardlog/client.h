/* client.h -- a small client of a shardlog server: the native protocol over one connection.
 *
 *     struct sl_client_options o = { .size = sizeof(o), .host = "127.0.0.1" };
 *     sl_client_open(&client, &o, &why);
 *     sl_client_create(client, "events", NULL, &topic);        EXISTS the second time
 *     sl_client_describe(client, "events", &topic);            -> topic.partitions
 *     sl_client_append_wait(client, &topic, 0, &record, 1, NULL, &appended);
 *     sl_client_fetch_wait(client, &topic, 0, &(struct sl_fetch_options){ .size = ... }, &batches);
 *
 * Two ways. Functions that end in _wait, and all of topics, offsets and figures, block until there
 * is an answer. sl_client_append(), _append_batch(), _fetch() and _create_start() only start: many
 * may be under way, and their callbacks run in sl_client_poll(), or in a function that blocks
 * meanwhile; never inside the call that started them. A callback may start more, and must not block
 * (BUSY).
 *
 * Threads. A client belongs to one thread at a time; several clients are independent.
 *
 * Errors. Each function returns one code; sl_client_error() has the server's or the client's own
 * sentence for the last one, with the limit that was passed. CLOSED: the connection is gone;
 * TIMEOUT: no answer in time. After both, an append may or may not be in the log.
 *
 * A cut connection. Without `reconnect`, all that is under way ends with CLOSED, and so does
 * everything else until sl_client_reconnect(). With it, the client connects again and sends again
 * what does no harm twice: everything but create, delete, alter, grow, commit, forget, trims of all
 * (offset UINT64_MAX) and appends without a producer; those end with CLOSED, and may have been
 * done. Appends with a producer are recognised by the server: `duplicate` says that the first one
 * had arrived.
 *
 * Memory. What is passed in is copied. A request under way keeps its bytes until it is answered.
 * The library writes nothing to the terminal and touches no signal (SIGPIPE included).
 */
#ifndef SHARDLOG_CLIENT_H
#define SHARDLOG_CLIENT_H

#include <shardlog/engine.h>

SL_API_BEGIN

struct sl_client;

struct sl_client_options {
    size_t size;
    const char *host; /* name or address; NULL: 127.0.0.1 */
    uint16_t port;    /* 0: 9700 */
    const char *id;   /* who this is, for the server's logs: 255 bytes at most; NULL: none */
    bool shard_set;   /* be served by `shard`; else by whichever accepts */
    uint32_t shard;
    bool reconnect;        /* after a cut, connect again, for as long as requests have time */
    uint64_t timeout_ns;   /* to connect, and for each answer (a fetch: and its wait); 0: 30 s */
    uint32_t requests_max; /* unanswered; more: BUSY. 0: 256. The server's own limit holds too */
    uint64_t bytes_max;    /* of requests under way; more: BUSY. 0: 64 MiB */
    uint32_t frame_max;    /* largest answer taken; 0: 8 MiB + 64 KiB */
};

/* Connects and says hello. On failure *out is NULL. Names are resolved by the system: that may take
 * longer than the timeout. */
SL_API enum sl_err sl_client_open(struct sl_client **out, const struct sl_client_options *options,
                                  struct sl_why *why);
/* Ends what is under way with CANCELLED, then frees. Not in a callback. NULL is fine. */
SL_API void sl_client_close(struct sl_client **c);
/* Connects again now, after a cut; OK if the connection stands. */
SL_API enum sl_err sl_client_reconnect(struct sl_client *c);

/* The last error; in a callback, of the request that it is about. Valid until the next call. */
struct sl_client_error {
    enum sl_err err;
    bool retriable;
    uint64_t limit, value; /* both 0: no limit was passed */
    char text[513];
};
SL_API const struct sl_client_error *sl_client_error(const struct sl_client *c);

/* What the server said in hello. */
struct sl_client_hello {
    size_t size; /* in */
    uint32_t version, shards, shard;
    uint32_t frame_max, requests_max, idle_ms;
    uint32_t node;
    uint8_t cluster[16];
    bool read_only;
    char server[256];
};
SL_API enum sl_err sl_client_hello(const struct sl_client *c, struct sl_client_hello *out);

/* ---- requests under way ---- */

/* Sends and receives, runs callbacks; waits at most wait_ns for the first of them. *unanswered (may
 * be NULL) is how many are still under way. CLOSED: cut, and not to be connected again. BUSY: in a
 * callback. Connecting again happens here too, and may take longer than wait_ns. */
SL_API enum sl_err sl_client_poll(struct sl_client *c, uint64_t wait_ns, uint32_t *unanswered);
/* Until nothing is under way. */
SL_API enum sl_err sl_client_flush(struct sl_client *c);
/* For an event loop: readable, or POLLOUT if *events says so: call sl_client_poll(c, 0). -1: no
 * connection. */
SL_API int sl_client_fd(const struct sl_client *c, short *events);

/* ---- topics ---- */

struct sl_client_topic {
    uint8_t id[16];
    uint32_t partitions;
};
/* As those of engine.h; `topic` may be NULL. */
SL_API enum sl_err sl_client_create(struct sl_client *c, const char *name,
                                    const struct sl_topic_options *options,
                                    struct sl_client_topic *topic);
/* Starts one; `done` runs exactly once if this returns OK, and never otherwise. Those under way
 * share their syncs: ten thousand take seconds. */
typedef void sl_client_create_done(void *arg, enum sl_err err, const struct sl_client_topic *topic);
SL_API enum sl_err sl_client_create_start(struct sl_client *c, const char *name,
                                          const struct sl_topic_options *options,
                                          sl_client_create_done *done, void *arg);
SL_API enum sl_err sl_client_delete(struct sl_client *c, const char *name);
SL_API enum sl_err sl_client_alter(struct sl_client *c, const char *name,
                                   const struct sl_setting *settings, uint32_t count);
/* As sl_topic_grow(): `partitions` in all. */
SL_API enum sl_err sl_client_grow(struct sl_client *c, const char *name, uint32_t partitions);
SL_API enum sl_err sl_client_describe(struct sl_client *c, const char *name,
                                      struct sl_client_topic *topic);
/* each() runs inside these, and must not use the client. Its texts are valid during it. */
SL_API enum sl_err sl_client_list(struct sl_client *c, void (*each)(void *arg, const char *name),
                                  void *arg);
SL_API enum sl_err sl_client_settings(struct sl_client *c, const char *name,
                                      void (*each)(void *arg, const char *key, const char *value,
                                                   bool given),
                                      void *arg);
struct sl_client_place {
    uint32_t partition, shard, store;
    enum sl_err err; /* not OK: unavailable, for this reason */
};
SL_API enum sl_err sl_client_places(struct sl_client *c, const struct sl_client_topic *topic,
                                    void (*each)(void *arg, const struct sl_client_place *place),
                                    void *arg);

/* ---- append ---- */

/* All further appends of records carry this producer; -1: none. Sequences begin with 0 in each
 * partition. The fifth append to a partition after its oldest unanswered one is BUSY: the server
 * recognises the last five. After an append that failed for good, the next one would be a gap
 * (SEQUENCE): go on with epoch + 1. The id is the caller's choice; of two writers with one id, only
 * the newer epoch goes on (FENCED). BUSY while such appends are under way. */
SL_API enum sl_err sl_client_producer(struct sl_client *c, int64_t id, int16_t epoch);
/* The sequence of the next append to this partition, for who goes on after a restart. */
SL_API enum sl_err sl_client_sequence(struct sl_client *c, const struct sl_client_topic *topic,
                                      uint32_t partition, int32_t sequence);

/* Starts an append of records as one batch. `done` (may be NULL) runs exactly once if this returns
 * OK, and never otherwise: BUSY, CLOSED, INVALID, TOO_LARGE, NO_MEMORY. Appends to a partition keep
 * their order. */
SL_API enum sl_err sl_client_append(struct sl_client *c, const struct sl_client_topic *topic,
                                    uint32_t partition, const struct sl_record *records,
                                    uint32_t count, const struct sl_append_options *options,
                                    sl_append_done *done, void *arg);
/* The same for a ready RecordBatch v2, with the producer that is in it; it is copied. */
SL_API enum sl_err sl_client_append_batch(struct sl_client *c, const struct sl_client_topic *topic,
                                          uint32_t partition, const void *batch, size_t bytes,
                                          const struct sl_append_options *options,
                                          sl_append_done *done, void *arg);
SL_API enum sl_err sl_client_append_wait(struct sl_client *c, const struct sl_client_topic *topic,
                                         uint32_t partition, const struct sl_record *records,
                                         uint32_t count, const struct sl_append_options *options,
                                         struct sl_appended *out);
SL_API enum sl_err sl_client_append_batch_wait(struct sl_client *c,
                                               const struct sl_client_topic *topic,
                                               uint32_t partition, const void *batch, size_t bytes,
                                               const struct sl_append_options *options,
                                               struct sl_appended *out);

/* ---- fetch ---- */

/* Whole batches back to back, to be walked with sl_records_open(). The client's memory: valid until
 * the callback returns, or until the next call. */
struct sl_client_batches {
    enum sl_err err;
    const void *at;
    size_t bytes; /* 0: nothing visible there yet */
    uint64_t next_offset, high_offset, start_offset;
};
typedef void sl_client_fetch_done(void *arg, const struct sl_client_batches *batches);

SL_API enum sl_err sl_client_fetch(struct sl_client *c, const struct sl_client_topic *topic,
                                   uint32_t partition, const struct sl_fetch_options *options,
                                   sl_client_fetch_done *done, void *arg);
SL_API enum sl_err sl_client_fetch_wait(struct sl_client *c, const struct sl_client_topic *topic,
                                        uint32_t partition, const struct sl_fetch_options *options,
                                        struct sl_client_batches *out);

/* ---- consumer groups ----
 *
 * Members join and commit with Kafka's protocol; here is what an operator needs. Texts that are
 * longer than there is room for are cut. NOT_FOUND: there is no such group; UNSUPPORTED: this node
 * keeps no groups. As with topics, each() runs inside these, and must not use the client.
 */
struct sl_client_group {
    const char *id, *protocol_type, *state; /* state: Empty, PreparingRebalance, Stable, ... */
};
SL_API enum sl_err sl_client_groups(struct sl_client *c,
                                    void (*each)(void *arg, const struct sl_client_group *group),
                                    void *arg);

struct sl_client_member {
    const char *id, *instance; /* instance NULL: none; it is a static member otherwise */
    const char *client_id, *client_host;
    const void *assignment; /* bytes of the members' own protocol */
    size_t assignment_bytes;
};
/* protocol: what they agreed on, as `range`; empty while they have not. */
struct sl_client_group_facts {
    size_t size; /* in */
    uint32_t members;
    char state[33], protocol_type[256], protocol[256];
};
/* `each` may be NULL. A group that changes meanwhile may show a member twice, or miss one. */
SL_API enum sl_err sl_client_group(struct sl_client *c, const char *id,
                                   struct sl_client_group_facts *out,
                                   void (*each)(void *arg, const struct sl_client_member *member),
                                   void *arg);

/* How far a group is behind in a partition where it has committed an offset. */
struct sl_client_lag {
    const char *topic;
    uint32_t partition;
    enum sl_err err;    /* not OK: but for `committed`, nothing of this is known */
    uint64_t committed; /* the next record that it wants */
    uint64_t start, end;
    uint64_t records; /* from `committed`, or `start` if that is higher, to `end` */
    uint64_t bytes; /* of their batches, as they are kept: exact to an extent, shared out inside */
    int64_t lag_ms; /* age of the first of them by its own time; 0: none; -1: not known */
};
/* In the order of topic and partition. A group that is not there has committed nothing. */
SL_API enum sl_err sl_client_lag(struct sl_client *c, const char *id,
                                 void (*each)(void *arg, const struct sl_client_lag *lag),
                                 void *arg);

struct sl_client_commit {
    const char *topic;
    uint32_t partition;
    uint64_t offset;
};
#define SL_CLIENT_COMMIT_MAX 1000u
/* Sets what a group has committed, in at most SL_CLIENT_COMMIT_MAX partitions: in all of them, or
 * in none. The group is made, if it is not there. NOT_EMPTY: it has members; NOT_FOUND: no such
 * topic or partition (one that is deleted in this moment is left out, then the others are set). An
 * offset that the partition does not have is taken, as Kafka takes it. */
SL_API enum sl_err sl_client_commit(struct sl_client *c, const char *id,
                                    const struct sl_client_commit *rows, uint32_t count);
/* The group and all it has committed are gone. NOT_EMPTY: it has members. */
SL_API enum sl_err sl_client_forget(struct sl_client *c, const char *id);

/* ---- offsets, trim, figures ---- */

/* As sl_offset() and sl_trim(). */
SL_API enum sl_err sl_client_offset(struct sl_client *c, const struct sl_client_topic *topic,
                                    uint32_t partition, enum sl_offset_of what, int64_t time_ms,
                                    uint64_t *offset, int64_t *found_ms);
SL_API enum sl_err sl_client_trim(struct sl_client *c, const struct sl_client_topic *topic,
                                  uint32_t partition, uint64_t offset, uint64_t *start);
#define SL_CLIENT_ALL_SHARDS UINT32_MAX
SL_API enum sl_err sl_client_stats(struct sl_client *c, uint32_t shard,
                                   void (*each)(void *arg, const char *name, uint64_t value),
                                   void *arg);
/* There and back; at most 64 KiB of `bytes` zeros. */
SL_API enum sl_err sl_client_ping(struct sl_client *c, uint32_t bytes);

SL_API_END
#endif
