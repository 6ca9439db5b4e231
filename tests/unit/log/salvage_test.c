/* Goal: whichever entry of the journal is lost, salvage makes the tables fit what follows: what is
 * served is what was sent, verify is content afterwards, and nothing but what that entry named is
 * missing. Method: a journal with rows of every kind, above all of space that changes its owner;
 * each entry's header is damaged in turn. */
#include "tests/unit/log/life.h"

#include "engine/base/check.h"

enum { GIVER = 0, TAKER = 1, DIRECT = 2, INLINE = 3, DROPPED = 4, SALVAGE_BOOKS = 5 };

static void sends(struct fixture *f, uint32_t book, uint32_t n, uint32_t bytes)
{
    for (uint32_t i = 0; i < n; i++)
        fixture_append(f, book, (struct spec){ .bytes = bytes, .time = 1000 + i });
}

static void salvage_open(struct damage *d, uint64_t seed)
{
    struct fixture *f = &d->f;
    *d = (struct damage){ 0 };
    fixture_open_still(f, seed);
    for (uint32_t i = 0; i < SALVAGE_BOOKS; i++)
        fixture_add(f, i);
    sends(f, GIVER, 8, 30000);
    sends(f, DIRECT, 2, 30000);
    sends(f, INLINE, 2, 700);
    sends(f, DROPPED, 2, 30000);
    fixture_checkpoint(f);
    fixture_seal(f, GIVER);
    fixture_trim(f, GIVER,
                 fixture_part(f, GIVER)->next_off); /* its space, in an entry of its own */
    fixture_settle(f);
    fixture_drop(f, DROPPED);
    fixture_settle(f);
    sends(f, INLINE, 1, 700);
    sends(f, TAKER, 10, 30000);
    sends(f, DIRECT, 3, 30000);
    fixture_seal(f, INLINE);
    sends(f, INLINE, 2, 900);
    sends(f, DIRECT, 1, 300);
    damage_entries(d);
    fixture_crash(f, SIM_POWER);
}

/* The tiles that a read brought in lie one behind the other, and describe what the extent has. */
static void tiles_touch(const struct part *p)
{
    for (uint32_t i = 0; i < p->extent_count; i++) {
        const struct extent *e = p->extents[i];
        for (uint32_t n = e->tile_from; n + 1 < e->tile_count; n++) {
            const struct tile *t = &e->tiles[n - e->tile_from];
            EXPECT_EQ(t[1].at, t[0].at + t[0].len);
            EXPECT(t[1].next_off >= t[0].next_off);
        }
    }
}

/* No two partitions have the same space. */
static void space_apart(const struct store *s)
{
    for (uint32_t a = 0; a < s->part_count; a++)
        for (uint32_t b = 0; b < s->part_count; b++)
            for (uint32_t i = 0; s->parts[a] && i < s->parts[a]->extent_count; i++)
                for (uint32_t j = 0; s->parts[b] && j < s->parts[b]->extent_count; j++) {
                    const struct extent *x = s->parts[a]->extents[i], *y = s->parts[b]->extents[j];
                    EXPECT(x == y || x->vol != y->vol || x->unit + (1u << x->order) <= y->unit ||
                           y->unit + (1u << y->order) <= x->unit);
                }
}

TEST(salvage, any_lost_entry)
{
    uint32_t count = 1, given = 0;
    for (uint32_t n = 0; n < count; n++) {
        struct damage d;
        salvage_open(&d, 460);
        count = d.entry_count;
        damage_flip(&d, "journal", d.entries[n] + 9);
        damage_repair(&d);
        space_apart(d.f.store);
        for (uint32_t b = 0; b < DROPPED; b++) {
            uint32_t lost = damage_lost(&d, b);
            EXPECT(b == GIVER || lost <= 5); /* of an extent that begins in it */
            given += lost;
            if (fixture_part(&d.f, b))
                tiles_touch(fixture_part(&d.f, b));
        }
        damage_close(&d);
    }
    EXPECT(count > 15);
    EXPECT(given > 10);
}

