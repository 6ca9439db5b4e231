/* request.c -- a request from its frame to the answer that was sent.
 *
 *   begin --refused--> answered                     conn.out     --sent--> free
 *     |                    ^
 *     +-- place known? -- verb under way -- done    conn.requests
 *
 * Appends of a connection to one partition are answered in their order: one that ends early (it
 * asked for less durability, or was refused) is held until those before it have ended. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/native/server_in.h"

/* ---- end ---- */

static bool same_place(const struct frame *a, const struct frame *b)
{
    return b->verb == VERB_APPEND && a->partition == b->partition && id16_equal(a->topic, b->topic);
}

static void request_out(struct request *r)
{
    struct conn *c = r->conn;
    if (c->state == CONN_GONE) {
        request_free(r);
        return;
    }
    node_unlink(&r->node);
    list_push(&c->out, &r->node);
    c->out_bytes += r->answer_bytes + r->batches.len;
}

/* Those that have ended, up to the oldest one that is still under way. */
static void appends_release(struct conn *c, const struct frame *like)
{
    list_each (&c->requests, n) {
        struct request *r = container_of(n, struct request, node);
        if (!same_place(like, &r->frame))
            continue;
        if (!r->held)
            return;
        request_out(r);
    }
}

static void request_end(struct request *r)
{
    struct conn *c = r->conn;
    struct frame like = r->frame;
    conn_mark(c);
    r->passing = false;
    if (r->one)
        desk_of_conn(c)->one_busy = r->one = false;
    if (r->frame.verb != VERB_APPEND || pitfall(FRONT_NO_ORDER)) {
        request_out(r);
        return;
    }
    r->held = true;
    appends_release(c, &like);
}

bool request_charge(struct request *r, uint64_t bytes)
{
    struct conn *c = r->conn;
    if (!memory_need(c->desk, bytes)) {
        probe("native: no memory for an answer");
        request_refuse(r, ERR_NO_MEMORY, 0, 0,
                       "memory.network is used up by requests and answers: try again");
        return false;
    }
    c->held += bytes;
    r->charged += bytes;
    return true;
}

static uint8_t *answer_room(struct request *r, uint32_t cap)
{
    r->answer = r->small;
    if (cap > sizeof(r->small)) {
        r->answer = malloc(cap);
        check(r->answer); /* within the budget: the system is out of memory */
    }
    return r->answer;
}

void request_answer(struct request *r, const void *payload, uint32_t cap)
{
    struct frame f = frame_answer(&r->frame, 0);
    struct fault fault = { .kind = FAULT_NONE };
    if (pitfall(FRONT_OTHER_ID))
        f.correlation = native_of(r->conn)->frame.correlation;
    cap += FRAME_HEADER_BYTES;
    if (cap > FRAME_ERROR_MAX && !request_charge(r, cap))
        return; /* up to there, its room was taken before it began */
    uint8_t *at = answer_room(r, cap);
    r->answer_bytes =
        (uint32_t)frame_make(at, cap, &f, payload, native_of(r->conn)->peer_max, &fault);
    if (!r->answer_bytes) {
        check(fault.kind != FAULT_NONE);
        request_fault(r, &fault);
        return;
    }
    r->batches = frame_batches(&f, payload);
    request_end(r);
}

void request_fault(struct request *r, const struct fault *fault)
{
    struct why why;
    fault_text(fault, r->frame.verb, &why);
    request_refuse(r, fault->err, fault->limit, fault->value, why.text);
}

static void answer_free(struct request *r)
{
    if (r->answer != r->small)
        free(r->answer);
    r->answer = NULL;
}

static void request_refuse_frame(struct request *r, enum err err, uint64_t limit, uint64_t value,
                                 const char *text)
{
    answer_free(r);
    r->batches = (struct bytes){ NULL, 0 };
    metrics_error(r->conn->desk->metrics, err);
    desk_say_request(r, err, text);
    uint8_t *at = answer_room(r, FRAME_ERROR_MAX);
    r->answer_bytes =
        (uint32_t)frame_make_error(at, FRAME_ERROR_MAX, &r->frame, err, limit, value, text);
    request_end(r);
}

void request_refuse(struct request *r, enum err err, uint64_t limit, uint64_t value,
                    const char *text)
{
    request_refuse_frame(r, err, limit, value, text && *text ? text : err_text(err));
}

/* ---- the verb's end ---- */

