/* verify_in.h -- what the files of verify share.
 *
 * Thread     the io's thread; everything blocks.
 */
#ifndef LOG_VERIFY_IN_H
#define LOG_VERIFY_IN_H

#include "engine/log/image.h"
#include "engine/log/verify.h"

struct verify_file {
    char name[32];
    enum file_kind kind;
    uint32_t number; /* volumes */
    uint64_t bytes;
    bool whole; /* the identity block verifies and fits the others */
    struct identity id;
};

struct verify {
    struct io *io;
    int dir;
    const struct verify_opts *opts;
    struct verify_counts *counts;
    struct why *why;
    struct verify_file *files;
    uint32_t file_count, file_cap;
    struct identity id;  /* of the store: the journal's where it is whole */
    bool identified;     /* id is valid */
    bool readable;       /* journal, image and tails are there and whole */
    bool blocked;        /* damage was found that keeps the tables from being rebuilt */
    struct find *pieces; /* PIECE: kept until the tables say whether anything is lost */
    uint32_t piece_count, piece_cap;
    struct image_head cut; /* of the image that recovery would take; generation 0: none */
};

/* Fills in class and counts, and hands it on. */
void verify_found(struct verify *v, const struct find *f);
struct verify_file *verify_file(struct verify *v, enum file_kind kind, uint32_t number);
/* Reads what can be read: *got bytes. An unreadable block is damage, and no error. */
enum err verify_read(struct io *io, int fd, void *buf, uint64_t len, uint64_t pos, uint64_t *got);
/* The same of one page; *ok when it is there and verifies. */
enum err verify_page(struct io *io, int fd, uint8_t *page, uint64_t pos,
                     const struct page_seal *seal, bool *ok);
/* The same of an extent's index block; its tiles go into `tiles`, which has room for all of the
 * extent's: where it is not ok they stay, or become, zeros. */
enum err verify_index(struct io *io, const struct extent *e, uint32_t block, uint8_t *page,
                      struct tile *tiles, bool *ok);
enum err verify_open(struct verify *v, const char *name, int *fd);

enum err verify_files(struct verify *v); /* names, identity blocks, sizes */
enum err verify_image(struct verify *v);
enum err verify_ring(struct verify *v);
void verify_pieces(struct verify *v, const struct store *s); /* reports them; s NULL: not open */
enum err verify_parts(struct verify *v, struct store *s);

#endif
