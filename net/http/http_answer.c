/* http_answer.c -- status line and headers; short answers whole. */
#include <stdio.h>

#include "engine/base/check.h"
#include "net/http/http_in.h"

static const char *status_text(uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *text;
    } rows[] = {
        { 200, "OK" },
        { 400, "Bad Request" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 431, "Request Header Fields Too Large" },
        { 503, "Service Unavailable" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status)
            return rows[i].text;
    check(!"a status that is answered");
    return "";
}

static const char *length_text(const struct http_answer *a, char out[64])
{
    switch (a->length) {
    case HTTP_COUNTED:
        snprintf(out, 64, "Content-Length: %zu\r\n", a->body_bytes);
        return out;
    case HTTP_CHUNKS:
        return "Transfer-Encoding: chunked\r\n";
    case HTTP_UNTIL_CLOSE:
        check(!a->keep_alive);
        return "";
    }
    return "";
}

size_t http_answer_head(const struct http_answer *a, char out[HTTP_ANSWER_MAX])
{
    char length[64];
    int n =
        snprintf(out, HTTP_ANSWER_MAX,
                 "HTTP/1.1 %u %s\r\n"
                 "Content-Type: %s\r\n"
                 "%s%s"
                 "Cache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\n"
                 "Connection: %s\r\n"
                 "\r\n",
                 a->status, status_text(a->status), a->type ? a->type : "text/plain; charset=utf-8",
                 length_text(a, length), a->status == 405 ? "Allow: GET, HEAD\r\n" : "",
                 a->keep_alive ? "keep-alive" : "close");
    check(n > 0 && (size_t)n < HTTP_ANSWER_MAX);
    return (size_t)n;
}

size_t http_chunk_head(size_t bytes, char out[HTTP_CHUNK_HEAD_MAX])
{
    int n = snprintf(out, HTTP_CHUNK_HEAD_MAX, "%zx\r\n", bytes);
    check(n > 0 && n < (int)HTTP_CHUNK_HEAD_MAX);
    return (size_t)n;
}

size_t http_answer_short(uint32_t status, const char *text, const struct http_request *r,
                         char out[HTTP_SHORT_MAX])
{
    size_t body = strnlen(text, HTTP_SHORT_MAX - HTTP_ANSWER_MAX - 1);
    struct http_answer a = { .status = status,
                             .body_bytes = body + 1,
                             .keep_alive = r->keep_alive };
    size_t head = http_answer_head(&a, out);
    if (r->head)
        return head;
    memcpy(out + head, text, body);
    out[head + body] = '\n';
    return head + body + 1;
}
