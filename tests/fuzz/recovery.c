/* recovery.c -- a store whose files were damaged, and in part made to verify again, is opened.
 *
 * Input: edits of 8 bytes each: what, which, where (2 bytes), how (2 bytes), two spare. The store
 * is made once, by appends, a checkpoint, a drop, and more appends; every input edits a fresh copy.
 * It is refused with an error, or opens; then every partition is read from its start, offsets rise,
 * no batch is cut, and where no checksum was made to fit, every batch is one that was appended, at
 * its offset. FUZZ_WHY=1 prints why an input was refused. An append and an orderly stop follow:
 * errors are fine, a check() that fails is not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/batch.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/io/sim.h"
#include "engine/log/image.h"
#include "engine/log/store_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DIR        "/disk0"
#define PARTS      4u
#define TURNS_MAX  50000u
#define FILES      6u
#define EDITS_MAX  32u
#define EDIT_BYTES 8u

static const char *const names[FILES] = { "journal",  "image",    "tails",
                                          "vol-0001", "vol-0002", "vol-0003" };

struct world {
    struct sim *sim;
    struct sim_node *node;
    struct io *io;
    int dir;
    struct store *store;
};

struct copy { /* of one file */
    uint8_t *at;
    uint64_t bytes;
};

static struct template_ {
    bool made;
    struct copy files[FILES];
    struct identity id;
    uint64_t capacity, generation, cut, ring;
    struct bytes batches[256]; /* what was appended, for partition part[i] */
    uint32_t part[256], count;
} made;

static struct copy now[FILES]; /* the copy that is edited */

/* ---- a machine with a store ---- */

static const struct store_opts opts = {
    .tail_bytes = 1 << 20, .direct_min = 8192, .direct_flight = 65536, .zero_ahead = 1
};

static void world_open(struct world *w)
{
    *w = (struct world){ .sim = sim_open(&(struct sim_opts){ .seed = 1 }) };
    w->node = sim_node(w->sim, 0);
    check(io_open(&w->io, &(struct io_opts){ .node = w->node }) == ERR_OK);
    w->dir = io_dir_open(w->io, DIR, 0, NULL);
}

static void world_close(struct world *w)
{
    sim_crash(w->node, SIM_KILL);
    store_close(&w->store);
    io_close(&w->io);
    sim_close(&w->sim);
}

/* Until *done, or nothing can happen, or far too long: a store that spins is a finding. */
static bool world_until(struct world *w, const bool *done)
{
    for (uint32_t i = 0; i < TURNS_MAX; i++) {
        store_turn(w->store);
        if (*done)
            return true;
        if (io_turn(w->io, 0))
            continue;
        uint64_t due_ns = store_due_ns(w->store), now_ns = io_now_ns(w->io);
        uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 1000;
        bool more =
            sim_step(w->sim, due_ns == UINT64_MAX ? UINT64_MAX : sim_now_ns(w->sim) + wait_ns);
        if (!more && due_ns == UINT64_MAX)
            return *done;
    }
    check(!"the store does not come to an end");
    return false;
}

static struct id16 topic_of(uint32_t i)
{
    struct id16 id = { { 'f', 'u', 'z', 'z' } };
    id.b[15] = (uint8_t)(i + 1);
    return id;
}

/* ---- the verbs ---- */

struct flag {
    union {
        struct append a;
        struct read r;
        struct part_request q;
        struct store_stop stop;
    };
    bool done;
};

static void append_done(struct append *a)
{
    container_of(a, struct flag, a)->done = true;
}
static void read_done(struct read *r)
{
    container_of(r, struct flag, r)->done = true;
}
static void request_done(struct part_request *q)
{
    container_of(q, struct flag, q)->done = true;
}
static void stop_done(struct store_stop *stop)
{
    container_of(stop, struct flag, stop)->done = true;
}

static uint8_t *batch_make(uint32_t bytes, uint32_t salt, struct bytes *out)
{
    uint8_t *at = malloc(bytes + 128), *value = malloc(bytes + 1);
    struct batch_builder b;
    check(at && value);
    for (uint32_t i = 0; i < bytes; i++)
        value[i] = (uint8_t)(salt * 31 + i * 7 + (i >> 8));
    batch_builder_open(&b, at, bytes + 128);
    check(batch_builder_add(&b, &(struct batch_record){ .time = 1000 + salt,
                                                        .value = { value, bytes } }) == ERR_OK);
    *out = batch_builder_done(&b);
    free(value);
    return at;
}

/* ---- the template ---- */

