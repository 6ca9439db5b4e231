/* http_front.h -- metrics and health: a small front of its own, on shard 0.
 *
 *     http_open(&h, io, &opts, &why);    listens
 *     front = http_front(h);             for serve_opts.fronts
 *     http_close(&h);                    after serve_close()
 *
 * Owner      whoever starts the node.
 * Thread     open and close one; all else in the turns of shard 0.
 * Memory     16 connections of 10 KiB, taken at open; while figures are told, 3 KiB for each shard,
 *            120 B for each partition (of 10,000 at most), 32 KiB of text.
 * Fails      http_open() as io_listen() does; nothing is open then.
 */
#ifndef NET_HTTP_HTTP_FRONT_H
#define NET_HTTP_HTTP_FRONT_H

#include "engine/io/socket.h"
#include "engine/serve/serve.h"
#include "net/metric/board.h"

#define HTTP_ADDRESSES_MAX 16u

struct http_opts {
    const struct io_address *at; /* borrowed during http_open() */
    uint32_t at_count;
    const struct metrics_board *board; /* what the fronts count; borrowed until http_close() */
};
struct http;

enum err http_open(struct http **out, struct io *io, const struct http_opts *opts, struct why *why);
void http_close(struct http **h); /* NULL is fine */
struct serve_front http_front(struct http *h);
struct io_address http_address(const struct http *h, uint32_t i);

#endif
