/* http_metrics.c -- /metrics: asks the shards, then tells chunk by chunk.
 *
 * A node with 10,000 partitions tells megabytes: no turn of shard 0 prints more than one chunk. */
#include <shardlog/engine.h>

#include <stdlib.h>

#include "net/http/http_front_in.h"

static void page_fail(struct call *c, const char *text)
{
    page_free(c);
    call_answer(c, 503, text);
}

/* ---- telling ---- */

static size_t page_print(struct call *c)
{
    struct page *p = c->page;
    const struct http *h = c->http;
    const struct metrics_view v = { .node = { .version = sl_version(),
                                              .one = 1,
                                              .start_ms = h->board->start_ms,
                                              .parts_left_out = p->parts.left_out,
                                              .groups_left_out = p->groups.left_out,
                                              .ready =
                                                  !h->closing && !serve_stores_stopped(h->serve) },
                                    .shards = p->shards,
                                    .shard_count = p->walk.count,
                                    .parts = p->parts.infos,
                                    .part_topics = p->parts.topics,
                                    .part_count = p->parts.count,
                                    .lags = p->groups.rows,
                                    .lag_count = p->groups.count };
    return metrics_print(&v, &p->cursor, p->chunk, sizeof(p->chunk));
}

static uint32_t chunk_add(struct call *c, uint32_t used, size_t len)
{
    struct page *p = c->page;
    size_t head = http_chunk_head(len, p->chunk_head);
    if (c->request.chunks)
        c->iov[used++] = (struct iovec){ p->chunk_head, head };
    if (len)
        c->iov[used++] = (struct iovec){ p->chunk, len };
    if (c->request.chunks)
        c->iov[used++] = (struct iovec){ "\r\n", 2 };
    return used;
}

static uint32_t head_add(struct call *c)
{
    const struct http_answer a = { .status = 200,
                                   .type = METRICS_CONTENT_TYPE,
                                   .length = c->request.chunks ? HTTP_CHUNKS : HTTP_UNTIL_CLOSE };
    c->page->head_sent = true;
    c->iov[0] = (struct iovec){ c->answer, http_answer_head(&a, c->answer) };
    return 1;
}

void page_sent(struct call *c)
{
    struct page *p = c->page;
    uint32_t used = p->head_sent ? 0 : head_add(c);
    if (!p->all_sent && !c->request.head) {
        size_t len = page_print(c);
        p->all_sent = len == 0;
        used = chunk_add(c, used, len);
    }
    if (used)
        call_send(c, used);
    else
        call_linger(c);
}

/* ---- asking ---- */

static void groups_taken(struct groups_walk *g)
{
    page_sent(container_of(g, struct page, groups)->walk.arg);
}

static void parts_taken(struct parts *parts)
{
    struct page *p = container_of(parts, struct page, parts);
    struct call *c = p->walk.arg;
    if (parts->err != ERR_OK) {
        page_fail(c, err_text(parts->err));
        return;
    }
    p->groups =
        (struct groups_walk){ .serve = c->http->serve,
                              .home = parts->home,
                              .groups_max = HTTP_GROUPS_MAX,
                              .rows_max = HTTP_LAGS_MAX,
                              .timed_until_ns = io_now_ns(c->http->shard->io) + HTTP_TIMED_NS,
                              .done = groups_taken };
    groups_walk_start(&p->groups);
}

static void shards_taken(struct walk *w)
{
    struct call *c = w->arg;
    struct page *p = c->page;
    uint64_t partitions = 0;
    for (uint32_t i = 0; i < w->count; i++)
        partitions += p->shards[i].engine.partitions;
    if (w->err != ERR_OK) {
        page_fail(c, err_text(w->err));
        return;
    }
    p->parts = (struct parts){ .serve = c->http->serve, .home = w->home, .done = parts_taken };
    parts_start(&p->parts, (uint32_t)min_u64(partitions, HTTP_PARTS_MAX));
}

void page_ask(struct call *c)
{
    const struct http *h = c->http;
    uint32_t shards = serve_shards(h->serve);
    struct page *p = c->page = calloc(1, sizeof(*p) + shards * sizeof(p->shards[0]));
    if (!p) {
        call_answer(c, 503, "no memory for the figures");
        return;
    }
    c->state = CALL_ASK;
    p->walk = (struct walk){ .serve = h->serve,
                             .board = h->board,
                             .home = h->shard->number,
                             .count = shards,
                             .shards = p->shards,
                             .done = shards_taken,
                             .arg = c };
    walk_start(&p->walk);
}

void page_free(struct call *c)
{
    if (c->page) {
        parts_free(&c->page->parts);
        groups_walk_free(&c->page->groups);
    }
    free(c->page);
    c->page = NULL;
}
