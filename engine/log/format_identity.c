/* format_identity.c -- the first block of every file of a store.
 *
 *    0  8 magic "SHARDLOG"      8  4 kind               12  4 format version
 *   16 16 store                32 16 cluster            48  4 node        52  4 file number
 *   56  8 opening              64  4 block bytes        68  4 checksum kind
 *   72  8 ignorable features   80  8 read-only features 88  8 refuse features
 *   96  8 file bytes
 *  104  8 journal bytes  112 4 entry max  116 4 extent min  120 4 extent max  124 4 slabs
 *  128  4 batch max      132 4 zero
 *  136 16 key of the journal's header checksums
 *  152    zeros
 * 4092  4 CRC32C of bytes 0..4092
 *
 * The block is written once and never changes. Its own checksum is CRC32C whatever `checksum kind`
 * says, so that every version can tell "damaged" from "newer than I am": the questions are asked
 * in the order magic, CRC, version, block size, checksum kind, features, kind, geometry.
 * Zero bytes are not looked at: a meaning that old readers must know comes with a feature bit.
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"

#include <inttypes.h>

enum {
    AT_MAGIC = 0,
    AT_KIND = 8,
    AT_VERSION = 12,
    AT_STORE = 16,
    AT_CLUSTER = 32,
    AT_NODE = 48,
    AT_FILE_NUMBER = 52,
    AT_OPENING = 56,
    AT_BLOCK_BYTES = 64,
    AT_CHECKSUM = 68,
    AT_IGNORABLE = 72,
    AT_READ_ONLY = 80,
    AT_REFUSE = 88,
    AT_FILE_BYTES = 96,
    AT_JOURNAL_BYTES = 104,
    AT_ENTRY_MAX = 112,
    AT_EXTENT_MIN = 116,
    AT_EXTENT_MAX = 120,
    AT_SLABS = 124,
    AT_BATCH_MAX = 128,
    AT_KEY = 136,
    AT_CRC = BLOCK_BYTES - 4,
};
static_assert(AT_KEY + 16 <= AT_CRC, "fields end before the checksum");

static const char identity_magic[8] = { 'S', 'H', 'A', 'R', 'D', 'L', 'O', 'G' };

/* Bits that this version understands: none were needed yet. */
#define FEATURES_READ_ONLY_KNOWN 0ull
#define FEATURES_REFUSE_KNOWN    0ull

static void identity_put(const struct identity *id, uint8_t *b);
static void identity_get(const uint8_t *b, struct identity *id);
static enum err identity_supported(const struct identity *id, struct why *why);
static enum err identity_size_check(const struct identity *id, struct why *why);

void identity_encode(const struct identity *id, uint8_t block[BLOCK_BYTES])
{
    check(id->kind >= FILE_JOURNAL && id->kind <= FILE_VOLUME);
    memset(block, 0, BLOCK_BYTES);
    identity_put(id, block);
    le32_put(block + AT_CRC, crc32c(0, block, AT_CRC));
}

enum err identity_decode(const uint8_t block[BLOCK_BYTES], struct identity *out, struct why *why)
{
    *out = (struct identity){ 0 };
    if (memcmp(block + AT_MAGIC, identity_magic, sizeof identity_magic) != 0) {
        why_set(why, "identity block: no shardlog magic");
        return ERR_CORRUPT;
    }
    uint32_t want = le32_get(block + AT_CRC), got = crc32c(0, block, AT_CRC);
    if (want != got) {
        why_set(why, "identity block: checksum is %08" PRIx32 ", stored %08" PRIx32, got, want);
        return ERR_CORRUPT;
    }
    identity_get(block, out);
    TRY(identity_supported(out, why));
    if (out->kind < FILE_JOURNAL || out->kind > FILE_VOLUME) {
        why_set(why, "identity block: unknown kind of file %u", (unsigned)out->kind);
        return ERR_CORRUPT;
    }
    TRY(geometry_check(&out->geometry, why));
    return identity_size_check(out, why);
}

bool identity_read_only(const struct identity *id)
{
    return (id->features.read_only & ~FEATURES_READ_ONLY_KNOWN) != 0;
}

