/* errand.c -- a request from its bytes to the answer that was sent. */
#include "engine/base/check.h"
#include "net/kafka/front_in.h"

#include <stdlib.h>

struct errand_chunk {
    struct errand_chunk *next;
    size_t cap, len;
    alignas(16) uint8_t at[];
};

/* ---- memory ---- */

bool errand_charge(struct errand *c, uint64_t bytes)
{
    struct conn *conn = c->conn;
    bool early = !c->begun && !c->started;
    if (c->ended || c->waits)
        return false;
    if (bytes <= c->aside) {
        c->aside -= bytes;
        return true;
    }
    if (early && !memory_begin_fits(conn->desk, bytes) && errand_wait(c, bytes))
        return false;
    if (!memory_need(conn->desk, bytes)) {
        probe("kafka: no memory for an errand");
        errand_break(c, ERR_NO_MEMORY, "memory.network is used up by requests and answers");
        return false;
    }
    conn->held += bytes;
    c->charged += bytes;
    return true;
}

bool errand_set_aside(struct errand *c, uint64_t bytes)
{
    if (!errand_charge(c, bytes))
        return false;
    c->aside += bytes;
    return true;
}

static void *zeroed(size_t bytes)
{
    void *at = calloc(1, bytes);
    check(at); /* within the budget: the system is out of memory */
    return at;
}

void *errand_take(struct errand *c, size_t bytes)
{
    struct errand_chunk *chunk = c->chunks;
    bytes = (bytes + 15) & ~(size_t)15;
    if (!chunk || chunk->cap - chunk->len < bytes) {
        size_t cap = max_u64(bytes, ERRAND_CHUNK_BYTES);
        if (!errand_charge(c, sizeof(*chunk) + cap))
            return NULL;
        chunk = malloc(sizeof(*chunk) + cap);
        check(chunk); /* within the budget: the system is out of memory */
        chunk->cap = cap;
        chunk->len = 0;
        chunk->next = c->chunks;
        c->chunks = chunk;
    }
    void *at = memset(chunk->at + chunk->len, 0, bytes);
    chunk->len += bytes;
    return at;
}

char *errand_text(struct errand *c, struct bytes text)
{
    char *at = errand_take(c, text.len + 1);
    if (at && text.len)
        memcpy(at, text.at, text.len);
    return at;
}

void *errand_items(struct errand *c, const struct kafka_shape *shape, uint32_t count)
{
    uint8_t *at = errand_take(c, (size_t)shape->bytes * max_u64(count, 1));
    for (uint32_t i = 0; at && i < count; i++)
        kafka_unset(shape, at + (size_t)i * shape->bytes);
    return at;
}

bool errand_parts_within(struct errand *c, uint64_t count)
{
    if (count <= ERRAND_PARTS_MAX)
        return true;
    errand_break(c, ERR_LIMIT, "a request names more than 16384 topics or partitions");
    return false;
}

static void errand_lists_free(struct errand *c)
{
    struct errand_chunk *chunk;
    while ((chunk = c->chunks)) {
        c->chunks = chunk->next;
        free(chunk);
    }
    free(c->arena.at);
    c->arena = (struct kafka_arena){ .at = NULL };
}

static void errand_empty(struct errand *c)
{
    errand_lists_free(c);
    free(c->answer);
    free(c->memory);
    node_unlink(&c->node);
    node_unlink(&c->queue);
    node_unlink(&c->wait);
}

void errand_rewind(struct errand *c)
{
    check(c->left == 0 && c->wants_left == 0 && !c->started);
    if (c->handler && c->handler->free && c->state)
        c->handler->free(c, true);
    topics_give(c);
    errand_lists_free(c);
    c->asked = c->state = NULL;
    c->wants = NULL;
    conn_give(c->conn, c->charged - c->frame_charged);
    c->charged = c->frame_charged;
    c->aside = 0;
    c->conn->granted -= c->granted;
    c->granted = 0;
}

void errand_free(struct errand *c)
{
    struct conn *conn = c->conn;
    if (c->handler && c->handler->free && c->state)
        c->handler->free(c, true);
    topics_give(c);
    conn_give(conn, c->charged);
    conn->granted -= c->granted;
    if (c->counted)
        metrics_sub(conn->desk->metrics, METRIC_REQUESTS, 1);
    conn->request_count--;
    conn_mark(conn);
    errand_empty(c);
    free(c);
}

/* The shards are closed: memory alone. */
void errand_drop(struct errand *c)
{
    if (c->handler && c->handler->free && c->state)
        c->handler->free(c, false);
    topics_give(c);
    errand_empty(c);
    free(c);
}

