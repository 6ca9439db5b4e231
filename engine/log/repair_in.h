/* repair_in.h -- what the files of repair share. */
#ifndef LOG_REPAIR_IN_H
#define LOG_REPAIR_IN_H

#include "engine/log/repair.h"
#include "engine/log/verify_in.h"

struct repair {
    struct io *io;
    int dir;
    struct repair_report *report;
    struct why *why;
};

/* Writes and syncs; poisoning is not needed: what fails is told, and can be done again. */
enum err repair_write(struct repair *r, int fd, const void *from, uint64_t len, uint64_t pos);
/* The partial block of an idle partition; *whole when it verifies. */
enum err repair_slot_read(struct repair *r, const struct part *p, uint8_t *block, bool *whole);
enum err repair_open(struct repair *r, const char *name, int *fd);

enum err repair_files(struct repair *r);                    /* repair_files.c */
enum err repair_extent(struct repair *r, struct extent *e); /* repair_extent.c */

#endif
