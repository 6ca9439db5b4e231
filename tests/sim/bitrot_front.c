/* bitrot_front.c -- one bit of a whole broker's files, and what its clients are told.
 *
 * Claim: whatever is flipped on disk is never served to a client: a fetch gives what was
 * acknowledged, or an error that names the damage; nothing is missing without a word. Method: an
 * instance with several partitions is filled and stopped, one bit of each block of its files is
 * flipped in turn, and everything is fetched over the native protocol; then the files are put back.
 *
 *   before_start    while the broker is stopped
 *   while_it_runs   before anybody read
 *   after_eviction  after everything was read until it is sent from the page cache; its pages leave
 *
 * A bit that flips in a resident page, after the check, is the window of decision 0011: the
 * simulator has no page that differs from its disk, so it is not shown here.
 *
 * BITROT_EVERY=n takes every n-th block only (16); 1 takes all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/content.h"
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

#define SHARDS       2u
#define PARTS        4u
#define BATCHES      60u /* of each partition */
#define VALUE_MAX    (24u << 10)
#define FETCH_BYTES  (256u << 10)
#define FILES_MAX    64u
#define FAILURES_MAX 20u

/* ---- the files ---- */

struct file {
    char dir[16], name[32];
    uint8_t *bytes;
    uint64_t len;
};

struct known {
    struct content content;
    uint64_t off, hash;
    uint32_t bytes;
};

static struct {
    struct file files[FILES_MAX];
    uint32_t file_count;
    struct known batches[PARTS][BATCHES];
    struct id16 topic;
    uint64_t done, told, unopened, whole, lent_bytes;
    uint32_t failures;
} rot;

static const char *listing; /* directory that is being listed */

static void file_keep(const char *name, void *arg)
{
    struct sim_node *machine = arg;
    if (!strncmp(name, "store-", 6))
        return;
    check(rot.file_count < FILES_MAX);
    struct file *f = &rot.files[rot.file_count++];
    snprintf(f->dir, sizeof(f->dir), "%s", listing);
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->len = sim_file_bytes(machine, f->dir, f->name);
    f->bytes = malloc(f->len + 1);
    check(f->bytes);
    sim_file_read(machine, f->dir, f->name, 0, f->bytes, f->len);
}

static void files_keep(void)
{
    static char dirs[SHARDS][16];
    for (uint32_t i = 0; i < SHARDS; i++) {
        snprintf(dirs[i], sizeof(dirs[i]), "/a/store-%02u", i);
        listing = dirs[i];
        sim_dir_each(world.node.machine, listing, file_keep, world.node.machine);
    }
}

static bool file_kept(const char *dir, const char *name)
{
    for (uint32_t i = 0; i < rot.file_count; i++)
        if (!strcmp(rot.files[i].dir, dir) && !strcmp(rot.files[i].name, name))
            return true;
    return false;
}

struct strangers {
    char names[FILES_MAX][32];
    uint32_t count;
};

static void stranger_note(const char *name, void *arg)
{
    struct strangers *s = arg;
    check(s->count < FILES_MAX);
    if (!file_kept(listing, name))
        snprintf(s->names[s->count++], sizeof(s->names[0]), "%s", name);
}

/* As they were when it stopped. */
static void files_put(void)
{
    struct sim_node *machine = world.node.machine;
    const char *last = "";
    for (uint32_t i = 0; i < rot.file_count; i++) {
        const struct file *f = &rot.files[i];
        struct strangers s = { .count = 0 };
        if (strcmp(last, f->dir)) {
            listing = last = f->dir;
            sim_dir_each(machine, f->dir, stranger_note, &s);
        }
        for (uint32_t k = 0; k < s.count; k++)
            sim_file_delete(machine, f->dir, s.names[k]);
        if (sim_file_bytes(machine, f->dir, f->name) != f->len)
            sim_file_delete(machine, f->dir, f->name);
        sim_file_write(machine, f->dir, f->name, 0, f->bytes, f->len);
    }
}

/* ---- the broker ---- */

static enum serve_state broker_up(void)
{
    struct door_listen at = { .at = { .ip = { 127, 0, 0, 1 }, .port = NATIVE_PORT, .version = 4 },
                              .speaks = &native_protocol };
    struct door_opts opts = { .listen = &at, .listen_count = 1, .shards = SHARDS };
    struct why why = { "" };
    check(io_open(&world.io, &(struct io_opts){ .node = world.node.machine }) == ERR_OK);
    opts.board = &world.board;
    check(metrics_board_open(&world.board, SHARDS, 1) == ERR_OK);
    check(door_open(&world.door, world.io, &opts, &why) == ERR_OK);
    world.front = door_front(world.door);
    return node_start(&world.node, NULL);
}

static void broker_down(void)
{
    node_crash(&world.node, SIM_POWER);
    door_close(&world.door);
    metrics_board_close(&world.board);
    io_close(&world.io);
}

