/* unpack.c -- gzip, snappy, lz4 and zstd, piece by piece.
 *
 * Each format gives pieces of at most PIECE_BYTES to the records; a batch whose records are more
 * than bytes_max is given up as soon as that is seen. In a shard's turn, so is one of which a
 * format would unpack more than a piece at once, or look back far. */
#include "net/kafka/unpack_in.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "engine/base/check.h"
#include "engine/base/le.h"

#define PIECE_BYTES       KIB(64)
#define WINDOW_LOG_TURN   17 /* what a format may look back, in a turn: 128 KiB ... */
#define WINDOW_LOG_MAX    27 /* ... and elsewhere: zstd's own limit */
#define SNAPPY_HEAD_BYTES 16u
#define SNAPPY_TIMES_MAX  22u /* what comes out of a block: 64 bytes for each 3 of its at most */

struct unpacker {
    z_stream gzip;
    bool gzip_open;
    LZ4F_dctx *lz4;
    ZSTD_DCtx *zstd;
    uint8_t piece[PIECE_BYTES];
};

enum { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD };

static struct unpacker *unpacker_of(struct unpacker **with)
{
    if (!*with)
        *with = calloc(1, sizeof(**with));
    check(*with);
    return *with;
}

void unpacker_close(struct unpacker **with)
{
    struct unpacker *p = *with;
    if (!p)
        return;
    if (p->gzip_open)
        inflateEnd(&p->gzip);
    LZ4F_freeDecompressionContext(p->lz4);
    ZSTD_freeDCtx(p->zstd);
    free(p);
    *with = NULL;
}

static bool in_turn(const struct unpack *u)
{
    return u->bytes_max <= UNPACK_TURN_BYTES;
}

/* A piece came out. */
static bool piece_take(struct records *r, const uint8_t *at, size_t len)
{
    struct unpack *u = r->u;
    if (u->gone && atomic_load_explicit(u->gone, memory_order_relaxed)) {
        u->err = ERR_CLOSED;
        return false;
    }
    if (u->bytes + len > u->bytes_max) {
        u->err = ERR_TOO_LARGE;
        why_set(&u->why, "more than %llu bytes of records are in the batch",
                (unsigned long long)u->bytes_max);
        return false;
    }
    return records_feed(r, at, len);
}

/* How much a format takes follows from what a client sent: so it is no reason to end. */
static bool unpack_starved(struct unpack *u)
{
    why_set(&u->why, "no memory to unpack the batch: send it again");
    u->err = ERR_NO_MEMORY;
    return false;
}

/* ---- gzip: members, one behind the other ---- */

static void gzip_run(struct unpacker *p, struct records *r, struct bytes in)
{
    z_stream *z = &p->gzip;
    int status = p->gzip_open ? inflateReset(z) : inflateInit2(z, 16 + MAX_WBITS);
    check(status == Z_OK); /* else no memory */
    p->gzip_open = true;
    z->next_in = (Bytef *)(uintptr_t)in.at;
    z->avail_in = (uInt)in.len;
    do {
        z->next_out = p->piece;
        z->avail_out = PIECE_BYTES;
        status = inflate(z, Z_NO_FLUSH);
        if (!piece_take(r, p->piece, PIECE_BYTES - z->avail_out))
            return;
        if (status == Z_STREAM_END && z->avail_in)
            status = inflateReset(z);
    } while (status == Z_OK && (z->avail_in || !z->avail_out));
    if (status == Z_MEM_ERROR)
        unpack_starved(r->u);
    else if (status != Z_STREAM_END)
        unpack_bad(r->u, "gzip: damaged, or cut off");
}

/* ---- snappy: one block, or Java's frame of many ---- */

static bool snappy_block(struct records *r, const uint8_t *at, size_t len)
{
    size_t bytes;
    if (snappy_uncompressed_length((const char *)at, len, &bytes) != SNAPPY_OK)
        return unpack_bad(r->u, "snappy: damaged");
    if (bytes > SNAPPY_TIMES_MAX * len)
        return unpack_bad(r->u, "snappy: a block claims more than can come out of it");
    if (bytes > r->u->bytes_max - r->u->bytes)
        return piece_take(r, NULL, bytes); /* says so */
    char *out = malloc(bytes + 1);
    if (!out)
        return unpack_starved(r->u);
    bool fine = snappy_uncompress((const char *)at, len, out, &bytes) == SNAPPY_OK ||
                unpack_bad(r->u, "snappy: damaged");
    fine = fine && piece_take(r, (const uint8_t *)out, bytes);
    free(out);
    return fine;
}

static bool snappy_frame(struct records *r, struct bytes in)
{
    static const uint8_t magic[8] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };
    const uint8_t *at = in.at, *end = in.at + in.len;
    if (in.len < SNAPPY_HEAD_BYTES || memcmp(at, magic, sizeof(magic)) != 0)
        return snappy_block(r, in.at, in.len);
    for (at += SNAPPY_HEAD_BYTES; at < end;) {
        uint32_t len = end - at >= 4 ? be32_get(at) : UINT32_MAX;
        if (len == 0 || end - at < 4 || len > (size_t)(end - at) - 4)
            return unpack_bad(r->u, "snappy: a block is longer than what is there");
        if (!snappy_block(r, at + 4, len))
            return false;
        at += 4 + (size_t)len;
    }
    return true;
}

