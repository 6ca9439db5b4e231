/* http_request.c -- hostile HTTP requests.
 *
 * The input is what a connection received. What must hold:
 *
 * - nothing reads outside the input (the sanitizer watches an exact block);
 * - a request that is READY needs all of its bytes and none behind them: with one less it is not
 *   READY, with garbage behind it is the same request;
 * - of MORE there are less than HTTP_HEAD_MAX bytes and a few line ends, so no connection waits for
 *   ever with more;
 * - what is refused has a status that can be answered, a reason, and closes the connection.
 */
#include "engine/base/check.h"
#include "net/http/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

#define INPUT_MAX (4u * HTTP_HEAD_MAX)

static enum http_state read_exact(const uint8_t *at, size_t len, struct http_request *r)
{
    uint8_t *exact = malloc(len ? len : 1);
    check(exact);
    if (len)
        memcpy(exact, at, len);
    enum http_state state = http_request_read((struct bytes){ exact, len }, r);
    free(exact);
    return state;
}

static void refused_check(const struct http_request *r)
{
    char out[HTTP_SHORT_MAX];
    check(r->reason && r->reason[0] && !r->keep_alive);
    check(http_answer_short(r->status, r->reason, r, out) <= sizeof(out));
}

static void ready_check(const uint8_t *at, size_t len, const struct http_request *r)
{
    struct http_request again;
    uint8_t more[2 * INPUT_MAX];
    check(r->page < HTTP_PAGE_COUNT && r->bytes <= len && r->bytes > 4);
    check(read_exact(at, r->bytes - 1, &again) == HTTP_MORE);
    check(read_exact(at, r->bytes, &again) == HTTP_READY);
    memcpy(more, at, r->bytes);
    memset(more + r->bytes, '\r', 100);
    check(read_exact(more, r->bytes + 100, &again) == HTTP_READY);
    check(again.page == r->page && again.bytes == r->bytes && again.head == r->head &&
          again.keep_alive == r->keep_alive);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct http_request r;
    if (len > INPUT_MAX)
        return 0;
    switch (read_exact(at, len, &r)) {
    case HTTP_MORE:
        check(len < HTTP_HEAD_MAX + 8);
        break;
    case HTTP_READY:
        ready_check(at, len, &r);
        break;
    case HTTP_REFUSED:
        refused_check(&r);
        break;
    }
    return 0;
}
