/* http_request_test.c -- what is taken, what is refused and how, wherever the bytes are cut. */
#include "net/http/http.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"

#define HOST "Host: x\r\n"

static enum http_state read_text(const char *text, struct http_request *r)
{
    return http_request_read((struct bytes){ (const uint8_t *)text, strlen(text) }, r);
}

TEST(http_request, taken)
{
    /* Goal: pages, methods, versions, targets and what becomes of the connection. */
    static const struct {
        const char *text;
        enum http_page page;
        bool head, keep_alive;
    } rows[] = {
        { "GET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_METRICS, false, true },
        { "HEAD /healthz HTTP/1.1\r\nhOsT:\t\r\n\r\n", HTTP_HEALTHZ, true, true },
        { "GET /readyz?verbose=1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", HTTP_READYZ, false,
          false },
        { "GET /metrics HTTP/1.1\r\n" HOST "Connection: x , CLOSE\r\n\r\n", HTTP_METRICS, false,
          false },
        { "GET /metrics HTTP/1.0\r\n\r\n", HTTP_METRICS, false, false },
        { "GET /metrics HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP_METRICS, false, true },
        { "GET /metrics HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", HTTP_METRICS, false,
          false },
        { "GET http://localhost:9720/metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_METRICS, false, true },
        { "GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 0\r\nX-Y: \xc3\xbc\r\n\r\n",
          HTTP_METRICS, false, true },
        { "\r\n\r\nGET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_METRICS, false, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request r;
        EXPECT_EQ(read_text(rows[i].text, &r), HTTP_READY);
        EXPECT_EQ(r.page, rows[i].page);
        EXPECT_EQ(r.head, rows[i].head);
        EXPECT_EQ(r.keep_alive, rows[i].keep_alive);
        EXPECT_EQ(r.chunks, strstr(rows[i].text, "HTTP/1.1") != NULL);
        EXPECT_EQ(r.bytes, strlen(rows[i].text));
    }
}

TEST(http_request, refused)
{
    /* Goal: status and reason of each kind; the connection never stays open. */
    static const struct {
        const char *text;
        uint32_t status;
        const char *reason;
    } rows[] = {
#define LINE    "the request line is not METHOD PATH HTTP/1.1"
#define VERSION "only HTTP/1.0 and HTTP/1.1 are spoken here"
#define BODY    "a request has no body here"
#define FORM    "a header is not NAME: VALUE"
#define ONE     "HTTP/1.1 wants one Host header"
#define ENDS    "lines end with CR LF"
#define READ    "everything here is read-only: GET and HEAD"
#define PAGES   "there is /metrics, /healthz and /readyz"
#define GET     "GET /metrics HTTP/1.1\r\n"
        { "GET /metrics\r\n\r\n", 400, VERSION },
        { "GET  /metrics HTTP/1.1\r\n\r\n", 400, LINE },
        { "get /metrics HTTP/1.1\r\n" HOST "\r\n", 400, LINE },
        { " GET /metrics HTTP/1.1\r\n\r\n", 400, LINE },
        { "GET /metrics HTTP/1.1 \r\n" HOST "\r\n", 400, VERSION },
        { "GET /met rics HTTP/1.1\r\n" HOST "\r\n", 400, VERSION },
        { "GET /m\x7f HTTP/1.1\r\n\r\n", 400, LINE },
        { "GET /metrics HTTP/2.0\r\n\r\n", 400, VERSION },
        { "GET /metrics http/1.1\r\n\r\n", 400, VERSION },
        { "PRI * HTTP/2.0\r\n\r\n", 400, VERSION },
        { "\x16\x03\x01\x02\r\n\r\n", 400, LINE },
        { "GET metrics HTTP/1.1\r\n" HOST "\r\n", 400, "the target is no path" },
        { "GET http://localhost HTTP/1.1\r\n" HOST "\r\n", 400, "the target is no path" },
        { "GET https://localhost/metrics HTTP/1.1\r\n" HOST "\r\n", 400, "the target is no path" },
        { "POST /metrics HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 405, READ },
        { "DELETE /x HTTP/1.1\r\n" HOST "\r\n", 405, READ },
        { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405, READ },
        { "GET / HTTP/1.1\r\n" HOST "\r\n", 404, PAGES },
        { "GET /metrics/ HTTP/1.1\r\n" HOST "\r\n", 404, PAGES },
        { "GET /%6detrics HTTP/1.1\r\n" HOST "\r\n", 404, PAGES },
        { GET "\r\n", 400, ONE },
        { GET HOST HOST "\r\n", 400, ONE },
        { "GET /metrics HTTP/1.0\r\n" HOST HOST "\r\n", 400, ONE },
        { GET HOST "Content-Length: 1\r\n\r\nx", 400, BODY },
        { GET HOST "Content-Length: 0, 0\r\n\r\n", 400, BODY },
        { GET HOST "Content-Length: +0\r\n\r\n", 400, BODY },
        { GET HOST "transfer-encoding: chunked\r\n\r\n", 400, BODY },
        { GET HOST "Transfer-Encoding:\r\n\r\n", 400, BODY },
        { GET HOST "X : y\r\n\r\n", 400, FORM },
        { GET HOST ": y\r\n\r\n", 400, FORM },
        { GET HOST "nothing\r\n\r\n", 400, FORM },
        { GET "X: y\r\n z\r\n" HOST "\r\n", 400, FORM }, /* folded */
        { GET HOST "X: a\rb\r\n\r\n", 400, "a header has a control character" },
        { GET HOST "X: a\x01\r\n\r\n", 400, "a header has a control character" },
        { GET HOST "X: a\nY: b\r\n\r\n", 400, ENDS },
        { "GET /metrics HTTP/1.1\n" HOST "\r\n", 400, ENDS },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request r;
        if (!EXPECT_EQ(read_text(rows[i].text, &r), HTTP_REFUSED) ||
            !EXPECT_EQ(r.status, rows[i].status) || !EXPECT_STR(r.reason, rows[i].reason))
            fprintf(stderr, "  request: %s\n", rows[i].text);
        EXPECT(!r.keep_alive);
    }
}

TEST(http_request, a_byte_at_a_time)
{
    /* Goal: MORE until the last byte, and nothing of the next request is touched. */
    static const char text[] = "GET /metrics HTTP/1.1\r\n" HOST "\r\nGET /healthz HTTP/1.1\r\n";
    size_t first = strlen("GET /metrics HTTP/1.1\r\n" HOST "\r\n");
    for (size_t n = 0; n < sizeof(text); n++) {
        struct http_request r;
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, text, n);
        EXPECT_EQ(http_request_read((struct bytes){ exact, n }, &r),
                  n < first ? HTTP_MORE : HTTP_READY);
        if (n >= first)
            EXPECT_EQ(r.bytes, first);
        free(exact);
    }
}

TEST(http_request, size_limit)
{
    /* Goal: 8 KiB are fine, a byte more is 431, whole or not. */
    static char text[3 * HTTP_HEAD_MAX];
    const char *begin = "GET /metrics HTTP/1.1\r\n" HOST "X: ";
    for (int more = 0; more < 2; more++) {
        struct http_request r;
        size_t fill = HTTP_HEAD_MAX - strlen(begin) - 4 + (size_t)more;
        int n = snprintf(text, sizeof(text), "%s%0*d\r\n\r\n", begin, (int)fill, 0);
        EXPECT_EQ(n, (int)HTTP_HEAD_MAX + more);
        EXPECT_EQ(read_text(text, &r), more ? HTTP_REFUSED : HTTP_READY);
        EXPECT_EQ(r.status, more ? 431 : 0);
    }
    struct http_request r;
    memset(text, 'x', sizeof(text));
    for (size_t n = HTTP_HEAD_MAX - 1; n < sizeof(text); n += HTTP_HEAD_MAX) {
        struct bytes in = { (const uint8_t *)text, n };
        EXPECT_EQ(http_request_read(in, &r), n < HTTP_HEAD_MAX ? HTTP_MORE : HTTP_REFUSED);
    }
    EXPECT_EQ(r.status, 431);
    EXPECT_STR(r.reason, "request line and headers are at most 8 KiB");
}