/* ---- end ---- */

/* Answers go out in the order of their requests. Nothing is freed but here, and where the last
 * of an answer was sent: whoever ends an errand may still look at it, and what it started although
 * it had ended may still come back to it. */
static void errands_release(struct conn *conn)
{
    struct node *n;
    while ((n = list_first(&conn->requests))) {
        struct errand *c = container_of(n, struct errand, node);
        void (*first)(struct errand *c) = c->first;
        c->first = NULL;
        if (first)
            first(c);
        if (!c->ended || c->left || c->wants_left)
            return;
        if (c->silent || conn->state == CONN_GONE) {
            errand_free(c);
            continue;
        }
        node_unlink(&c->node);
        list_push(&conn->out, &c->node);
        conn->out_bytes += c->answer_bytes + c->batch_bytes;
    }
}

bool errand_first(const struct errand *c)
{
    return list_first(&c->conn->requests) == &c->node;
}

static void errand_end(struct errand *c)
{
    struct conn *conn = c->conn;
    check(!c->ended && c->left == 0);
    c->ended = true;
    conn_mark(conn);
    errand_started(c);
}

void errand_answer_not(struct errand *c)
{
    if (c->ended || c->waits)
        return;
    c->silent = true;
    errand_end(c);
}

void errand_break(struct errand *c, enum err err, const char *text)
{
    struct conn *conn = c->conn;
    metrics_error(conn->desk->metrics, err);
    desk_say(conn->desk, LOG_LEVEL_INFO, conn, err, text);
    conn_break(conn);
    if (c->left == 0 && (c->started || c == kafka_of(conn)->starting))
        errand_answer_not(c);
}

static void errand_encode(struct errand *c, int16_t version, const void *response)
{
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    const struct kafka_api *api = c->q.api;
    uint64_t bytes;
    struct why why;
    enum err err = kafka_response_size(api, version, response, &bytes, &fault);
    if (err == ERR_OK && !errand_charge(c, bytes))
        return;
    if (err == ERR_OK) {
        c->answer = malloc(bytes);
        check(c->answer); /* within the budget: the system is out of memory */
        err = kafka_response_make_around(api, version, c->q.header.correlation_id, response,
                                         c->answer, bytes, &c->answer_bytes, &c->holes,
                                         c->batch_bytes, &fault);
    }
    if (err == ERR_OK) {
        errand_end(c);
        return;
    }
    kafka_fault_text(&fault, &why);
    errand_break(c, err, why.text);
}

void errand_answer_version(struct errand *c, int16_t version, const void *response)
{
    if (errand_gone(c))
        errand_answer_not(c);
    else if (!c->ended && !c->waits)
        errand_encode(c, version, response);
}

void errand_answer(struct errand *c, const void *response)
{
    errand_answer_version(c, errand_version(c), response);
}

void errand_answer_around(struct errand *c, const void *response, struct errand_batches *batches,
                          uint32_t count)
{
    c->batches = batches;
    c->holes.cap = count;
    c->holes.pos = errand_take(c, count * sizeof(uint64_t));
    if (c->holes.pos)
        errand_answer(c, response);
}

bool errand_less(struct errand *c)
{
    check(c->left > 0);
    conn_mark(c->conn);
    return --c->left == 0;
}

struct verb errand_verb(struct errand *c, void (*done)(struct verb *v))
{
    return (struct verb){ .done = done, .arg = c, .home = c->conn->desk->shard->number };
}

/* ---- sending ---- */

/* Bytes up to the next hole, or to the end. */
static void gather_bytes(struct conn *conn, struct errand *c)
{
    size_t to = c->sent_holes < c->holes.count ? c->holes.pos[c->sent_holes] : c->answer_bytes;
    if (to > c->sent)
        conn_iov(conn, c->answer + c->sent, to - c->sent);
    c->sent = to;
}

static void gather_batches(struct conn *conn, struct errand *c)
{
    const struct errand_batches *b = &c->batches[c->sent_holes++];
    if (b->bytes.at)
        conn_iov(conn, b->bytes.at, b->bytes.len);
    else
        conn_iov_lent(conn, b->lent, b->bytes.len);
}

bool errand_gather(struct conn *conn, struct errand *c)
{
    while (conn_iov_room(conn) >= ANSWER_IOV_MAX) {
        gather_bytes(conn, c);
        if (c->sent_holes == c->holes.count)
            return true;
        gather_batches(conn, c);
    }
    return c->sent == c->answer_bytes && c->sent_holes == c->holes.count;
}

/* ---- begin ---- */

