/* demo.h -- what the programs of the demo share: the list of inputs, what a record looks like, and
 * what the writer and the reader tell the program that started them.
 *
 * A partition is a row of inputs, one after the other, in the order of the list; a record is a line
 * of one. So record k of a partition is always the same line, and the newest record alone says how
 * far a partition is.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shardlog/record.h>

#include "tools/demo/sha256.h"

#define DEMO_TOPIC      "demo"
#define DEMO_PARTITIONS 4u
#define DEMO_RUNS_MAX   16u        /* writers, each but the last one killed */
#define DEMO_LINE_MAX   (8u << 20) /* a longer line continues in the next record */
#define DEMO_BATCH_MAX  "16777216" /* bytes; room for the longest line, and what the store takes */

/* ---- inputs ---- */

struct input {
    char *name;     /* what records carry: the path, or "2:path" for the second copy */
    char *path;     /* where the writer reads it */
    uint64_t bytes; /* of it that count; the file may be longer */
    uint64_t lines;
    uint32_t partition; /* by name */
    struct sha256_sum sum;
};

struct inputs {
    struct input *at;
    size_t count;
    uint64_t bytes, lines;
};

/* Appends one; both texts are copied. */
void inputs_add(struct inputs *in, const char *name, const char *path, uint64_t bytes);
/* The list as a file. False, with a line on stderr, when the disk refuses. */
bool inputs_save(const struct inputs *in, const char *path);
bool inputs_load(struct inputs *in, const char *path);
/* Next input of the partition at or after i that has bytes; count: none. */
size_t inputs_next(const struct inputs *in, size_t i, uint32_t partition);
void inputs_free(struct inputs *in);

/* ---- records ---- */

/* Where a record comes from, as its two headers say: "file" and "pos" (decimal). */
struct origin {
    const char *name; /* not terminated */
    size_t name_bytes;
    uint64_t pos;
};
#define ORIGIN_POS_CHARS 20u
/* Fills two headers; `pos_text` is theirs. */
void origin_put(struct sl_header headers[2], char pos_text[ORIGIN_POS_CHARS], const char *name,
                uint64_t pos);
/* False: the headers are not those of a record of the demo. */
bool origin_get(const struct sl_record_view *r, struct origin *out);

/* Hash over a row of records: time, name, position and value of each. The time makes it another
 * hash when lost lines are written a second time. */
uint32_t record_hash(uint32_t hash, int64_t time_ms, struct origin o, const void *value,
                     size_t value_bytes);

/* ---- messages through the pipe: fixed size, so that none is torn ---- */

enum tell {
    TELL_OPEN = 1, /* the engine is open: ns it took */
    TELL_END,      /* of a partition: `offset` is where the next append would go */
    TELL_ACK,      /* one batch */
    TELL_DONE,     /* all written; or all read: offset = records, bytes = of batches, ns */
};
struct message {
    uint32_t kind, partition;
    uint32_t run; /* which writer, 0..DEMO_RUNS_MAX-1 */
    uint32_t count, hash;
    uint32_t in_flight; /* ACK: appends started and not acknowledged, this one left out */
    uint64_t offset;    /* of the first record */
    uint64_t bytes;     /* of values */
    uint64_t ns;        /* from append to acknowledgement ... */
    uint64_t at_ns;     /* ... which came then, by now_ns() */
};
void message_put(int fd, struct message m); /* a gone listener ends the program */

/* ---- ends ---- */

/* "<program>: <sentence>" on stderr, then exit 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *need(void *at); /* memory, or die */
uint64_t now_ns(void);
/* Bytes of an open file, all of them; false: it is shorter, or unreadable. */
bool read_all(int fd, void *to, size_t bytes, uint64_t pos);
/* A name for the terminal: bytes that are not printable ASCII become '?'. Static memory. */
const char *printable(const char *name, size_t bytes);

#endif
