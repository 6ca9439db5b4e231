/* Goal: the image says where everything stood, fills its file to the last page, and gets a larger
 * one when it has to. Method: images of so many partitions that pages are counted by hand: 42 rows
 * a page. */
#include "engine/log/image.h"

#include "tests/unit/log/fixture.h"

#include <stdlib.h>

/* Head, rows of one volume, sections: three pages. */
#define PARTS_FULL ((16 - 3) * 42u) /* fill the first file's 64 KiB */

struct many {
    struct fixture f;
    struct part_request *requests;
    uint32_t done;
};

static void added(struct part_request *r)
{
    EXPECT_OK(r->err);
    ++*(uint32_t *)r->arg;
}

static void many_add(struct many *m, uint32_t from, uint32_t to)
{
    m->requests = calloc(to - from, sizeof(*m->requests));
    m->done = 0;
    for (uint32_t i = from; i < to; i++) {
        m->requests[i - from] = (struct part_request){ .done = added, .arg = &m->done };
        part_add(m->f.store, &m->requests[i - from], (struct id16){ { 'm' } }, i);
    }
    for (uint32_t i = 0; i < 100000 && m->done < to - from; i++)
        fixture_turn(&m->f);
    EXPECT_EQ(m->done, to - from);
    free(m->requests);
}

/* A quiet store with that many partitions, and an image that names its volume. */
static void many_open(struct many *m, uint64_t seed, uint32_t parts)
{
    *m = (struct many){ .done = 0 };
    fixture_open(&m->f, seed);
    fixture_settle(&m->f);
    EXPECT_EQ(m->f.store->vol_count, 1);
    many_add(m, 0, parts);
}

static struct image image_now(struct fixture *f)
{
    struct identity id = f->store->id;
    struct image im;
    id.file_bytes = BLOCK_BYTES + 4 * f->store->image_capacity;
    EXPECT_OK(image_load(f->io, f->store->image_fd, &id, &im, &f->why));
    return im;
}

TEST(image_file, its_head_says_where_the_store_stood)
{
    struct fixture f;
    fixture_open(&f, 1110);
    fixture_add(&f, 0);
    fixture_add(&f, 1);
    for (uint32_t i = 0; i < 9; i++)
        fixture_fill(&f, 0, 1, 120000);
    fixture_fill(&f, 1, 1, 500);
    fixture_settle(&f);
    const struct store *s = f.store;
    uint64_t seq = s->journal.seq, pos = journal_next_pos(s, s->journal.head_pos);
    uint64_t unused = s->generation + 1 + 2 * (s->opening - s->image_opening);
    uint32_t prev_crc = s->journal.prev_crc;
    int64_t wall_ms = io_wall_ms(f.io);
    fixture_checkpoint(&f);
    struct image im = image_now(&f);
    EXPECT_EQ(im.head.generation, unused);
    EXPECT_EQ(s->generation, unused);
    EXPECT_EQ(im.head.opening, s->opening);
    EXPECT_EQ(im.head.store_epoch, s->epoch);
    EXPECT_EQ(im.head.seq, seq);
    EXPECT_EQ(im.head.ring_pos, pos);
    EXPECT_EQ(im.head.prev_crc, prev_crc);
    EXPECT(im.head.time_ms >= wall_ms && im.head.time_ms <= io_wall_ms(f.io));
    EXPECT_EQ(im.head.next_extent, s->next_extent);
    EXPECT_EQ(im.head.next_vol, s->next_vol);
    EXPECT_EQ(im.head.parts, 2);
    EXPECT_EQ(im.head.extents, s->parts[0]->extent_count + s->parts[1]->extent_count);
    EXPECT_EQ(im.head.vols, s->vol_count);
    EXPECT(im.head.vols >= 2 && im.head.next_vol == im.head.vols + 1);
    for (uint32_t i = 0; i < im.head.vols; i++) {
        EXPECT_EQ(im.vols[i].number, s->vols[i]->number);
        EXPECT_EQ(im.vols[i].slabs, 4);
        EXPECT_EQ(im.vols[i].opening, s->vols[i]->opening);
    }
    image_close(&im);
    fixture_close(&f);
}

TEST(image_file, a_full_one_stays)
{
    struct many m;
    many_open(&m, 1111, PARTS_FULL);
    struct store *s = m.f.store;
    uint64_t before = s->counts.image_bytes;
    EXPECT_EQ(s->image_capacity, KIB(64));
    fixture_checkpoint(&m.f);
    EXPECT_EQ(s->counts.image_bytes - before, 2 * KIB(64));
    EXPECT_EQ(s->image_capacity, KIB(64));
    EXPECT_EQ(sim_file_bytes(m.f.node, FIXTURE_DIR, "image"), BLOCK_BYTES + 4 * KIB(64));
    fixture_again(&m.f, SIM_POWER);
    EXPECT_EQ(store_report(m.f.store)->parts, PARTS_FULL);
    fixture_close(&m.f);
}

