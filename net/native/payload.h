/* payload.h -- what each verb carries, both ways, and whole frames of it.
 *
 *     a server   frame_decode(48 bytes) -> payload_decode(the rest) -> ... -> frame_make(answer)
 *     a client   frame_make(request), then the batch -> ... -> frame_decode, payload_decode
 *
 * The structs below are those of docs/PROTOCOL.md, member by member; payload.c has their rows.
 *
 * Thread     pure functions; any thread.
 * Memory     views point into the payload that was decoded.
 * Fails      a refused payload leaves *out alone; what does not fit or passes a limit is not sent.
 */
#ifndef NATIVE_PAYLOAD_H
#define NATIVE_PAYLOAD_H

#include "net/native/field.h"

#define SHARD_ANY             UINT32_MAX
#define FOUND_NONE            INT64_MIN /* offsets_answer.found_ms */
#define WAIT_MS_MAX           300000u
#define NATIVE_NAME_MAX       249u
#define ERROR_TEXT_MAX        512u
#define NATIVE_GROUP_MAX      32767u
#define GROUPS_MAX            1000u /* of one answer, as are the next two */
#define MEMBERS_MAX           64u
#define LAGS_MAX              1000u
#define COMMITS_MAX           1000u /* rows of one commit: done all together, or none */
#define NATIVE_DURABILITY_MAX 3u    /* wire: 0 topic's, 1 memory, 2 written, 3 synced */

struct error_answer {
    uint16_t code, retriable;
    uint64_t limit, value;
    struct bytes text;
};

struct hello_request {
    uint16_t version_min, version_max;
    uint32_t frame_max;
    uint64_t ignorable, read_only, refuse;
    uint32_t wanted_shard;
    struct bytes client_id, auth_mechanism, auth_bytes, later;
};
struct hello_answer {
    uint16_t version;
    uint8_t auth, access;
    uint32_t frame_max;
    uint64_t ignorable, read_only, refuse;
    uint32_t shards, shard, requests_max, idle_ms;
    struct id16 cluster;
    uint32_t node;
    struct bytes server, auth_mechanisms, auth_bytes, later;
};

struct auth_request {
    struct bytes mechanism, bytes;
};
struct auth_answer {
    uint32_t auth;
    struct bytes bytes;
};

struct ping {
    struct bytes bytes;
};

struct topics_request {
    uint32_t count_max;
    struct bytes after;
};
struct topics_answer {
    uint32_t more;
    struct items names; /* ITEM_NAME */
};

struct describe_request {
    uint32_t first, count_max;
    struct bytes name;
};
struct describe_answer {
    struct id16 topic;
    uint32_t partitions, first;
    struct bytes name;
    struct items places;   /* ITEM_PLACE */
    struct items settings; /* ITEM_SHOWN */
};

struct create_request {
    uint32_t partitions;
    struct bytes name;
    struct items settings; /* ITEM_SETTING */
};
struct create_answer {
    struct id16 topic;
    uint32_t partitions;
};
struct delete_request {
    struct bytes name;
};
struct alter_request {
    struct bytes name;
    struct items settings; /* ITEM_SETTING */
};

struct grow_request {
    uint32_t partitions;
    struct bytes name;
};

struct append_request {
    uint8_t durability;
    struct bytes batch;
};
struct append_answer {
    uint64_t base_offset;
    int64_t append_ms;
    uint32_t count;
    uint8_t bought, duplicate;
};

struct fetch_request {
    uint64_t offset;
    uint32_t bytes_max, bytes_min, wait_ms;
};
struct fetch_answer {
    uint64_t next_offset, high_offset, start_offset;
    struct bytes batches;
};

struct offsets_request {
    uint32_t what;
    int64_t time_ms;
};
struct offsets_answer {
    uint64_t offset;
    int64_t found_ms;
    uint32_t leader_epoch;
};

struct trim_request {
    uint64_t offset;
};
struct trim_answer {
    uint64_t start_offset;
};

struct stats_request {
    uint32_t shard;
};
struct stats_answer {
    struct items figures; /* ITEM_FIGURE */
};

/* ---- consumer groups ---- */

struct groups_request {
    uint32_t count_max;
    struct bytes after;
};
struct groups_answer {
    uint32_t more;
    struct items groups; /* ITEM_GROUP */
};
struct group_ask {
    uint32_t first, count_max;
    struct bytes group;
};
struct group_answer {
    uint32_t members, first;
    struct bytes state, protocol_type, protocol;
    struct items list; /* ITEM_MEMBER */
};
struct lag_request {
    uint32_t count_max, after_partition;
    struct bytes group, after_topic;
};
struct lag_answer {
    uint32_t more;
    struct items rows; /* ITEM_LAG */
};
struct commit_request {
    struct bytes group;
    struct items rows; /* ITEM_COMMIT */
};
struct forget_request {
    struct bytes group;
};

union payload {
    struct error_answer error;
    struct hello_request hello;
    struct hello_answer hello_answer;
    struct auth_request auth;
    struct auth_answer auth_answer;
    struct ping ping; /* both ways */
    struct topics_request topics;
    struct topics_answer topics_answer;
    struct describe_request describe;
    struct describe_answer describe_answer;
    struct create_request create;
    struct create_answer create_answer;
    struct delete_request delete_;
    struct alter_request alter;
    struct grow_request grow;
    struct append_request append;
    struct append_answer append_answer;
    struct fetch_request fetch;
    struct fetch_answer fetch_answer;
    struct offsets_request offsets;
    struct offsets_answer offsets_answer;
    struct trim_request trim;
    struct trim_answer trim_answer;
    struct stats_request stats;
    struct stats_answer stats_answer;
    struct groups_request groups;
    struct groups_answer groups_answer;
    struct group_ask group;
    struct group_answer group_answer;
    struct lag_request lag;
    struct lag_answer lag_answer;
    struct commit_request commit;
    struct forget_request forget;
};

/* Which rows: by verb, direction and error flag. The verb exists. */
const struct shape *payload_shape(uint32_t verb, uint32_t flags);

/* `payload` is exactly the frame's. Checksum first, then every field. */
enum err payload_decode(const struct frame *f, struct bytes payload, union payload *out,
                        struct fault *fault);

/* A whole frame at `at`, but for its batches: those follow as they lie (frame_batches). *from is
 * the verb's struct; length and checksums of *f are filled in. Returns the bytes written; 0 is a
 * fault, or, without one (FAULT_NONE), cap is too small. Above peer_max: a fault. */
size_t frame_make(void *at, size_t cap, struct frame *f, const void *from, uint32_t peer_max,
                  struct fault *fault);
/* The batches that follow; empty for most verbs. */
struct bytes frame_batches(const struct frame *f, const void *from);

/* The error answer to `request`; cuts a text that is too long. At most FRAME_ERROR_MAX bytes. */
#define FRAME_ERROR_MAX (FRAME_HEADER_BYTES + 26u + ERROR_TEXT_MAX)
size_t frame_make_error(void *at, size_t cap, const struct frame *request, enum err err,
                        uint64_t limit, uint64_t value, const char *text);
/* The same for bytes that were refused. If framing is lost, it is a close of version `version`. */
size_t frame_make_fault(void *at, size_t cap, const struct frame *request, uint8_t version,
                        const struct fault *fault);

#endif
