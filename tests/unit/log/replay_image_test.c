/* Goal: an image whose rows verify and contradict the geometry, the files or one another is refused
 * as a whole; one whose rows just fit is taken. Method: the live image of a stopped store with one
 * figure changed, in both of its copies. Partition 0 has sealed extents and an open one with tiles
 * and a partial block, partition 1 a partial block alone. */
#include "engine/log/image.h"

#include "engine/base/check.h"
#include "tests/unit/log/fixture.h"

#include <string.h>

struct bench {
    struct fixture f;
    struct image im;
    struct identity id;
    uint64_t capacity;
    uint32_t first, last; /* rows of partition 0's first and last extents */
    uint64_t room;        /* bytes of data in the last one */
};

static void bench_open(struct bench *x, uint64_t seed)
{
    struct fixture *f = &x->f;
    *x = (struct bench){ .first = UINT32_MAX };
    fixture_open_still(f, seed);
    fixture_add(f, 0);
    fixture_add(f, 1);
    fixture_fill(f, 0, 20, 3500);
    fixture_fill(f, 0, 1, 20000);
    fixture_fill(f, 1, 2, 500);
    fixture_checkpoint(f);
    const struct store *s = f->store;
    x->id = s->id;
    x->capacity = s->image_capacity;
    x->id.file_bytes = BLOCK_BYTES + 4 * x->capacity;
    check(image_load(f->io, s->image_fd, &x->id, &x->im, &f->why) == ERR_OK);
    for (uint32_t i = 0; i < x->im.head.extents; i++) {
        const struct extent_row *e = &x->im.extents[i];
        if (e->part != 0)
            continue;
        if (x->first == UINT32_MAX)
            x->first = i;
        x->last = i;
    }
    const struct extent_row *last = &x->im.extents[x->last];
    x->room = extent_data_bytes(&s->id.geometry, last->order);
    check(x->first != x->last && !last->sealed && last->tiles > 0);
    check(x->im.parts[0].head_pos % BLOCK_BYTES != 0);
    f->opts.read_only = true;
    f->hurt = true;
    fixture_crash(f, SIM_POWER);
}

static void sections_copy(const struct image *im, struct image_build *b)
{
    const uint8_t *at = im->sections;
    for (size_t left = im->head.section_bytes; left;) {
        struct section s;
        check(section_decode(at, left, &s) == ERR_OK);
        struct buf *to = s.kind == SECTION_EPOCHS  ? &b->epochs
                         : s.kind == SECTION_TILES ? &b->tiles
                                                   : &b->producers;
        if (s.len)
            memcpy(buf_grow(to, s.len), at + SECTION_HEAD_BYTES, s.len);
        at += section_span(s.len);
        left -= section_span(s.len);
    }
}

/* What an opening says of the image that the rows of x->im make, with `epochs` and `tiles` more
 * bytes in those sections. */
static enum err opened(struct bench *x, uint32_t epochs, uint32_t tiles)
{
    struct image_build b = { .head = x->im.head };
    uint64_t bytes;
    store_close(&x->f.store);
    b.head.parts = b.head.extents = 0;
    for (uint32_t i = 0; i < x->im.head.parts; i++)
        image_build_part(&b, &x->im.parts[i]);
    for (uint32_t i = 0; i < x->im.head.extents; i++)
        image_build_extent(&b, &x->im.extents[i]);
    for (uint32_t i = 0; i < x->im.head.vols; i++)
        vol_row_encode(&x->im.vols[i], buf_grow(&b.vols, VOL_ROW_BYTES));
    sections_copy(&x->im, &b);
    if (epochs)
        memset(buf_grow(&b.epochs, epochs), 0, epochs);
    if (tiles)
        memset(buf_grow(&b.tiles, tiles), 0, tiles);
    uint8_t *pages = image_build_pages(&b, x->id.store, &bytes);
    check(pages && bytes <= x->capacity);
    for (uint32_t copy = 0; copy < 2; copy++)
        sim_file_write(x->f.node, FIXTURE_DIR, "image",
                       image_copy_pos(x->capacity, x->im.head.generation, copy), pages, bytes);
    io_buffer_give(pages);
    image_build_close(&b);
    return fixture_start(&x->f);
}