static void put(struct world *w, uint32_t part, uint32_t bytes)
{
    struct flag f = { .a = { .done = append_done, .count = 1, .want = DURABILITY_SYNCED } };
    uint32_t n = made.count++;
    struct bytes *b = &made.batches[n];
    uint8_t *at = batch_make(bytes, n, b);
    f.a.batch = *b;
    f.a.max_time = 1000 + n;
    part_append(part_find(w->store, topic_of(part), part), &f.a);
    check(world_until(w, &f.done) && f.a.err == ERR_OK);
    batch_stamp(at, f.a.base_off, w->store->epoch);
    made.part[n] = part;
}

static void add(struct world *w, uint32_t part)
{
    struct flag f = { .q = { .done = request_done } };
    part_add(w->store, &f.q, topic_of(part), part);
    check(world_until(w, &f.done) && f.q.err == ERR_OK);
}

static void template_keep(struct world *w)
{
    check(sim_file_bytes(w->node, DIR, "vol-0004") == 0);
    made.id = w->store->id;
    made.capacity = w->store->image_capacity;
    made.generation = w->store->generation;
    made.cut = w->store->journal.free_pos;
    made.ring = w->store->journal.ring;
    for (uint32_t i = 0; i < FILES; i++) {
        struct copy *c = &made.files[i];
        c->bytes = sim_file_bytes(w->node, DIR, names[i]);
        c->at = malloc(c->bytes + 1);
        now[i] = (struct copy){ malloc(c->bytes + 1), c->bytes };
        check(c->at && now[i].at);
        if (c->bytes) /* a volume that was not needed */
            sim_file_read(w->node, DIR, names[i], 0, c->at, c->bytes);
    }
}

static void template_make(void)
{
    struct world w;
    struct why why;
    struct geometry g = { .journal_bytes = BLOCK_BYTES + 8 * KIB(16),
                          .entry_max = KIB(16),
                          .extent_min = KIB(8),
                          .extent_max = KIB(64),
                          .slabs = 3,
                          .batch_max = KIB(24) };
    world_open(&w);
    check(store_create(w.io, w.dir, &(struct store_create){ .geometry = g }, &why) == ERR_OK);
    check(store_open(&w.store, w.io, w.dir, &opts, &why) == ERR_OK);
    for (uint32_t i = 0; i < PARTS; i++)
        add(&w, i);
    for (uint32_t i = 0; i < 12; i++)
        put(&w, i % 3, i % 4 == 3 ? 14000 : 700 + 40 * i);
    w.store->want_checkpoint = true;
    for (uint64_t before = w.store->generation; w.store->generation == before;) {
        bool no = true;
        world_until(&w, &no);
        io_turn(w.io, 0);
        sim_step(w.sim, sim_now_ns(w.sim) + 1000);
    }
    for (uint32_t i = 0; i < 9; i++)
        put(&w, i % 4, i == 5 ? 12000 : 300 + 20 * i);
    template_keep(&w);
    world_close(&w);
    made.made = true;
}

/* ---- edits ---- */

struct edit {
    uint8_t what, which;
    uint16_t where, how;
};

static uint8_t *journal_at(uint64_t pos)
{
    return now[0].at + BLOCK_BYTES + pos % made.ring;
}

/* Entries from the cut on, as the template has them; e is what their header says now. */
static uint32_t entries_find(uint64_t *pos, uint32_t max)
{
    uint32_t n = 0;
    struct entry e;
    uint64_t at = made.cut;
    const uint8_t *journal = made.files[0].at;
    while (n < max && entry_decode(journal + BLOCK_BYTES + at % made.ring, made.id.key,
                                   made.id.store, at, made.id.geometry.entry_max, &e) == ERR_OK) {
        pos[n++] = at;
        uint64_t in = (at + e.len) % made.ring;
        at += e.len;
        if (in + made.id.geometry.entry_max > made.ring)
            at += made.ring - in;
    }
    return n;
}

