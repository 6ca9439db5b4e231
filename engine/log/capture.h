/* capture.h -- the checkpoint's private parts: its state, what a partition gives to the image,
 * and the image file.
 *
 * Thread     the store's io only.
 */
#ifndef LOG_CAPTURE_H
#define LOG_CAPTURE_H

#include "engine/log/image.h"

enum ckpt_state { CKPT_CAPTURE, CKPT_FLUSH, CKPT_SYNC, CKPT_IMAGE };

/* Steps of writing the image; the upper ones only when the file has to grow. */
enum image_step {
    IMAGE_UNLINK,
    IMAGE_OPEN,
    IMAGE_ALLOCATE,
    IMAGE_WRITE,
    IMAGE_SYNC,
    IMAGE_RENAME,
    IMAGE_DIR,
    IMAGE_DONE
};

struct checkpoint {
    struct store *store;
    enum ckpt_state state;
    uint32_t next, parts;       /* CAPTURE: next partition to look at, of the first `parts` */
    bool skipped;               /* some were busy */
    bool rest;                  /* the store is idle: partitions give their memory back */
    bool starved;               /* it wants space, and found none when it last asked */
    bool stalled;               /* a whole pass captured nothing: something has to complete first */
    uint32_t pass_count, count; /* captured before this pass, and so far */
    uint64_t *captured;         /* one bit per partition number */
    bool growing;               /* the tails file is being grown */
    uint64_t grow_retry_ns;     /* after NO_SPACE: not before this */
    uint32_t grow_slots;
    uint32_t runs, syncs; /* in flight */
    uint32_t blocks_due;  /* of slots and index regions: being written */
    uint64_t run_bytes;   /* of the runs */
    struct list blocks;   /* their writes, for whoever closes under a dead machine */
    uint64_t max_seq;     /* entries that the rows contain */
    struct image_build build;
    struct op sync_op, grow_op;
    /* the image file */
    enum image_step step;
    bool grow_file;
    bool no_space; /* one of the operations under way found none; until the file is gone */
    int fd;
    uint64_t capacity, retry_ns, bytes;
    uint8_t *pages, *file_head;
    struct op file_op, copy_op;
    uint32_t waiting;
};

/* Writes behind, stages the partial block, and copies the rows of p as the last built entry left
 * them. False when it has to wait (a slot pair is being made). */
bool capture_part(struct store *s, struct part *p);
/* Frees the blocks of a dead machine's writes. */
void capture_close(struct store *s);
/* The image that names these rows is live. */
void capture_live(struct part *p);
/* The row of a number that no entry up to the last built one gives to a partition. */
void capture_free(struct store *s, uint32_t number);

void image_file_start(struct store *s);
void image_file_close(struct store *s);
bool image_file_done(struct store *s); /* steps; true once the image is durable */

#endif
