/* Goal: verify names every kind of damage, with its exact place and reach, and nothing else.
 * Method: a stopped store with something of every kind in it; one damage at a time, found, then
 * undone. */
#include "tests/unit/log/damage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/log/verify_in.h"

static const struct find *look(struct damage *d, enum find_kind kind)
{
    damage_look(d);
    const struct find *f = damage_find(d, kind);
    EXPECT(f);
    for (uint32_t i = 0; !f && i < d->find_count; i++)
        EXPECT_STR(find_kind_info(d->finds[i].kind)->name, find_kind_info(kind)->name);
    return f;
}

TEST(verify, a_file_is_one_that_was_seen)
{
    // Goal: what lies behind the last one in memory is none.
    struct verify_file files[] = { { .kind = FILE_VOLUME, .number = 3 },
                                   { .kind = FILE_VOLUME, .number = 4 } };
    struct verify v = { .files = files, .file_count = 1, .file_cap = 2 };
    EXPECT(verify_file(&v, FILE_VOLUME, 3) == &files[0]);
    EXPECT(!verify_file(&v, FILE_VOLUME, 4));
    EXPECT(!verify_file(&v, FILE_JOURNAL, 3));
}

TEST(verify, nothing_in_a_whole_store_and_counts_all_of_it)
{
    struct damage d;
    damage_open(&d, 400);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    EXPECT_EQ(d.counts.parts, 3);
    EXPECT_EQ(d.counts.entries, d.entry_count);
    EXPECT_EQ(d.counts.slots, 2);
    EXPECT(d.counts.extents > 4);
    EXPECT(d.counts.index_blocks >= d.counts.extents - 3);
    EXPECT(d.counts.files >= 4);
    uint64_t bytes = 0, batches = 0;
    for (uint32_t i = 0; i < DAMAGE_BOOKS; i++)
        for (uint32_t j = 0; j < d.f.books[i].count; j++, batches++)
            bytes += d.f.books[i].at[j]->a.batch.len;
    EXPECT_EQ(d.counts.batches, batches);
    EXPECT_EQ(d.counts.bytes, bytes);
    damage_close(&d);
}

TEST(verify, a_tile)
{
    struct damage d;
    damage_open(&d, 401);
    for (uint64_t at = 5; at < d.tile_len; at += 4096) {
        damage_flip(&d, d.vol, d.tile_at + at);
        const struct find *f = look(&d, FOUND_TILE);
        if (f) {
            EXPECT_STR(f->file, d.vol);
            EXPECT_EQ(f->pos, d.tile_at);
            EXPECT_EQ(f->len, d.tile_len);
            EXPECT_EQ(f->of_part, true);
            EXPECT_EQ(f->part, 1);
            EXPECT_EQ(f->index, 1);
            EXPECT(id16_equal(f->topic, fixture_topic(1)));
            EXPECT_EQ(f->extent, d.extent);
            EXPECT(f->from_off <= d.tile_from_off);
            EXPECT(f->to_off >= d.tile_to_off);
            EXPECT(f->to_off - f->from_off <= d.tile_to_off - d.tile_from_off + 2);
        }
        EXPECT_EQ(d.counts.finds[FIND_DAMAGE], 1);
        EXPECT_EQ(d.counts.finds[FIND_HEALABLE], 0);
        damage_flip(&d, d.vol, d.tile_at + at);
    }
    damage_close(&d);
}

TEST(verify, an_index_block)
{
    struct damage d;
    damage_open(&d, 402);
    damage_flip(&d, d.vol, d.index_at + 100);
    const struct find *f = look(&d, FOUND_INDEX);
    REQUIRE(f);
    EXPECT_STR(f->file, d.vol);
    EXPECT_EQ(f->pos, d.index_at);
    EXPECT_EQ(f->len, BLOCK_BYTES);
    EXPECT_EQ(f->part, 1);
    EXPECT_EQ(f->extent, d.extent);
    EXPECT_EQ(d.counts.finds[FIND_HEALABLE], 1);
    EXPECT_EQ(d.counts.finds[FIND_DAMAGE], 0);
    damage_close(&d);
}

