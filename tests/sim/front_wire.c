/* front_wire.c -- connections of the clients: called, read slowly or not, cut in any place.
 *
 *   CALLING --connected--> HELLO --answered--> READY
 *      \______________________\___________________\--> ENDED: freed when nothing is in flight
 *
 * What is sent is split at drawn places. What was not given to the kernel whole cannot be in the
 * log; everything else without an answer is in doubt. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/front_in.h"
#include "tests/sim/verdict.h"

#define BACK_NS     (300 * MS_NS) /* before a client calls again, at most */
#define READ_MAX    (64u << 10)
#define OUT_FULL    (1u << 20)
#define ASKS_FULL   1000u
#define FRAME_LEAST (128u << 10) /* every batch fits */

static void wire_receive(struct wire *w);

/* ---- life ---- */

static void called(struct op *op)
{
    struct wire *w = container_of(op, struct wire, call);
    if (op->err == ERR_OK)
        w->fd = (int)op->got;
    trace("    wire %llu: connect %s", (unsigned long long)w->serial, err_name(op->err));
    if (w->state == WIRE_ENDED)
        return;
    if (op->err != ERR_OK) {
        wire_end(w);
        return;
    }
    w->state = WIRE_HELLO;
    w->f->speech->hello(w);
}

static uint32_t shard_draw(struct front *f)
{
    return rng_chance(f->rng, 1, 4) ? SHARD_ANY : (uint32_t)rng_below(f->rng, f->shards);
}

void wire_call(struct client *c)
{
    struct front *f = c->f;
    struct wire *w = calloc(1, sizeof(*w));
    check(w);
    *w = (struct wire){ .f = f, .client = c, .fd = -1, .serial = ++f->wire_serial };
    w->wanted = shard_draw(f);
    w->eager = c != &f->auditor && rng_chance(f->rng, 1, 2);
    w->frame_max = FRAME_LEAST << rng_below(f->rng, 4);
    w->in_cap = w->frame_max + FRAME_HEADER_BYTES + READ_MAX;
    w->in = malloc(w->in_cap);
    check(w->in);
    list_init(&w->asks);
    memset(w->last_number, 0xff, sizeof(w->last_number)); /* L_NONE */
    list_push(&f->wires, &w->node);
    c->wire = w;
    io_connect(f->io, &w->call, &f->at, called);
}

static bool wire_busy(const struct wire *w)
{
    return w->call.busy || w->send.busy || w->recv.busy;
}

static void wire_free(struct wire *w)
{
    if (w->fd >= 0)
        io_fd_close(w->f->io, w->fd);
    node_unlink(&w->node);
    free(w->in);
    free(w->out);
    free(w->flying);
    free(w);
}

/* Exactly known: what the kernel was given ends in the middle of a frame. */
static bool wire_cut_short(const struct wire *w)
{
    list_each (&w->asks, n) {
        const struct ask *a = container_of(n, struct ask, node);
        if (!w->send.busy && w->given_pos > a->from_pos && w->given_pos < a->end_pos)
            return true;
    }
    return w->in_len > w->in_at;
}

void wire_end(struct wire *w)
{
    struct front *f = w->f;
    struct client *c = w->client;
    if (w->state == WIRE_ENDED)
        return;
    trace("    wire %llu: ends, %u requests without an answer", (unsigned long long)w->serial,
          w->ask_count);
    sim_trace(f->sim, w->serial << 16 ^ w->ask_count);
    f->tally.cut_mid_frame += wire_cut_short(w);
    w->state = WIRE_ENDED;
    c->wire = NULL;
    w->client = NULL;
    c->call_ns = front_now(f) + rng_log_uniform(f->rng, BACK_NS);
    for (struct node *n; (n = list_first(&w->asks));) {
        struct ask *a = container_of(n, struct ask, node);
        a->wire = w;
        ask_lost(a, a->end_pos <= w->given_pos);
    }
    lines_lost(c);
    if (w->fd >= 0)
        io_shutdown(f->io, w->fd);
}

void wires_drop(struct front *f)
{
    list_each (&f->wires, n) {
        struct wire *w = container_of(n, struct wire, node);
        wire_end(w);
    }
}

