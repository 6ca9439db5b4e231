/* meta_record.c -- the layouts of docs/METADATA.md.
 *
 *    0  2 version (1)   2  2 kind   4  4 zero   8  16 id of the store or topic
 *   24  and from there on by kind:
 *       STORE     24  4 store number
 *       TOPIC     24  4 partitions  28  2 name length  30  2 settings  32  name, settings,
 *                 4 store number for each partition
 *       SETTINGS  24  4 zero  28  2 zero  30  2 settings  32  settings
 *       DELETE, GONE  nothing
 *       GROWTH    24  4 partitions more  28  4 the first of them  32  4 store number for each
 *   A setting is 2 key length, 2 value length, key, value: text, so that a reader of a hex dump
 *   and a later version with other kinds both understand it.
 */
#include "engine/coord/meta_record.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

#define HEAD_BYTES   24u
#define COUNTS_BYTES 8u

static uint32_t settings_count(const struct settings *s)
{
    return (uint32_t)__builtin_popcount(s->set);
}

static size_t settings_bytes(const struct settings *s)
{
    size_t sum = 0;
    char text[SETTING_TEXT_MAX];
    for (uint32_t i = 0; i < SETTING_COUNT; i++) {
        if (!(s->set & 1u << i))
            continue;
        settings_print(s, (enum setting)i, text);
        sum += 4 + strlen(setting_key((enum setting)i)) + strlen(text);
    }
    return sum;
}

static uint8_t *settings_encode(const struct settings *s, uint8_t *at)
{
    char text[SETTING_TEXT_MAX];
    for (uint32_t i = 0; i < SETTING_COUNT; i++) {
        if (!(s->set & 1u << i))
            continue;
        const char *key = setting_key((enum setting)i);
        settings_print(s, (enum setting)i, text);
        size_t key_len = strlen(key), text_len = strlen(text);
        le16_put(at, (uint16_t)key_len);
        le16_put(at + 2, (uint16_t)text_len);
        memcpy(at + 4, key, key_len);
        memcpy(at + 4 + key_len, text, text_len);
        at += 4 + key_len + text_len;
    }
    return at;
}

size_t meta_record_bytes(const struct meta_record *r)
{
    switch (r->kind) {
    case META_STORE:
        return HEAD_BYTES + 4;
    case META_TOPIC:
        return HEAD_BYTES + COUNTS_BYTES + r->name_len + settings_bytes(&r->settings) +
               4 * (size_t)r->partitions;
    case META_SETTINGS:
        return HEAD_BYTES + COUNTS_BYTES + settings_bytes(&r->settings);
    case META_GROWTH:
        return HEAD_BYTES + COUNTS_BYTES + 4 * (size_t)r->partitions;
    default:
        return HEAD_BYTES;
    }
}

static uint8_t *stores_encode(const struct meta_record *r, uint8_t *at)
{
    for (uint32_t i = 0; i < r->partitions; i++, at += 4)
        le32_put(at, r->stores[i]);
    return at;
}

static uint8_t *topic_encode(const struct meta_record *r, uint8_t *at)
{
    le32_put(at, r->partitions);
    le16_put(at + 4, (uint16_t)r->name_len);
    le16_put(at + 6, (uint16_t)settings_count(&r->settings));
    at += COUNTS_BYTES;
    if (r->name_len)
        memcpy(at, r->name, r->name_len);
    return stores_encode(r, settings_encode(&r->settings, at + r->name_len));
}

static uint8_t *growth_encode(const struct meta_record *r, uint8_t *at)
{
    le32_put(at, r->partitions);
    le32_put(at + 4, r->first);
    return stores_encode(r, at + COUNTS_BYTES);
}

void meta_record_encode(const struct meta_record *r, uint8_t *at)
{
    uint8_t *end = at + HEAD_BYTES;
    le16_put(at, META_RECORD_VERSION);
    le16_put(at + 2, (uint16_t)r->kind);
    le32_put(at + 4, 0);
    memcpy(at + 8, r->id.b, 16);
    if (r->kind == META_STORE) {
        le32_put(end, r->store);
        end += 4;
    } else if (r->kind == META_TOPIC || r->kind == META_SETTINGS) {
        end = topic_encode(r, end);
    } else if (r->kind == META_GROWTH) {
        end = growth_encode(r, end);
    }
    check(end == at + meta_record_bytes(r));
}

/* ---- decoding: a cursor with a sticky failure ---- */

struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static const uint8_t *cursor_take(struct cursor *c, size_t len)
{
    static const uint8_t nothing[COUNTS_BYTES + HEAD_BYTES];
    if (c->failed || c->left < len) {
        c->failed = true;
        return nothing;
    }
    const uint8_t *at = c->at;
    c->at += len;
    c->left -= len;
    return at;
}

/* One setting; keys and values of ours are short, longer ones cannot be known. */
static enum err setting_decode(struct cursor *c, struct settings *s, struct why *why)
{
    char key[64], text[SETTING_TEXT_MAX];
    const uint8_t *head = cursor_take(c, 4);
    size_t key_len = le16_get(head), text_len = le16_get(head + 2);
    if (c->failed || c->left < key_len + text_len) {
        c->failed = true;
        return ERR_OK;
    }
    if (key_len >= sizeof(key) || text_len >= sizeof(text)) {
        why_set(why, "metadata record: a setting that this version does not know");
        return ERR_UNSUPPORTED;
    }
    memcpy(key, cursor_take(c, key_len), key_len);
    memcpy(text, cursor_take(c, text_len), text_len);
    key[key_len] = text[text_len] = '\0';
    return settings_parse(s, key, text, why) == ERR_OK ? ERR_OK : ERR_UNSUPPORTED;
}

static uint32_t store_number_decode(struct cursor *c)
{
    uint32_t number = le32_get(cursor_take(c, 4));
    c->failed = c->failed || number >= STORES_MAX;
    return number;
}

static void stores_decode(struct cursor *c, struct meta_record *r)
{
    if (r->partitions > TOPIC_PARTITIONS_MAX)
        c->failed = true;
    r->stores_raw = c->at;
    const uint8_t *stores = cursor_take(c, 4 * (size_t)r->partitions);
    for (uint32_t i = 0; i < r->partitions && !c->failed; i++)
        c->failed = le32_get(stores + 4 * (size_t)i) >= STORES_MAX;
}

static void growth_decode(struct cursor *c, struct meta_record *r)
{
    const uint8_t *head = cursor_take(c, COUNTS_BYTES);
    r->partitions = le32_get(head);
    r->first = le32_get(head + 4);
    stores_decode(c, r);
    if (!r->partitions || !r->first || r->first > TOPIC_PARTITIONS_MAX - r->partitions)
        c->failed = true;
}

static enum err topic_decode(struct cursor *c, struct meta_record *r, struct why *why)
{
    const uint8_t *head = cursor_take(c, COUNTS_BYTES);
    r->partitions = le32_get(head);
    r->name_len = le16_get(head + 4);
    uint32_t count = le16_get(head + 6);
    r->name = (const char *)c->at;
    cursor_take(c, r->name_len);
    r->settings = settings_default();
    for (uint32_t i = 0; i < count && !c->failed; i++)
        TRY(setting_decode(c, &r->settings, why));
    stores_decode(c, r);
    bool topic = r->kind == META_TOPIC;
    if (topic != (r->name_len > 0) || topic != (r->partitions > 0))
        c->failed = true;
    return ERR_OK;
}

enum err meta_record_decode(struct bytes b, struct meta_record *out, struct why *why)
{
    struct cursor c = { b.at, b.len, false };
    const uint8_t *head = cursor_take(&c, HEAD_BYTES);
    *out = (struct meta_record){ .kind = (enum meta_record_kind)le16_get(head + 2) };
    memcpy(out->id.b, head + 8, 16);
    if (!c.failed && (le16_get(head) != META_RECORD_VERSION || out->kind >= META_KIND_END)) {
        why_set(why, "metadata record: version %u, kind %u: written by a newer shardlog",
                le16_get(head), le16_get(head + 2));
        return ERR_UNSUPPORTED;
    }
    if (out->kind == META_STORE)
        out->store = store_number_decode(&c);
    else if (out->kind == META_TOPIC || out->kind == META_SETTINGS)
        TRY(topic_decode(&c, out, why));
    else if (out->kind == META_GROWTH)
        growth_decode(&c, out);
    if (c.failed || c.left || out->kind == 0 || le32_get(head + 4) != 0) {
        why_set(why, "metadata record of %zu bytes, kind %u: its lengths do not add up", b.len,
                (unsigned)out->kind);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

uint32_t meta_record_store(const struct meta_record *r, uint32_t i)
{
    check((r->kind == META_TOPIC || r->kind == META_GROWTH) && i < r->partitions);
    return le32_get(r->stores_raw + 4 * (size_t)i);
}