TEST(verify, a_slot)
{
    struct damage d;
    damage_open(&d, 403);
    damage_flip(&d, "tails", d.slot_at + 3);
    const struct find *f = look(&d, FOUND_SLOT);
    REQUIRE(f);
    EXPECT_STR(f->file, "tails");
    EXPECT_EQ(f->pos, d.slot_at);
    EXPECT_EQ(f->len, BLOCK_BYTES);
    EXPECT_EQ(f->part, 1);
    EXPECT(damage_find(&d, FOUND_PART)); /* stopped by it */
    EXPECT_EQ(d.counts.finds[FIND_DAMAGE], 2);
    damage_flip(&d, "tails", d.slot_at + 3);
    damage_flip(&d, "tails", (d.slot_at ^ BLOCK_BYTES) + 3); /* the other side */
    damage_look(&d);
    damage_flip(&d, "tails", d.slot_at + BLOCK_BYTES - 1); /* behind the bytes that count */
    damage_look(&d);
    EXPECT(damage_none(&d));
    damage_close(&d);
}

TEST(verify, pages_of_the_image)
{
    struct damage d;
    damage_open(&d, 404);
    for (uint32_t page = 0; page < 3; page++) {
        uint64_t at = image_copy_pos(d.capacity, d.generation, 0) + page * BLOCK_BYTES;
        damage_flip(&d, "image", at + 30);
        const struct find *f = look(&d, FOUND_IMAGE_PAGE);
        if (f) {
            EXPECT_STR(f->file, "image");
            EXPECT_EQ(f->pos, at);
            EXPECT_EQ(f->len, BLOCK_BYTES);
        }
        EXPECT_EQ(d.find_count, 1);
        damage_flip(&d, "image", at + 30);
    }
    for (uint32_t n = 0; n < 32; n++) { /* a bad head is not believed, whatever it says */
        uint64_t at = image_copy_pos(d.capacity, d.generation, n % 2) + n / 2 * 8;
        char words[64];
        snprintf(words, sizeof(words), "generation %llu", (unsigned long long)d.generation);
        damage_flip(&d, "image", at);
        const struct find *f = look(&d, FOUND_IMAGE_PAGE);
        if (f)
            EXPECT_STR(f->why.text, words);
        EXPECT_EQ(d.find_count, 1);
        EXPECT_EQ(d.counts.entries, d.entry_count);
        damage_flip(&d, "image", at);
    }
    for (uint32_t copy = 0; copy < 2; copy++) /* the older image, in both copies */
        damage_flip(&d, "image",
                    image_copy_pos(d.capacity, d.generation - 1, copy) + BLOCK_BYTES + 30);
    damage_look(&d);
    EXPECT_EQ(d.counts.finds[FIND_DAMAGE], 0);
    EXPECT(d.counts.finds[FIND_HEALABLE] > 0);
    damage_close(&d);
}

TEST(verify, an_entry_and_its_pieces)
{
    struct damage d;
    damage_open(&d, 405);
    damage_flip(&d, "journal", d.entries[1] + 9);
    const struct find *f = look(&d, FOUND_ENTRY);
    REQUIRE(f);
    EXPECT_STR(f->file, "journal");
    EXPECT_EQ(f->pos, d.entries[1]);
    EXPECT(strstr(f->why.text, "recovery case C"));
    uint64_t first = 0, last = 1;
    EXPECT(sscanf(f->why.text, "entries %" SCNu64 " to %" SCNu64, &first, &last) == 2);
    EXPECT_EQ(first, last); /* one is lost, and no other */
    EXPECT(d.counts.finds[FIND_DAMAGE] >= 1);
    damage_flip(&d, "journal", d.entries[1] + 9);
    damage_flip(&d, "journal", d.entries[1] + ENTRY_HEADER_BYTES + 9); /* its rows */
    f = look(&d, FOUND_ENTRY);
    REQUIRE(f);
    EXPECT_EQ(f->pos, d.entries[1]);
    damage_flip(&d, "journal", d.entries[1] + ENTRY_HEADER_BYTES + 9);
    /* Entry 0 is ADD, 1 to 3 are of partition 2: the second one, its only row, its bytes. */
    damage_flip(&d, "journal", d.entries[2] + ENTRY_HEADER_BYTES + ROW_BYTES + 50);
    f = look(&d, FOUND_PIECE);
    REQUIRE(f);
    EXPECT_EQ(f->pos, d.entries[2] + ENTRY_HEADER_BYTES + ROW_BYTES);
    EXPECT_EQ(f->len, 400);
    EXPECT_EQ(f->part, 2);
    EXPECT_EQ(f->part_pos, 400);
    EXPECT_EQ(f->from_off, 1);
    EXPECT(f->to_off >= 2);
    damage_flip(&d, "journal", d.entries[2] + ENTRY_HEADER_BYTES + ROW_BYTES + 50);
    damage_flip(&d, "journal", d.entries[d.entry_count - 1] + 9); /* nobody can miss the last one */
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    EXPECT_EQ(d.counts.entries, d.entry_count - 1);
    damage_flip(&d, "journal", d.entries[d.entry_count - 1] + 9);
    damage_flip(&d, "journal", d.entries[d.entry_count - 1] + ENTRY_HEADER_BYTES + 9);
    f = look(&d, FOUND_LAST_ENTRY);
    EXPECT(f && f->pos == d.entries[d.entry_count - 1]);
    EXPECT(damage_none(&d));
    damage_close(&d);
}

