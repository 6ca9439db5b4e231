/* raw.h -- the native protocol of a client that costs as little as a client can: frames are built
 * beforehand, system calls (bench/common/socket.h) move many of them.
 *
 * Thread     the caller's.
 * Fails      ends the program; an error answer with its text.
 */
#ifndef BENCH_NET_RAW_H
#define BENCH_NET_RAW_H

#include <shardlog/client.h>

#include "net/native/payload.h"

/* Answers of append and fetch: header and fixed fields, up to the batches. */
#define RAW_HEAD_BYTES (FRAME_HEADER_BYTES + 24u)

/* Connects to a broker on this machine, says hello; close(). */
int raw_open(uint16_t port);

/* A request's header for one place. */
struct frame raw_frame(enum native_verb verb, const struct sl_client_topic *t, uint32_t partition,
                       uint64_t correlation);
/* The header of an answer that is no error; else its text, which must lie behind it, ends all. */
struct frame raw_answer(int fd, const uint8_t *at, size_t have);

#endif
