/* golden.c -- stores that open for ever: made once by a version, read by every later one.
 *
 *     golden make DIR       makes the store of this version in the empty directory DIR
 *     golden list DIR       every partition and batch of the store in DIR, as text
 *     golden go-on DIR      opens it for writing, sends again what its producers sent last,
 * appends, stops, opens it again, reads it all
 *
 * The store has what a store can have: sealed and open extents, index blocks, direct runs, resting
 * slots, two openings and their epochs, a trimmed and a dropped partition, a gap between offsets,
 * idempotent producers, and a journal that was not checkpointed. Numbers in it are a function of
 * nothing but this file, but for ids and times. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "engine/base/rng.h"
#include "engine/log/producer.h"

#define PARTS     5u
#define BATCH_MAX KIB(24)

/* An idempotent producer of one partition. */
struct client {
    int64_t id;
    int16_t epoch;
    int32_t next;
};

struct golden {
    struct io *io;
    int dir;
    struct store *store;
    struct why why;
    struct rng rng;
    uint8_t *batch; /* BATCH_MAX bytes, and room for a header */
};

/* ---- waiting ---- */

static void turn(struct golden *g)
{
    store_turn(g->store);
    uint64_t due = store_due_ns(g->store), now = io_now_ns(g->io);
    io_turn(g->io, due <= now ? 0 : min_u64(due - now, MS_NS));
}

static void append_over(struct append *a)
{
    *(bool *)a->arg = true;
}
static void request_over(struct part_request *r)
{
    *(bool *)r->arg = true;
}
static void read_over(struct read *r)
{
    *(bool *)r->arg = true;
}
static void stop_over(struct store_stop *s)
{
    *(bool *)s->arg = true;
}

static void settle(struct golden *g, uint64_t ns)
{
    uint64_t until = io_now_ns(g->io) + ns;
    while (io_now_ns(g->io) < until || io_inflight(g->io))
        turn(g);
}

/* ---- verbs ---- */

static struct id16 topic_of(uint32_t n)
{
    struct id16 id = { { 'g', 'o', 'l', 'd', 'e', 'n', [15] = (uint8_t)n } };
    return id;
}

/* Its producers have been silent since the store was made, and are remembered all the same. */
static void store_start(struct golden *g, bool read_only)
{
    struct store_opts opts = { .tail_bytes = MIB(4),
                               .direct_min = KIB(4),
                               .direct_flight = KIB(64),
                               .producer_expiry_ms = INT64_MAX,
                               .read_only = read_only };
    enum err err = store_open(&g->store, g->io, g->dir, &opts, &g->why);
    if (!err)
        return;
    fprintf(stderr, "golden: the store does not open: %s (%s)\n", g->why.text, err_text(err));
    exit(1);
}

static void store_end(struct golden *g)
{
    bool over = false;
    struct store_stop stop = { .done = stop_over, .arg = &over };
    store_stop(g->store, &stop);
    while (!over)
        turn(g);
    check(stop.err == ERR_OK);
    while (io_inflight(g->io))
        io_turn(g->io, MS_NS);
    store_close(&g->store);
}

static struct part *part_of(struct golden *g, uint32_t n)
{
    bool over = false;
    struct part_request r = { .done = request_over, .arg = &over };
    part_add(g->store, &r, topic_of(n), n % 3);
    while (!over)
        turn(g);
    check(r.err == ERR_OK);
    return r.part;
}

static void request_wait(struct golden *g, struct part *p, uint64_t trim, bool drop)
{
    bool over = false;
    struct part_request r = { .done = request_over, .arg = &over };
    if (drop)
        part_drop(p, &r);
    else
        part_trim(p, &r, trim);
    while (!over)
        turn(g);
    check(r.err == ERR_OK);
}

/* One batch of `records`, about `bytes` long; at offset `at_off` when it is not 0, of a client when
 * there is one. */
static struct append put(struct golden *g, struct part *p, uint32_t records, uint32_t bytes,
                         uint64_t at_off, struct client *client)
{
    static uint8_t value[BATCH_MAX];
    struct batch_builder b;
    batch_builder_open(&b, g->batch, BATCH_MAX + 4096);
    for (uint32_t i = 0; i < records; i++) {
        rng_fill(&g->rng, value, 64);
        memset(value + 64, 'a' + (int)(i % 26), sizeof(value) - 64);
        struct batch_record rec = { .time = 1700000000000 + (int64_t)rng_below(&g->rng, 100000),
                                    .key = { (const uint8_t *)"key", 3 },
                                    .value = { value, bytes / records } };
        check(batch_builder_add(&b, &rec) == ERR_OK);
    }
    if (client) {
        b.producer_id = client->id;
        b.producer_epoch = client->epoch;
        b.base_sequence = client->next;
        client->next = (int32_t)(((uint32_t)client->next + records) & INT32_MAX);
    }
    struct append a = { .arg = NULL };
    bool over = false;
    a.done = append_over;
    a.arg = &over;
    a.batch = batch_builder_done(&b);
    a.max_time = b.max_time;
    a.count = records;
    a.want = DURABILITY_SYNCED;
    a.at_off_set = at_off != 0;
    a.at_off = at_off;
    part_append(p, &a);
    while (!over)
        turn(g);
    check(a.err == ERR_OK);
    return a;
}

/* ---- make ---- */

static void fill(struct golden *g, struct part **parts, uint32_t n, struct client *clients)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = (uint32_t)rng_below(&g->rng, 4);
        uint32_t bytes = (uint32_t)(100 + rng_log_uniform(&g->rng, KIB(12)));
        struct client *client = rng_chance(&g->rng, 1, 2) ? &clients[to] : NULL;
        put(g, parts[to], 1 + (uint32_t)rng_below(&g->rng, 5), bytes, 0, client);
    }
}

