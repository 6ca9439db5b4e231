/* damage.c -- see damage.h. */
#include "tests/unit/log/damage.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/unit/log/lines.h"

void damage_entries(struct damage *d)
{
    const struct store *s = d->f.store;
    uint64_t pos = s->journal.free_pos;
    while (pos < s->journal.head_pos) {
        uint8_t head[ENTRY_HEADER_BYTES];
        struct entry e;
        uint64_t at = BLOCK_BYTES + pos % s->journal.ring;
        sim_file_read(d->f.node, FIXTURE_DIR, "journal", at, head, sizeof(head));
        check(entry_decode(head, s->id.key, s->id.store, pos, s->id.geometry.entry_max, &e) ==
              ERR_OK);
        check(d->entry_count < sizeof(d->entries) / sizeof(d->entries[0]));
        d->entries[d->entry_count++] = at;
        pos = journal_next_pos(s, pos + e.len);
    }
}

/* A sealed extent of partition 1 with three tiles or more. */
static void volume_places(struct damage *d)
{
    struct part *p = fixture_part(&d->f, 1);
    struct got g;
    fixture_read(&d->f, &g, 1, 0, 100);
    read_give(&g.r);
    for (uint32_t i = 0; i < p->extent_count; i++) {
        struct extent *e = p->extents[i];
        if (!e->sealed || e->tile_count < 3)
            continue;
        fixture_read(&d->f, &g, 1, e->base_off, 100); /* brings the index in */
        read_give(&g.r);
        check(e->tile_from == 0);
        uint32_t n = e->tile_count - 2;
        const struct tile *t = &e->tiles[n];
        memcpy(d->vol, e->vol->name, sizeof(d->vol));
        d->tile_pos = e->base_pos + t->at;
        d->tile_at = extent_place(e, d->tile_pos);
        d->tile_len = t->len;
        d->tile_from_off = t->base_off;
        d->tile_to_off = t->next_off;
        d->index_at =
            vol_place(&d->f.geometry, e->unit) + extent_data_bytes(&d->f.geometry, e->order);
        d->extent = e->id;
    }
    check(d->extent);
    d->slot_at = BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES;
}

void damage_open(struct damage *d, uint64_t seed)
{
    struct fixture *f = &d->f;
    *d = (struct damage){ 0 };
    fixture_open_still(f, seed);
    for (uint32_t i = 0; i < 2; i++)
        fixture_add(f, i);
    fixture_fill(f, 0, 3, 700);
    for (uint32_t i = 0; i < 60; i++) {
        EXPECT_OK(fixture_append(f, 1, (struct spec){ .bytes = i % 9 == 8 ? 30000 : 2500 }));
        if (i % 13 == 5)
            fixture_checkpoint(f);
    }
    fixture_checkpoint(f);
    fixture_add(f, 2);
    fixture_fill(f, 2, 3, 400);
    fixture_fill(f, 0, 2, 300);
    fixture_fill(f, 1, 2, 300);
    fixture_fill(f, 2, 1, 400);
    volume_places(d);
    damage_entries(d);
    d->generation = f->store->generation;
    d->capacity = f->store->image_capacity;
    fixture_crash(f, SIM_POWER);
}

void damage_close(struct damage *d)
{
    fixture_close(&d->f);
}

static void found(const struct find *find, void *arg)
{
    struct damage *d = arg;
    if (d->find_count < FINDS_MAX)
        d->finds[d->find_count++] = *find;
}

void damage_look(struct damage *d)
{
    int fds = fixture_fds(&d->f);
    d->find_count = 0;
    EXPECT_OK(verify_run(d->f.io, d->f.dir, &(struct verify_opts){ .found = found, .arg = d },
                         &d->counts, &d->f.why));
    EXPECT_EQ(fixture_fds(&d->f), fds);
    uint64_t finds = 0;
    for (uint32_t c = 0; c < FIND_CLASS_COUNT; c++)
        finds += d->counts.finds[c];
    EXPECT_EQ(finds, d->find_count);
}

