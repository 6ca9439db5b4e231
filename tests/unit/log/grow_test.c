/* Goal: volume files are made, zeroed, refused and removed so that no end of the machine and no
 * full disk loses a byte. Method: partitions that need more space than one volume has, dropped
 * again, with ends and faults at each step. */
#include "tests/unit/log/fixture.h"

#include <stdio.h>
#include <string.h>

#define ENOSPC_ 28
#define EIO_    5

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];

/* Every I/O that makes, zeroes or removes space fails once, if it has this verb. */
static void fail_each(struct fixture *f, enum io_verb verb)
{
    for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
        if ((strstr((*s)->file, "log/grow.c") || strstr((*s)->file, "log/zero.c")) &&
            (*s)->verb == verb)
            sim_fault(f->node, *s, EIO_, 1);
}

static uint64_t vol_size(const struct fixture *f, uint32_t number)
{
    char name[32];
    vol_name(name, number);
    return sim_file_bytes(f->node, FIXTURE_DIR, name);
}

TEST(grow, prepares_space_ahead)
{
    struct fixture f;
    fixture_open(&f, 70);
    fixture_settle(&f);
    EXPECT_EQ(f.store->vol_count, 1);
    EXPECT_EQ(f.store->counts.vols_made, 1);
    EXPECT_EQ(vol_size(&f, 1), vol_bytes(&f.geometry));
    EXPECT_EQ(vol_size(&f, 2), 0);
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "vol.tmp"), 0);
    struct vol *v = f.store->vols[0];
    EXPECT_EQ(v->number, 1);
    EXPECT_EQ(v->opening, store_opening(f.store));
    EXPECT_EQ(v->slabs[0].written + v->slabs[1].written + v->slabs[2].written + v->slabs[3].written,
              2); /* zero_ahead */
    EXPECT(!f.store->grower->zeroing);
    uint8_t block[BLOCK_BYTES];
    struct identity id;
    sim_file_read(f.node, FIXTURE_DIR, "vol-0001", 0, block, sizeof(block));
    EXPECT_OK(identity_decode(block, &id, &f.why));
    EXPECT_EQ(id.kind, FILE_VOLUME);
    EXPECT_EQ(id.file_number, 1);
    EXPECT_EQ(id.opening, store_opening(f.store));
    EXPECT(id16_equal(id.store, f.store->id.store));
    struct store_counts c = store_counts(f.store);
    EXPECT_EQ(c.space_bytes, vol_bytes(&f.geometry));
    EXPECT_EQ(c.space_free_bytes, 4 * KIB(256));
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 500);
    fixture_settle(&f);
    EXPECT_EQ(store_counts(f.store).space_free_bytes, 3 * KIB(256));
    EXPECT_EQ(v->slabs[0].written + v->slabs[1].written + v->slabs[2].written + v->slabs[3].written,
              3);
    fixture_close(&f);
}

TEST(grow, is_busy_as_long_as_a_file_is_made_zeroed_or_removed)
{
    struct fixture f;
    bool making = false, zeroing = false, removing = false;
    fixture_open(&f, 84);
    const struct grower *g = f.store->grower;
    for (uint32_t i = 0; i < 2000 && (i < 10 || volumes_busy(f.store)); i++) {
        EXPECT_EQ(volumes_busy(f.store), g->step != MAKE_NONE || g->zeroing);
        making |= g->step != MAKE_NONE && !g->zeroing;
        zeroing |= g->step == MAKE_NONE && g->zeroing;
        fixture_turn(&f);
    }
    EXPECT(making && zeroing);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 26; i++)
        fixture_fill(&f, 0, 1, 120000);
    EXPECT_OK(fixture_drop(&f, 0));
    f.store->want_checkpoint = true;
    for (uint32_t i = 0; i < 2000 && !removing; i++) {
        fixture_turn(&f);
        removing = g->removing && g->step == MAKE_NONE && !g->zeroing;
    }
    EXPECT(removing && volumes_busy(f.store));
    fixture_settle(&f);
    EXPECT(!volumes_busy(f.store));
    fixture_close(&f);
}