TEST(verify, identity_blocks_and_files)
{
    static const char *const names[] = { "journal", "image", "tails", "" };
    struct damage d;
    damage_open(&d, 406);
    for (uint32_t i = 0; i < 4; i++) {
        const char *name = names[i][0] ? names[i] : d.vol;
        damage_flip(&d, name, 33);
        const struct find *f = look(&d, FOUND_IDENTITY);
        EXPECT(f && strcmp(f->file, name) == 0 && f->pos == 0 && f->len == BLOCK_BYTES);
        damage_flip(&d, name, 33);
    }
    uint8_t byte = 1;
    sim_file_write(d.f.node, FIXTURE_DIR, "notes.txt", 0, &byte, 1);
    const struct find *f = look(&d, FOUND_STRANGER);
    EXPECT(f && strcmp(f->file, "notes.txt") == 0);
    sim_file_delete(d.f.node, FIXTURE_DIR, "notes.txt");
    sim_file_write(d.f.node, FIXTURE_DIR, "vol.tmp", 0, &byte, 1);
    f = look(&d, FOUND_LEFTOVER);
    EXPECT(f && strcmp(f->file, "vol.tmp") == 0);
    EXPECT(damage_none(&d));
    sim_file_delete(d.f.node, FIXTURE_DIR, "vol.tmp");
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    sim_file_delete(d.f.node, FIXTURE_DIR, d.vol);
    damage_look(&d);
    EXPECT(d.counts.finds[FIND_DAMAGE] >= 1);
    sim_file_delete(d.f.node, FIXTURE_DIR, "tails");
    f = look(&d, FOUND_MISSING);
    EXPECT(f == NULL || strcmp(f->file, "tails") == 0);
    damage_close(&d);
}

TEST(verify, a_file_of_another_store)
{
    struct damage d, other;
    uint8_t block[BLOCK_BYTES];
    damage_open(&d, 407);
    damage_open(&other, 408);
    sim_file_read(other.f.node, FIXTURE_DIR, "tails", 0, block, sizeof(block));
    sim_file_write(d.f.node, FIXTURE_DIR, "tails", 0, block, sizeof(block));
    const struct find *f = look(&d, FOUND_FOREIGN);
    EXPECT(f && strcmp(f->file, "tails") == 0);
    damage_close(&other);
    damage_close(&d);
}

TEST(verify, every_kind_has_words)
{
    for (uint32_t k = 0; k < FIND_KIND_COUNT; k++) {
        const struct find_kind_info *info = find_kind_info(k);
        EXPECT(info->name && info->what && info->advice && info->class_ < FIND_CLASS_COUNT);
    }
    EXPECT_STR(find_kind_info(FOUND_TILE)->name, "TILE");
}

TEST(verify, an_open_extent_with_a_block_of_index_and_more)
{
    // Goal: tiles that are on disk and those that the image holds are put together. Method: more
    // tiles than an index block holds in an extent that is still open.
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    fixture_init(f, 460);
    f->geometry.extent_max = MIB(2);
    f->opts.direct_min = BLOCK_BYTES;
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    struct part *p = fixture_add(f, 0);
    for (uint32_t n = 0; n < 2000; n++) {
        const struct extent *e = part_open_extent(p);
        if (e && e->tile_count > TILES_PER_BLOCK + 20)
            break;
        fixture_fill(f, 0, 1, 8292); /* a tile each */
    }
    EXPECT(part_open_extent(p)->tile_count > TILES_PER_BLOCK + 20);
    fixture_stop(f);
    damage_look(&d);
    EXPECT(damage_none(&d));
    REQUIRE_OK(fixture_start(f));
    fixture_verify(f, 0, 1 << 20);
    fixture_close(f);
}

