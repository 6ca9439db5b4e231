/* oracle.h -- what the log must contain: every append with its answer, in host memory.
 *
 * A partition is a row of batches in the order in which they were sent. A batch leaves the row when
 * its append was refused, or when a crash took it back and nothing had promised it; whoever serves
 * it after that is wrong. Offsets follow from the row: a batch begins where the one before it ends,
 * or at the offset that it was sent with (a gap).
 *
 * What has been promised of a batch (`safe`) grows with the answer to its append, with a reader who
 * saw it, and with a recovery that found it; what a crash may take follows from it alone.
 *
 * Owner      a world (world.h).
 * Thread     the one thread of a seed.
 * Memory     a row for each batch, partition and number; freed with the oracle.
 * Fails      everything that is wrong ends the seed: violated().
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "engine/log/store.h"
#include "tests/sim/content.h"

/* How a life of the machine ended, mildest first. */
enum end { END_CLEAN, END_KILL, END_KERNEL, END_POWER, END_COUNT };

#define SAFE_NOTHING (-1) /* else an enum durability */

struct o_batch {
    struct content content;
    uint64_t hash;
    uint64_t off;    /* if everything sent before it was placed */
    uint64_t at_off; /* gap: where it was sent to */
    uint32_t bytes;
    uint32_t epoch;    /* the store's, when it was sent */
    int64_t append_ms; /* as answered; 0: not answered */
    int8_t safe;
    bool gap;
};

#define O_PRODUCERS 3u /* of a partition, at most */
#define O_FLIGHT    5u /* batches of one under way: what Kafka's window is for */

/* A client that numbers its batches, and sends again what was not answered when the store died. */
struct o_producer {
    int64_t id;
    int16_t epoch;
    int32_t next;    /* sequence of its next batch */
    uint32_t flight; /* appends under way */
    bool broken;     /* one was refused: those behind it are out of sequence */
    struct o_open {
        uint64_t number;
        int32_t first;
        uint32_t count;
        int16_t epoch;
    } open[O_FLIGHT]; /* batches without an answer, oldest first */
    uint32_t open_count;
};

enum o_state { O_ADDING, O_LIVE, O_DROPPING, O_GONE };

struct o_part {
    struct id16 topic;
    uint32_t index;
    uint32_t number; /* in the oracle */
    uint32_t store;
    enum o_state state;
    enum durability durability; /* as its topic says */
    struct o_batch *batches;
    uint32_t count, cap;
    uint32_t placed;      /* batches below are known to have their offsets */
    uint64_t start_min;   /* the log starts here or later: a trim was durable */
    uint64_t trim_asked;  /* ... and here or earlier */
    uint64_t reader_off;  /* of a consumer that follows the end */
    uint64_t visible_off; /* largest that was ever reported in this life */
    uint32_t busy;        /* operations under way */
    struct o_producer producers[O_PRODUCERS];
    uint32_t producer_count;
    struct o_part *next_dead; /* unused parts are kept to the end: their numbers must not return */
};

enum o_fate { FATE_KNOWN, FATE_REFUSED, FATE_LOST };

struct o_number {
    struct o_part *part;
    enum o_fate fate;
};

struct oracle {
    struct o_part **parts;
    uint32_t part_count, part_cap;
    struct o_number *numbers; /* by batch number */
    uint64_t number_count, number_cap;
    uint64_t sent, acked, refused, lost, read;
};

void oracle_close(struct oracle *o);

struct o_part *oracle_part_new(struct oracle *o, struct id16 topic, uint32_t index, uint32_t store);
struct o_part *oracle_part_find(struct oracle *o, struct id16 topic, uint32_t index);
/* A number for the next batch. */
uint64_t oracle_number(const struct oracle *o);

/* `b` goes to the end of the row; its content.number is oracle_number(). */
void oracle_sent(struct oracle *o, struct o_part *p, struct o_batch b);
void oracle_acked(struct oracle *o, uint64_t number, enum durability want, enum durability bought,
                  uint64_t base_off, int64_t append_ms);
/* Sent again, and recognised. */
void oracle_duplicate(struct oracle *o, uint64_t number, enum durability bought, uint64_t base_off,
                      int64_t append_ms);
/* It is certainly not in the log. */
void oracle_refused(struct oracle *o, uint64_t number);
uint64_t oracle_end_off(const struct o_part *p); /* after everything sent */

/* What a read gave. `visible_off` and `start_off` are those of the moment when it was asked;
 * `start_now` of the moment when it was answered. */
struct o_read {
    struct bytes batches;
    uint64_t off, next_off;
    uint32_t bytes_max;
    uint64_t visible_off, visible_now, start_off, start_now;
    bool beyond_visible;
};
void oracle_read(struct oracle *o, struct o_part *p, const struct o_read *r);
/* Damaged bytes may be missing, but what is served is what was sent. Promises nothing. */
void oracle_look(const struct oracle *o, struct o_part *p, struct bytes batches);
/* Would this be a legal outcome of `end`? `there`: the partition exists. */
void oracle_kept(const struct o_part *p, bool there, uint64_t next_off, enum end end);
/* What a search by time gave: found, or (false) nothing. */
void oracle_time(const struct o_part *p, int64_t time_ms, bool found, uint64_t off,
                 int64_t found_ms, uint64_t visible_off, uint64_t start_now);
/* Epochs rise, and every batch has the epoch that the table gives to its offset. */
void oracle_epochs(const struct o_part *p, const struct part_epoch *rows, uint32_t count);

/* The store is open again after `end`; this is what it says of the partition. */
void oracle_reopened(struct oracle *o, struct o_part *p, const struct part_state_info *info,
                     enum end end);
/* The partition is gone after `end`: may that be? */
void oracle_missing(struct oracle *o, struct o_part *p, enum end end);
/* What the log's prefix says of a producer: its newest batches. n is 0 when there are none. */
struct producer_window oracle_window(const struct o_part *p, int64_t id);
/* The store is open again: it knows just these. */
void oracle_producers(const struct o_part *p, const struct part *part);
/* Facts that hold at any time. */
void oracle_info(struct o_part *p, const struct part_state_info *info);

#endif
