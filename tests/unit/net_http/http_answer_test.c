/* http_answer_test.c -- answers, byte by byte. */
#include "net/http/http.h"

#include "tests/test.h"

static void short_is(uint32_t status, const char *text, const struct http_request *r,
                     const char *want)
{
    char out[HTTP_SHORT_MAX + 1];
    size_t len = http_answer_short(status, text, r, out);
    out[len] = '\0';
    EXPECT_STR(out, want);
}

#define SAFE "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

TEST(http_answer, golden)
{
    struct http_request keep = { .keep_alive = true }, close = { 0 };
    struct http_request head = { .head = true, .keep_alive = true };
    short_is(200, "ok", &keep,
             "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Length: 3\r\n" SAFE "Connection: keep-alive\r\n\r\nok\n");
    short_is(503, "recovering store-01", &head,
             "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Length: 20\r\n" SAFE "Connection: keep-alive\r\n\r\n");
    short_is(405, "no", &close,
             "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Length: 3\r\nAllow: GET, HEAD\r\n" SAFE "Connection: close\r\n\r\nno\n");
    char out[HTTP_ANSWER_MAX + 1];
    struct http_answer a = { .status = 200,
                             .type = "text/plain; version=0.0.4",
                             .body_bytes = 123456789012 };
    size_t len = http_answer_head(&a, out);
    out[len] = '\0';
    EXPECT_STR(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                    "Content-Length: 123456789012\r\n" SAFE "Connection: close\r\n\r\n");
    a = (struct http_answer){ .status = 200, .length = HTTP_CHUNKS, .keep_alive = true };
    out[http_answer_head(&a, out)] = '\0';
    EXPECT_STR(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Transfer-Encoding: chunked\r\n" SAFE "Connection: keep-alive\r\n\r\n");
    a = (struct http_answer){ .status = 200, .length = HTTP_UNTIL_CLOSE };
    out[http_answer_head(&a, out)] = '\0';
    EXPECT_STR(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" SAFE
                    "Connection: close\r\n\r\n");
    char chunk[HTTP_CHUNK_HEAD_MAX];
    EXPECT_EQ(http_chunk_head(32768, chunk), 6);
    EXPECT_STR(chunk, "8000\r\n");
    EXPECT_EQ(http_chunk_head(SIZE_MAX, chunk), 18);
    EXPECT_EQ(http_chunk_head(0, chunk), 3);
}

TEST(http_answer, every_refusal_fits)
{
    /* Goal: bounds. Method: each status with a text that is too long. */
    static const uint32_t all[] = { 200, 400, 404, 405, 431, 503 };
    static char big[5000];
    memset(big, 'x', sizeof(big) - 1);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char out[HTTP_SHORT_MAX];
        struct http_request r = { .keep_alive = true };
        size_t len = http_answer_short(all[i], big, &r, out);
        EXPECT(len > 512 && len <= HTTP_SHORT_MAX && out[len - 1] == '\n');
    }
}

TEST(http_answer, pages_have_names)
{
    for (uint32_t i = 0; i < HTTP_PAGE_COUNT; i++)
        EXPECT(http_page_path((enum http_page)i)[0] == '/' && http_page_text((enum http_page)i)[0]);
}
