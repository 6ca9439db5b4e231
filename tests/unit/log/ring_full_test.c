/* Goal: a store whose checkpoints wait for disk space can be killed and started again and again:
 * OPEN never overwrites the entry where replay starts (r0114: the ring's end and its free end are
 * one place, r0115: they are not), and where it has no place any more, the opening writes nothing,
 * and repair makes room (r0116). Method: the tails file cannot grow; data, then partitions fill the
 * ring as far as it lets them. */
#include <string.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/log/repair.h"
#include "tests/unit/log/fixture.h"

#define PARTS    30u
#define ADDS_MAX 4096u
#define OPENINGS 8u /* a sixteenth of the fixture's ring */

static struct part_request adds[ADDS_MAX];
static bool added[ADDS_MAX];

static void add_done(struct part_request *r)
{
    *(bool *)r->arg = r->err == ERR_OK;
}

/* Partitions until not even their rows have room, `at_once` in an entry; returns how many tries. */
static uint32_t adds_fill(struct fixture *f, uint32_t at_once)
{
    uint32_t n = 0;
    uint64_t before;
    do {
        before = f->store->counts.entries;
        for (uint32_t end = n + at_once; n < end; n++) {
            check(n < ADDS_MAX);
            added[n] = false;
            adds[n] = (struct part_request){ .done = add_done, .arg = &added[n] };
            part_add(f->store, &adds[n], fixture_topic(99), n);
        }
        fixture_pass(f, 20 * MS_NS);
    } while (f->store->counts.entries > before);
    return n;
}

/* Fills the ring behind `used` blocks that a checkpoint has freed; returns the partitions tried. */
static uint32_t ring_fill(struct fixture *f, uint64_t seed, uint32_t used, uint32_t at_once)
{
    fixture_open_still(f, seed);
    fixture_settle(f);
    check(f->store->journal.free_pos == 0 && f->store->journal.head_pos == BLOCK_BYTES);
    for (uint32_t i = 0; i < PARTS / 2; i++) /* 15 entries and OPEN; slots for all of them */
        fixture_add(f, i);
    for (uint32_t i = 16; i < used; i++)
        fixture_fill(f, 0, 1, 200);
    if (used) {
        fixture_checkpoint(f);
        check(f->store->journal.free_pos == used * BLOCK_BYTES);
    }
    for (uint32_t i = PARTS / 2; i < PARTS; i++)
        fixture_add(f, i);
    fixture_slots_refused(f);
    for (uint32_t i = 0; i < PARTS; i++)
        fixture_fill(f, i, 1, 300);
    struct sent *s;
    do {
        s = fixture_send(f, 0, (struct spec){ .bytes = 9000 });
        fixture_pass(f, 20 * MS_NS);
    } while (s->done && !s->a.err); /* data is refused: B11 */
    uint64_t entries = f->store->counts.entries;
    uint32_t n = adds_fill(f, at_once);
    EXPECT(f->store->counts.entries - entries > (at_once == 1 ? 14 : 0)); /* data left them room */
    EXPECT(f->store->ckpt);
    return n;
}

static void parts_verify(struct fixture *f, uint32_t tried)
{
    for (uint32_t i = 0; i < PARTS; i++)
        fixture_verify(f, i, 1 << 20);
    for (uint32_t i = 0; i < tried; i++)
        EXPECT(!added[i] || part_find(f->store, fixture_topic(99), i));
}

static uint32_t file_crc(struct fixture *f, const char *name)
{
    static uint8_t at[MIB(4)];
    uint64_t len = sim_file_bytes(f->node, FIXTURE_DIR, name);
    check(len > BLOCK_BYTES && len <= sizeof(at));
    sim_file_read(f->node, FIXTURE_DIR, name, 0, at, len);
    return crc32c(0, at, len);
}

/* Killed and started until OPEN has no place; returns how often it had one. */
static uint32_t restarts(struct fixture *f, uint32_t tried)
{
    for (uint32_t n = 0;; n++) {
        fixture_crash(f, n % 2 ? SIM_POWER : SIM_KILL);
        uint32_t crc = file_crc(f, "journal");
        enum err err = fixture_start(f);
        if (err || n > ADDS_MAX) {
            EXPECT_ERR(err, ERR_NO_SPACE);
            EXPECT(strstr(f->why.text, "free disk space"));
            EXPECT_EQ(file_crc(f, "journal"), crc);
            return n;
        }
        parts_verify(f, tried);
        fixture_pass(f, 100 * MS_NS);
        EXPECT(f->store->ckpt);
    }
}

