/* value.h -- a record of the torture: who wrote it, its number, its bytes, and how to see that it
 * is still that one.
 *
 * The key carries all of it: producer, partition, number, size, CRC. The value is a piece of one
 * pool of random bytes, whose place follows from the first three: so every byte can be compared,
 * and none has to be remembered.
 *
 * Thread     any, after value_open().
 */
#ifndef TORTURE_VALUE_H
#define TORTURE_VALUE_H

#include <shardlog/record.h>

#define VALUE_MAX       (1u << 20)
#define VALUE_WHY_CHARS 160

struct value_key {
    uint32_t producer, part; /* index in the ledger */
    uint64_t number;         /* of this producer in this partition, from 0 on */
    uint32_t bytes, crc;
};

void value_open(uint64_t seed);
void value_close(void);
/* Fills *key and *record; the record points to the key and into the pool. */
void value_make(struct value_key *key, struct sl_record *record, uint32_t producer, uint32_t part,
                uint64_t number, uint32_t bytes);
/* False: not what was written there; `why` says what is wrong with it. */
bool value_check(const struct sl_record_view *r, uint32_t part, struct value_key *key,
                 char why[VALUE_WHY_CHARS]);
/* Tells records apart; never 0. */
uint32_t value_hash(const struct value_key *key);

#endif
