/* names.h -- the names of topics, out of the metadata partition of whichever store has it.
 *
 * Memory     a row for each topic.
 */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include "engine/io/io.h"
#include "engine/log/store.h"

struct name {
    struct id16 id;
    bool gone; /* deleted: its partitions are dropped */
    uint32_t partitions;
    char text[256];
};
struct names {
    struct name *at;
    uint32_t count, cap;
    bool complete; /* the metadata was found and read to its end */
};

/* Adds what this store knows; harmless when it has no metadata. */
void names_learn(struct names *n, struct io *io, struct store *s);
const struct name *names_find(const struct names *n, struct id16 id); /* NULL: unknown */
/* The name, `(metadata)`, `(groups)`, or the id where no name is known. */
void names_text(const struct names *n, struct id16 id, char text[256]);
bool topic_is_metadata(struct id16 id);
bool topic_is_groups(struct id16 id); /* logs of consumer groups */
void names_close(struct names *n);

/* part_read() and its completion; r->err and the results are valid afterwards. */
void read_wait(struct io *io, struct store *s, struct part *p, struct read *r);

#endif