TEST(grow, a_volume_that_is_being_synced_is_not_removed)
{
    // Goal: nor one that the live image still names.
    struct fixture f;
    fixture_open(&f, 85);
    fixture_settle(&f);
    f.bent = true;
    struct vol *v = f.store->vols[0];
    v->state = VOL_RETIRING;
    v->retired_generation = f.store->generation + 1;
    volumes_turn(f.store);
    EXPECT(!f.store->grower->removing);
    v->retired_generation = f.store->generation;
    for (uint32_t i = 0; i < 4; i++) {
        v->commit_sync = i == 0;
        v->ckpt_sync = i == 1;
        v->commit_op.busy = i == 2;
        v->ckpt_op.busy = i == 3;
        volumes_turn(f.store);
        EXPECT(!f.store->grower->removing);
    }
    v->ckpt_op.busy = false;
    volumes_turn(f.store);
    EXPECT(f.store->grower->removing == v);
    fixture_settle(&f);
    EXPECT_EQ(vol_size(&f, 1), 0);
    fixture_close(&f);
}

TEST(grow, zero_ahead_counts_free_slabs_only)
{
    struct fixture f;
    fixture_init(&f, 71);
    f.opts.zero_ahead = 3;
    fixture_boot(&f);
    REQUIRE_OK(fixture_create(&f));
    REQUIRE_OK(fixture_start(&f));
    fixture_settle(&f);
    uint32_t written = 0;
    for (uint32_t i = 0; i < 4; i++)
        written += f.store->vols[0]->slabs[i].written;
    EXPECT_EQ(written, 3);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 9; i++)
        fixture_fill(&f, 0, 1, 120000);
    fixture_settle(&f);
    EXPECT(f.store->vol_count >= 2);
    uint32_t ready = 0;
    for (uint32_t v = 0; v < f.store->vol_count; v++)
        for (uint32_t i = 0; i < 4; i++) {
            const struct slab *b = &f.store->vols[v]->slabs[i];
            ready += b->order == SLAB_FREE && b->written;
        }
    EXPECT(ready >= 3);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

/* Three volumes full, then empty again. */
static void breathe(struct fixture *f)
{
    fixture_add(f, 0);
    fixture_add(f, 1);
    fixture_fill(f, 0, 2, 700);
    for (uint32_t i = 0; i < 26; i++)
        fixture_fill(f, 1, 1, 120000);
}

TEST(grow, surplus_volumes_are_removed_whole)
{
    struct fixture f;
    fixture_open(&f, 72);
    breathe(&f);
    uint32_t most = f.store->vol_count;
    REQUIRE(most >= 4);
    EXPECT_OK(fixture_drop(&f, 1));
    for (uint32_t i = 0; i < 8; i++)
        fixture_checkpoint(&f);
    uint32_t left = f.store->vol_count;
    EXPECT(left <= most - 2); /* more than one went: each step of removing ended */
    EXPECT(left >= 2);
    EXPECT(f.store->counts.vols_removed >= 2);
    EXPECT_EQ(f.store->counts.vols_made - f.store->counts.vols_removed, left);
    uint32_t files = 0;
    for (uint32_t n = 1; n < f.store->next_vol; n++)
        files += vol_size(&f, n) > 0;
    EXPECT_EQ(files, left);
    fixture_verify(&f, 0, 1000);
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(f.store->vol_count, left);
    fixture_verify(&f, 0, 1000);
    breathe(&f); /* and grows again, with numbers never used before */
    for (uint32_t i = 0; i < f.store->vol_count; i++)
        EXPECT(f.store->vols[i]->number <= f.store->next_vol);
    fixture_verify(&f, 1, 1 << 20);
    fixture_close(&f);
}