TEST(verify, a_ring_that_wrapped)
{
    // Goal: entries are counted across the end of the ring, and found there when they are bad: the
    // bad one alone, wherever in the ring the next one lies.
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    fixture_init(f, 461);
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    fixture_add(f, 0);
    f->store->opts.direct_min = UINT32_MAX;
    while (f->store->journal.free_pos % f->store->journal.ring < KIB(300))
        fixture_fill(f, 0, 1, 9000);
    fixture_settle(f);
    while (f->store->journal.head_pos / f->store->journal.ring ==
           f->store->journal.free_pos / f->store->journal.ring)
        fixture_fill(f, 0, 1, 9000);
    fixture_fill(f, 0, 2, 9000);
    REQUIRE(f->store->journal.head_pos / f->store->journal.ring >
            f->store->journal.free_pos / f->store->journal.ring);
    damage_entries(&d);
    uint64_t first_seq = f->store->journal.seq - d.entry_count;
    fixture_crash(f, SIM_POWER);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    EXPECT_EQ(d.counts.entries, d.entry_count);
    for (uint32_t i = 0; i + 1 < d.entry_count; i++) {
        damage_flip(&d, "journal", d.entries[i] + 9);
        const struct find *found = look(&d, FOUND_ENTRY);
        char alone[64];
        unsigned long long seq = first_seq + i;
        snprintf(alone, sizeof(alone), "entries %llu to %llu, ", seq, seq);
        EXPECT(found && found->pos == d.entries[i] && strstr(found->why.text, alone));
        damage_flip(&d, "journal", d.entries[i] + 9);
    }
    damage_close(&d);
}

TEST(verify, tiles_that_do_not_follow_one_another)
{
    // Goal: an index that verifies and contradicts itself is told. Method: one tile of a sealed
    // extent is moved, and its block sealed again.
    struct damage d;
    damage_open(&d, 462);
    uint8_t block[BLOCK_BYTES];
    struct page_seal seal = { .generation = d.extent };
    REQUIRE_OK(fixture_start(&d.f));
    seal.store = d.f.store->id.store;
    fixture_crash(&d.f, SIM_POWER);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    sim_file_read(d.f.node, FIXTURE_DIR, d.vol, d.index_at, block, sizeof(block));
    EXPECT(page_ok(block, &seal));
    uint32_t n = 0;
    struct tile t;
    while (tile_decode(block + n * TILE_BYTES, &t) == ERR_OK && t.len)
        n++;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t bent[BLOCK_BYTES];
        memcpy(bent, block, sizeof(bent));
        REQUIRE_OK(tile_decode(bent + i * TILE_BYTES, &t));
        t.at += BLOCK_BYTES;
        tile_encode(&t, bent + i * TILE_BYTES);
        page_seal(bent, &seal);
        sim_file_write(d.f.node, FIXTURE_DIR, d.vol, d.index_at, bent, sizeof(bent));
        damage_look(&d);
        uint32_t told = 0;
        for (uint32_t k = 0; k < d.find_count; k++)
            told += d.finds[k].kind == FOUND_INDEX && d.finds[k].extent == d.extent;
        EXPECT_EQ(told, i + 1 < n ? 2 : 1); /* it, and the one behind it */
    }
    EXPECT(n >= 3);
    damage_close(&d);
}

TEST(verify, tiles_that_contradict_the_batches)
{
    // Goal: an offset that is taken already, and a beginning where no batch begins, are told, with
    // the place. Method: one tile of a sealed extent says so, and its block is sealed again.
    struct damage d;
    damage_open(&d, 463);
    uint8_t block[BLOCK_BYTES], bent[BLOCK_BYTES];
    struct page_seal seal = { .generation = d.extent };
    REQUIRE_OK(fixture_start(&d.f));
    seal.store = d.f.store->id.store;
    struct part *p = fixture_part(&d.f, 1);
    uint64_t end_off = 0;
    for (uint32_t i = 0; i + 1 < p->extent_count; i++)
        if (p->extents[i]->id == d.extent)
            end_off = p->extents[i + 1]->base_off;
    fixture_crash(&d.f, SIM_POWER);
    sim_file_read(d.f.node, FIXTURE_DIR, d.vol, d.index_at, block, sizeof(block));
    uint32_t n = 1;
    struct tile t;
    while (tile_decode(block + n * TILE_BYTES, &t) == ERR_OK && t.len && t.batch_at == NO_BATCH)
        n++;
    REQUIRE(t.len && t.batch_at != NO_BATCH && t.batch_at > 0);
    for (uint32_t what = 0; what < 2; what++) {
        struct tile bad = t;
        memcpy(bent, block, sizeof(bent));
        if (what)
            bad.batch_at--;
        else
            bad.base_off--;
        tile_encode(&bad, bent + n * TILE_BYTES);
        page_seal(bent, &seal);
        sim_file_write(d.f.node, FIXTURE_DIR, d.vol, d.index_at, bent, sizeof(bent));
        damage_look(&d);
        const struct find *f = NULL;
        for (uint32_t i = 0; i < d.find_count && !f; i++)
            f = d.finds[i].kind == FOUND_BATCH ? &d.finds[i] : NULL;
        if (!EXPECT(f))
            continue;
        EXPECT_EQ(f->extent, d.extent);
        EXPECT_STR(f->file, d.vol);
        EXPECT(strstr(f->why.text, what ? "begins" : "already taken"));
        EXPECT(what || f->len == 0);
        EXPECT_EQ(f->to_off, end_off);
    }
    damage_close(&d);
}

