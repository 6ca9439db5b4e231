/* Every golden message of tests/wire: Kafka's bytes have the values that Kafka says they have, and
 * the same values make the same bytes. */
#include "tests/test.h"
#include "tests/unit/net_kafka/golden.h"

#include <stdio.h>
#include <stdlib.h>

#define TOLD_MAX (16u << 10)

static struct space space;

static void fault_shown(const struct golden *g)
{
    struct why why = { "" };
    if (space.fault.kind != KAFKA_FAULT_NONE)
        kafka_fault_text(&space.fault, &why);
    printf("    in %s: %s\n", g->name, why.text);
}

TEST(kafka_golden, decodes_to_the_values)
{
    static char told[TOLD_MAX];
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++) {
        if (!EXPECT_OK(space_decode(&space, &g[i].what, g[i].bytes))) {
            fault_shown(&g[i]);
            continue;
        }
        struct_told(&g[i].what, space.to, told, sizeof(told));
        if (!EXPECT_STR(told, g[i].values))
            fault_shown(&g[i]);
    }
}

TEST(kafka_golden, encodes_to_the_bytes)
{
    // Goal: size and bytes are exact. Method: encode what was decoded into a block of that size.
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t bytes = 0;
        size_t len = 0;
        if (!EXPECT_OK(space_decode(&space, &g[i].what, g[i].bytes)) ||
            !EXPECT_OK(kafka_size(&g[i].what, space.to, &bytes, &space.fault)) ||
            !EXPECT_EQ(bytes, g[i].again.len)) {
            fault_shown(&g[i]);
            continue;
        }
        uint8_t *at = malloc(bytes ? bytes : 1);
        if (!EXPECT_OK(kafka_encode(&g[i].what, space.to, at, bytes, &len, &space.fault)) ||
            !EXPECT_EQ(len, bytes) || !EXPECT_BYTES(at, g[i].again.at, len))
            fault_shown(&g[i]);
        free(at);
    }
}

TEST(kafka_golden, unset_is_what_nobody_said)
{
    // Goal: kafka_unset() gives the values of a fresh object of Kafka's classes.
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t at[256];
        size_t len = 0;
        if (strcmp(g[i].kind, "unset") != 0)
            continue;
        kafka_unset(g[i].what.shape, space.to);
        if (!EXPECT_OK(kafka_encode(&g[i].what, space.to, at, sizeof(at), &len, &space.fault)) ||
            !EXPECT_EQ(len, g[i].bytes.len) || !EXPECT_BYTES(at, g[i].bytes.at, len))
            fault_shown(&g[i]);
    }
}

/* Asks `holds` of every member of a decoded struct that its version has, those of lists too. */
static bool all_hold(const struct kafka_shape *s, const uint8_t *at, unsigned version,
                     bool (*holds)(const struct kafka_row *row, unsigned version,
                                   const uint8_t *member))
{
    bool held = true;
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        struct kafka_list list;
        if (!kafka_row_lives(row, version))
            continue;
        held &= holds(row, version, at + row->at);
        if (row->kind != KAFKA_ITEMS)
            continue;
        memcpy(&list, at + row->at, sizeof(list));
        for (uint32_t k = 0; k < list.count; k++)
            held &= all_hold(row->shape(), (const uint8_t *)list.at + k * row->shape()->bytes,
                             version, holds);
    }
    return held;
}

static void goldens_hold(const char *kind, bool (*holds)(const struct kafka_row *row,
                                                         unsigned version, const uint8_t *member))
{
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(g[i].kind, kind) == 0 &&
            (!EXPECT_OK(space_decode(&space, &g[i].what, g[i].bytes)) ||
             !all_hold(g[i].what.shape, space.to, (unsigned)g[i].what.version, holds)))
            fault_shown(&g[i]);
}

static bool fresh_is_unset(const struct kafka_row *row, unsigned version, const uint8_t *member)
{
    (void)version;
    if (row->kind == KAFKA_ITEMS)
        return true;
    if (row->kind == KAFKA_RECORDS) /* Kafka's object begins with null, and nobody sends that */
        return true;
    return EXPECT(kafka_row_is_unset(row, member)) || (printf("    %s\n", row->name), false);
}

TEST(kafka_golden, fresh_elements_are_unset)
{
    // Goal: the values of what a version lacks are Kafka's, in every struct of every list.
    goldens_hold("fresh", fresh_is_unset);
}

