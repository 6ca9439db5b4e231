/* front.c -- the table that plugs the Kafka protocol into the door; frames; who we are. */
#include "net/kafka/front.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "net/kafka/front_in.h"

#define FRAME_LEAST 8u /* key, version, correlation id */

static void desk_open(struct door_desk *d, void *own)
{
    struct desk_kafka *k = own;
    k->desk = d;
    list_init(&k->asks);
    list_init(&k->waiting);
    list_init(&k->lists);
}

static void desk_close(void *own)
{
    struct desk_kafka *k = own;
    topics_close(k);
    unpacker_close(&k->unpack.with);
}

static void desk_turn(void *own)
{
    struct desk_kafka *k = own;
    k->unpack.in = k->unpack.out = 0;
}

static void conn_made(struct conn *c)
{
    list_init(&kafka_of(c)->unstarted);
    list_init(&kafka_of(c)->far);
}

static void conn_broken(struct conn *c)
{
    atomic_store_explicit(&kafka_of(c)->gone, true, memory_order_relaxed); /* a hint to helpers */
}

/* ---- frames ---- */

static bool head_take(struct conn *c)
{
    struct why why;
    uint32_t bytes = be32_get(c->head), most = c->desk->opts.frame_max;
    c->payload_bytes = bytes;
    c->keep = CONN_KEEP_PASSING;
    if (bytes >= FRAME_LEAST && bytes <= most)
        return true;
    probe("kafka: a frame's length is impossible");
    why_set(&why, "a request of %u bytes; the least is %u, frame.max is %u", bytes, FRAME_LEAST,
            most);
    metrics_error(c->desk->metrics, bytes > most ? ERR_TOO_LARGE : ERR_BAD_FRAME);
    conn_refuse(c, bytes > most ? ERR_TOO_LARGE : ERR_BAD_FRAME, why.text);
    return false;
}

static void nothing_skipped(struct conn *c)
{
    (void)c;
    check(!"Kafka frames are taken, or the connection ends");
}

static bool answer_gather(struct conn *c, struct node *node)
{
    return errand_gather(c, container_of(node, struct errand, node));
}

static void node_free(struct node *node)
{
    errand_free(container_of(node, struct errand, node));
}

static void node_drop(struct node *node)
{
    errand_drop(container_of(node, struct errand, node));
}

/* ---- who we are ---- */

int32_t kafka_node(const struct errand *c)
{
    return (int32_t)c->conn->desk->opts.node;
}

/* The address without its port, and without the brackets of version 6. */
static void host_fill(struct conn_kafka *k, const struct io_address *at)
{
    char text[IO_ADDRESS_TEXT_BYTES];
    size_t from = at->version == 6 ? 1 : 0, to;
    io_address_text(at, text);
    to = (size_t)(strrchr(text, ':') - text) - from;
    memcpy(k->host, text + from, to - from);
    k->host[to - from] = '\0';
    k->port = at->port;
}

void kafka_advertised(struct conn *c, struct bytes *host, int32_t *port)
{
    struct conn_kafka *k = kafka_of(c);
    const struct door_opts *o = &c->desk->opts;
    struct io_address at;
    if (o->advertise.version)
        host_fill(k, &o->advertise);
    else if (!k->host[0] && io_socket_name(c->desk->shard->io, c->fd, &at) == ERR_OK)
        host_fill(k, &at);
    *host = text_bytes(k->host);
    *port = k->port;
}

const struct protocol kafka_protocol = {
    .name = "kafka",
    .first = CONN_READY,
    .head_bytes = KAFKA_FRAME_LENGTH_BYTES,
    .request_bytes = sizeof(struct errand),
    .conn_bytes = sizeof(struct conn_kafka),
    .desk_bytes = sizeof(struct desk_kafka),
    .desk_open = desk_open,
    .desk_turn = desk_turn,
    .desk_close = desk_close,
    .open = conn_made,
    .head = head_take,
    .begin = errand_begin,
    .skipped = nothing_skipped,
    .turn = errands_turn,
    .gather = answer_gather,
    .free = node_free,
    .drop = node_drop,
    .hurry = errands_hurry,
    .broken = conn_broken,
};
