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

size_t http_answer_head(const struct http_answer *a, char out[HTTP_ANSWER_MAX])
{
    int n =
        snprintf(out, HTTP_ANSWER_MAX,
                 "HTTP/1.1 %u %s\r\n"
                 "Content-Type: %s\r\n"
                 "Content-Length: %zu\r\n"
                 "%s"
                 "Cache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\n"
                 "Connection: %s\r\n"
                 "\r\n",
                 a->status, status_text(a->status), a->type ? a->type : "text/plain; charset=utf-8",
                 a->body_bytes, a->status == 405 ? "Allow: GET, HEAD\r\n" : "",
                 a->keep_alive ? "keep-alive" : "close");
    check(n > 0 && (size_t)n < HTTP_ANSWER_MAX);
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