TEST(grow, an_end_at_any_step_of_growing_or_removing)
{
    for (uint64_t k = 1; k < 120; k += 3) {
        struct fixture f;
        fixture_open(&f, 700 + k);
        breathe(&f);
        sim_crash_at_io(f.node, k, k % 3);
        struct sent *s[6];
        for (uint32_t i = 0; i < 6; i++)
            s[i] = fixture_send(&f, 0, (struct spec){ .bytes = 120000 });
        for (uint32_t i = 0; i < 6 && fixture_until(&f, &s[i]->done); i++)
            ;
        fixture_again(&f, SIM_POWER);
        fixture_verify(&f, 0, 1 << 20);
        fixture_verify(&f, 1, 1 << 20);
        EXPECT_OK(fixture_drop(&f, 1));
        sim_crash_at_io(f.node, 1 + k % 40, (k + 1) % 3);
        f.store->want_checkpoint = true;
        for (uint32_t i = 0; i < 400 && fixture_turn(&f); i++)
            f.store->want_checkpoint = !f.store->ckpt;
        fixture_again(&f, SIM_POWER);
        EXPECT(!fixture_part(&f, 1));
        fixture_verify(&f, 0, 1 << 20);
        fixture_settle(&f);
        fixture_close(&f);
    }
}

TEST(grow, a_full_disk_refuses_and_goes_on_when_there_is_room)
{
    struct fixture f;
    fixture_open(&f, 73);
    fixture_add(&f, 0);
    fixture_settle(&f);
    sim_disk_limit(f.node, 1); /* nothing more */
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < 40 && !err; i++)
        err = fixture_append(&f, 0, (struct spec){ .bytes = 120000 });
    EXPECT_ERR(err, ERR_NO_SPACE);
    EXPECT_EQ(f.store->full, true);
    EXPECT(!store_poisoned(f.store, NULL));
    fixture_verify(&f, 0, 1 << 20);
    uint64_t starts = sim_counts(f.sim).io_starts;
    fixture_pass(&f, 5 * SEC_NS);
    EXPECT(sim_counts(f.sim).io_starts - starts <
           60); /* it tries once a second, not all the time */
    sim_disk_limit(f.node, 0);
    fixture_pass(&f, 2 * SEC_NS);
    EXPECT_EQ(f.store->full, false);
    fixture_fill(&f, 0, 5, 120000);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(grow, the_limit_of_space_is_kept_and_drops_make_room)
{
    struct fixture f;
    fixture_init(&f, 74);
    f.opts.space_max = 2 * vol_bytes(&f.geometry);
    fixture_boot(&f);
    REQUIRE_OK(fixture_create(&f));
    REQUIRE_OK(fixture_start(&f));
    fixture_add(&f, 0);
    fixture_add(&f, 1);
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < 40 && !err; i++)
        err = fixture_append(&f, 0, (struct spec){ .bytes = 120000 });
    EXPECT_ERR(err, ERR_NO_SPACE);
    EXPECT_EQ(f.store->vol_count, 2);
    EXPECT_EQ(f.store->counts.vols_made, 2);
    EXPECT(f.books[0].count >= 14); /* 2 MiB hold at least that many */
    EXPECT_ERR(fixture_append(&f, 1, (struct spec){ .bytes = 120000 }), ERR_NO_SPACE);
    fixture_verify(&f, 0, 1 << 20);
    EXPECT_OK(fixture_drop(&f, 0));
    fixture_settle(&f);
    EXPECT_EQ(f.store->full, false);
    fixture_fill(&f, 1, 3, 120000);
    fixture_verify(&f, 1, 1 << 20);
    fixture_close(&f);
}

TEST(grow, a_waiting_append_is_woken_by_the_new_volume)
{
    struct fixture f;
    struct sent *s[12];
    fixture_open(&f, 75);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 12; i++) /* at once: more than one volume holds */
        s[i] = fixture_send(&f, 0, (struct spec){ .bytes = 120000 });
    for (uint32_t i = 0; i < 12; i++) {
        EXPECT(fixture_until(&f, &s[i]->done));
        EXPECT_OK(s[i]->a.err);
    }
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(grow, an_error_while_making_poisons)
{
    static const enum io_verb verbs[] = { IO_OPEN, IO_WRITE, IO_SYNC, IO_RENAME };
    for (uint32_t i = 0; i < 4; i++) {
        struct fixture f;
        fixture_open(&f, 76 + i);
        fixture_add(&f, 0);
        fixture_settle(&f);
        fail_each(&f, verbs[i]);
        for (uint32_t n = 0; n < 12 && !f.store->poisoned; n++)
            fixture_append(&f, 0, (struct spec){ .bytes = 120000 });
        EXPECT(sim_fault_hits(f.node) > 0);
        EXPECT(store_poisoned(f.store, &f.why));
        EXPECT(strstr(f.why.text, "volume") || strstr(f.why.text, "zeroing"));
        EXPECT_ERR(fixture_append(&f, 0, (struct spec){ .bytes = 100 }), ERR_POISONED);
        fixture_verify(&f, 0, 1 << 20); /* reads go on */
        sim_fault_clear(f.node);
        fixture_again(&f, SIM_KILL);
        fixture_verify(&f, 0, 1 << 20);
        fixture_fill(&f, 0, 2, 120000);
        fixture_close(&f);
    }
}

