/* http_in.h -- what the files of this folder share. */
#ifndef NET_HTTP_HTTP_IN_H
#define NET_HTTP_HTTP_IN_H

#include "net/http/http.h"

enum http_state http_refuse(struct http_request *r, uint32_t status, const char *reason);
/* The page with this path; HTTP_PAGE_COUNT: none. */
enum http_page http_page_find(struct bytes path);

/* What the headers of a request said. */
struct http_headers {
    uint32_t hosts; /* how many Host lines */
    bool close, keep_alive;
};
/* Reads header lines up to the empty one; `at` is behind the request line, whole lines only. NULL:
 * fine, else what is wrong. */
const char *http_headers_read(struct bytes in, struct http_headers *h);

#endif
