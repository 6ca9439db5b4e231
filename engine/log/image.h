/* image.h -- building, placing and loading an image: the tables as flat rows on sealed pages.
 *
 * Layout in the file: identity block, then region 0 copy 0, region 0 copy 1, region 1 copy 0,
 * region 1 copy 1, each image_capacity bytes. Odd generations live in region 0, even ones in 1.
 *
 * Memory     a build owns growing buffers; image_build_close() frees them.
 * Thread     the store's io only.
 */
#ifndef LOG_IMAGE_H
#define LOG_IMAGE_H

#include "engine/log/store_in.h"

struct buf { /* bytes that grow at the end */
    uint8_t *at;
    uint32_t len, cap;
};
uint8_t *buf_grow(struct buf *b,
                  uint32_t n); /* n zeroed bytes at the end; crashes without memory */

struct image_build {
    struct image_head head;
    struct buf parts, extents, vols, epochs, tiles, producers;
    struct buf section; /* scratch */
};
void image_build_close(struct image_build *b);
void image_build_part(struct image_build *b,
                      const struct part_row *r); /* rows in number order not needed */
void image_build_extent(struct image_build *b, const struct extent_row *r);
void image_build_tiles(struct image_build *b, uint64_t extent, const struct tile *t, uint32_t n);
void image_build_epochs(struct image_build *b, uint32_t part, const struct part_epoch *e,
                        uint32_t n);
/* All pages, sealed; io_buffer_take()n: the caller gives it back. Bytes in *bytes. */
uint8_t *image_build_pages(struct image_build *b, struct id16 store, uint64_t *bytes);

static inline uint64_t image_copy_pos(uint64_t capacity, uint64_t generation, uint32_t copy)
{
    return BLOCK_BYTES + ((generation & 1 ? 0 : 2) + copy) * capacity;
}

/* What a loaded image holds, decoded. */
struct image {
    struct image_head head;
    struct part_row *parts;
    struct extent_row *extents;
    struct vol_row *vols;
    uint8_t *sections;
    uint32_t healed; /* pages that came from the other copy */
    bool unread;     /* a copy could not be read; valid also when loading failed for that */
};
/* Loads the newest image, and no other. NOT_FOUND when there is none, CORRUPT when pages are
 * damaged in both copies; what cannot be read now is not damaged, and gives the error of the read.
 */
enum err image_load(struct io *io, int fd, const struct identity *id, struct image *out,
                    struct why *why);
/* Loads the newest image that is whole, as an opening finds it: one that a crash has torn, or rot,
 * is passed over; `past_unread`: what cannot be read, too. Errors as image_load(). */
enum err image_load_newest(struct io *io, int fd, const struct identity *id, bool past_unread,
                           struct image *out, struct why *why);
void image_close(struct image *im);

#endif
