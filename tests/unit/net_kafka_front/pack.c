/* pack.c -- see pack.h. */
#include "tests/unit/net_kafka_front/pack.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"

#define AT_LENGTH     8u
#define AT_CRC        17u
#define AT_ATTRIBUTES 21u
#define FRAME_BYTES   16u /* of Java's snappy, before its first block */
#define FRAME_BLOCK   KIB(32)

static const uint8_t frame_head[FRAME_BYTES] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                 0,    0,   0,   1,   0,   0,   0,   1 };

void batch_mend(struct bytes batch)
{
    uint8_t *at = (uint8_t *)(uintptr_t)batch.at;
    be32_put(at + AT_LENGTH, (uint32_t)batch.len - AT_LENGTH - 4);
    be32_put(at + AT_CRC, crc32c(0, at + BATCH_CRC_FROM, batch.len - BATCH_CRC_FROM));
}

/* ---- there ---- */

static size_t gzip_pack(struct bytes from, uint8_t *to, size_t cap)
{
    z_stream z = { 0 };
    check(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)from.at;
    z.avail_in = (uInt)from.len;
    z.next_out = to;
    z.avail_out = (uInt)cap;
    check(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static size_t snappy_pack(struct bytes from, uint8_t *to, size_t cap, bool framed)
{
    size_t used = framed ? FRAME_BYTES : 0, block = framed ? FRAME_BLOCK : from.len;
    memcpy(to, frame_head, used);
    for (size_t at = 0; at < from.len; at += block) {
        size_t len = cap - used - 4, n = min_u64(block, from.len - at);
        uint8_t *out = to + used + (framed ? 4 : 0);
        check(snappy_compress((const char *)from.at + at, n, (char *)out, &len) == SNAPPY_OK);
        if (framed)
            be32_put(to + used, (uint32_t)len);
        used += len + (framed ? 4 : 0);
    }
    return used;
}

struct bytes batch_pack(struct bytes plain, int codec, bool framed, uint8_t *at, size_t cap)
{
    struct bytes from = { plain.at + BATCH_HEADER_BYTES, plain.len - BATCH_HEADER_BYTES };
    uint8_t *to = at + BATCH_HEADER_BYTES;
    size_t room = cap - BATCH_HEADER_BYTES, len;
    memcpy(at, plain.at, BATCH_HEADER_BYTES);
    be16_put(at + AT_ATTRIBUTES, (uint16_t)codec);
    if (codec == PACK_GZIP)
        len = gzip_pack(from, to, room);
    else if (codec == PACK_SNAPPY)
        len = snappy_pack(from, to, room, framed);
    else if (codec == PACK_LZ4)
        len = LZ4F_compressFrame(to, room, from.at, from.len, NULL);
    else
        len = ZSTD_compress(to, room, from.at, from.len, 3);
    check(len && len <= room); /* an error is a number beyond any room */
    struct bytes out = { at, BATCH_HEADER_BYTES + len };
    batch_mend(out);
    return out;
}

/* ---- and back: bytes that came out, 0 if it is none of that ---- */

static size_t gzip_unpack(struct bytes from, uint8_t *to, size_t cap)
{
    z_stream z = { 0 };
    check(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)from.at;
    z.avail_in = (uInt)from.len;
    z.next_out = to;
    z.avail_out = (uInt)cap;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END;
    inflateEnd(&z);
    return whole ? cap - z.avail_out : 0;
}

static bool snappy_block(const uint8_t *at, size_t len, uint8_t *to, size_t cap, size_t *used)
{
    size_t out = cap - *used;
    if (snappy_uncompress((const char *)at, len, (char *)to + *used, &out) != SNAPPY_OK)
        return false;
    *used += out;
    return true;
}

static size_t snappy_unpack(struct bytes from, uint8_t *to, size_t cap)
{
    size_t used = 0, at = FRAME_BYTES;
    if (from.len < FRAME_BYTES || memcmp(from.at, frame_head, 8) != 0)
        return snappy_block(from.at, from.len, to, cap, &used) ? used : 0;
    while (from.len - at >= 4) {
        size_t len = be32_get(from.at + at);
        at += 4;
        if (len > from.len - at || !snappy_block(from.at + at, len, to, cap, &used))
            return 0;
        at += len;
    }
    return used;
}

static size_t lz4_unpack(struct bytes from, uint8_t *to, size_t cap)
{
    LZ4F_dctx *ctx;
    size_t in = from.len, out = cap;
    check(!LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)));
    size_t left = LZ4F_decompress(ctx, to, &out, from.at, &in, NULL);
    LZ4F_freeDecompressionContext(ctx);
    return left == 0 && in == from.len ? out : 0;
}

static size_t zstd_unpack(struct bytes from, uint8_t *to, size_t cap)
{
    size_t len = ZSTD_decompress(to, cap, from.at, from.len);
    return ZSTD_isError(len) ? 0 : len;
}

struct bytes batch_unpack(struct bytes packed, uint8_t *at, size_t cap)
{
    struct bytes from = { packed.at + BATCH_HEADER_BYTES, packed.len - BATCH_HEADER_BYTES };
    uint16_t attributes = be16_get(packed.at + AT_ATTRIBUTES);
    uint8_t *to = at + BATCH_HEADER_BYTES;
    size_t room = cap - BATCH_HEADER_BYTES, len = 0;
    memcpy(at, packed.at, BATCH_HEADER_BYTES);
    be16_put(at + AT_ATTRIBUTES, attributes & (uint16_t)~PACK_CODEC);
    if ((attributes & PACK_CODEC) == PACK_GZIP)
        len = gzip_unpack(from, to, room);
    else if ((attributes & PACK_CODEC) == PACK_SNAPPY)
        len = snappy_unpack(from, to, room);
    else if ((attributes & PACK_CODEC) == PACK_LZ4)
        len = lz4_unpack(from, to, room);
    else if ((attributes & PACK_CODEC) == PACK_ZSTD)
        len = zstd_unpack(from, to, room);
    struct bytes out = { len ? at : NULL, BATCH_HEADER_BYTES + len };
    if (len)
        batch_mend(out);
    return out;
}