TEST(image_file, one_partition_more_doubles_it)
{
    struct many m;
    many_open(&m, 1112, PARTS_FULL + 1);
    struct store *s = m.f.store;
    uint64_t before = s->counts.image_bytes;
    int fd = s->image_fd;
    fixture_checkpoint(&m.f);
    EXPECT_EQ(s->counts.image_bytes - before, 2 * 17 * BLOCK_BYTES);
    EXPECT_EQ(s->image_capacity, KIB(128));
    EXPECT(s->image_fd != fd);
    EXPECT_EQ(sim_file_bytes(m.f.node, FIXTURE_DIR, "image"), BLOCK_BYTES + 4 * KIB(128));
    EXPECT_EQ(sim_file_bytes(m.f.node, FIXTURE_DIR, "image.tmp"), 0);
    struct identity id;
    uint8_t block[BLOCK_BYTES];
    sim_file_read(m.f.node, FIXTURE_DIR, "image", 0, block, sizeof(block));
    EXPECT_OK(identity_decode(block, &id, &m.f.why));
    EXPECT_EQ(id.kind, FILE_IMAGE);
    EXPECT_EQ(id.file_number, 0);
    EXPECT_EQ(id.file_bytes, BLOCK_BYTES + 4 * KIB(128));
    EXPECT(id16_equal(id.store, s->id.store));
    fixture_again(&m.f, SIM_POWER);
    EXPECT_EQ(m.f.store->image_capacity, KIB(128));
    EXPECT_EQ(store_report(m.f.store)->parts, PARTS_FULL + 1);
    fixture_checkpoint(&m.f); /* the older generation has a place in it, too */
    fixture_again(&m.f, SIM_POWER);
    EXPECT_EQ(store_report(m.f.store)->parts, PARTS_FULL + 1);
    fixture_close(&m.f);
}

TEST(image_file, without_space_it_asks_once_a_second)
{
    struct many m;
    many_open(&m, 1113, PARTS_FULL + 1);
    struct fixture *f = &m.f;
    struct store *s = f->store;
    fixture_pass(f, SEC_NS);
    fixture_settle(f);
    uint64_t generation = s->generation;
    sim_disk_limit(f->node, 1);
    s->want_checkpoint = true;
    for (uint32_t i = 0; i < 10000 && !(s->ckpt && s->ckpt->retry_ns); i++)
        fixture_turn(f);
    REQUIRE(s->ckpt);
    EXPECT_EQ(s->ckpt->retry_ns, io_now_ns(f->io) + SEC_NS);
    EXPECT_EQ(checkpoint_due_ns(s), s->ckpt->retry_ns);
    EXPECT(s->ckpt->fd < 0);
    for (uint32_t n = 0; n < 3; n++) { /* nothing before that, and then once */
        io_turn(f->io, 0);             /* looks at the clock */
        uint64_t retry_ns = s->ckpt->retry_ns, starts = sim_counts(f->sim).io_starts;
        fixture_pass(f, retry_ns - io_now_ns(f->io) - MS_NS);
        EXPECT_EQ(sim_counts(f->sim).io_starts, starts);
        fixture_pass(f, 2 * MS_NS);
        EXPECT(s->ckpt->retry_ns >= retry_ns + SEC_NS);
        EXPECT(s->ckpt->retry_ns < retry_ns + SEC_NS + 2 * MS_NS);
        /* unlink, open, allocate if nobody tells how much is left, unlink */
        EXPECT(sim_counts(f->sim).io_starts <= starts + 4);
    }
    EXPECT_EQ(s->generation, generation);
    EXPECT(!store_poisoned(s, NULL));
    sim_disk_limit(f->node, 0);
    fixture_pass(f, 2 * SEC_NS);
    EXPECT(s->generation > generation);
    EXPECT_EQ(s->image_capacity, KIB(128));
    fixture_again(f, SIM_POWER);
    EXPECT_EQ(store_report(f->store)->parts, PARTS_FULL + 1);
    fixture_close(f);
}

TEST(image_file, a_slice_looks_at_512_partitions)
{
    struct many m;
    many_open(&m, 1114, 1100);
    struct fixture *f = &m.f;
    fixture_settle(f);
    f->store->want_checkpoint = true;
    for (uint32_t n = 1; n <= 2; n++) {
        store_turn(f->store);
        REQUIRE(f->store->ckpt);
        EXPECT_EQ(f->store->ckpt->next, n * 512);
        EXPECT_EQ(f->store->ckpt->count, n * 512);
        EXPECT_EQ(checkpoint_due_ns(f->store), io_now_ns(f->io)); /* more is to do */
    }
    store_turn(f->store);
    EXPECT_EQ(f->store->ckpt->count, 1100);
    fixture_settle(f);
    struct image im = image_now(f);
    EXPECT_EQ(im.head.parts, 1100);
    for (uint32_t i = 0; i < im.head.parts; i++)
        EXPECT_EQ(im.parts[i].index, i);
    image_close(&im);
    fixture_close(f);
}