static void identity_put(const struct identity *id, uint8_t *b)
{
    const struct geometry *g = &id->geometry;
    memcpy(b + AT_MAGIC, identity_magic, sizeof identity_magic);
    le32_put(b + AT_KIND, (uint32_t)id->kind);
    le32_put(b + AT_VERSION, id->format_version);
    memcpy(b + AT_STORE, id->store.b, 16);
    memcpy(b + AT_CLUSTER, id->cluster.b, 16);
    le32_put(b + AT_NODE, id->node);
    le32_put(b + AT_FILE_NUMBER, id->file_number);
    le64_put(b + AT_OPENING, id->opening);
    le32_put(b + AT_BLOCK_BYTES, id->block_bytes);
    le32_put(b + AT_CHECKSUM, id->checksum_kind);
    le64_put(b + AT_IGNORABLE, id->features.ignorable);
    le64_put(b + AT_READ_ONLY, id->features.read_only);
    le64_put(b + AT_REFUSE, id->features.refuse);
    le64_put(b + AT_FILE_BYTES, id->file_bytes);
    le64_put(b + AT_JOURNAL_BYTES, g->journal_bytes);
    le32_put(b + AT_ENTRY_MAX, g->entry_max);
    le32_put(b + AT_EXTENT_MIN, g->extent_min);
    le32_put(b + AT_EXTENT_MAX, g->extent_max);
    le32_put(b + AT_SLABS, g->slabs);
    le32_put(b + AT_BATCH_MAX, g->batch_max);
    memcpy(b + AT_KEY, id->key, 16);
}

static void identity_get(const uint8_t *b, struct identity *id)
{
    struct geometry *g = &id->geometry;
    id->kind = (enum file_kind)le32_get(b + AT_KIND);
    id->format_version = le32_get(b + AT_VERSION);
    memcpy(id->store.b, b + AT_STORE, 16);
    memcpy(id->cluster.b, b + AT_CLUSTER, 16);
    id->node = le32_get(b + AT_NODE);
    id->file_number = le32_get(b + AT_FILE_NUMBER);
    id->opening = le64_get(b + AT_OPENING);
    id->block_bytes = le32_get(b + AT_BLOCK_BYTES);
    id->checksum_kind = le32_get(b + AT_CHECKSUM);
    id->features.ignorable = le64_get(b + AT_IGNORABLE);
    id->features.read_only = le64_get(b + AT_READ_ONLY);
    id->features.refuse = le64_get(b + AT_REFUSE);
    id->file_bytes = le64_get(b + AT_FILE_BYTES);
    g->journal_bytes = le64_get(b + AT_JOURNAL_BYTES);
    g->entry_max = le32_get(b + AT_ENTRY_MAX);
    g->extent_min = le32_get(b + AT_EXTENT_MIN);
    g->extent_max = le32_get(b + AT_EXTENT_MAX);
    g->slabs = le32_get(b + AT_SLABS);
    g->batch_max = le32_get(b + AT_BATCH_MAX);
    memcpy(id->key, b + AT_KEY, 16);
}

static enum err identity_supported(const struct identity *id, struct why *why)
{
    if (id->format_version != FORMAT_VERSION) {
        why_set(why, "format version %" PRIu32 "; this program reads version %u",
                id->format_version, FORMAT_VERSION);
        return ERR_UNSUPPORTED;
    }
    if (id->block_bytes != BLOCK_BYTES) {
        why_set(why, "block size %" PRIu32 "; this program reads %u", id->block_bytes, BLOCK_BYTES);
        return ERR_UNSUPPORTED;
    }
    if (id->checksum_kind != CHECKSUM_CRC32C) {
        why_set(why, "checksum kind %" PRIu32 "; this program knows %u (CRC32C)", id->checksum_kind,
                CHECKSUM_CRC32C);
        return ERR_UNSUPPORTED;
    }
    uint64_t unknown = id->features.refuse & ~FEATURES_REFUSE_KNOWN;
    if (unknown) {
        why_set(why, "feature bit %d of class `refuse` is unknown: a newer program is needed",
                __builtin_ctzll(unknown));
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

/* Journal and volumes have the size that the geometry gives; image and tails grow in blocks. */
static enum err identity_size_check(const struct identity *id, struct why *why)
{
    bool ok;
    if (id->kind == FILE_JOURNAL)
        ok = id->file_bytes == id->geometry.journal_bytes;
    else if (id->kind == FILE_VOLUME)
        ok = id->file_bytes == vol_bytes(&id->geometry);
    else
        ok = id->file_bytes >= BLOCK_BYTES && id->file_bytes <= INT64_MAX &&
             id->file_bytes % BLOCK_BYTES == 0;
    if (ok)
        return ERR_OK;
    why_set(why, "identity block: file_bytes %" PRIu64 " does not fit the kind of file",
            id->file_bytes);
    return ERR_INVALID;
}