static void peer_forget(struct peer *p) /* its machine is dead */
{
    free(p->in);
    p->in = NULL;
}

/* ---- the content ---- */

static struct bytes value_make(const struct content *c)
{
    static uint8_t at[VALUE_MAX * 2];
    return content_make(c, at, sizeof(at));
}

static void batch_add(struct peer *p, struct rng *rng, uint32_t part, uint32_t i)
{
    struct known *k = &rot.batches[part][i];
    k->content =
        (struct content){ .number = (uint64_t)part * BATCHES + i,
                          .part = part,
                          .count = 1 + (uint32_t)rng_below(rng, 3),
                          .value_bytes = rng_below(rng, VALUE_MAX),
                          .time_ms = io_wall_ms(world.io) }; /* retention takes what is old */
    struct bytes batch = value_make(&k->content);
    k->hash = content_hash(batch);
    k->bytes = (uint32_t)batch.len;
    peer_ask(p, VERB_APPEND, rot.topic, part,
             &(struct append_request){ .durability = 3, .batch = batch });
    k->off = peer_expect(p, VERB_APPEND, ERR_OK).append_answer.base_offset;
}

static void rot_fill(void)
{
    struct peer p;
    struct rng rng;
    rng_seed(&rng, 11);
    broker_start(11, SHARDS, NULL);
    peer_open(&p);
    rot.topic = peer_topic(&p, "t", PARTS);
    for (uint32_t i = 0; i < BATCHES; i++)
        for (uint32_t part = 0; part < PARTS; part++)
            batch_add(&p, &rng, part, i);
    peer_close(&p);
    node_pass(&world.node, SEC_NS); /* an idle store seals its last entry */
    broker_down();
    files_keep();
}

/* ---- looking ---- */

static void missed(const struct file *f, uint64_t pos, const char *what, uint32_t part,
                   uint64_t off)
{
    char text[200];
    snprintf(text, sizeof(text), "%s/%s, byte %llu: %s, partition %u, offset %llu", f->dir, f->name,
             (unsigned long long)pos, what, part, (unsigned long long)off);
    test_expect(false, __FILE__, __LINE__, text);
    rot.failures++;
}

/* The batch is there as it was acknowledged, but for what the log stamps. */
static bool batch_is(const struct known *k, struct bytes left)
{
    struct batch_info info;
    struct bytes batch = { left.at, k->bytes };
    return batch_peek(left, &info) == ERR_OK && info.base_off == k->off && info.bytes == k->bytes &&
           content_hash(batch) == k->hash && content_same(&k->content, batch);
}

/* How many batches were served as they were acknowledged; *ok false: something else was. */
static uint32_t served(uint32_t part, uint32_t i, struct bytes left, bool *ok)
{
    uint32_t n = 0;
    for (*ok = true; left.len; n++) {
        const struct known *k = &rot.batches[part][i + n];
        *ok = i + n < BATCHES && batch_is(k, left);
        if (!*ok)
            return n;
        left = (struct bytes){ left.at + k->bytes, left.len - k->bytes };
    }
    return n;
}

static bool names_damage(const struct error_answer *e)
{
    return e->code == ERR_CORRUPT || e->code == ERR_DAMAGED;
}

/* Every batch of the partition: served, or an error says why not. Returns how many errors. */
static uint32_t part_look(struct peer *p, uint32_t part, const struct file *f, uint64_t pos)
{
    uint32_t errors = 0;
    for (uint32_t i = 0; i < BATCHES;) {
        struct fetch_request fetch = { .offset = rot.batches[part][i].off,
                                       .bytes_max = FETCH_BYTES };
        struct frame frame = { 0 };
        union payload out;
        bool ok;
        peer_ask(p, VERB_FETCH, rot.topic, part, &fetch);
        if (!peer_answer(p, 60 * SEC_NS, &frame, &out)) {
            missed(f, pos, "no answer", part, fetch.offset);
            return errors;
        }
        if (frame_is_error(&frame)) {
            if (!names_damage(&out.error))
                missed(f, pos, err_name((enum err)out.error.code), part, fetch.offset);
            errors++;
            i++;
            continue;
        }
        uint32_t n = served(part, i, out.fetch_answer.batches, &ok);
        if (!ok)
            missed(f, pos, "something else was served than was acknowledged", part, fetch.offset);
        else if (!n)
            missed(f, pos, "records are missing without a word", part, fetch.offset);
        if (!ok || !n)
            return errors;
        i += n;
    }
    return errors;
}

