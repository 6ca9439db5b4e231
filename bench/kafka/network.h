/* network.h -- a network of its own for this program and what it starts. */
#ifndef BENCH_KAFKA_NETWORK_H
#define BENCH_KAFKA_NETWORK_H

/* A loopback that nobody else uses, with reno as its choice of congestion control: Kafka takes the
 * system's, which may be one that paces (bbr), shardlog asks for its own. Nothing is lost on a
 * loopback, so reno there is as good as the cubic that shardlog asks for; and it is the one that a
 * new network always allows. Needs root; ends the program without it. */
void network_own(void);

#endif
