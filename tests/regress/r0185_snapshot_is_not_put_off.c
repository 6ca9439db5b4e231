/* A coordinator that waited until nothing was under way, to write its state anew, saw then that the
 * log was not so long after all, as what had been under way was kept now: it did nothing, and all
 * that had come meanwhile waited for ever. Goal: it goes on. Method: a commit that is most of what
 * is kept. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static struct ask *commit(const uint8_t *metadata, size_t len)
{
    struct ask *a = ask_make(GROUP_VERB_COMMIT, "g", NULL);
    a->offsets[0] = (struct group_offset){ .topic = text("t"), .metadata = { metadata, len } };
    a->q.offsets = a->offsets;
    a->q.offset_count = 1;
    return group_world_ask(a);
}

TEST(r0185, snapshot_is_not_put_off)
{
    static const uint8_t metadata[3000];
    group_world_new();
    gw.opts.snapshot_bytes = 2000;
    group_world_start();
    gw.hold = true;
    struct ask *large = commit(metadata, sizeof(metadata));
    struct ask *next = commit(metadata, 1); /* waits for the snapshot */
    while (group_world_held())
        group_world_write(1);
    EXPECT_ASK(large, OK);
    EXPECT_ASK(next, OK);
    EXPECT(group_world_whole());
    group_world_end();
}