TEST(salvage, leaves_exactly_this)
{
    /* Goal: header, rows and bytes of each entry, damaged one at a time; what is left stays exactly
     * what it is (lines.h). */
    static const struct lines_row row = { "journal", 0, 1297, 0x76693ec9 };
    static const uint32_t places[] = { 9, ENTRY_HEADER_BYTES + 17,
                                       ENTRY_HEADER_BYTES + ROW_BYTES + 9,
                                       ENTRY_HEADER_BYTES + 4 * ROW_BYTES + 200 };
    struct lines lines = { 0 };
    uint32_t count = 1;
    for (uint32_t n = 0; n < count * 4; n++) {
        struct damage d;
        salvage_open(&d, 460);
        count = d.entry_count;
        damage_flip(&d, "journal", d.entries[n / 4] + places[n % 4]);
        damage_look(&d);
        line_add(&lines, "%u: %u finds", n, d.find_count);
        if (!damage_none(&d))
            damage_repair_lines(&d, &lines);
        damage_close(&d);
    }
    lines_same(&lines, &row);
}

/* Where one of the entries that an opening would replay is in the file; 0: there is none. */
static uint64_t entry_drawn(struct life *l)
{
    const struct store *s = l->d.f.store;
    uint64_t drawn = 0, seen = 0, pos = s->journal.free_pos;
    while (pos < s->journal.head_pos) {
        uint8_t head[ENTRY_HEADER_BYTES];
        struct entry e;
        uint64_t at = BLOCK_BYTES + pos % s->journal.ring;
        sim_file_read(l->d.f.node, FIXTURE_DIR, "journal", at, head, sizeof(head));
        check(entry_decode(head, s->id.key, s->id.store, pos, s->id.geometry.entry_max, &e) ==
              ERR_OK);
        if (rng_chance(&l->rng, 1, ++seen))
            drawn = at;
        pos = journal_next_pos(s, pos + e.len);
    }
    return drawn;
}

/* The machine ends, an entry or two are lost; the store is repaired, and open afterwards. */
static void entries_lose(struct life *l)
{
    struct fixture *f = &l->d.f;
    struct repair_report r;
    fixture_settle(f);
    f->bent = true; /* offsets may be lost of which no batch is left */
    for (uint32_t i = 0; i < LIFE_KEPT; i++) {
        if (l->keeps[i])
            read_give(&l->kept[i].r);
        l->keeps[i] = false;
    }
    uint64_t at[2] = { entry_drawn(l), rng_chance(&l->rng, 1, 3) ? entry_drawn(l) : 0 };
    fixture_crash(f, SIM_POWER);
    for (uint32_t i = 0; i < 2; i++)
        if (at[i] && at[i] != at[!i])
            fixture_flip(f, "journal", at[i] + 9);
    enum err err = fixture_start(f);
    line_add(&l->lines, "lost: %s", err_name(err));
    if (!err)
        fixture_crash(f, SIM_POWER);
    if (!EXPECT_OK(repair_run(f->io, f->dir, &r, &f->why)))
        EXPECT_STR(f->why.text, "");
    line_add(&l->lines, "repair: %u %u %u %u %u %u", r.identities, r.image_pages, r.index_blocks,
             r.tiles, r.slots, r.parts);
    damage_look(&l->d);
    EXPECT(damage_none(&l->d));
    check(fixture_start(f) == ERR_OK);
    space_apart(f->store);
    life_read_all(l);
    for (uint32_t b = 0; b < LIFE_BOOKS; b++) {
        if (fixture_part(f, b))
            continue;
        line_add(&l->lines, "%u is gone", b); /* it was made in that entry */
        fixture_add(f, b);
    }
}

TEST(salvage, lives_with_lost_entries)
{
    // Goal: the same of stores that live on with what was lost, and lose more. Method: lives drawn
    // by seeds (life.h) with batches that go inline, that go directly, and both.
    static const struct lines_row rows[] = { { "inline", 0, 34463, 0xfefe1075 },
                                             { "both", 0, 22680, 0x03c751de },
                                             { "direct", 0, 28144, 0x258af9bc } };
    static const uint32_t direct_min[] = { UINT32_MAX, KIB(16), BLOCK_BYTES };
    for (uint32_t i = 0; i < 3; i++) {
        struct life l = { .bytes_max = KIB(20) };
        fixture_init(&l.d.f, 470 + i);
        l.d.f.opts.direct_min = direct_min[i];
        life_open(&l, 20 + i);
        for (uint32_t n = 0; n < 40; n++) {
            life_go(&l, 20);
            entries_lose(&l);
        }
        lines_same(&l.lines, &rows[i]);
        life_close(&l);
    }
}
