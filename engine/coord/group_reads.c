/* group_reads.c -- which topics the consumers of a group subscribe to, as their metadata tells.
 *
 * A set: open addressing by a CRC of the name, at most half full. Members that subscribe to the
 * same name put it there once. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/coord/group_in.h"

#define NAME_BYTES_MIN 2u /* its length */

/* A consumer's metadata begins, big endian, with 2 bytes of version, 4 of a number of topics, and
 * for each 2 of a length and the name (Kafka's ConsumerProtocolSubscription). What is not that
 * names no topic. */
struct names {
    struct bytes left;
    uint32_t count;
};

static struct names names_of(struct bytes metadata)
{
    if (metadata.len < 6)
        return (struct names){ { NULL, 0 }, 0 };
    return (struct names){ { metadata.at + 6, metadata.len - 6 }, be32_get(metadata.at + 2) };
}

static bool names_next(struct names *n, struct bytes *name)
{
    if (!n->count || n->left.len < NAME_BYTES_MIN)
        return false;
    size_t len = be16_get(n->left.at), whole = NAME_BYTES_MIN + len;
    if (n->left.len < whole)
        return false;
    *name = (struct bytes){ n->left.at + NAME_BYTES_MIN, len };
    n->left = (struct bytes){ n->left.at + whole, n->left.len - whole };
    n->count--;
    return true;
}

/* Where it is, or would be. */
static struct bytes *slot_of(const struct group_reads *r, struct bytes name)
{
    uint32_t i = crc32c(0, name.at, name.len) & (r->slot_count - 1);
    while (r->slots[i].at && !bytes_equal(r->slots[i], name))
        i = (i + 1) & (r->slot_count - 1);
    return &r->slots[i];
}

static uint64_t names_count(const struct group *g)
{
    uint64_t count = 0;
    struct bytes name;
    list_each (&g->members, m) {
        struct names n =
            names_of(member_metadata(container_of(m, struct member, node), g->protocol));
        while (names_next(&n, &name))
            count++;
    }
    return count;
}

void group_reads_open(struct group_reads *r, const struct group *g)
{
    struct bytes name;
    *r = (struct group_reads){ .all = g->member_count && !g->protocol.at, .slot_count = 1 };
    uint64_t count = r->all ? 0 : names_count(g);
    while (r->slot_count < 2 * count + 1)
        r->slot_count *= 2;
    r->slots = calloc(r->slot_count, sizeof(*r->slots));
    check(r->slots);
    if (r->all)
        return;
    list_each (&g->members, m) {
        struct names n =
            names_of(member_metadata(container_of(m, struct member, node), g->protocol));
        while (names_next(&n, &name))
            *slot_of(r, name) = name;
    }
}

bool group_reads(const struct group_reads *r, struct bytes topic)
{
    return r->all || slot_of(r, topic)->at;
}

void group_reads_close(struct group_reads *r)
{
    free(r->slots);
    *r = (struct group_reads){ 0 };
}

bool group_consumes(const struct group *g)
{
    static const char consumer[] = "consumer";
    return bytes_equal(g->protocol_type, (struct bytes){ (const uint8_t *)consumer, 8 });
}
