/* meta_world.h -- the world around the decider: two sets that survive a crash, the records that
 * were synced and the partitions that stores hold.
 *
 * It performs one action at a time, so that a crash can fall between any two of them.
 */
#ifndef TESTS_UNIT_COORD_META_WORLD_H
#define TESTS_UNIT_COORD_META_WORLD_H

#include "engine/coord/meta.h"

#define RECORDS_MAX 256
#define STORES      3
#define PARTS_MAX   16

struct world {
    /* Survive. */
    struct {
        uint8_t at[512];
        size_t len;
    } records[RECORDS_MAX];
    uint32_t record_count;
    struct {
        struct id16 id;
        uint32_t index;
        bool held;
    } parts[STORES][PARTS_MAX];
    bool closed[STORES]; /* the store does not open */
    /* Die. */
    struct meta *meta;
    struct meta_event queue[64];
    uint32_t first, last;
    uint32_t steps_left; /* actions until the crash */
    bool crashed, ready;
    uint32_t orphans, replies, refused;
    enum err reply_err;
    struct why why;
};

extern struct world w;
extern int asked; /* its address is a request */

void world_new(void);
void world_crash(void);               /* what dies is gone; start again with world_start() */
enum err world_start(uint32_t steps); /* dies after so many steps */
void restart(void);                   /* a crash, and a start that is not disturbed */
void world_settle(void);              /* until nothing is under way, or the crash */
uint32_t parts_held(void);
enum err feed(struct meta_event e); /* one event, and all actions that it gives */
struct id16 id_of(uint8_t n);

/* Commands, until they are answered (or the crash): BUSY when nobody answered. */
enum err create(const char *name, uint8_t n, uint32_t partitions);
enum err delete_topic(const char *name);
enum err alter(const char *name, int64_t retention_ms);
enum err grow(const char *name, uint32_t partitions);

#endif