static void make(struct golden *g)
{
    struct store_create c = { .node = 7,
                              .geometry = { .journal_bytes = BLOCK_BYTES + KIB(256),
                                            .entry_max = KIB(32),
                                            .extent_min = KIB(8),
                                            .extent_max = KIB(256),
                                            .slabs = 4,
                                            .batch_max = BATCH_MAX } };
    struct part *parts[PARTS];
    check(store_create(g->io, g->dir, &c, &g->why) == ERR_OK);
    store_start(g, false);
    for (uint32_t i = 0; i < PARTS; i++)
        parts[i] = part_of(g, i);
    struct client clients[] = {
        { 100, 0, 0 }, { 101, 3, INT32_MAX - 20 }, { 102, 0, 7 }, { 103, 1, 0 }
    };
    fill(g, parts, 150, clients);
    put(g, parts[4], 3, 500, 0, &(struct client){ 104, 0, 0 });
    request_wait(g, parts[4], 0, true);
    store_end(g);
    store_start(g, false);
    for (uint32_t i = 0; i < 4; i++)
        parts[i] = part_of(g, i);
    put(g, parts[1], 2, 300, part_info(parts[1]).next_off + 1000, NULL);
    clients[0] = (struct client){ 100, 1, 0 }; /* a new epoch; and one that wrote before alone */
    clients[3] = (struct client){ 203, 0, 0 };
    fill(g, parts, 30, clients);
    request_wait(g, parts[2], part_info(parts[2]).next_off / 2, false);
    settle(g, 200 * MS_NS); /* the seal */
    exit(0);                /* as a kill would: no checkpoint */
}

/* ---- list ---- */

static void batches_list(struct bytes left)
{
    struct batch_info b;
    while (left.len && batch_peek(left, &b) == ERR_OK) {
        check(batch_crc_ok((struct bytes){ left.at, b.bytes }));
        printf("  %llu..%llu epoch %u bytes %u crc %08x\n", (unsigned long long)b.base_off,
               (unsigned long long)(b.base_off + b.last_off_delta), b.leader_epoch, b.bytes, b.crc);
        left = (struct bytes){ left.at + b.bytes, left.len - b.bytes };
    }
}

static void part_list(struct golden *g, struct part *p)
{
    struct part_state_info info = part_info(p);
    printf("partition %u of topic %u: start %llu next %llu epoch %u\n", info.index,
           info.topic.b[15], (unsigned long long)info.start_off, (unsigned long long)info.next_off,
           info.leader_epoch);
    for (uint64_t off = info.start_off; off < info.next_off;) {
        bool over = false;
        struct read r = { .done = read_over,
                          .arg = &over,
                          .off = off,
                          .bytes_max = KIB(64),
                          .beyond_visible = true };
        part_read(p, &r);
        while (!over)
            turn(g);
        if (r.err) {
            printf("  from %llu: %s\n", (unsigned long long)off, err_text(r.err));
            return;
        }
        batches_list(r.batches);
        check(r.next_off > off);
        off = r.next_off;
        read_give(&r);
    }
    struct producer_window w;
    for (uint32_t i = 0; producers_at(p, i, &w); i++) {
        printf("- producer %lld epoch %d:", (long long)w.id, w.epoch);
        for (uint32_t k = 0; k < w.n; k++)
            printf(" %d+%u at %llu", w.at[k].first, w.at[k].count,
                   (unsigned long long)w.at[k].base_off);
        printf("\n");
    }
}

static void list(struct golden *g)
{
    store_start(g, true);
    for (uint32_t i = 0; i < store_part_count(g->store); i++)
        if (store_part_at(g->store, i))
            part_list(g, store_part_at(g->store, i));
    store_close(&g->store);
}

/* Every batch that its producers could send again is recognised. */
static void again(struct golden *g, struct part *p)
{
    struct producer_window w;
    for (uint32_t i = 0; producers_at(p, i, &w); i++)
        for (uint32_t k = 0; k < w.n; k++) {
            struct client client = { w.id, w.epoch, w.at[k].first };
            struct append a = put(g, p, w.at[k].count, 100, 0, &client);
            check(a.duplicate && a.base_off == w.at[k].base_off);
        }
}

static void go_on(struct golden *g)
{
    struct client clients[] = { { 300, 0, 0 }, { 301, 0, 0 }, { 302, 0, 0 }, { 303, 0, 0 } };
    struct part *parts[4];
    store_start(g, false);
    for (uint32_t i = 0; i < 4; i++) {
        parts[i] = part_of(g, i);
        check(part_info(parts[i]).next_off > 0);
        again(g, parts[i]);
    }
    fill(g, parts, 200, clients);
    for (uint32_t i = 0; i < 4; i++)
        again(g, parts[i]);
    store_end(g);
    list(g);
}

int main(int argc, char **argv)
{
    struct golden g = { .batch = malloc(BATCH_MAX + 4096) };
    if (argc != 3) {
        fprintf(stderr, "usage: golden make|list|go-on DIR\n");
        return 2;
    }
    check(g.batch && io_open(&g.io, &(struct io_opts){ .queue_depth = 64 }) == ERR_OK);
    rng_seed(&g.rng, 1);
    g.dir = io_dir_open(g.io, argv[2], 0, &g.why);
    check(g.dir >= 0);
    if (strcmp(argv[1], "make") == 0)
        make(&g);
    else if (strcmp(argv[1], "list") == 0)
        list(&g);
    else if (strcmp(argv[1], "go-on") == 0)
        go_on(&g);
    io_fd_close(g.io, g.dir);
    io_close(&g.io);
    free(g.batch);
    return 0;
}