/* After `n` starts there is space again. */
static void restart_then_space(uint32_t used, uint32_t at_once, uint32_t n)
{
    struct fixture f;
    uint32_t tried = ring_fill(&f, 1140 + used, used, at_once);
    for (uint32_t i = 0; i < n; i++) {
        fixture_crash(&f, i % 2 ? SIM_POWER : SIM_KILL);
        REQUIRE_OK(fixture_start(&f));
        parts_verify(&f, tried);
        fixture_pass(&f, 100 * MS_NS);
    }
    sim_fault_clear(f.node);
    fixture_pass(&f, 2 * SEC_NS);
    fixture_settle(&f);
    EXPECT(f.store->counts.checkpoints > 0);
    fixture_fill(&f, 1, 20, 9000);
    fixture_again(&f, SIM_POWER);
    parts_verify(&f, tried);
    fixture_close(&f);
}

TEST(ring_full, restarts_where_the_free_end_is_the_wrap)
{
    for (uint32_t n = 1; n <= OPENINGS; n++)
        restart_then_space(0, 1, n); /* r0114 */
    restart_then_space(0, 200, OPENINGS);
}

TEST(ring_full, restarts_where_the_free_end_is_elsewhere)
{
    static const uint32_t used[] = { 17, 18, 24, 40, 63 }; /* r0115 */
    for (uint32_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        restart_then_space(used[i], 1, 3);
        restart_then_space(used[i], 1, OPENINGS);
        restart_then_space(used[i], 200, OPENINGS);
    }
}

TEST(ring_full, without_a_place_nothing_is_written_and_repair_makes_room)
{
    static const uint32_t used[] = { 0, 17, 40 }; /* r0116 */
    for (uint32_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        struct fixture f;
        struct repair_report report;
        uint32_t tried = ring_fill(&f, 1150 + i, used[i], 1);
        uint32_t n = restarts(&f, tried);
        EXPECT(n >= OPENINGS && n < OPENINGS + 2);
        sim_fault_clear(f.node);
        EXPECT_ERR(fixture_start(&f), ERR_NO_SPACE); /* what would free the ring comes after it */
        REQUIRE_OK(repair_run(f.io, f.dir, &report, &f.why));
        EXPECT_EQ(report.tiles + report.slots + report.parts, 0);
        REQUIRE_OK(fixture_start(&f));
        parts_verify(&f, tried);
        fixture_fill(&f, 1, 20, 9000);
        fixture_again(&f, SIM_POWER);
        parts_verify(&f, tried);
        fixture_close(&f);
    }
}

/* The power fails at each of a repair's I/Os, one after another, on one store. */
static void repair_cut_short(uint64_t seed)
{
    struct fixture f;
    struct repair_report report;
    uint32_t tried = ring_fill(&f, seed, 17, 1), k = 0;
    restarts(&f, tried);
    sim_fault_clear(f.node);
    uint32_t image = file_crc(&f, "image");
    enum err err = ERR_NO_SPACE;
    while (err == ERR_NO_SPACE) {
        EXPECT_EQ(file_crc(&f, "image"), image); /* until the other one has its name */
        sim_crash_at_io(f.node, ++k, SIM_POWER);
        (void)repair_run(f.io, f.dir, &report, &f.why);
        fixture_crash(&f, SIM_POWER);
        err = fixture_start(&f);
    }
    REQUIRE_OK(err);
    EXPECT(k > 10);
    parts_verify(&f, tried);
    fixture_fill(&f, 1, 20, 9000);
    fixture_again(&f, SIM_POWER);
    parts_verify(&f, tried);
    fixture_close(&f);
}

TEST(ring_full, a_repair_that_is_cut_short_is_done_again)
{
    // Goal: r0116: its tries are one opening, and never make one image of two.
    for (uint64_t seed = 1160; seed < 1168; seed++)
        repair_cut_short(seed);
}

TEST(ring_full, the_smallest_ring_has_room_for_data_beyond_half)
{
    // Goal: what is kept does not stop data before a checkpoint begins. Method: appends one by one.
    struct fixture f;
    fixture_init(&f, 1170);
    f.geometry.entry_max = ENTRY_MAX_LOWEST;
    f.geometry.journal_bytes = BLOCK_BYTES + RING_ENTRIES_MIN * ENTRY_MAX_LOWEST;
    fixture_boot(&f);
    REQUIRE_OK(fixture_create(&f));
    REQUIRE_OK(fixture_start(&f));
    uint64_t ring = f.store->journal.ring, used = 0;
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 300; i++) {
        fixture_fill(&f, 0, 1, 9000);
        bool waits = f.store->want_checkpoint && journal_used(f.store) < ring / 2;
        EXPECT(!waits);
        used = max_u64(used, journal_used(f.store));
    }
    EXPECT(used >= ring / 2);
    EXPECT(f.store->counts.laps > 10);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