/* ---- lz4: one frame ---- */

static bool lz4_starved(size_t status)
{
    return LZ4F_isError(status) &&
           strcmp(LZ4F_getErrorName(status), "ERROR_allocation_failed") == 0;
}

/* Behind magic and flags: the largest block, 4: 64 KiB, to 7: 4 MiB. */
static bool lz4_long(struct bytes in)
{
    return in.len > 5 && (in.at[5] >> 4 & 7) > 4;
}

static void lz4_run(struct unpacker *p, struct records *r, struct bytes in)
{
    const uint8_t *at = in.at, *end = in.at + in.len;
    size_t wants = 1;
    if (in_turn(r->u) && lz4_long(in)) {
        r->u->err = ERR_TOO_LARGE; /* not in a turn */
        return;
    }
    if (!p->lz4)
        check(!LZ4F_isError(LZ4F_createDecompressionContext(&p->lz4, LZ4F_VERSION)));
    LZ4F_resetDecompressionContext(p->lz4);
    while (wants) {
        size_t out = PIECE_BYTES, took = (size_t)(end - at);
        wants = LZ4F_decompress(p->lz4, p->piece, &out, at, &took, NULL);
        if (lz4_starved(wants)) {
            unpack_starved(r->u);
            return;
        }
        if (LZ4F_isError(wants) || (wants && !took && !out)) {
            unpack_bad(r->u, "lz4: damaged, or cut off");
            return;
        }
        at += took;
        if (!piece_take(r, p->piece, out))
            return;
    }
    if (at != end)
        unpack_bad(r->u, "lz4: bytes follow the frame");
}

/* ---- zstd: frames, one behind the other ---- */

static void zstd_run(struct unpacker *p, struct records *r, struct bytes in)
{
    ZSTD_inBuffer from = { in.at, in.len, 0 };
    bool turn = in_turn(r->u);
    if (!p->zstd)
        p->zstd = ZSTD_createDCtx();
    check(p->zstd);
    ZSTD_DCtx_reset(p->zstd, ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(p->zstd, ZSTD_d_windowLogMax, turn ? WINDOW_LOG_TURN : WINDOW_LOG_MAX);
    size_t wants = 1;
    while (wants || from.pos < from.size) {
        ZSTD_outBuffer to = { p->piece, PIECE_BYTES, 0 };
        size_t was = from.pos;
        wants = ZSTD_decompressStream(p->zstd, &to, &from);
        if (turn && ZSTD_getErrorCode(wants) == ZSTD_error_frameParameter_windowTooLarge) {
            r->u->err = ERR_TOO_LARGE; /* not in a turn */
            return;
        }
        if (ZSTD_getErrorCode(wants) == ZSTD_error_memory_allocation) {
            unpack_starved(r->u);
            return;
        }
        if (ZSTD_isError(wants) || (wants && from.pos == was && !to.pos)) {
            unpack_bad(r->u, "zstd: damaged, or cut off");
            return;
        }
        if (!piece_take(r, p->piece, to.pos))
            return;
    }
}

/* ---- all of them ---- */

void unpack_run(struct unpacker **with, struct unpack *u)
{
    struct records r;
    struct batch_info info;
    struct unpacker *p = unpacker_of(with);
    check(batch_peek(u->batch, &info) == ERR_OK);
    struct bytes in = { u->batch.at + BATCH_HEADER_BYTES, info.bytes - BATCH_HEADER_BYTES };
    records_open(&r, u, &info);
    switch (info.attributes & 7) {
    case CODEC_GZIP:
        gzip_run(p, &r, in);
        break;
    case CODEC_SNAPPY:
        snappy_frame(&r, in);
        break;
    case CODEC_LZ4:
        lz4_run(p, &r, in);
        break;
    case CODEC_ZSTD:
        zstd_run(p, &r, in);
        break;
    default:
        records_feed(&r, in.at, in.len);
        break;
    }
    records_end(&r);
}

bool unpack_near(struct unpack_desk *d, struct unpack *u)
{
    struct batch_info info;
    check(batch_peek(u->batch, &info) == ERR_OK);
    bool packed = info.attributes & 7;
    uint64_t in = u->batch.len;
    if (packed && (in > UNPACK_TURN_BYTES || d->in + in > UNPACK_TURN_SUM ||
                   d->out + UNPACK_TURN_BYTES > UNPACK_TURN_SUM))
        return false;
    u->bytes_max = UNPACK_TURN_BYTES;
    unpack_run(&d->with, u);
    d->in += packed ? in : 0;
    d->out += packed ? u->bytes : 0;
    return u->err != ERR_TOO_LARGE;
}
