/* bitrot.c -- one bit of each live block, one at a time; then zeroed and exchanged blocks.
 *
 * Claim: damage in live bytes is found by verify and by whoever reads them, is never served, and
 * never shortens the log silently, but for the last entry of the journal (docs/FORMAT.md, Damage).
 *
 * BITROT_EVERY=n takes every n-th block only (8); 1 takes all of them. BITROT_MIB=n is the size of
 * the store's content (64 takes the whole sweep of `scripts/verify 1`). */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/repair.h"
#include "tests/sim/rot.h"

#define FAILURES_MAX 40u

struct sweep {
    struct rot r;
    uint32_t every, failures;
    uint64_t done[ROT_CLASS_COUNT], skipped;
};

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void missed(struct sweep *s, const struct target *t, const char *how, const char *what,
                   const struct rot_seen *seen)
{
    char text[400];
    snprintf(
        text, sizeof(text),
        "%s, %s of %s at %llu+%u..%u (book %u, offsets %llu..%llu): %s; open %s, %u errors, %u "
        "wrong, %u short, %u damaged",
        how, rot_class_names[t->class_], t->file, (unsigned long long)t->pos, t->from, t->to,
        t->book, (unsigned long long)t->from_off, (unsigned long long)t->to_off, what,
        err_name(seen->open_err), seen->errors, seen->wrong, seen->shortened, seen->damaged);
    test_expect(false, __FILE__, __LINE__, text);
    s->failures++;
}

/* Of a block of the journal, which rarely holds one thing alone. */
static const char *journal_broken(const struct verify_counts *v, const struct rot_seen *seen)
{
    bool stopped = seen->damaged && seen->errors;
    bool kept = !v->finds[FIND_DAMAGE] && !seen->errors; /* what was hit had been carried on */
    return seen->open_err || stopped || kept ? NULL : "readers do not find it";
}

/* Nothing is lost, so everything is served. */
static const char *kept_broken(const struct verify_counts *v, const struct rot_seen *seen)
{
    return seen->open_err || seen->errors || v->finds[FIND_DAMAGE]
               ? "what nothing is lost of is not served"
               : NULL;
}

/* How much was hit. */
enum hit {
    HIT_BYTES, /* of the target alone */
    HIT_BLOCK, /* its block, with what else is in it */
    HIT_TWO,   /* that block and another one: two partitions may stop */
};

/* The promise of each class; NULL: kept. */
static const char *promise_broken(const struct target *t, const struct verify_counts *v,
                                  const struct rot_seen *seen, enum hit hit)
{
    bool found = v->finds[FIND_DAMAGE] || v->finds[FIND_HEALABLE];
    if (seen->wrong)
        return "something else was served than was written";
    if (seen->shortened || seen->lost)
        return "the log was cut silently";
    if (!found && t->class_ != ROT_LAST)
        return "verify does not find it";
    if (hit != HIT_BYTES && (t->class_ == ROT_HEADER || t->class_ == ROT_PIECE))
        return journal_broken(v, seen);
    switch (t->class_) {
    case ROT_IDENTITY:
    case ROT_HEADER:
        return seen->open_err ? NULL : "the store opens all the same";
    case ROT_IMAGE:
    case ROT_LAST:
        return kept_broken(v, seen);
    case ROT_PIECE:
        if (t->carried)
            return kept_broken(v, seen);
        /* fallthrough */
    case ROT_SLOT:
        return seen->open_err                             ? "the store does not open"
               : seen->damaged > (hit == HIT_TWO ? 2 : 1) ? "another partition stopped too"
               : !seen->errors                            ? "readers do not find it"
                                                          : NULL;
    default:
        return seen->open_err ? "the store does not open"
               : seen->errors ? NULL
                              : "readers do not find it";
    }
}

static void judge(struct sweep *s, const struct target *t, const char *how, enum hit hit)
{
    struct verify_counts v = rot_verify(&s->r, t);
    struct rot_seen seen = rot_look(&s->r, t, false);
    const char *broken = promise_broken(t, &v, &seen, hit);
    if (broken)
        missed(s, t, how, broken, &seen);
    s->done[t->class_]++;
}

static void flip(struct sweep *s, const struct target *t, uint32_t at, uint32_t bit)
{
    uint8_t byte;
    char how[32];
    rot_read(&s->r, t, &byte, t->pos + at, 1);
    byte ^= (uint8_t)(1u << bit);
    rot_write(&s->r, t, &byte, t->pos + at, 1);
    snprintf(how, sizeof(how), "bit %u of +%u", bit, at);
    judge(s, t, how, HIT_BYTES);
    byte ^= (uint8_t)(1u << bit);
    rot_write(&s->r, t, &byte, t->pos + at, 1);
}

