/* http.h -- as much of HTTP/1.0 and 1.1 as a scraper, a load balancer and a person need.
 *
 *     enum http_state state = http_request_read(bytes so far, &r);
 *     HTTP_MORE:    read on, at most until HTTP_HEAD_MAX bytes are here
 *     HTTP_READY:   r.page is wanted; r.bytes bytes are used up
 *     HTTP_REFUSED: r.status and r.reason are the answer; then the connection is closed
 *
 * GET and HEAD without a body, nothing else: no body is read, no transfer coding taken, no header
 * folded, so that nobody in between can see other borders between requests than we do.
 *
 * Thread     pure functions; any thread.
 * Memory     views into the caller's bytes.
 * Invariant  what is refused is refused whatever follows; what is MORE may become anything.
 */
#ifndef NET_HTTP_HTTP_H
#define NET_HTTP_HTTP_H

#include "engine/base/types.h"

#define HTTP_HEAD_MAX 8192u /* request line and headers */

/* What there is to see. */
enum http_page {
    HTTP_METRICS, /* /metrics: Prometheus' text */
    HTTP_HEALTHZ, /* /healthz: the process answers */
    HTTP_READYZ,  /* /readyz: appends and fetches work */
    HTTP_PAGE_COUNT
};
const char *http_page_path(enum http_page page);
const char *http_page_text(enum http_page page);

enum http_state { HTTP_MORE, HTTP_READY, HTTP_REFUSED };

struct http_request {
    enum http_page page;
    bool head;          /* HEAD: the answer has no body */
    bool keep_alive;    /* the connection stays open after the answer */
    bool chunks;        /* HTTP/1.1: the answer may come in chunks */
    size_t bytes;       /* of the request */
    uint32_t status;    /* refused: 400, 404, 405 or 431 ... */
    const char *reason; /* ... and why, for the client */
};

/* `in`: all that came since the last request. */
enum http_state http_request_read(struct bytes in, struct http_request *r);

/* How the client finds the end of a body. */
enum http_length { HTTP_COUNTED, HTTP_CHUNKS, HTTP_UNTIL_CLOSE };

struct http_answer {
    uint32_t status;
    const char *type; /* NULL: plain text */
    enum http_length length;
    size_t body_bytes; /* HTTP_COUNTED */
    bool keep_alive;   /* not with HTTP_UNTIL_CLOSE */
};
#define HTTP_ANSWER_MAX 512u
/* Status line and headers; returns their length. */
size_t http_answer_head(const struct http_answer *a, char out[HTTP_ANSWER_MAX]);
/* Before each chunk of a body, which "\r\n" ends; 0 bytes: that was the last one. */
#define HTTP_CHUNK_HEAD_MAX 24u
size_t http_chunk_head(size_t bytes, char out[HTTP_CHUNK_HEAD_MAX]);
/* Head and body of a short answer: refusals, /healthz, /readyz. `text` without its newline; no body
 * for HEAD. Returns the length. */
#define HTTP_SHORT_MAX (HTTP_ANSWER_MAX + 512u)
size_t http_answer_short(uint32_t status, const char *text, const struct http_request *r,
                         char out[HTTP_SHORT_MAX]);

#endif
