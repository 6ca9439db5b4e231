/* oracle_in.h -- what the two files of the oracle share. */
#ifndef SIM_ORACLE_IN_H
#define SIM_ORACLE_IN_H

#include "tests/sim/oracle.h"

uint64_t o_batch_end(const struct o_batch *b);
uint32_t o_batch_find(const struct o_part *p, uint64_t number); /* it is there */
uint32_t o_batch_at(const struct o_part *p, uint64_t off);      /* first that ends after off */
void o_batch_placed(struct o_part *p, uint32_t i);              /* and all before it */
void o_batch_promise(struct o_batch *b, int safe);

#endif
