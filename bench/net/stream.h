/* stream.h -- what TCP gives on this machine, without a broker: streams into and out of a server,
 * and echoes of 64 bytes.
 *
 * The server is a child on a CPU of its own with the broker's socket settings, by system calls that
 * block (the ceiling), on the ring, or by the plain io. The client is the caller, by plain system
 * calls.
 *
 * Thread     blocks its caller.
 * Fails      ends the program.
 */
#ifndef BENCH_NET_STREAM_H
#define BENCH_NET_STREAM_H

enum stream_way { STREAM_CALLS, STREAM_RING, STREAM_PLAIN, STREAM_WAYS };
enum stream_kind { STREAM_IN, STREAM_OUT, STREAM_ECHO, STREAM_KINDS };

struct stream_figure {
    double bytes_s;        /* in, out */
    double server_cpu;     /* CPU seconds of the server: per byte; echo: per echo */
    double machine_cpu;    /* the same of the whole machine without the client */
    double p50_us, p99_us; /* echo */
    double count_s;        /* echo */
};

struct stream_figure stream_run(enum stream_kind kind, enum stream_way way, int server_cpu,
                                double seconds);
/* A stream whose server is the caller's, in the child: what it needs before anybody connects, which
 * costs nothing; and with a connected socket, until that ends. */
struct stream_server {
    void (*open)(void *arg);
    void (*serve)(void *arg, int fd);
    void *arg;
};
struct stream_figure stream_serve(enum stream_kind kind, const struct stream_server *server,
                                  int server_cpu, double seconds);
/* The three figures in all three ways, as lines for people. */
void stream_table(int server_cpu, double seconds);

#endif
