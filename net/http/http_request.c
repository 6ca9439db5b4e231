/* http_request.c -- the request line; RFC 9112, sections 2 and 3. */
#include "net/http/http_in.h"

enum http_state http_refuse(struct http_request *r, uint32_t status, const char *reason)
{
    r->status = status;
    r->reason = reason;
    r->keep_alive = false;
    return HTTP_REFUSED;
}

static const struct {
    const char *path, *text;
} pages[HTTP_PAGE_COUNT] = {
    [HTTP_METRICS] = { "/metrics", "figures of the node, in Prometheus' text format" },
    [HTTP_HEALTHZ] = { "/healthz", "200 as long as the node answers" },
    [HTTP_READYZ] = { "/readyz", "200 when appends and fetches work, else 503 and why not" },
};

const char *http_page_path(enum http_page page)
{
    return pages[page].path;
}

const char *http_page_text(enum http_page page)
{
    return pages[page].text;
}

enum http_page http_page_find(struct bytes path)
{
    for (uint32_t i = 0; i < HTTP_PAGE_COUNT; i++)
        if (strlen(pages[i].path) == path.len && memcmp(pages[i].path, path.at, path.len) == 0)
            return (enum http_page)i;
    return HTTP_PAGE_COUNT;
}

static bool is_text(struct bytes b, const char *text)
{
    return b.len == strlen(text) && memcmp(b.at, text, b.len) == 0;
}

/* Cuts `in` at the first `at_byte`: what is before it; *in goes on behind it. */
static struct bytes cut(struct bytes *in, uint8_t at_byte)
{
    const uint8_t *end = in->len ? memchr(in->at, at_byte, in->len) : NULL;
    struct bytes before = { in->at, end ? (size_t)(end - in->at) : in->len };
    size_t used = before.len + (end ? 1 : 0);
    *in = (struct bytes){ in->at + used, in->len - used };
    return before;
}

/* A method is a word of capital letters, and no longer than any in use. */
static bool is_method(struct bytes b)
{
    bool fine = b.len > 0 && b.len <= 20;
    for (size_t i = 0; fine && i < b.len; i++)
        fine = (b.at[i] >= 'A' && b.at[i] <= 'Z') || b.at[i] == '-';
    return fine;
}

static bool is_visible(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] <= ' ' || b.at[i] >= 0x7f)
            return false;
    return b.len > 0;
}

/* "/metrics?x=1" or "http://localhost/metrics?x=1": the path. Empty: neither. */
static struct bytes target_path(struct bytes target)
{
    static const char scheme[] = "http://";
    size_t len = sizeof(scheme) - 1;
    if (target.len > len && memcmp(target.at, scheme, len) == 0) {
        target = (struct bytes){ target.at + len, target.len - len };
        const uint8_t *slash = memchr(target.at, '/', target.len);
        if (!slash)
            return (struct bytes){ target.at, 0 };
        target.len -= (size_t)(slash - target.at);
        target.at = slash;
    }
    if (target.at[0] != '/')
        return (struct bytes){ target.at, 0 };
    return cut(&target, '?');
}

/* The head ends with an empty line; its length, 0: not here yet. */
static size_t head_bytes(struct bytes in)
{
    const uint8_t *end = memmem(in.at, in.len, "\r\n\r\n", 4);
    return end ? (size_t)(end - in.at) + 4 : 0;
}

static enum http_state line_read(struct bytes line, struct http_request *r, bool *old)
{
    struct bytes method = cut(&line, ' '), target = cut(&line, ' '), version = line;
    *old = is_text(version, "HTTP/1.0");
    if (!is_method(method) || !is_visible(target))
        return http_refuse(r, 400, "the request line is not METHOD PATH HTTP/1.1");
    if (!*old && !is_text(version, "HTTP/1.1"))
        return http_refuse(r, 400, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    r->head = is_text(method, "HEAD");
    if (!r->head && !is_text(method, "GET"))
        return http_refuse(r, 405, "everything here is read-only: GET and HEAD");
    struct bytes path = target_path(target);
    if (!path.len)
        return http_refuse(r, 400, "the target is no path");
    r->page = http_page_find(path);
    return HTTP_READY;
}

static enum http_state head_read(struct bytes head, struct http_request *r)
{
    struct http_headers h = { 0 };
    struct bytes line = cut(&head, '\n');
    bool old;
    if (!line.len || line.at[--line.len] != '\r')
        return http_refuse(r, 400, "lines end with CR LF");
    if (line_read(line, r, &old) == HTTP_REFUSED)
        return HTTP_REFUSED;
    const char *wrong = http_headers_read(head, &h);
    if (wrong)
        return http_refuse(r, 400, wrong);
    if (h.hosts > 1 || (!h.hosts && !old))
        return http_refuse(r, 400, "HTTP/1.1 wants one Host header");
    if (r->page == HTTP_PAGE_COUNT)
        return http_refuse(r, 404, "there is /metrics, /healthz and /readyz");
    r->chunks = !old;
    r->keep_alive = !h.close && (!old || h.keep_alive);
    return HTTP_READY;
}

enum http_state http_request_read(struct bytes in, struct http_request *r)
{
    *r = (struct http_request){ .page = HTTP_PAGE_COUNT };
    size_t skipped = 0;
    while (in.len >= 2 && skipped < 8 && memcmp(in.at, "\r\n", 2) == 0) { /* RFC 9112, 2.2 */
        in = (struct bytes){ in.at + 2, in.len - 2 };
        skipped += 2;
    }
    r->bytes = in.len ? head_bytes(in) : 0;
    if (r->bytes > HTTP_HEAD_MAX || (!r->bytes && in.len >= HTTP_HEAD_MAX))
        return http_refuse(r, 431, "request line and headers are at most 8 KiB");
    if (!r->bytes)
        return HTTP_MORE;
    struct bytes head = { in.at, r->bytes };
    r->bytes += skipped;
    return head_read(head, r);
}
