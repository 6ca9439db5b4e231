/* ledger_in.h -- what the two files of the ledger share. */
#ifndef SIM_LEDGER_IN_H
#define SIM_LEDGER_IN_H

#include "tests/sim/ledger.h"

uint64_t l_end(const struct l_batch *b);
uint32_t l_at(const struct ledger *l, const struct l_part *p, uint64_t off); /* ends after off */
void l_place(struct ledger *l, uint64_t number, uint64_t off);
void l_promise(struct l_batch *b, int safe);

#endif
