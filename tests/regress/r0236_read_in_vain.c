/* A fetch that waited for many bytes read what there was, anew and from its beginning, each time
 * that a record came. Goal: it reads again when there may be as much as it wants, and ends then;
 * also where records come faster than they become visible, and where the oldest ones go meanwhile.
 * Method: reads are counted. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

enum { APPENDS = 120, VALUE_BYTES = 100 };
static struct node_world w;
static struct place place;
static bool done;
static struct verb_fetch fetch;

static uint64_t reads(void)
{
    struct store_counts c = store_counts(serve_store(w.serve, 0));
    return c.reads_hot + c.reads_cold;
}

static bool begin(void)
{
    node_open(&w, 236, 1, 1);
    if (!EXPECT_EQ(node_start(&w, NULL), SERVE_READY) ||
        !EXPECT_OK(node_create(&w, "t", 1, NULL, NULL)))
        return false;
    struct topic_info *t = node_topic(&w, "t");
    place = t->places[0];
    free(t);
    return true;
}

static void end(void)
{
    serve_fetch_give(&fetch, NULL);
    node_pass(&w, MS_NS);
    node_stop(&w);
    node_close(&w);
}

static void append(void)
{
    static char value[VALUE_BYTES + 1];
    memset(value, 'v', VALUE_BYTES);
    EXPECT_OK(node_append(&w, &place, value, 0, NULL));
}

/* Half of all records. */
static void fetch_start(uint64_t off)
{
    fetch = (struct verb_fetch){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                                 .place = place,
                                 .off = off,
                                 .bytes_max = 1u << 20,
                                 .bytes_min = APPENDS / 2 * VALUE_BYTES,
                                 .wait_ns = 100000 * SEC_NS };
    done = false;
    serve_fetch(w.serve, &fetch);
    node_pass(&w, MS_NS);
}

TEST(r0236, one_record_after_another)
{
    if (!begin())
        return;
    append();
    uint64_t before = reads();
    fetch_start(0);
    uint32_t count = 0;
    for (; count < APPENDS && !done; count++)
        append();
    node_pass(&w, MS_NS);
    EXPECT(done && count < APPENDS / 2 + 1);
    EXPECT(fetch.batches.len >= APPENDS / 2 * VALUE_BYTES);
    EXPECT(reads() - before <= 4);
    end();
}

TEST(r0236, when_the_oldest_go)
{
    if (!begin())
        return;
    for (uint32_t i = 0; i < APPENDS; i++)
        append();
    fetch_start(APPENDS);
    struct verb_trim trim = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                              .place = place,
                              .off = APPENDS };
    bool trimmed = false;
    trim.verb.arg = &trimmed;
    serve_trim(w.serve, &trim);
    EXPECT(node_until(&w, &trimmed));
    for (uint32_t i = 0; i < APPENDS / 2; i++)
        append();
    node_pass(&w, MS_NS);
    EXPECT(done);
    end();
}

/* Appends that are all under way at once, at a disk that is slow. */
static uint32_t appended;

static void append_done(struct verb *v)
{
    EXPECT_OK(v->err);
    appended++;
}

TEST(r0236, many_at_once)
{
    static struct verb_append all[APPENDS];
    static uint8_t at[VALUE_BYTES + 200], value[VALUE_BYTES];
    struct batch_builder b;
    struct batch_record r = { .value = { value, sizeof(value) } };
    if (!begin())
        return;
    batch_builder_open(&b, at, sizeof(at));
    EXPECT_OK(batch_builder_add(&b, &r));
    struct bytes batch = batch_builder_done(&b);
    sim_chances(w.sim, &(struct sim_opts){ .slow_per_million = 1000000 });
    appended = 0;
    fetch_start(0);
    for (uint32_t i = 0; i < APPENDS; i++) {
        all[i] = (struct verb_append){ .verb = { .done = append_done, .home = HOME_ANY },
                                       .place = place,
                                       .batch = batch };
        serve_append(w.serve, &all[i]);
        node_pass(&w, MS_NS);
    }
    for (uint32_t i = 0; appended < APPENDS && i < 10000; i++)
        node_pass(&w, MS_NS);
    EXPECT_EQ(appended, APPENDS);
    EXPECT(done && fetch.batches.len >= APPENDS / 2 * VALUE_BYTES);
    end();
}
