/* socket.h -- a connection of a client that costs as little as a client can: plain system calls.
 *
 * Thread     the caller's.
 * Fails      ends the program: the broker is gone.
 */
#ifndef BENCH_SOCKET_H
#define BENCH_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connects to a broker on this machine, with the socket settings of ours; close(). */
int socket_open(uint16_t port);
/* Sends all of it. */
void socket_send(int fd, const void *at, size_t len);
/* Sends what the socket takes now: how much, maybe 0. */
size_t socket_send_some(int fd, const void *at, size_t len);
/* Bytes that were received, at least one; 0 if there are none and it may not wait. */
size_t socket_receive(int fd, void *at, size_t len, bool wait);
void socket_receive_all(int fd, void *at, size_t len);

#endif