static struct errand *errand_make(struct conn *conn)
{
    struct errand *c = zeroed(sizeof(*c));
    c->conn = conn;
    c->begin_ns = desk_now(conn->desk);
    c->charged = conn->room;
    conn->room = 0;
    list_push(&conn->requests, &c->node);
    conn->request_count++;
    return c;
}

static void errand_refuse(struct errand *c, const struct kafka_fault *fault)
{
    struct why why;
    kafka_fault_text(fault, &why);
    errand_break(c, fault->err, why.text);
}

/* Lists take memory that follows from what they hold; it is taken in steps, so that an ordinary
 * request costs little and a hostile one its limit at most. */
static bool errand_decode(struct errand *c)
{
    const struct kafka_shape *shape = c->q.api->shape[KAFKA_REQUEST]();
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    c->asked = errand_take(c, shape->bytes);
    for (size_t cap = KIB(4); c->asked; cap *= 16) {
        if (!errand_charge(c, cap))
            return false;
        free(c->arena.at);
        c->arena = (struct kafka_arena){ .at = malloc(cap), .cap = cap };
        check(c->arena.at);
        if (kafka_request_decode(&c->q, c->asked, &c->arena, &fault) == ERR_OK)
            return errand_frame_texts(c);
        if (fault.kind != KAFKA_FAULT_MEMORY || cap >= ERRAND_ARENA_MAX)
            break;
    }
    if (c->asked)
        errand_refuse(c, &fault);
    return false;
}

/* Nobody has agreed on anything yet: the answer is the one that every client can read. */
static void versions_refuse(struct errand *c)
{
    RESPONSE(api_versions, r);
    struct kafka_api_versions_response_api_key key = { KAFKA_KEY_api_versions, 0, 0 };
    key.max_version = c->q.api->last;
    r.error_code = KAFKA_UNSUPPORTED_VERSION;
    r.api_keys.at = &key;
    r.api_keys.count = 1;
    errand_answer_version(c, 0, &r);
}

void errand_start(struct errand *c)
{
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    audit(c->charged == c->frame_charged + c->aside);
    enum err err = kafka_request_open(c->frame, &c->q, &fault);
    c->handler = c->q.api ? handler_of(c->q.api->key) : NULL;
    if (err == ERR_UNSUPPORTED && c->q.api && c->q.api->key == KAFKA_KEY_api_versions)
        versions_refuse(c);
    else if (err != ERR_OK)
        errand_refuse(c, &fault);
    else if (!c->handler)
        errand_break(c, ERR_UNSUPPORTED, "an API that is not served was asked for");
    else if (errand_decode(c))
        c->handler->start(c);
}

/* One after another; what ends inside its start makes room for the next one here, not deeper. */
static void errands_go(struct conn *conn)
{
    struct conn_kafka *k = kafka_of(conn);
    struct node *n;
    if (k->going)
        return;
    k->going = true;
    while (!k->starting && (n = list_pop(&k->unstarted))) {
        struct errand *c = container_of(n, struct errand, queue);
        if (errand_gone(c)) {
            c->started = true;
            errand_answer_not(c);
            continue;
        }
        k->starting = c;
        errand_start(c);
    }
    k->going = false;
}

void errand_started(struct errand *c)
{
    struct conn_kafka *k = kafka_of(c->conn);
    if (c->started)
        return;
    c->started = true;
    check(k->starting == c);
    k->starting = NULL;
    errands_go(c->conn);
}

void errand_begin(struct conn *conn, struct bytes payload, uint8_t *memory, uint64_t charged)
{
    struct conn_kafka *k = kafka_of(conn);
    struct errand *c = errand_make(conn);
    metrics_add(conn->desk->metrics, METRIC_FRAMES_IN, 1);
    c->charged += charged;
    c->frame_charged = c->charged;
    errand_frame_take(c, payload, memory, !k->starting && list_empty(&k->unstarted));
    list_push(&k->unstarted, &c->queue);
    c->counted = desk_count(conn->desk);
    if (!c->counted) /* there is no answer that every API could give */
        errand_break(c, ERR_BUSY, "this shard's part of requests.max is under way");
    errands_go(conn);
    errand_frame_begun(c);
}

void errands_turn(struct conn *conn)
{
    errands_go(conn); /* of one that is gone, those that wait */
    errands_release(conn);
}

void errands_hurry(struct conn *conn)
{
    list_each (&conn->requests, n) {
        struct errand *c = container_of(n, struct errand, node);
        if ((c->started || c->asks) && !c->ended && c->handler && c->handler->hurry)
            c->handler->hurry(c);
    }
}