TEST(grow, zeroing_without_space_backs_off)
{
    // Goal: a thin disk that has no blocks left is not written to in a loop.
    struct fixture f;
    fixture_open(&f, 80);
    fixture_settle(&f);
    fixture_add(&f, 0);
    const struct io_site *zero = NULL;
    for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
        if (strstr((*s)->file, "log/zero.c") && (*s)->verb == IO_WRITE)
            zero = *s;
    sim_fault(f.node, zero, ENOSPC_, 0);
    fixture_fill(&f, 0, 3, 120000);
    fixture_pass(&f, 5 * SEC_NS);
    EXPECT(sim_fault_hits(f.node) > 0);
    EXPECT(sim_fault_hits(f.node) < 20);
    EXPECT(!store_poisoned(f.store, NULL));
    fixture_fill(&f, 0, 3, 120000);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(grow, files_that_are_not_the_right_ones_are_refused)
{
    struct fixture f;
    uint8_t one[BLOCK_BYTES], two[BLOCK_BYTES];
    fixture_open(&f, 81);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 10; i++)
        fixture_fill(&f, 0, 1, 120000);
    fixture_checkpoint(&f);
    REQUIRE(f.store->vol_count >= 2);
    fixture_stop(&f);
    sim_file_read(f.node, FIXTURE_DIR, "vol-0001", 0, one, sizeof(one));
    sim_file_read(f.node, FIXTURE_DIR, "vol-0002", 0, two, sizeof(two));
    sim_file_write(f.node, FIXTURE_DIR, "vol-0001", 0, two, sizeof(two)); /* swapped */
    EXPECT_ERR(fixture_start(&f), ERR_MISMATCH);
    EXPECT(strstr(f.why.text, "vol-0001"));
    struct identity id;
    EXPECT_OK(identity_decode(one, &id, &f.why));
    id.opening++; /* of another age */
    identity_encode(&id, two);
    sim_file_write(f.node, FIXTURE_DIR, "vol-0001", 0, two, sizeof(two));
    EXPECT_ERR(fixture_start(&f), ERR_MISMATCH);
    one[100] ^= 1;
    sim_file_write(f.node, FIXTURE_DIR, "vol-0001", 0, one, sizeof(one));
    EXPECT_ERR(fixture_start(&f), ERR_CORRUPT);
    one[100] ^= 1;
    sim_file_write(f.node, FIXTURE_DIR, "vol-0001", 0, one, sizeof(one));
    REQUIRE_OK(fixture_start(&f));
    fixture_verify(&f, 0, 1 << 20);
    fixture_stop(&f);
    sim_file_delete(f.node, FIXTURE_DIR, "vol-0001");
    EXPECT_ERR(fixture_start(&f), ERR_MISMATCH);
    EXPECT(strstr(f.why.text, "missing"));
    fixture_close(&f);
}

/* So many more volumes, of which nothing exists but the table. */
static void vols_forge(struct fixture *f, uint32_t n)
{
    f->bent = true;
    for (uint32_t i = 0; i < n; i++) {
        struct vol *v = vol_new(f->store, f->store->next_vol++);
        v->state = VOL_LIVE;
        vol_add(f->store, v);
        for (uint32_t j = 0; j < f->geometry.slabs; j++)
            v->slabs[j].written = true;
    }
}

