/* verbs_hello.c -- hello, and the hand-over to the shard that it asks for.
 *
 *   here    judge; the shard is another one: MOVING, `in` gets memory of its own
 *   letter  the struct itself, with the descriptor, the request of hello, and what came behind it
 *   there   READY, hello is answered, what came behind it is taken apart
 *
 * A shard that is closing when the letter comes ends the connection instead. */
#include "engine/base/check.h"
#include "net/native/server_in.h"

#include <shardlog/engine.h>

#include <stdio.h>

static struct hello_server server_of(const struct door_desk *d, char text[64])
{
    const struct door_opts *o = &d->opts;
    snprintf(text, 64, "shardlog %s", sl_version());
    return (struct hello_server){ .version_min = FRAME_VERSION,
                                  .version_max = FRAME_VERSION,
                                  .frame_max = (uint32_t)min_u64(o->frame_max, FRAME_PAYLOAD_MAX),
                                  .shards = o->shards,
                                  .shard = d->shard->number,
                                  .requests_max = CONN_REQUESTS_MAX,
                                  .idle_ms = (uint32_t)min_u64(o->idle_ns / MS_NS, UINT32_MAX),
                                  .node = o->node,
                                  .cluster = serve_cluster(d->serve),
                                  .text = text };
}

void hello_tell(struct request *r)
{
    struct conn *c = r->conn;
    struct hello_answer tell = r->hello;
    char text[64];
    tell.server = text_of(server_of(c->desk, text).text);
    tell.auth_mechanisms = tell.auth_bytes = tell.later = (struct bytes){ NULL, 0 };
    conn_move_state(c, CONN_READY);
    request_answer(r, &tell, ANSWER_SMALL_BYTES - FRAME_HEADER_BYTES);
}

void hello_start(struct request *r)
{
    struct conn *c = r->conn;
    const struct hello_request ask = r->asked.hello;
    struct hello_answer tell;
    struct fault fault;
    char text[64];
    struct hello_server server = server_of(c->desk, text);
    if (hello_judge(&ask, &server, &tell, &fault) != ERR_OK) {
        request_fault(r, &fault);
        return;
    }
    r->hello = tell;
    struct conn_native *n = native_of(c);
    n->read_only = tell.access;
    n->peer_max = (uint32_t)min_u64(ask.frame_max, FRAME_PAYLOAD_MAX);
    n->gate.version = (uint8_t)tell.version;
    n->gate.payload_max = server.frame_max;
    if (tell.shard == c->desk->shard->number)
        hello_tell(r);
    else
        conn_move_state(c, CONN_MOVING); /* conn_settle() goes on */
}

/* ---- the hand-over ---- */

static struct request *conn_hello(const struct conn *c)
{
    struct node *n = list_first(&c->requests);
    check(n);
    return container_of(n, struct request, node);
}

static void conn_arrive(struct letter *l, struct shard *at)
{
    struct conn *c = container_of(l, struct conn, letter);
    struct door *door = c->desk->door;
    struct door_desk *d = &door->desks[at->number];
    if (!d->shard || d->closing) {
        probe("native: a connection came to a shard that is closing");
        atomic_fetch_sub(&door->connections, 1);
        io_fd_close(at->io, c->fd);
        conn_drop(c);
        return;
    }
    if (!conn_arrive_at(c, d))
        return;
    hello_tell(conn_hello(c));
    conn_feed(c);
}

void conn_move(struct conn *c)
{
    struct door_desk *d = c->desk;
    uint32_t to = conn_hello(c)->hello.shard;
    if (c->recv.busy)
        return;
    check(!c->send.busy && !c->pool && !c->large && c->request_count == 1);
    probe("native: a connection moves");
    if (pitfall(FRONT_BEHIND_HELLO))
        conn_received_free(c);
    conn_leave(c);
    c->letter.open = conn_arrive;
    shard_post(serve_shard(d->serve, to), &c->letter);
    desk_settle(d);
}
