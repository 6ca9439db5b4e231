/* grow.h -- volume files: made, zeroed ahead, recycled, removed whole; never punched, never grown.
 *
 *   make    NONE -> UNLINK -> OPEN -> ALLOCATE -> HEAD -> SYNC -> RENAME -> DIR -> NONE
 *           (a leftover of the temporary name is unlinked first; until the directory is synced
 *           nothing refers to the file)  --no space--> UNDO -> NONE
 *   zero    one free slab at a time: O_DIRECT zeros, paced while there are commits, then a sync of
 *           the file; its blocks are "written" from then on, and a commit's runs into them need no
 *           sync of this file
 *   remove  RETIRING: the next image no longer names it; when that is live, unlink and sync
 *
 * Thread     the store's io only.
 * Fails      NO_SPACE while making or zeroing is not an error of the store: store.full, tried again
 *            after 1 s or when space comes back. Anything else poisons, and any error of a sync:
 *            the device may have dropped what others wrote.
 */
#ifndef LOG_GROW_H
#define LOG_GROW_H

#include "engine/log/store_in.h"

#define ZERO_BYTES (1u << 20) /* per write at most; one in flight */

enum make_step {
    MAKE_NONE,
    MAKE_UNLINK,
    MAKE_OPEN,
    MAKE_ALLOCATE,
    MAKE_HEAD,
    MAKE_SYNC,
    MAKE_RENAME,
    MAKE_DIR,
    MAKE_UNDO
};

struct grower {
    struct store *store;
    enum make_step step;
    struct vol *making;
    struct op make_op;
    uint8_t *head;       /* identity block of the volume being made */
    uint64_t retry_ns;   /* after NO_SPACE: not before this */
    struct vol *zeroing; /* a slab of it is being zeroed */
    uint32_t zero_slab;
    uint64_t zero_at;                       /* bytes of the slab done */
    uint64_t zero_from_ns, zero_from_bytes; /* when the last step began; appended by then */
    uint64_t zero_retry_ns;
    bool zero_syncing;
    struct op zero_op;
    uint8_t *zeros; /* ZERO_BYTES, never changed */
    struct vol *removing;
    bool remove_syncing;
    struct op remove_op;
};

/* zero.c */
void zero_turn(struct store *s);
/* When it goes on by itself; UINT64_MAX: it does not. */
uint64_t zero_due_ns(const struct store *s);

/* volume.c */
struct vol *vol_new(struct store *s, uint32_t number);
void vol_add(struct store *s, struct vol *v);
void vol_free(struct vol *v);
void vol_remove(struct store *s, struct vol *v);
void vol_name(char name[32], uint32_t number);
/* False unless the name is that of a volume file. */
bool vol_number(const char *name, uint32_t *number);

#endif
