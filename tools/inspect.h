/* inspect.h -- what the views of `shardlog inspect` share.
 *
 * A view writes its facts and sheets about one store into an open group.
 */
#ifndef TOOLS_INSPECT_H
#define TOOLS_INSPECT_H

#include "tools/names.h"
#include "tools/place.h"

struct inspect {
    struct io *io;
    const struct place *place;
    struct store *store; /* NULL: it does not open */
    struct why why;      /* then: why not */
    const struct names *names;
    bool part_given, rows;
    uint64_t part, from, limit;
};

/* The store's tables. */
void view_overview(struct inspect *in, struct out *o);
void view_partitions(struct inspect *in, struct out *o);
void view_extents(struct inspect *in, struct out *o);
void view_batches(struct inspect *in, struct out *o);
void view_producers(struct inspect *in, struct out *o);
/* Its files, as they are: these work where the store does not open. */
void view_journal(struct inspect *in, struct out *o);
void view_image(struct inspect *in, struct out *o);

#endif