/* Zeros where the target's bytes are; false when they are zeros already. */
static bool zero(struct sweep *s, const struct target *t)
{
    uint8_t was[BLOCK_BYTES], zeros[BLOCK_BYTES] = { 0 };
    rot_read(&s->r, t, was, t->pos, BLOCK_BYTES);
    if (memcmp(was + t->from, zeros, t->to - t->from) == 0)
        return false;
    rot_write(&s->r, t, zeros, t->pos, BLOCK_BYTES);
    judge(s, t, "zeroed", HIT_BLOCK);
    rot_write(&s->r, t, was, t->pos, BLOCK_BYTES);
    return true;
}

/* Exchanges two blocks; each keeps its promise. */
static void swap(struct sweep *s, const struct target *a, const struct target *b)
{
    uint8_t in_a[BLOCK_BYTES], in_b[BLOCK_BYTES];
    rot_read(&s->r, a, in_a, a->pos, BLOCK_BYTES);
    rot_read(&s->r, b, in_b, b->pos, BLOCK_BYTES);
    if (memcmp(in_a + a->from, in_b + a->from, a->to - a->from) == 0)
        return;
    rot_write(&s->r, a, in_b, a->pos, BLOCK_BYTES);
    rot_write(&s->r, b, in_a, b->pos, BLOCK_BYTES);
    judge(s, a, "exchanged", HIT_TWO);
    rot_write(&s->r, a, in_a, a->pos, BLOCK_BYTES);
    rot_write(&s->r, b, in_b, b->pos, BLOCK_BYTES);
}

static void sweep_open(struct sweep *s)
{
    *s = (struct sweep){ .every = (uint32_t)setting("BITROT_EVERY", 8) };
    s->every = s->every ? s->every : 1;
    rot_open(&s->r, 7, MIB(setting("BITROT_MIB", 16)));
    struct rot_seen seen = rot_look(&s->r, NULL, true);
    EXPECT_OK(seen.open_err);
    EXPECT_EQ(seen.errors + seen.wrong + seen.shortened + seen.lost, 0);
    struct verify_counts v;
    EXPECT_OK(verify_run(s->r.f.io, s->r.f.dir, &(struct verify_opts){ 0 }, &v, &s->r.f.why));
    EXPECT_EQ(v.finds[FIND_DAMAGE] + v.finds[FIND_HEALABLE], 0);
}

static void sweep_close(struct sweep *s)
{
    struct rot_seen seen = rot_look(&s->r, NULL, true); /* the sweep put everything right again */
    EXPECT_EQ(seen.errors + seen.wrong + seen.shortened + seen.lost, 0);
    for (uint32_t i = 0; i < ROT_CLASS_COUNT; i++)
        printf("    %-22s %llu\n", rot_class_names[i], (unsigned long long)s->done[i]);
    rot_close(&s->r);
}

/* Metadata is few: all of it, always. */
static bool chosen(const struct sweep *s, uint32_t i)
{
    enum rot_class c = s->r.targets[i].class_;
    return (c != ROT_DATA && c != ROT_PIECE) || i % s->every == 0;
}

TEST(bitrot, one_bit_of_each_block)
{
    // Goal: each kind of live block keeps its promise. Method: flip one drawn bit, look, put it
    // back.
    struct sweep s;
    sweep_open(&s);
    for (uint32_t i = 0; i < s.r.count && s.failures < FAILURES_MAX; i++) {
        const struct target *t = &s.r.targets[i];
        uint32_t at = t->from + (uint32_t)rng_below(&s.r.rng, t->to - t->from);
        uint32_t bit = (uint32_t)rng_below(&s.r.rng, 8);
        if (chosen(&s, i))
            flip(&s, t, at, bit);
    }
    sweep_close(&s);
}

TEST(bitrot, blocks_zeroed_and_exchanged)
{
    // Goal: a lost write and a misdirected one show. Method: zero a block; exchange it with one of
    // its own kind.
    struct sweep s;
    sweep_open(&s);
    for (uint32_t i = 0; i < s.r.count && s.failures < FAILURES_MAX; i++) {
        const struct target *t = &s.r.targets[i];
        if (!chosen(&s, i) || t->class_ == ROT_LAST)
            continue;
        if (!zero(&s, t))
            s.skipped++;
        for (uint32_t k = i + 1 + (uint32_t)rng_below(&s.r.rng, 7); k < s.r.count; k++)
            if (s.r.targets[k].class_ == t->class_) {
                swap(&s, t, &s.r.targets[k]);
                break;
            }
    }
    sweep_close(&s);
}

