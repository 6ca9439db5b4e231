/* Goal: letters are opened in order, all of them, and a turn ends where they move too many bytes.
 * Method: letters that note when they were opened, and claim to have moved bytes. */
#include "engine/io/sim.h"
#include "engine/shard/shard.h"
#include "tests/test.h"

#define LETTERS 12u

struct noted {
    struct letter letter;
    uint64_t bytes;
    uint32_t place; /* among all that were opened, from 1 on */
};

static uint32_t opened;

static void note(struct letter *l, struct shard *at)
{
    struct noted *n = container_of(l, struct noted, letter);
    n->place = ++opened;
    at->turn_bytes += n->bytes;
}

TEST(shard, a_turn_opens_letters_up_to_its_bytes)
{
    struct sim *sim = sim_open(&(struct sim_opts){ .seed = 1 });
    struct noted letters[LETTERS];
    struct shard s;
    shard_open(&s, 0);
    REQUIRE_OK(shard_start(&s, &(struct io_opts){ .node = sim_node(sim, 0) }));
    opened = 0;
    for (uint32_t i = 0; i < LETTERS; i++) {
        letters[i] = (struct noted){ .letter.open = note, .bytes = i < 8 ? 100u << 10 : 100 };
        shard_post(&s, &letters[i].letter);
    }
    EXPECT_EQ(shard_turn(&s, SEC_NS), 3); /* 300 KiB: the third passes the limit */
    EXPECT_EQ(shard_due_ns(&s), 0);       /* it does not sleep on the rest */
    EXPECT_EQ(shard_turn(&s, SEC_NS), 3);
    struct noted late = { .letter.open = note };
    shard_post(&s, &late.letter);
    EXPECT_EQ(shard_turn(&s, SEC_NS), 6); /* 200 KiB and small ones */
    EXPECT_EQ(late.place, 0);             /* came after them, is opened after them */
    EXPECT_EQ(shard_turn(&s, SEC_NS), 1);
    EXPECT_EQ(shard_due_ns(&s), UINT64_MAX);
    for (uint32_t i = 0; i < LETTERS; i++)
        EXPECT_EQ(letters[i].place, i + 1);
    EXPECT_EQ(late.place, LETTERS + 1);
    shard_close(&s);
    sim_close(&sim);
}
