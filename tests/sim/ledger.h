/* ledger.h -- the oracle for clients of a network: what the log must contain, although nobody
 * knows in which order requests arrived, nor whether those without an answer did.
 *
 * A batch is sent, and floats: it may be in the log, once, anywhere behind what was known to be
 * there when it was sent. An answer, or a reader, places it at an offset; from then on it is there
 * and nowhere else. What was promised of it (`safe`) grows with the answer to its append, with a
 * reader who saw it, and with a recovery that found it. After a crash the end of each log says what
 * is gone, and a reading of the whole log says which floating batches are in it; the others are
 * lost, and whoever serves them later is wrong. Only a producer that was not answered may send what
 * is lost again: from then on it floats, and belongs behind all that the crash left.
 *
 * A stream is what has an order: the appends of one connection to one partition, or those of one
 * producer with one epoch. If a batch is in the log, those before it in its stream are, below it.
 *
 * Owner      a front (front.h).
 * Thread     the one thread of a seed.
 * Memory     a row for each batch and partition; freed with the ledger.
 * Fails      everything that is wrong ends the seed: violated().
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "engine/log/store.h"
#include "tests/sim/content.h"
#include "tests/sim/oracle.h"

#define L_NONE UINT64_MAX

enum l_fate { L_FLOATING, L_PLACED, L_REFUSED, L_LOST };

struct l_part {
    uint32_t number; /* in the ledger, and in the keys of its records */
    enum durability durability;
    uint64_t *row; /* numbers of placed batches, by offset */
    uint32_t count, cap;
    uint64_t start_min;     /* in this life the log starts here or later: it was told */
    uint64_t start_kept;    /* and here or later in each that follows: a trim was answered */
    uint64_t trim_asked;    /* ... and here or earlier, but for retention */
    uint64_t high_off;      /* largest visible end that was told */
    uint64_t recovered_off; /* what lies below survived a recovery: durable */
    uint64_t reader_off;    /* of a consumer that follows the end */
    bool retention;         /* the log start moves by itself */
    bool append_time;       /* its records have the time of appending */
};

struct l_batch {
    struct content content;
    struct l_part *part;
    uint64_t hash;
    uint64_t off;        /* placed */
    uint64_t floor_off;  /* floating: where the log ended at least when it was sent */
    uint64_t before_off; /* floating: a later one of its stream is there; L_NONE: none */
    uint64_t before;     /* number of the one before it in its stream; L_NONE */
    int64_t append_ms;   /* as answered in this life; 0: not yet */
    uint32_t bytes;
    uint32_t crc; /* as sent */
    uint32_t sends;
    uint32_t epoch; /* the store's, as first seen; 0: not yet */
    enum l_fate fate;
    int8_t safe;   /* SAFE_NOTHING, or an enum durability */
    bool again;    /* its client sends it until it is answered: a crash is not its end */
    bool doubtful; /* its connection ended before it was answered */
    bool kept;     /* a crash left it in the log, and its client does not know */
    bool retaken;  /* a crash took it, and its client sent it again */
};

struct ledger {
    struct l_batch *batches; /* by number */
    uint64_t count, cap;
    struct l_part **parts;
    uint64_t part_count, part_cap;
    bool strict; /* nothing is refused for want of room: a stream has no holes */
    uint64_t acked, lost, read;
    uint64_t doubts_kept, doubts_lost; /* answers that were lost: the append was done, or not */
};

void ledger_close(struct ledger *l);
struct l_part *ledger_part(struct ledger *l, enum durability durability);

/* A batch is about to be sent; content.number is ledger.count. Its bytes are `batch`. */
struct l_batch *ledger_sent(struct ledger *l, struct l_part *p, const struct content *c,
                            struct bytes batch, uint64_t before);
void ledger_acked(struct ledger *l, uint64_t number, enum durability want, enum durability bought,
                  uint64_t off, int64_t append_ms);
/* Its client sends it once more: what was lost may be there from now on, once. */
void ledger_again(struct ledger *l, uint64_t number);
/* A crash took the one before it in its stream, which will not be sent again. */
bool ledger_lost_before(const struct ledger *l, uint64_t number);
/* It is certainly not in the log, and will not be. */
void ledger_refused(struct ledger *l, uint64_t number);
/* Its connection ended before it was answered. */
void ledger_doubt(struct ledger *l, uint64_t number);

/* What a fetch gave. `high_then` was known when it was asked for. */
struct l_read {
    struct bytes batches;
    uint64_t off, next_off, high_off, start_off, high_then, start_then;
    uint32_t bytes_max;
    bool partial; /* there may be no room for it */
};
void ledger_read(struct ledger *l, struct l_part *p, const struct l_read *r);
/* What a search by time gave: found, or (false) nothing. */
void ledger_time(const struct ledger *l, const struct l_part *p, int64_t time_ms, bool found,
                 uint64_t off, int64_t found_ms, uint64_t high_then);

/* After `end` and an opening, the log is [start_off, end_off). */
void ledger_reopened(struct ledger *l, struct l_part *p, uint64_t start_off, uint64_t end_off,
                     enum end end);
/* All of it was read since: what was not there is lost. */
void ledger_scanned(struct ledger *l, struct l_part *p);
/* Where the log ends at least. */
uint64_t ledger_end_off(const struct ledger *l, const struct l_part *p);

#endif
