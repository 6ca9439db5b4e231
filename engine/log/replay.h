/* replay.h -- applying rows to the tables: pure memory, no I/O.
 *
 * Inline bytes stay where they were read (the ring's copy in memory) as a list of pieces per
 * partition; replay_finish() builds tails from them once every row is applied.
 *
 * Thread     the store's io only, while opening.
 */
#ifndef LOG_REPLAY_H
#define LOG_REPLAY_H

#include "engine/log/image.h"

struct replay_piece {
    uint64_t pos;
    uint32_t len;
    uint32_t batch_at;           /* NO_BATCH: none starts in it */
    uint64_t base_off, next_off; /* of the batches that start in it */
    int64_t max_time;
    const uint8_t *at; /* NULL: damaged */
};

/* What replay knows of a partition beyond its struct. */
struct replay_part {
    uint64_t seq;  /* rows of entries up to this one are in the image's row already */
    uint64_t disk; /* whole blocks below are in extents */
    bool lost;     /* salvage: its rows say nothing before the next EXTENT row */
    uint16_t slot_batch_at;
    struct replay_piece *pieces;
    uint32_t count, cap;
};

struct replay {
    struct store *s;
    struct replay_part *parts; /* by partition number */
    uint32_t part_cap;
    uint32_t image_parts; /* numbers that the image knows: 0..image_parts-1 */
    struct why *why;
    bool loose;   /* salvage: an entry was lost, so rows may not fit what is known */
    enum err err; /* salvage: of what replay_fit() had to read */
};

/* What is known of partition `number`; grows. */
struct replay_part *replay_at(struct replay *r, uint32_t number);
enum err replay_image(struct replay *r, const struct image *im);
/* One row of entry e; `bytes`: its inline bytes, or NULL when they are damaged. */
enum err replay_row(struct replay *r, const struct entry *e, const struct row *row,
                    const uint8_t *bytes);
/* Space map, tails, marks. Reads slots. */
enum err replay_finish(struct replay *r);
void replay_close(struct replay *r);

/* Shared by the files of replay. */
static inline uint64_t extent_limit(const struct store *s, const struct extent *e)
{
    return e->base_pos + extent_data_bytes(&s->id.geometry, e->order); /* room for batches */
}
void replay_piece_add(struct replay_part *rp, const struct replay_piece *piece);
void replay_drop(struct replay *r, struct part *p);
/* Salvage, replay_loose.c: changes the tables so that *row fits them; what lies between is lost.
 * The row and its bytes may lose their beginning. False: the row says nothing. */
bool replay_fit(struct replay *r, struct row *row, const uint8_t **bytes);

#endif