static bool list_kind(const struct kafka_row *row)
{
    return row->kind == KAFKA_ITEMS || row->kind == KAFKA_TEXTS || row->kind == KAFKA_I32S;
}

/* Where the rows allow null, Kafka's definitions do: its object has null there. */
static bool null_is_null(const struct kafka_row *row, unsigned version, const uint8_t *member)
{
    const void *at; /* the first member of texts and lists */
    if (!row->nullable || version < row->null_first)
        return true;
    memcpy(&at, member, sizeof(at));
    return EXPECT(!at) || (printf("    %s\n", row->name), false);
}

static bool hole_is_null(const struct kafka_row *row, unsigned version, const uint8_t *member)
{
    return list_kind(row) || null_is_null(row, version, member);
}

TEST(kafka_golden, null_is_where_kafka_allows_it)
{
    goldens_hold("null", null_is_null);
    goldens_hold("holes", hole_is_null);
}

/* A bit for each kind that an API has at a version and side. */
static unsigned kinds_of(const struct kafka_api *api, int16_t version, enum kafka_side side)
{
    static const char *const kinds[] = {
        "unset", "fresh", "full", "null", "holes", "tags", "long"
    };
    unsigned count, seen = 0;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++)
        if (g[i].api == api && g[i].what.version == version && g[i].what.side == side)
            for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
                seen |= strcmp(g[i].kind, kinds[k]) == 0 ? 1u << k : 0;
    return seen;
}

TEST(kafka_golden, has_every_version_served)
{
    for (unsigned i = 0; i < kafka_api_count; i++) {
        const struct kafka_api *api = &kafka_apis[i];
        for (int16_t v = api->served_first; v <= api->last; v++)
            for (int side = KAFKA_REQUEST; side <= KAFKA_RESPONSE; side++) {
                unsigned want =
                    31u | (v >= api->flexible_first ? 32u : 0) | (v == api->last ? 64u : 0);
                if (!EXPECT_EQ(kinds_of(api, v, (enum kafka_side)side), want))
                    printf("    in %s v%d\n", api->name, v);
            }
    }
}

TEST(kafka_golden, cut_anywhere_is_refused)
{
    // Goal: no prefix of a message is a message, and nothing beyond it is read. Method: each prefix
    // in a block of exactly its size; the fault stands inside of it.
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++)
        for (size_t len = 0; len < g[i].bytes.len; len++) {
            uint8_t *cut = malloc(len ? len : 1);
            memcpy(cut, g[i].bytes.at, len);
            enum err err = space_decode(&space, &g[i].what, (struct bytes){ cut, len });
            free(cut);
            if (!EXPECT_ERR(err, ERR_BAD_FRAME) || !EXPECT(space.fault.pos <= len)) {
                printf("    in %s, cut at %zu\n", g[i].name, len);
                break;
            }
        }
}

TEST(kafka_golden, a_byte_more_is_refused)
{
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++) {
        size_t len = g[i].bytes.len;
        uint8_t *more = calloc(1, len + 1);
        memcpy(more, g[i].bytes.at, len);
        if (!EXPECT_ERR(space_decode(&space, &g[i].what, (struct bytes){ more, len + 1 }),
                        ERR_BAD_FRAME) ||
            !EXPECT_EQ(space.fault.kind, KAFKA_FAULT_TRAILING) || !EXPECT_EQ(space.fault.pos, len))
            printf("    in %s\n", g[i].name);
        free(more);
    }
}

TEST(kafka_golden, no_space_is_refused)
{
    // Goal: encoding never writes beyond its space. Method: one byte too few, in an exact block.
    unsigned count;
    const struct golden *g = goldens(&count);
    for (unsigned i = 0; i < count; i++) {
        size_t cap = g[i].again.len - 1, len = 0;
        if (!g[i].again.len || !EXPECT_OK(space_decode(&space, &g[i].what, g[i].bytes)))
            continue;
        uint8_t *at = malloc(cap ? cap : 1);
        if (!EXPECT_ERR(kafka_encode(&g[i].what, space.to, at, cap, &len, &space.fault),
                        ERR_TOO_LARGE) ||
            !EXPECT_EQ(space.fault.kind, KAFKA_FAULT_SPACE))
            printf("    in %s\n", g[i].name);
        free(at);
    }
}