TEST(bitrot, image_page_in_both_copies)
{
    // Goal: an older image serves only with its whole journal; otherwise the store is refused, by
    // salvage too. Method: the same page of both copies.
    struct sweep s;
    sweep_open(&s);
    uint32_t first = 0;
    while (s.r.targets[first].class_ != ROT_IMAGE)
        first++;
    uint32_t pages = 0;
    while (s.r.targets[first + pages].class_ == ROT_IMAGE)
        pages++;
    pages /= 2;
    for (uint32_t i = 0; i < pages; i++) {
        const struct target *a = &s.r.targets[first + i], *b = &s.r.targets[first + pages + i];
        uint8_t was[BLOCK_BYTES], zeros[BLOCK_BYTES] = { 0 };
        rot_read(&s.r, a, was, a->pos, BLOCK_BYTES);
        rot_write(&s.r, a, zeros, a->pos, BLOCK_BYTES);
        rot_write(&s.r, b, zeros, b->pos, BLOCK_BYTES);
        struct verify_counts v = rot_verify(&s.r, a);
        struct rot_seen seen = rot_look(&s.r, NULL, true);
        EXPECT(v.finds[FIND_DAMAGE] + v.finds[FIND_HEALABLE] > 0);
        EXPECT(v.finds[FIND_DAMAGE] > 0 || !seen.open_err);
        struct repair_report report;
        enum err err =
            seen.open_err ? repair_run(s.r.f.io, s.r.f.dir, &report, &s.r.f.why) : ERR_OK;
        EXPECT_ERR(err, seen.open_err);
        EXPECT_EQ(seen.errors + seen.wrong + seen.shortened + seen.lost, 0);
        rot_write(&s.r, a, was, a->pos, BLOCK_BYTES);
        rot_write(&s.r, b, was, b->pos, BLOCK_BYTES);
        s.done[ROT_IMAGE]++;
    }
    sweep_close(&s);
}

/* ---- header fields ---- */

/* One bit in each of `len` bytes from +at on. */
static void fields_flip(struct sweep *s, const struct target *t, uint32_t at, uint32_t len)
{
    for (uint32_t i = 0; i < len && s->failures < FAILURES_MAX; i++)
        flip(s, t, at + i, (uint32_t)rng_below(&s->r.rng, 8));
}

/* The first target of a class from `i` on; count: none. */
static uint32_t target_of(const struct sweep *s, enum rot_class c, uint32_t i)
{
    while (i < s->r.count && s->r.targets[i].class_ != c)
        i++;
    return i;
}

TEST(bitrot, each_header_field)
{
    // Goal: no byte of a header is beyond its checksum. Method: one bit in every byte of every
    // kind of header.
    static const struct {
        enum rot_class class_;
        uint32_t at, len;
    } fields[] = {
        { ROT_IDENTITY, 0, 152 },
        { ROT_IDENTITY, BLOCK_BYTES - 4, 4 },
        { ROT_IMAGE, 0, 104 },
        { ROT_IMAGE, PAGE_PAYLOAD_BYTES, 64 },
        { ROT_HEADER, 0, 192 },
        { ROT_INDEX, 0, TILE_BYTES },
        { ROT_INDEX, PAGE_PAYLOAD_BYTES, 64 },
        { ROT_DATA, 0, BATCH_HEADER_BYTES },
        { ROT_SLOT, 0, BATCH_HEADER_BYTES },
    };
    struct sweep s;
    sweep_open(&s);
    for (uint32_t n = 0; n < sizeof(fields) / sizeof(fields[0]); n++) {
        uint32_t i = 0;
        for (uint32_t k = 0; k < 3; k++) {
            i = target_of(&s, fields[n].class_, i);
            if (i >= s.r.count)
                break;
            const struct target *t = &s.r.targets[i++];
            if (t->from <= fields[n].at && fields[n].at + fields[n].len <= t->to)
                fields_flip(&s, t, fields[n].at, fields[n].len);
            i += (s.r.count - i) / 3 / (fields[n].class_ == ROT_DATA ? 1 : 1000);
        }
    }
    sweep_close(&s);
}
