/* group.h -- a consumer group as the commands see it: its members, and the partitions it reads.
 *
 *     code = group_open(&remote, id, false, &g);      EXIT_CLEAN, or after a complaint
 *     group_close(&g);                                in any case
 *
 * A partition is there because something was committed in it, because a member is assigned to it,
 * or both. Who changes meanwhile may be seen half: members, offsets and ends are asked for one
 * after another.
 *
 * Memory     all of it, until group_close().
 */
#ifndef TOOLS_GROUP_H
#define TOOLS_GROUP_H

#include "tools/remote.h"

#define GROUP_NOBODY UINT32_MAX

struct group_member {
    char id[256], instance[256], client_id[256], client_host[256]; /* instance: or empty */
    uint32_t partitions;                                           /* assigned */
};

struct group_place {
    char topic[250];
    uint32_t partition;
    bool committed;           /* else lag.committed, records, bytes and lag_ms mean nothing */
    struct sl_client_lag lag; /* its topic is not set */
    uint32_t member;          /* who reads it, or GROUP_NOBODY */
};

struct group {
    struct sl_client_group_facts facts;
    struct group_member *members;
    struct group_place *places; /* by topic and partition */
    uint32_t member_count, member_cap, place_count, place_cap;
    uint32_t sorted; /* of places: the first ones, in order */
};
/* may_miss: one that is not there is empty, and no complaint. */
int group_open(struct remote *r, const char *id, bool may_miss, struct group *g);
void group_close(struct group *g);
/* The place of this partition; it is made, without anything committed, if it is not there. One that
 * was made is found again only after group_sort(). */
struct group_place *group_place(struct group *g, const char *topic, uint32_t partition);
void group_sort(struct group *g);
/* Both ends of a partition where nothing is committed, into place->lag. */
void group_ends(struct remote *r, struct group_place *place);

/* What people see of a name that may be any bytes: what could fool a terminal, or is no UTF-8, as
 * \xNN. */
#define GROUP_SHOWN_MAX 1024u
const char *group_shown(const char *name, char out[GROUP_SHOWN_MAX]);

int group_describe_command(int argc, char **argv);
int group_reset_command(int argc, char **argv);

#endif
