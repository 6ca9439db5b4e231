/* hello.h -- what two sides agree on: a pure decision over hello's request and answer.
 *
 * Versions: the highest that both speak. Features: bits in three classes; a side that does not know
 * a bit goes on (ignorable), changes nothing (read-only), or ends the connection (refuse).
 *
 * Thread     pure functions; any thread.
 * Fails      UNSUPPORTED (versions, a feature of class refuse, a mechanism), INVALID (frame_max,
 *            wanted shard), each with a fault.
 */
#ifndef NATIVE_HELLO_H
#define NATIVE_HELLO_H

#include "net/native/payload.h"

struct feature_words {
    uint64_t ignorable, read_only, refuse;
};

/* What a server is, and what it knows. */
struct hello_server {
    uint16_t version_min, version_max;
    struct feature_words known;
    uint32_t frame_max, shards, shard, requests_max, idle_ms;
    struct id16 cluster;
    uint32_t node;
    const char *text; /* "shardlog 0.1.0" */
};

/* The answer of a server; `shard` in it is where the connection is served: the wanted one, or the
 * server's. Nothing of *tell is a view into *ask. */
enum err hello_judge(const struct hello_request *ask, const struct hello_server *server,
                     struct hello_answer *tell, struct fault *fault);

/* What a client makes of the answer. *read_only: it must change nothing. */
enum err hello_accept(const struct hello_request *ask, const struct hello_answer *tell,
                      const struct feature_words *known, bool *read_only, struct fault *fault);

#endif