/* Which of the two limits it was, only the store knows; what to do is the same. */
static void space_why(const struct request *r, uint64_t *limit, struct why *why)
{
    *limit = r->conn->desk->door->opts.space_max;
    char max[64] = "";
    if (*limit)
        snprintf(max, sizeof(max), ", or space.max = %llu bytes is reached",
                 (unsigned long long)*limit);
    why_set(
        why,
        "append: no space in the store of partition %u: its file system is full%s. Delete topics "
        "or records, or make room: appends go on then without a restart",
        r->frame.partition, max);
}

static void append_failed(struct request *r)
{
    const struct topic_info *t = place_topic(desk_of_conn(r->conn), r->frame.topic);
    struct why why = { "" };
    uint64_t limit = 0, value = 0;
    if (r->verb.err == ERR_TOO_LARGE && t) {
        limit = (uint64_t)setting_get(&t->settings, SETTING_MAX_MESSAGE_BYTES);
        value = r->append.batch.len;
        why_set(&why, "append: the batch has %llu bytes; max.message.bytes of %.100s is %llu",
                (unsigned long long)value, t->name, (unsigned long long)limit);
    } else if (r->verb.err == ERR_NO_SPACE) {
        space_why(r, &limit, &why);
    }
    request_refuse(r, r->verb.err, limit, value, why.text);
}

static void fetch_failed(struct request *r)
{
    const struct verb_fetch *v = &r->fetch;
    struct why why = { "" };
    if (v->verb.err == ERR_OFFSET_RANGE)
        why_set(&why,
                "fetch: offset %llu is not kept here: the log begins at %llu, readers see it "
                "up to %llu",
                (unsigned long long)v->off, (unsigned long long)v->start_off,
                (unsigned long long)v->visible_off);
    request_refuse(r, v->verb.err, 0, 0, why.text);
}

static const char *request_why(const struct request *r)
{
    switch (r->frame.verb) {
    case VERB_CREATE:
        return r->create.why.text;
    case VERB_DELETE:
        return r->delete_.why.text;
    case VERB_ALTER:
        return r->alter.why.text;
    case VERB_GROW:
        return r->grow.why.text;
    default:
        return NULL;
    }
}

static void request_failed(struct request *r)
{
    bool placed = verb_row(r->frame.verb)->flags & VERB_PLACE;
    if (placed && r->verb.err == ERR_NOT_FOUND)
        place_forget(desk_of_conn(r->conn), r->frame.topic);
    if (r->frame.verb == VERB_APPEND)
        append_failed(r);
    else if (r->frame.verb == VERB_FETCH)
        fetch_failed(r);
    else
        request_refuse(r, r->verb.err, 0, 0, request_why(r));
}

void request_done(struct verb *v)
{
    struct request *r = container_of(v, struct request, verb);
    if (pitfall(FRONT_DROP_REMOTE) && r->conn->send.busy && r->place &&
        r->place->shard != r->conn->desk->shard->number)
        return;
    conn_mark(r->conn);
    if (v->err != ERR_OK)
        request_failed(r);
    else
        verb_serves[r->frame.verb].answer(r);
}

struct verb request_verb(const struct request *r)
{
    return (struct verb){ .done = request_done, .home = r->conn->desk->shard->number };
}

/* ---- free ---- */

static void request_empty(struct request *r)
{
    node_unlink(&r->node);
    node_unlink(&r->placing);
    answer_free(r);
    words_free(r->words);
    free(r->walk);
    group_errand_free(r->groups);
    free(r->memory);
}

void request_drop(struct request *r)
{
    if (r->lent)
        io_buffer_give(r->fetch.read.buf);
    request_empty(r);
    free(r);
}

/* On the partition's shard: memory alone. */
static void request_given(struct verb_fetch *v)
{
    free(container_of(v, struct request, fetch));
}

void request_free(struct request *r)
{
    struct conn *c = r->conn;
    conn_give(c, r->charged);
    c->granted -= r->granted;
    if (r->counted)
        metrics_sub(c->desk->metrics, METRIC_REQUESTS, 1);
    c->request_count--;
    conn_mark(c);
    request_empty(r);
    if (r->lent)
        serve_fetch_give(&r->fetch, request_given);
    else
        free(r);
}

/* ---- begin ---- */

static struct request *request_make(struct conn *c)
{
    struct request *r = calloc(1, sizeof(*r));
    check(r); /* a few hundred bytes: the system is out of memory */
    r->conn = c;
    r->frame = native_of(c)->frame;
    r->begin_ns = desk_now(c->desk);
    r->charged = c->room;
    c->room = 0;
    list_push(&c->requests, &r->node);
    c->request_count++;
    return r;
}

