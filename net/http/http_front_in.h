/* http_front_in.h -- what the files of the HTTP front share: its connections.
 *
 *   FREE --accept--> READ --head is whole--> ASK --figures of all shards--> TELL --> LINGER -->
 * FREE |  \--a short answer--> TELL                          (each chunk)
 *                     +-- from every state: cut, or 10 s without progress --> shut down --> FREE
 */
#ifndef NET_HTTP_HTTP_FRONT_IN_H
#define NET_HTTP_HTTP_FRONT_IN_H

#include "net/http/http.h"
#include "net/http/http_front.h"
#include "net/listen/listen.h"
#include "net/metric/groups.h"
#include "net/metric/parts.h"
#include "net/metric/walk.h"

#define HTTP_CALLS_MAX   16u
#define HTTP_PARTS_MAX   10000u       /* whose figures are told; a gauge counts the others */
#define HTTP_GROUPS_MAX  1000u        /* whose lag is told ... */
#define HTTP_LAGS_MAX    2000u        /* ... in so many partitions: four series each */
#define HTTP_TIMED_NS    (2 * SEC_NS) /* then no more batches are read for their age */
#define HTTP_CHUNK_BYTES KIB(32)
#define HTTP_TIMEOUT_NS  (10 * SEC_NS)
#define HTTP_HEAD_BYTES  (HTTP_HEAD_MAX + 8u) /* with the empty lines that may come first */

enum call_state { CALL_FREE, CALL_READ, CALL_ASK, CALL_TELL, CALL_LINGER };

/* What /metrics tells, and how far it came. */
struct page {
    struct walk walk;
    struct parts parts;
    struct groups_walk groups;
    struct metrics_cursor cursor;
    bool head_sent, all_sent;
    char chunk_head[HTTP_CHUNK_HEAD_MAX], chunk[HTTP_CHUNK_BYTES];
    struct metrics_shard shards[];
};

struct call {
    struct http *http;
    enum call_state state;
    int fd;
    bool cut;
    struct op recv, send;
    struct timer timer;
    struct page *page; /* NULL: all is in `answer` */
    struct iovec iov[4];
    struct http_request request;
    char head[HTTP_HEAD_BYTES], answer[HTTP_SHORT_MAX];
    size_t head_len;
};

struct http {
    uint32_t at_count;
    struct io_address at[HTTP_ADDRESSES_MAX];
    struct listener listeners[HTTP_ADDRESSES_MAX];
    struct call calls[HTTP_CALLS_MAX];
    uint32_t used;
    struct serve *serve;
    struct shard *shard;
    const struct metrics_board *board;
    bool closing, closed;
};

/* A whole answer; the connection ends after it. */
void call_answer(struct call *c, uint32_t status, const char *text);
/* Sends c->iov; page_sent() is told where there is a page. */
void call_send(struct call *c, uint32_t iov_count);
void call_linger(struct call *c);

/* ---- http_metrics.c ---- */

void page_ask(struct call *c);
void page_sent(struct call *c); /* the next chunk, or the end */
void page_free(struct call *c);

#endif
