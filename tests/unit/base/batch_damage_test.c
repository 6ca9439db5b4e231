/* batch_damage_test.c -- no flipped bit and no cut goes unnoticed, and none leads out of the bytes.
 *
 * Every damaged batch lies in a block of exactly its size: under the address sanitizer a read of
 * one byte too far ends the test.
 */
#include "engine/base/batch.h"
#include "engine/base/le.h"
#include "tests/test.h"
#include "tests/unit/base/batch_sample.h"

#include <stdlib.h>
#include <string.h>

static enum err verify(const uint8_t *at, size_t len)
{
    struct batch_info info;
    struct why why;
    int64_t max_time;
    return batch_verify((struct bytes){ at, len }, &info, &max_time, &why);
}

/* Walks as far as it goes, headers included; the number of records. */
static uint32_t walk(const uint8_t *at, size_t len, enum err *err)
{
    struct batch_walk w;
    struct batch_record r;
    struct batch_header_kv h;
    uint32_t seen = 0;

    *err = batch_walk_open(&w, (struct bytes){ at, len });
    for (; !*err && batch_walk_next(&w, &r, err); seen++) {
        struct bytes raw = r.headers_raw;
        uint32_t left = r.header_count;
        while (batch_header_next(&raw, &left, &h))
            EXPECT(h.key.at >= at && h.key.at + h.key.len <= at + len);
        EXPECT_EQ(left, 0);
        EXPECT(!r.value.at || (r.value.at >= at && r.value.at + r.value.len <= at + len));
    }
    return seen;
}

TEST(batch_damage, notices_every_flipped_bit)
{
    // Goal: what the CRC covers, and the CRC, length and magic, cannot change unnoticed. Method:
    // each bit of the batch; only base offset (0-7) and leader epoch (12-15) may pass.
    struct rng r;
    struct sample s;

    rng_seed(&r, 1);
    sample_open(&s, &r, 8, 60);
    for (size_t bit = 0; bit < s.batch.len * 8; bit++) {
        size_t pos = bit / 8;
        bool stamped = pos < 8 || (pos >= 12 && pos < 16);
        uint8_t *at = bytes_copy(s.batch.at, s.batch.len);
        at[pos] ^= (uint8_t)(1 << bit % 8);
        EXPECT_ERR(verify(at, s.batch.len), stamped ? ERR_OK : ERR_BAD_BATCH);
        free(at);
    }
    sample_close(&s);
}

TEST(batch_damage, notices_every_cut)
{
    // Goal: a batch that is not all there is refused, whatever its header says. Method: each
    // length; as it is, and with length field and CRC made right.
    struct rng r;
    struct sample s;
    enum err err;

    rng_seed(&r, 2);
    sample_open(&s, &r, 8, 60);
    for (size_t len = 0; len < s.batch.len; len++) {
        struct batch_info info;
        uint8_t *at = bytes_copy(s.batch.at, len);
        EXPECT_ERR(batch_peek((struct bytes){ at, len }, &info), ERR_BAD_BATCH);
        EXPECT_ERR(verify(at, len), ERR_BAD_BATCH);
        if (len >= BATCH_HEADER_BYTES) {
            be32_put(at + 8, (uint32_t)(len - 12));
            batch_reseal(at, len);
            EXPECT_OK(batch_peek((struct bytes){ at, len }, &info));
            EXPECT_ERR(verify(at, len), ERR_BAD_BATCH);
            EXPECT(walk(at, len, &err) < s.count);
            EXPECT_ERR(err, ERR_BAD_BATCH);
        }
        free(at);
    }
    sample_close(&s);
}

/* A few random bytes behind the header change, and the CRC is made right. */
static void records_scramble(uint8_t *at, size_t len, struct rng *r)
{
    static const uint8_t edges[] = { 0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xfe, 0xff };
    for (uint64_t n = 1 + rng_below(r, 4); n; n--) {
        size_t pos = BATCH_HEADER_BYTES + rng_below(r, len - BATCH_HEADER_BYTES);
        at[pos] = rng_chance(r, 1, 2) ? edges[rng_below(r, 8)] : (uint8_t)rng_next(r);
    }
    batch_reseal(at, len);
}

TEST(batch_damage, survives_records_of_a_liar)
{
    // Goal: a right CRC proves nothing about the sender. Method: scrambled records; verify and walk
    // agree about what they can both see, and neither leaves the block.
    struct rng r;
    unsigned refused = 0;

    rng_seed(&r, 3);
    for (int round = 0; round < 20; round++) {
        struct sample s;
        sample_open(&s, &r, 6, 40);
        for (int i = 0; i < 1000; i++) {
            uint8_t *at = bytes_copy(s.batch.at, s.batch.len);
            enum err walked;
            records_scramble(at, s.batch.len, &r);
            enum err verified = verify(at, s.batch.len);
            uint32_t seen = walk(at, s.batch.len, &walked);
            EXPECT(verified || (!walked && seen == s.count));
            refused += verified != ERR_OK;
            free(at);
        }
        sample_close(&s);
    }
    EXPECT(refused > 1000);
}