/* Where the partitions are; an error, or a place with one, names the damage too. */
static bool topic_told(struct peer *p, const struct file *f, uint64_t pos)
{
    struct describe_request describe = { .name = text_of("t") };
    struct frame frame = { 0 };
    union payload out;
    peer_ask(p, VERB_DESCRIBE, NO_TOPIC, 0, &describe);
    if (!peer_answer(p, 60 * SEC_NS, &frame, &out))
        missed(f, pos, "no answer to describe", 0, 0);
    else if (frame_is_error(&frame) && !names_damage(&out.error))
        missed(f, pos, "describe does not name the damage", 0, 0);
    else
        return !frame_is_error(&frame);
    return false;
}

static uint32_t look(const struct file *f, uint64_t pos)
{
    struct peer p;
    uint32_t errors = 0;
    peer_open(&p);
    if (!topic_told(&p, f, pos))
        errors++;
    else
        for (uint32_t part = 0; part < PARTS; part++)
            errors += part_look(&p, part, f, pos);
    peer_forget(&p);
    return errors;
}

/* ---- flipping ---- */

enum moment { BEFORE_START, BEFORE_READ, AFTER_EVICTION };

static void flip(const struct file *f, uint64_t pos, uint32_t bit)
{
    uint8_t byte;
    sim_file_read(world.node.machine, f->dir, f->name, pos, &byte, 1);
    byte ^= (uint8_t)(1u << bit);
    sim_file_write(world.node.machine, f->dir, f->name, pos, &byte, 1);
}

/* Read so often that sealed extents are sent from the page cache. */
static void warm_up(const struct file *f, uint64_t pos)
{
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_EQ(look(f, pos), 0);
}

static void evict(const struct file *f)
{
    int dir = io_dir_open(world.io, f->dir, 0, NULL);
    int fd = io_cache_open(world.io, dir, f->name);
    check(dir >= 0 && fd >= 0);
    io_cache_drop(world.io, fd, 0, f->len);
    io_fd_close(world.io, fd);
    io_fd_close(world.io, dir);
}

static void lent_count(void)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct store *store = serve_store(world.node.serve, i);
        if (store) /* none: its damage keeps it shut */
            rot.lent_bytes += store_counts(store).cache_lent_bytes;
    }
}

static uint32_t flip_running(const struct file *f, uint64_t pos, uint32_t bit, enum moment when)
{
    if (when == AFTER_EVICTION)
        warm_up(f, pos);
    if (when != BEFORE_START)
        flip(f, pos, bit);
    if (when == AFTER_EVICTION)
        evict(f);
    uint32_t errors = look(f, pos);
    lent_count();
    return errors;
}

static void flip_look(const struct file *f, uint64_t pos, uint32_t bit, enum moment when)
{
    files_put();
    if (when == BEFORE_START)
        flip(f, pos, bit);
    enum serve_state state = broker_up();
    uint32_t errors = 0;
    if (state == SERVE_READY)
        errors = flip_running(f, pos, bit, when);
    else if (when != BEFORE_START)
        missed(f, pos, "it does not start, and nothing was flipped", 0, 0);
    rot.done++;
    rot.unopened += state != SERVE_READY;
    rot.told += state == SERVE_READY && errors;
    rot.whole += state == SERVE_READY && !errors;
    broker_down();
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value = text ? strtoull(text, NULL, 10) : otherwise;
    return value ? value : 1;
}

static void sweep(enum moment when)
{
    uint64_t every = setting("BITROT_EVERY", 16), block = 0;
    struct rng rng;
    memset(&rot, 0, sizeof(rot));
    rng_seed(&rng, 12 + when);
    rot_fill();
    for (uint32_t i = 0; i < rot.file_count; i++) {
        const struct file *f = &rot.files[i];
        for (uint64_t pos = 0; pos + BLOCK_BYTES <= f->len; pos += BLOCK_BYTES) {
            uint64_t at = pos + rng_below(&rng, BLOCK_BYTES);
            uint32_t bit = (uint32_t)rng_below(&rng, 8);
            if (block++ % every == 0 && rot.failures < FAILURES_MAX)
                flip_look(f, at, bit, when);
        }
    }
    printf("    flips %llu\n    named by an error %llu\n    not started %llu\n"
           "    nothing lost %llu\n",
           (unsigned long long)rot.done, (unsigned long long)rot.told,
           (unsigned long long)rot.unopened, (unsigned long long)rot.whole);
    EXPECT(when != AFTER_EVICTION || rot.lent_bytes > 0);
    EXPECT(rot.told > rot.done / 8); /* most blocks of extents hold records */
    files_put();
    REQUIRE(broker_up() == SERVE_READY);
    EXPECT_EQ(look(&rot.files[0], 0), 0);
    broker_down();
    for (uint32_t i = 0; i < rot.file_count; i++)
        free(rot.files[i].bytes);
    node_close(&world.node);
}

TEST(bitrot_front, before_start)
{
    sweep(BEFORE_START);
}

TEST(bitrot_front, while_it_runs)
{
    sweep(BEFORE_READ);
}

TEST(bitrot_front, after_eviction)
{
    sweep(AFTER_EVICTION);
}