static uint32_t retiring(const struct fixture *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->store->vol_count; i++)
        n += f->store->vols[i]->state == VOL_RETIRING;
    return n;
}

TEST(grow, surplus_begins_with_two_volumes_beyond_the_reserve)
{
    // Volumes of four slabs, two of them kept ahead: ten free ones are surplus, nine are not.
    struct fixture f;
    fixture_open(&f, 90);
    fixture_settle(&f);
    vols_forge(&f, 2);
    struct vol *v = f.store->vols[0];
    v->free_slabs = 1; /* nine in all */
    volumes_turn(f.store);
    EXPECT_EQ(retiring(&f), 0);
    v->free_slabs = 2;
    f.store->stopping = true;
    volumes_turn(f.store);
    EXPECT_EQ(retiring(&f), 0);
    f.store->stopping = false;
    struct checkpoint k = { .state = CKPT_CAPTURE };
    f.store->ckpt = &k;
    volumes_turn(f.store);
    EXPECT_EQ(retiring(&f), 0);
    f.store->ckpt = NULL;
    f.store->grower->zeroing = f.store->vols[1];
    volumes_turn(f.store);
    EXPECT_EQ(retiring(&f), 1);
    EXPECT_EQ(f.store->vols[2]->state, VOL_RETIRING); /* an untouched one, and not that */
    EXPECT_EQ(f.store->vols[2]->retired_generation, f.store->generation + 1);
    f.store->grower->zeroing = NULL;
    volumes_turn(f.store);
    EXPECT_EQ(retiring(&f), 1); /* six are left */
    fixture_close(&f);
}

TEST(grow, without_space_it_asks_once_a_second)
{
    struct fixture f;
    fixture_open(&f, 91);
    fixture_settle(&f);
    fixture_pass(&f, SEC_NS);
    struct store *s = f.store;
    EXPECT_EQ(volumes_due_ns(s), UINT64_MAX);
    f.bent = true;
    s->vols[0]->free_slabs = 2; /* as many as are kept ahead */
    volumes_turn(s);
    EXPECT(!volumes_busy(s));
    sim_disk_limit(f.node, 1);
    s->vols[0]->free_slabs = 1;
    volumes_turn(s);
    EXPECT(volumes_busy(s));
    for (uint32_t i = 0; i < 1000 && volumes_busy(s); i++)
        fixture_turn(&f);
    EXPECT(s->full);
    EXPECT_EQ(s->grower->retry_ns, io_now_ns(f.io) + SEC_NS);
    EXPECT_EQ(volumes_due_ns(s), s->grower->retry_ns);
    s->stopping = true;
    EXPECT_EQ(volumes_due_ns(s), UINT64_MAX);
    s->stopping = false;
    s->vols[0]->free_slabs = 2;
    EXPECT_EQ(volumes_due_ns(s), UINT64_MAX);
    s->vols[0]->free_slabs = 1;
    fixture_pass(&f, SEC_NS / 2);
    EXPECT(!volumes_busy(s));
    s->grower->retry_ns = io_now_ns(f.io); /* now */
    EXPECT_EQ(volumes_due_ns(s), UINT64_MAX);
    volumes_turn(s);
    EXPECT(volumes_busy(s));
    fixture_close(&f);
}

TEST(grow, the_limit_of_space_counts_whole_volumes)
{
    static const struct {
        int64_t more;
        bool makes;
    } rows[] = { { -1, false }, { 0, true } };
    for (uint32_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_init(&f, 92 + i);
        f.opts.space_max = 2 * vol_bytes(&f.geometry) + (uint64_t)rows[i].more;
        fixture_boot(&f);
        REQUIRE_OK(fixture_create(&f));
        REQUIRE_OK(fixture_start(&f));
        fixture_settle(&f);
        EXPECT_EQ(f.store->vol_count, 1);
        f.bent = true;
        f.store->vols[0]->free_slabs = 1;
        volumes_turn(f.store);
        EXPECT_EQ(volumes_busy(f.store), rows[i].makes);
        EXPECT_EQ(f.store->full, !rows[i].makes);
        fixture_close(&f);
    }
}