/* Makes piece, rows, header and chain checksums fit from entry `from` on. */
static void journal_fit(const uint64_t *pos, uint32_t n, uint32_t from)
{
    for (uint32_t i = from; i < n; i++) {
        uint8_t *at = journal_at(pos[i]);
        uint32_t rows = le32_get(at + 52), inline_bytes = le32_get(at + 56);
        if (rows > 62 || inline_bytes > made.id.geometry.entry_max)
            return;
        const uint8_t *bytes = entry_row_at(at, rows);
        const uint8_t *end = at + entry_bytes(rows, inline_bytes);
        for (uint32_t r = 0; r < rows; r++) {
            uint8_t *row_at = at + ENTRY_HEADER_BYTES + r * ROW_BYTES;
            struct row row;
            if (row_decode(row_at, &row) || row.kind != ROW_INLINE || row.len > end - bytes)
                continue;
            row.crc = piece_crc(row.part, row.pos, bytes, row.len);
            row_encode(&row, row_at);
            bytes += row.len;
        }
        struct entry e = { .store = made.id.store,
                           .opening = le64_get(at + 24),
                           .seq = le64_get(at + 32),
                           .ring_pos = le64_get(at + 40),
                           .len = entry_bytes(rows, inline_bytes),
                           .rows = rows,
                           .inline_bytes = inline_bytes,
                           .store_epoch = le32_get(at + 68),
                           .time_ms = (int64_t)le64_get(at + 72),
                           .prev_crc = le32_get(at + 60) };
        if (i > 0)
            e.prev_crc = le32_get(journal_at(pos[i - 1]) + 4);
        if (e.len > made.id.geometry.entry_max || e.ring_pos % BLOCK_BYTES)
            return;
        entry_encode(&e, made.id.key, at);
    }
}

static void edit_journal(const struct edit *e, bool rows)
{
    uint64_t pos[32];
    uint32_t n = entries_find(pos, 32);
    uint32_t i = e->which % n;
    uint8_t *at = journal_at(pos[i]);
    uint32_t count = le32_get(at + 52);
    if (rows && count && count <= 62)
        at += ENTRY_HEADER_BYTES + e->where % (count * ROW_BYTES);
    else
        at += e->where % KIB(2);
    *at = (uint8_t)(*at + e->how);
    journal_fit(pos, n, i);
}

static void sections_fit(uint8_t *at, uint64_t left)
{
    while (left >= SECTION_HEAD_BYTES) {
        uint32_t len = le32_get(at + 16);
        if (len > left - SECTION_HEAD_BYTES)
            return;
        le32_put(at + 20, crc32c(0, at + SECTION_HEAD_BYTES, len));
        uint64_t span = min_u64(section_span(len), left);
        at += span;
        left -= span;
    }
}

/* A byte of the newest image, in both copies, with checksums that fit. */
static void edit_image(const struct edit *e)
{
    for (uint32_t c = 0; c < 2; c++) {
        uint8_t *page = now[1].at + image_copy_pos(made.capacity, made.generation, c);
        struct image_head h;
        if (image_head_decode(page, &h) != ERR_OK)
            return;
        uint64_t number = min_u64(e->which % 8, h.pages - 1);
        page += number * BLOCK_BYTES;
        page[e->where % PAGE_PAYLOAD_BYTES] += (uint8_t)e->how;
        if (number == h.pages - 1) /* sections end the image: here they take one page */
            sections_fit(page, min_u64(h.section_bytes, PAGE_PAYLOAD_BYTES));
        page_seal(page, &(struct page_seal){ made.id.store, made.generation, (uint32_t)number });
    }
}

/* Index blocks of the volumes: a byte, and the seal fits. */
static void edit_index(const struct edit *e)
{
    uint32_t seen = 0;
    for (uint32_t i = 3; i < FILES; i++) {
        for (uint64_t at = VOL_HEAD_BYTES; at + BLOCK_BYTES <= now[i].bytes; at += BLOCK_BYTES) {
            uint8_t *page = now[i].at + at, *seal = page + PAGE_PAYLOAD_BYTES;
            if (memcmp(seal, "SLPG", 4) != 0 || seen++ != e->which % 8)
                continue;
            page[e->where % PAGE_PAYLOAD_BYTES] += (uint8_t)e->how;
            page_seal(page,
                      &(struct page_seal){ made.id.store, le64_get(seal + 8), le32_get(seal + 4) });
            return;
        }
    }
}

static void edit_identity(const struct edit *e)
{
    uint8_t *block = now[e->which % FILES].at;
    if (!now[e->which % FILES].bytes)
        return;
    block[e->where % 160] += (uint8_t)e->how;
    le32_put(block + BLOCK_BYTES - 4, crc32c(0, block, BLOCK_BYTES - 4));
}

/* The n-th block that is not zero, of any file. */
static uint8_t *live_block(uint32_t n)
{
    static const uint8_t zeros[BLOCK_BYTES];
    for (uint32_t round = 0; round < 1000; round++)
        for (uint32_t i = 0; i < FILES; i++)
            for (uint64_t at = 0; at + BLOCK_BYTES <= now[i].bytes; at += BLOCK_BYTES)
                if (memcmp(made.files[i].at + at, zeros, BLOCK_BYTES) != 0 && n-- == 0)
                    return now[i].at + at;
    return now[0].at;
}