static void bench_close(struct bench *x)
{
    image_close(&x->im);
    fixture_close(&x->f);
}

/* With this figure changed so, the image is refused, or taken; it is put back afterwards. */
#define JUDGED(x, figure, value, wanted)                              \
    do {                                                              \
        __typeof__(figure) kept = (figure);                           \
        (figure) = (__typeof__(figure))(value);                       \
        enum err err = opened(x, 0, 0);                               \
        EXPECT_ERR(err, wanted);                                      \
        if (err == ERR_CORRUPT)                                       \
            EXPECT(strstr((x)->f.why.text, "contradict each other")); \
        (figure) = kept;                                              \
    } while (0)
#define REFUSED(x, figure, value) JUDGED(x, figure, value, ERR_CORRUPT)
#define TAKEN(x, figure, value)   JUDGED(x, figure, value, ERR_OK)

TEST(replay_image, numbers)
{
    struct bench x;
    bench_open(&x, 1170);
    EXPECT_OK(opened(&x, 0, 0));
    EXPECT_EQ(fixture_part(&x.f, 0)->next_off, 21);
    REFUSED(&x, x.im.parts[1].part, 2); /* only two are known */
    REFUSED(&x, x.im.parts[1].part, 0);
    REFUSED(&x, x.im.extents[x.first].part, 2);
    REFUSED(&x, x.im.extents[x.first].vol, 9);
    bench_close(&x);
}

TEST(replay_image, places)
{
    struct bench x;
    bench_open(&x, 1171);
    const struct geometry *g = &x.f.geometry;
    struct extent_row *e = &x.im.extents[x.last], *first = &x.im.extents[x.first];
    uint32_t units = g->slabs * (g->extent_max / g->extent_min);
    uint32_t blocks = extent_index_blocks(g, e->order);
    REFUSED(&x, e->unit, units);
    REFUSED(&x, e->tiles, blocks * TILES_PER_BLOCK + 1);
    REFUSED(&x, e->tiles, e->tiles + 1); /* one that nobody has */
    REFUSED(&x, e->tiles, e->tiles - 1);
    REFUSED(&x, first->data_bytes, extent_data_bytes(g, first->order) + 1);
    REFUSED(&x, first->data_bytes, EXTENT_MAX_HIGHEST);
    e->unit = first->unit;
    EXPECT_ERR(opened(&x, 0, 0), ERR_CORRUPT);
    EXPECT(strstr(x.f.why.text, "its extent overlaps another one"));
    bench_close(&x);
}

TEST(replay_image, extents_follow_one_another)
{
    struct bench x;
    bench_open(&x, 1172);
    struct extent_row *first = &x.im.extents[x.first], *next = &x.im.extents[x.first + 1];
    struct extent_row *last = &x.im.extents[x.last];
    struct part_row *p = &x.im.parts[0];
    REFUSED(&x, next->base_pos, next->base_pos - BLOCK_BYTES);
    REFUSED(&x, first->base_off, next->base_off + 1);
    TAKEN(&x, first->base_off, next->base_off);
    REFUSED(&x, p->head_pos, last->base_pos - 1);
    REFUSED(&x, p->head_pos, last->base_pos + x.room + 1);
    REFUSED(&x, p->head_pos, block_floor(p->head_pos) - 1); /* more tiles than blocks */
    REFUSED(&x, p->head_pos, block_ceil(p->head_pos) + 1);  /* fewer */
    TAKEN(&x, p->head_pos, p->head_pos - 1); /* its slot is damaged then, which is another story */
    bench_close(&x);
}

TEST(replay_image, sections_end_with_their_last_element)
{
    struct bench x;
    bench_open(&x, 1173);
    EXPECT_ERR(opened(&x, 4, 0), ERR_CORRUPT); /* less than an element's head */
    EXPECT_ERR(opened(&x, 0, 4), ERR_CORRUPT);
    EXPECT_ERR(opened(&x, 0, 16), ERR_CORRUPT); /* tiles of extent 0 */
    EXPECT_OK(opened(&x, 8, 0));                /* no epochs of partition 0 */
    EXPECT_EQ(fixture_part(&x.f, 0)->epoch_count, 1);
    bench_close(&x);
}