TEST(verify, more_tiles_than_are_read_at_once)
{
    // Goal: 1 MiB of neighbouring tiles is read at once, at most, whatever their lengths. Method:
    // an extent of 2 MiB, with tiles of one block to sixteen.
    static const uint32_t sizes[] = { 8292, 65536, 4196, 33000, 12388, 61440, 5000, 20480 };
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    fixture_init(f, 464);
    f->geometry.extent_min = f->geometry.extent_max = MIB(2);
    f->opts.direct_min = BLOCK_BYTES;
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    struct part *p = fixture_add(f, 0);
    for (uint32_t n = 0; p->extent_count < 3; n++)
        fixture_fill(f, 0, 1, sizes[n % 8]);
    uint32_t tiles = 0;
    for (uint32_t i = 0; i < p->extent_count; i++)
        tiles += p->extents[i]->tile_count;
    fixture_stop(f);
    damage_look(&d);
    EXPECT_EQ(d.find_count, 0);
    EXPECT_EQ(d.counts.tiles, tiles);
    EXPECT_EQ(d.counts.extents, 3);
    REQUIRE_OK(fixture_start(f));
    fixture_close(f);
}

TEST(verify, a_piece_of_a_store_that_does_not_open)
{
    // Goal: it is told, though nobody can say whose it is. Method: the volume is missing too.
    struct damage d;
    damage_open(&d, 465);
    damage_flip(&d, "journal", d.entries[2] + ENTRY_HEADER_BYTES + ROW_BYTES + 50);
    sim_file_delete(d.f.node, FIXTURE_DIR, d.vol);
    damage_look(&d);
    EXPECT(damage_find(&d, FOUND_OPEN));
    const struct find *f = damage_find(&d, FOUND_PIECE);
    REQUIRE(f);
    EXPECT_EQ(f->part, 2);
    EXPECT_EQ(f->part_pos, 400);
    damage_close(&d);
}

TEST(verify, tiles_of_exactly_one_batch_each)
{
    // Goal: the offsets that may be affected are those of the batch, neither its neighbours'.
    // Method: batches of whole blocks, each a direct run of its own; all of their tiles damaged at
    // once.
    enum { BATCHES = 6 };
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    uint64_t at[BATCHES];
    char vol[32];
    fixture_init(f, 466);
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    struct part *p = fixture_add(f, 0);
    fixture_fill(f, 0, BATCHES, 4 * BLOCK_BYTES);
    fixture_checkpoint(f);
    for (uint32_t n = 0; n < BATCHES; n++) {
        const struct extent *e = part_extent_of(p, n * 4ull * BLOCK_BYTES);
        at[n] = extent_place(e, n * 4ull * BLOCK_BYTES);
        snprintf(vol, sizeof(vol), "%s", e->vol->name);
    }
    fixture_stop(f);
    for (uint32_t n = 0; n < BATCHES; n++)
        fixture_flip(f, vol, at[n] + 100);
    damage_look(&d);
    EXPECT_EQ(d.find_count, BATCHES);
    for (uint32_t n = 0; n < d.find_count; n++) {
        EXPECT_EQ(d.finds[n].kind, FOUND_TILE);
        EXPECT_EQ(d.finds[n].pos, at[n]);
        EXPECT_EQ(d.finds[n].from_off, n);
        EXPECT_EQ(d.finds[n].to_off, n + 1);
    }
    fixture_close(f);
}