/* True when checksums were made to fit: bytes may be other bytes than those appended. */
static bool edit_apply(const struct edit *e)
{
    switch (e->what % 8) {
    case 0:
        live_block(e->which)[e->where % BLOCK_BYTES] += (uint8_t)(e->how ? e->how : 1);
        return false;
    case 1:
        memset(live_block(e->which), e->how & 1 ? 0xff : 0, BLOCK_BYTES);
        return false;
    case 2:
        memcpy(live_block(e->which), live_block(e->where % 256), BLOCK_BYTES);
        return false;
    case 3:
        edit_journal(e, false);
        return true;
    case 4:
        edit_journal(e, true);
        return true;
    case 5:
        edit_image(e);
        return true;
    case 6:
        edit_index(e);
        return true;
    default:
        edit_identity(e);
        return true;
    }
}

/* ---- what must hold ---- */

static bool was_appended(uint32_t part, const uint8_t *at, uint64_t len)
{
    for (uint32_t i = 0; i < made.count; i++)
        if (made.part[i] == part && made.batches[i].len == len &&
            memcmp(made.batches[i].at, at, len) == 0)
            return true;
    return false;
}

static void part_tried(struct world *w, struct part *p, bool forged)
{
    uint64_t off = p->start_off;
    for (uint32_t n = 0; n < 1000; n++) {
        struct flag f = { .r = { .done = read_done, .off = off, .bytes_max = 3000 + 500 * n } };
        part_read(p, &f.r);
        check(world_until(w, &f.done));
        const uint8_t *at = f.r.batches.at;
        uint64_t left = f.r.batches.len, reached = off;
        check(!f.r.err || !left);
        while (left) {
            struct batch_info info;
            check(batch_peek((struct bytes){ at, left }, &info) == ERR_OK);
            check(info.base_off + info.last_off_delta >= reached);
            if (!forged)
                check(was_appended(p->index, at, info.bytes));
            reached = info.base_off + info.last_off_delta + 1;
            at += info.bytes;
            left -= info.bytes;
        }
        check(f.r.err || f.r.next_off >= off);
        bool end = f.r.err || f.r.next_off == off;
        off = f.r.next_off;
        read_give(&f.r);
        if (end)
            return;
    }
}

static void store_tried(struct world *w, bool forged)
{
    for (uint32_t i = 0; i < store_part_count(w->store); i++)
        if (store_part_at(w->store, i))
            part_tried(w, store_part_at(w->store, i), forged);
    for (uint32_t i = 0; i < store_part_count(w->store); i++) {
        struct part *p = store_part_at(w->store, i);
        struct flag f = { .a = { .done = append_done, .count = 1, .want = DURABILITY_SYNCED } };
        uint8_t *at = p ? batch_make(9000, i, &f.a.batch) : NULL;
        if (p) {
            part_append(p, &f.a);
            world_until(w, &f.done);
            if (!f.done) /* it waits for space that does not come: its memory is still in use */
                sim_crash(w->node, SIM_KILL);
            if (!f.done)
                store_close(&w->store);
        }
        free(at);
        if (!w->store)
            return;
    }
    struct flag f = { .stop = { .done = stop_done } };
    store_stop(w->store, &f.stop);
    world_until(w, &f.done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[BLOCK_BYTES];
    struct world w;
    struct why why;
    bool forged = false;
    if (!made.made)
        template_make();
    for (uint32_t i = 0; i < FILES; i++)
        memcpy(now[i].at, made.files[i].at, now[i].bytes);
    for (uint32_t n = 0; n < EDITS_MAX && size >= EDIT_BYTES; n++, size -= EDIT_BYTES) {
        struct edit e = { data[0], data[1], le16_get(data + 2), le16_get(data + 4) };
        forged |= edit_apply(&e);
        data += EDIT_BYTES;
    }
    world_open(&w);
    for (uint32_t i = 0; i < FILES; i++)
        for (uint64_t at = 0; at < now[i].bytes; at += BLOCK_BYTES)
            if (memcmp(now[i].at + at, zeros, BLOCK_BYTES) != 0 ||
                at + BLOCK_BYTES >= now[i].bytes) /* the last block gives the file its size */
                sim_file_write(w.node, DIR, names[i], at, now[i].at + at,
                               min_u64(BLOCK_BYTES, now[i].bytes - at));
    enum err err = store_open(&w.store, w.io, w.dir, &opts, &why);
    if (getenv("FUZZ_WHY"))
        fprintf(stderr, "%s: %s\n", err_name(err), err ? why.text : "");
    if (err == ERR_OK)
        store_tried(&w, forged);
    else
        check(!w.store);
    if (!sim_dead(w.node))
        world_close(&w);
    else {
        io_close(&w.io);
        sim_close(&w.sim);
    }
    return 0;
}