/* ---- sending ---- */

void wire_put(struct wire *w, const void *at, uint64_t len)
{
    if (w->out_len + len > w->out_cap) {
        w->out_cap = max_u64(w->out_len + len, w->out_cap * 2);
        w->out = realloc(w->out, w->out_cap);
        check(w->out);
    }
    memcpy(w->out + w->out_len, at, len);
    w->out_len += len;
    w->pos += len;
}

bool wire_usable(const struct wire *w)
{
    bool open = w && (w->state == WIRE_READY || (w->state == WIRE_HELLO && w->eager));
    return open && !w->refused && !w->ends_after_send && !w->half_closed && w->out_len < OUT_FULL &&
           w->ask_count < ASKS_FULL;
}

static void sent(struct op *op)
{
    struct wire *w = container_of(op, struct wire, send);
    if (w->state == WIRE_ENDED)
        return;
    if (op->err != ERR_OK) /* what had arrived can still be read: its end comes with the reading */
        w->quiet_until_ns = 0;
    else if (w->ends_after_send && w->fly_at == w->fly_len && !w->out_len)
        wire_end(w);
}

static void wire_send(struct wire *w)
{
    struct front *f = w->f;
    if (w->send.busy || w->send.err != ERR_OK || w->half_closed)
        return;
    if (w->fly_at == w->fly_len) {
        uint8_t *at = w->flying;
        uint64_t cap = w->fly_cap;
        w->flying = w->out;
        w->fly_len = w->out_len;
        w->fly_cap = w->out_cap;
        w->fly_at = 0;
        w->out = at;
        w->out_cap = cap;
        w->out_len = 0;
    }
    uint64_t left = w->fly_len - w->fly_at;
    if (!left)
        return;
    uint64_t part = rng_chance(f->rng, 1, 2) ? left : 1 + rng_log_uniform(f->rng, left - 1);
    w->iov = (struct iovec){ w->flying + w->fly_at, part };
    w->fly_at += part;
    w->given_pos += part;
    bool more = part < left && rng_chance(f->rng, 1, 2);
    io_send(f->io, &w->send, w->fd, &w->iov, 1, more ? IO_MORE : 0, sent);
}

/* ---- receiving ---- */

static void received(struct op *op)
{
    struct wire *w = container_of(op, struct wire, recv);
    w->in_len += op->got;
    while (w->state != WIRE_ENDED && w->f->speech->take(w))
        ;
    w->in_len -= w->in_at;
    memmove(w->in, w->in + w->in_at, w->in_len);
    w->in_at = 0;
    if (w->state != WIRE_ENDED && (op->err != ERR_OK || op->got == 0))
        wire_end(w);
    else
        wire_receive(w);
}

static void wire_receive(struct wire *w)
{
    struct front *f = w->f;
    if (w->state == WIRE_ENDED || w->fd < 0 || w->recv.busy || w->quiet_until_ns > front_now(f))
        return;
    uint64_t room = min_u64(w->in_cap - w->in_len, READ_MAX);
    uint64_t len = rng_chance(f->rng, 1, 2) ? room : 1 + rng_log_uniform(f->rng, room - 1);
    io_recv(f->io, &w->recv, w->fd, w->in + w->in_len, len, 0, received);
}

/* ---- turns ---- */

uint32_t wires_turn(struct front *f)
{
    uint32_t did = io_turn(f->io, SEC_NS);
    list_each (&f->wires, n) {
        struct wire *w = container_of(n, struct wire, node);
        if (w->state == WIRE_ENDED && !wire_busy(w)) {
            wire_free(w);
            did++;
        } else if (w->state == WIRE_HELLO || w->state == WIRE_READY) {
            wire_send(w);
            wire_receive(w);
        }
    }
    return did;
}

uint64_t wires_due_ns(const struct front *f)
{
    uint64_t due = UINT64_MAX;
    list_each (&f->wires, n) {
        const struct wire *w = container_of(n, struct wire, node);
        if (w->state != WIRE_ENDED && w->quiet_until_ns > front_now(f))
            due = min_u64(due, w->quiet_until_ns);
    }
    return due;
}