const struct find *damage_find(const struct damage *d, enum find_kind kind)
{
    const struct find *one = NULL;
    for (uint32_t i = 0; i < d->find_count; i++) {
        if (d->finds[i].kind == kind && one)
            return NULL;
        if (d->finds[i].kind == kind)
            one = &d->finds[i];
    }
    return one;
}

bool damage_none(const struct damage *d)
{
    return d->counts.finds[FIND_HEALABLE] == 0 && d->counts.finds[FIND_DAMAGE] == 0;
}

void damage_flip(struct damage *d, const char *name, uint64_t pos)
{
    fixture_flip(&d->f, name, pos);
}

struct repair_report damage_repair(struct damage *d)
{
    struct repair_report report;
    int fds = fixture_fds(&d->f);
    EXPECT_OK(repair_run(d->f.io, d->f.dir, &report, &d->f.why));
    EXPECT_EQ(fixture_fds(&d->f), fds);
    damage_look(d);
    EXPECT(damage_none(d));
    check(fixture_start(&d->f) == ERR_OK);
    return report;
}

uint32_t damage_lost(struct damage *d, uint32_t book)
{
    struct fixture *f = &d->f;
    struct book *b = &f->books[book];
    struct part *p = fixture_part(f, book);
    uint32_t seen = 0, had = b->count;
    uint64_t off = p->start_off;
    EXPECT_OK(fixture_append(f, book, (struct spec){ .bytes = 333 }));
    for (uint32_t n = 0; n < 1000 && off < p->next_off; n++) {
        struct got g;
        fixture_read(f, &g, book, off, 5000 + 100 * n);
        if (!EXPECT_OK(g.r.err) || !EXPECT(g.r.next_off > off))
            return 0;
        off = g.r.next_off;
        for (uint64_t at = 0; at < g.r.batches.len;) {
            struct batch_info info;
            uint32_t i = b->count; /* an offset whose loss nobody knows of is given again */
            EXPECT_OK(
                batch_peek((struct bytes){ g.r.batches.at + at, g.r.batches.len - at }, &info));
            while (i && b->at[i - 1]->a.base_off != info.base_off)
                i--;
            bool same =
                i && info.bytes == b->at[i - 1]->a.batch.len &&
                memcmp(b->at[i - 1]->bytes + 16, g.r.batches.at + at + 16, info.bytes - 16) == 0;
            EXPECT(same);
            seen += same;
            at += info.bytes;
        }
        read_give(&g.r);
    }
    fixture_again(f, SIM_POWER);
    fixture_stop(f);
    damage_look(d);
    EXPECT(damage_none(d));
    check(fixture_start(f) == ERR_OK);
    return had + 1 - seen;
}

void damage_left(struct damage *d, uint32_t book, uint32_t lost)
{
    struct book *b = &d->f.books[book];
    EXPECT_EQ(damage_lost(d, book), lost);
    EXPECT(b->at[b->count - 1]->a.base_off >= b->at[b->count - 2]->a.end_off);
}

static void part_lines(struct damage *d, uint32_t book, struct lines *lines)
{
    const struct part *p = fixture_part(&d->f, book);
    if (!p)
        return;
    struct part_state_info i = part_info(p);
    line_add(lines, "%u: %llu %llu %llu %u %llu %lld %d", book, (unsigned long long)p->start_off,
             (unsigned long long)i.next_off, (unsigned long long)i.bytes, i.extents,
             (unsigned long long)i.disk_bytes, (long long)i.max_time, p->damaged);
    for (uint32_t n = 0; n < p->extent_count; n++) {
        const struct extent *e = p->extents[n];
        line_add(lines, "  %llu %llu %u %u %u %u %d", (unsigned long long)e->base_pos,
                 (unsigned long long)e->base_off, e->data_bytes, e->tile_count, e->unit, e->order,
                 e->sealed);
    }
    if (d->f.books[book].count)
        line_add(lines, "  %u lost", damage_lost(d, book));
}

void damage_repair_lines(struct damage *d, struct lines *lines)
{
    struct repair_report r = damage_repair(d);
    line_add(lines, "%u %u %u %u %u %u", r.identities, r.image_pages, r.index_blocks, r.tiles,
             r.slots, r.parts);
    for (uint32_t b = 0; b < BOOKS; b++)
        part_lines(d, b, lines);
}
