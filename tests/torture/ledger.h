/* ledger.h -- what was promised, outside of the broker: acknowledgements and what consumers saw.
 *
 * Thread     any: each partition has a lock.
 * Memory     24 bytes for each acknowledgement, 4 for each offset.
 */
#ifndef TORTURE_LEDGER_H
#define TORTURE_LEDGER_H

#include <shardlog/client.h>

#define TOPICS         2u
#define TOPIC_PARTS    3u
#define PARTS          (TOPICS * TOPIC_PARTS)
#define PRODUCERS      4u
#define CONSUMERS      2u
#define UNANSWERED_MAX 4u /* appends of a producer to a partition: one less than it might have */

struct topic_row {
    const char *name, *durability;
    enum sl_durability least; /* an acknowledgement buys no less */
};
extern const struct topic_row topic_rows[TOPICS];
/* The topic of a part, and its partition in it. */
static inline uint32_t topic_of(uint32_t part)
{
    return part / TOPIC_PARTS;
}
static inline uint32_t partition_of(uint32_t part)
{
    return part % TOPIC_PARTS;
}

struct ack {
    uint64_t offset, first; /* of its first record: in the log; its number */
    uint32_t count, producer;
};

void ledger_open(void);
void ledger_close(void);
void ledger_ack(uint32_t part, struct ack ack);
/* A consumer saw this record there. False: another one was seen there before. */
bool ledger_saw(uint32_t part, uint64_t offset, uint32_t hash);
/* What was seen there: 0 is nothing. */
uint32_t ledger_seen(uint32_t part, uint64_t offset);
/* A copy, in the order of offsets; the caller's to free. */
struct ack *ledger_acks(uint32_t part, size_t *count);

struct ledger_sums {
    uint64_t acks, records, bytes, seen;
};
void ledger_count_bytes(uint64_t bytes); /* of values acknowledged */
struct ledger_sums ledger_sums(void);

/* A broken promise, or an answer that there should not be; the first ones are told. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t wrongs(void);

/* A client that stays: it connects again and sends again. NULL, and wrong(), if that fails. */
struct sl_client *client_make(uint16_t port, const char *id);
/* The topics, as this client knows them. */
bool client_topics(struct sl_client *c, struct sl_client_topic topics[TOPICS]);

#endif