void request_begin_fault(struct conn *c, const struct fault *fault)
{
    struct request *r = request_make(c);
    struct why why;
    metrics_add(c->desk->metrics, METRIC_FRAMES_IN, 1);
    fault_text(fault, native_of(c)->frame.verb, &why);
    desk_say(c->desk, LOG_LEVEL_INFO, c, fault->err, why.text);
    request_fault(r, fault);
}

void request_say_close(struct conn *c, enum err err, const char *text)
{
    struct conn_native *n = native_of(c);
    struct frame was = n->frame;
    n->frame = (struct frame){ .version = FRAME_VERSION, .verb = VERB_CLOSE };
    struct request *r = request_make(c);
    n->frame = was;
    request_refuse(r, err, 0, 0, text);
}

/* NULL: it may. */
static const char *request_unfit(const struct request *r, enum err *err)
{
    const struct conn *c = r->conn;
    bool hello = r->frame.verb == VERB_HELLO;
    *err = ERR_BAD_FRAME;
    if (c->state == CONN_HELLO && !hello)
        return "the first request of a connection is hello";
    if (c->state != CONN_HELLO && hello)
        return "there is one hello to a connection";
    *err = ERR_PERMISSION;
    if (native_of(r->conn)->read_only && verb_row(r->frame.verb)->flags & VERB_CHANGES)
        return "this connection is read-only: hello asked for a feature that is not known here";
    return NULL;
}

/* Under way are those that were started. */
static bool request_count(struct request *r)
{
    struct door_desk *d = r->conn->desk;
    r->counted = desk_count(d);
    if (!r->counted)
        request_refuse(r, ERR_BUSY, d->requests_max, d->requests_max + 1ull,
                       "this shard's part of requests.max is under way: try again");
    return r->counted;
}

static void request_start(struct request *r)
{
    struct desk_native *d = desk_of_conn(r->conn);
    bool one = verb_serves[r->frame.verb].one;
    if (one && d->one_busy) {
        list_push(&d->ones, &r->placing);
        return;
    }
    r->one = one;
    d->one_busy |= one;
    verb_serves[r->frame.verb].start(r);
}

void requests_ones(struct desk_native *d)
{
    struct node *n;
    while (!d->one_busy && (n = list_pop(&d->ones)))
        request_start(container_of(n, struct request, placing));
}

/* What points to the payload of an append is moved with it. */
void request_keep(struct request *r)
{
    if (!r->passing)
        return;
    r->passing = false;
    r->memory = malloc(r->append.batch.len);
    check(r->memory); /* a frame within limits: the system is out of memory */
    memcpy(r->memory, r->append.batch.at, r->append.batch.len);
    if (r->append.append.borrowed)
        serve_append_move(&r->append, r->memory);
    else
        r->append.batch.at = r->memory;
}

void request_unkeep(struct request *r)
{
    free(r->memory);
    r->memory = NULL;
    r->passing = false;
    conn_give(r->conn, r->payload_charged);
    r->charged -= r->payload_charged;
    r->payload_charged = 0;
}

void request_begin(struct conn *c, struct bytes payload, uint8_t *memory, uint64_t charged)
{
    struct request *r = request_make(c);
    struct fault fault;
    enum err err;
    r->memory = memory;
    r->charged += charged;
    r->payload_charged = charged;
    r->passing = charged && !memory;
    metrics_add(c->desk->metrics, METRIC_FRAMES_IN, 1);
    const char *unfit = request_unfit(r, &err);
    if (unfit)
        request_refuse(r, err, 0, 0, unfit);
    else if (payload_decode(&r->frame, payload, &r->asked, &fault) != ERR_OK)
        request_fault(r, &fault);
    else if (request_count(r))
        request_start(r);
    request_keep(r); /* it is there, even if it was answered: that goes out with conn_turn() */
}

void requests_spoil(struct conn *c)
{
    list_each (&c->requests, n) {
        struct request *r = container_of(n, struct request, node);
        if (r->memory)
            memset(r->memory, 0x55, r->payload_charged);
    }
}

void requests_hurry(struct conn *c)
{
    list_each (&c->requests, n) {
        struct request *r = container_of(n, struct request, node);
        if (r->frame.verb == VERB_FETCH && !node_linked(&r->placing))
            serve_fetch_hurry(&r->fetch);
    }
}
