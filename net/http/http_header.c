/* http_header.c -- header lines; RFC 9112, section 5, and the few that mean something here. */
#include <strings.h>

#include "net/http/http_in.h"

/* RFC 9110: what a name may be made of. */
static bool is_token(struct bytes b)
{
    static const char more[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (!c || !strchr(more, c)))
            return false;
    }
    return b.len > 0;
}

/* Nothing but visible bytes, blanks, and whatever is above ASCII. */
static bool is_value(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if ((b.at[i] < ' ' && b.at[i] != '\t') || b.at[i] == 0x7f)
            return false;
    return true;
}

static struct bytes trimmed(struct bytes b)
{
    for (; b.len && (b.at[0] == ' ' || b.at[0] == '\t'); b.at++)
        b.len--;
    while (b.len && (b.at[b.len - 1] == ' ' || b.at[b.len - 1] == '\t'))
        b.len--;
    return b;
}

static bool is_word(struct bytes b, const char *word)
{
    return b.len == strlen(word) && strncasecmp((const char *)b.at, word, b.len) == 0;
}

/* ---- headers that mean something ---- */

static const char *host_read(struct bytes value, struct http_headers *h)
{
    (void)value;
    h->hosts++;
    return NULL;
}

static const char *connection_read(struct bytes value, struct http_headers *h)
{
    while (value.len) {
        const uint8_t *comma = memchr(value.at, ',', value.len);
        struct bytes word = { value.at, comma ? (size_t)(comma - value.at) : value.len };
        size_t used = word.len + (comma ? 1 : 0);
        value = (struct bytes){ value.at + used, value.len - used };
        word = trimmed(word);
        h->close |= is_word(word, "close");
        h->keep_alive |= is_word(word, "keep-alive");
    }
    return NULL;
}

static const char *length_read(struct bytes value, struct http_headers *h)
{
    (void)h;
    return is_word(value, "0") ? NULL : "a request has no body here";
}

static const char *coding_read(struct bytes value, struct http_headers *h)
{
    (void)value;
    (void)h;
    return "a request has no body here";
}

static const struct {
    const char *name;
    const char *(*read)(struct bytes value, struct http_headers *h);
} known[] = {
    { "host", host_read },
    { "connection", connection_read },
    { "content-length", length_read },
    { "transfer-encoding", coding_read },
};

static const char *line_read(struct bytes line, struct http_headers *h)
{
    const uint8_t *colon = memchr(line.at, ':', line.len);
    struct bytes name = { line.at, colon ? (size_t)(colon - line.at) : 0 };
    if (!is_token(name))
        return "a header is not NAME: VALUE";
    struct bytes value = trimmed((struct bytes){ colon + 1, line.len - name.len - 1 });
    if (!is_value(value))
        return "a header has a control character";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (is_word(name, known[i].name))
            return known[i].read(value, h);
    return NULL;
}

const char *http_headers_read(struct bytes in, struct http_headers *h)
{
    while (in.len) {
        const uint8_t *end = memchr(in.at, '\n', in.len);
        struct bytes line = { in.at, end ? (size_t)(end - in.at) : in.len };
        size_t used = line.len + (end ? 1 : 0);
        if (!end || !line.len || line.at[line.len - 1] != '\r')
            return "lines end with CR LF";
        line.len--;
        in = (struct bytes){ in.at + used, in.len - used };
        const char *wrong = line.len ? line_read(line, h) : NULL;
        if (wrong)
            return wrong;
    }
    return NULL;
}
