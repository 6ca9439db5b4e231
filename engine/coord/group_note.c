/* group_note.c -- the layouts of docs/FORMAT.md, "Groups".
 *
 *   text     2 length (0xffff: null), bytes       blob   4 length, bytes
 *   note     4 bytes of it all   2 version (1)   2 kind   text group, then by kind:
 *     GROUP    text protocol type, text protocol, text leader, 8 time ms, 4 generation,
 *              4 flags (bit 0: assigned), 4 members, members
 *     OFFSETS  4 rows, each: text topic (null: that of the row before), 4 partition, 8 offset,
 *              4 leader epoch, 8 commit ms, 8 expire ms, text metadata
 *     FORGET   4 rows, each: text topic (null: likewise), 4 partition
 *     GONE     nothing
 *   member   text id, text instance, text client id, text client host, 4 timeout ms,
 *            4 rebalance ms, blob protocols (each: text name, blob metadata), blob assignment
 */
#include "engine/coord/group_note.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"

#define HEAD_BYTES    8u
#define TEXT_NULL     0xffffu
#define FLAG_ASSIGNED 1u
#define OFFSET_BYTES  32u /* of OFFSETS, its texts aside */

/* ---- reading: a cursor with a sticky failure ---- */

struct cursor {
    struct bytes left;
    bool failed;
};

static const uint8_t *take(struct cursor *c, size_t len)
{
    static const uint8_t nothing[OFFSET_BYTES];
    if (c->failed || c->left.len < len) {
        c->failed = true;
        return nothing;
    }
    const uint8_t *at = c->left.at;
    c->left = (struct bytes){ at + len, c->left.len - len };
    return at;
}

static struct bytes take_bytes(struct cursor *c, size_t len)
{
    if (c->failed || c->left.len < len) {
        c->failed = true;
        return (struct bytes){ (const uint8_t *)"", 0 };
    }
    return (struct bytes){ take(c, len), len };
}

static uint32_t take_u32(struct cursor *c)
{
    return le32_get(take(c, 4));
}

static int64_t take_i64(struct cursor *c)
{
    return (int64_t)le64_get(take(c, 8));
}

static struct bytes take_text_or_null(struct cursor *c)
{
    uint32_t len = le16_get(take(c, 2));
    if (len == TEXT_NULL)
        return (struct bytes){ NULL, 0 };
    c->failed = c->failed || len > GROUP_TEXT_MAX;
    return take_bytes(c, len);
}

static struct bytes take_text(struct cursor *c)
{
    struct bytes text = take_text_or_null(c);
    c->failed = c->failed || !text.at;
    return text;
}

static struct bytes take_blob(struct cursor *c)
{
    return take_bytes(c, take_u32(c));
}

static struct bytes take_protocols(struct cursor *c)
{
    struct bytes all = take_blob(c);
    struct cursor in = { all, false };
    uint32_t count = 0;
    for (; in.left.len && !in.failed; count++) {
        take_text(&in);
        take_blob(&in);
    }
    c->failed = c->failed || in.failed || count > GROUP_PROTOCOLS_MAX;
    return all;
}

/* Of checked protocols. */
static bool protocols_have(struct bytes protocols, struct bytes want)
{
    struct bytes name, metadata;
    while (group_note_protocol(&protocols, &name, &metadata))
        if (bytes_equal(name, want))
            return true;
    return false;
}

static void take_member(struct cursor *c, struct group_note_member *m)
{
    m->id = take_text(c);
    m->instance = take_text_or_null(c);
    m->client_id = take_text(c);
    m->client_host = take_text(c);
    m->timeout_ms = (int32_t)take_u32(c);
    m->rebalance_ms = (int32_t)take_u32(c);
    m->protocols = take_protocols(c);
    m->assignment = take_blob(c);
    c->failed = c->failed || m->timeout_ms <= 0 || m->rebalance_ms < 0;
}

static void take_offset(struct cursor *c, enum group_note_kind kind, struct group_note_offset *o)
{
    struct bytes topic = take_text_or_null(c);
    if (topic.at)
        o->topic = topic;
    o->partition = (int32_t)take_u32(c);
    if (kind == GROUP_NOTE_OFFSETS) {
        o->off = take_i64(c);
        o->leader_epoch = (int32_t)take_u32(c);
        o->commit_ms = take_i64(c);
        o->expire_ms = take_i64(c);
        o->metadata = take_text(c);
    }
    c->failed = c->failed || !o->topic.at || o->partition < 0;
}

static void take_group(struct cursor *c, struct group_note *n)
{
    n->protocol_type = take_text_or_null(c);
    n->protocol = take_text_or_null(c);
    n->leader = take_text_or_null(c);
    n->time_ms = take_i64(c);
    n->generation = (int32_t)take_u32(c);
    uint32_t flags = take_u32(c);
    n->assigned = flags & FLAG_ASSIGNED;
    c->failed = c->failed || flags > FLAG_ASSIGNED || n->generation < 0;
}

/* Rows are walked once here, so that whoever takes them needs no check. */
static void take_rows(struct cursor *c, struct group_note *n)
{
    struct group_note_member m;
    struct group_note_offset o = { 0 };
    bool led = false;
    n->count = take_u32(c);
    n->rows = c->left;
    for (uint32_t i = 0; i < n->count && !c->failed; i++) {
        if (n->kind != GROUP_NOTE_GROUP) {
            take_offset(c, n->kind, &o);
            continue;
        }
        take_member(c, &m);
        c->failed = c->failed || !protocols_have(m.protocols, n->protocol);
        led = led || (n->leader.at && bytes_equal(m.id, n->leader));
    }
    if (n->kind != GROUP_NOTE_GROUP)
        return;
    bool has = n->count > 0;
    if (has != led || has != (n->leader.at != NULL) || has != (n->protocol.at != NULL) ||
        (has && !n->protocol_type.at) || (!has && n->assigned))
        c->failed = true;
}

enum err group_note_decode(struct bytes *left, struct group_note *out, struct why *why)
{
    struct cursor all = { *left, false };
    *out = (struct group_note){ 0 };
    const uint8_t *head = take(&all, HEAD_BYTES);
    size_t bytes = le32_get(head);
    if (!all.failed &&
        (le16_get(head + 4) != GROUP_NOTE_VERSION || le16_get(head + 6) >= GROUP_NOTE_END)) {
        why_set(why, "group note: version %u, kind %u: written by a newer shardlog",
                le16_get(head + 4), le16_get(head + 6));
        return ERR_UNSUPPORTED;
    }
    out->kind = (enum group_note_kind)le16_get(head + 6);
    all.failed = all.failed || bytes < HEAD_BYTES || out->kind == 0;
    struct cursor c = { take_bytes(&all, all.failed ? 0 : bytes - HEAD_BYTES), false };
    out->group = take_text(&c);
    if (out->kind == GROUP_NOTE_GROUP)
        take_group(&c, out);
    if (out->kind != GROUP_NOTE_GONE)
        take_rows(&c, out);
    if (all.failed || c.failed || c.left.len) {
        why_set(why, "group note of %zu bytes, kind %u: its lengths do not add up", bytes,
                (unsigned)out->kind);
        return ERR_CORRUPT;
    }
    *left = all.left;
    return ERR_OK;
}

void group_note_member(struct bytes *rows, struct group_note_member *out)
{
    struct cursor c = { *rows, false };
    take_member(&c, out);
    check(!c.failed);
    *rows = c.left;
}

void group_note_offset(struct bytes *rows, enum group_note_kind kind, struct group_note_offset *out)
{
    struct cursor c = { *rows, false };
    take_offset(&c, kind, out);
    check(!c.failed);
    *rows = c.left;
}

bool group_note_protocol(struct bytes *protocols, struct bytes *name, struct bytes *metadata)
{
    if (protocols->len == 0)
        return false;
    struct cursor c = { *protocols, false };
    *name = take_text(&c);
    *metadata = take_blob(&c);
    check(!c.failed);
    *protocols = c.left;
    return true;
}

/* ---- writing ---- */

static uint8_t *room(struct group_writer *w, size_t len)
{
    if (!w->at || w->cap - w->len < len) {
        w->cap = max_u64(2 * w->cap, w->len + max_u64(len, 256));
        w->at = realloc(w->at, w->cap);
        check(w->at);
    }
    w->len += len;
    return w->at + w->len - len;
}

static void put_u32(struct group_writer *w, uint32_t v)
{
    le32_put(room(w, 4), v);
}

static void put_i64(struct group_writer *w, int64_t v)
{
    le64_put(room(w, 8), (uint64_t)v);
}

static void put_bytes(struct group_writer *w, struct bytes b)
{
    uint8_t *at = room(w, b.len);
    if (b.len)
        memcpy(at, b.at, b.len);
}

static void put_text(struct group_writer *w, struct bytes b)
{
    check(b.len <= GROUP_TEXT_MAX);
    le16_put(room(w, 2), (uint16_t)(b.at ? b.len : TEXT_NULL));
    put_bytes(w, b);
}

static void put_blob(struct group_writer *w, struct bytes b)
{
    put_u32(w, (uint32_t)b.len);
    put_bytes(w, b);
}

void group_writer_raw(struct group_writer *w, struct bytes note)
{
    put_bytes(w, note);
}

void group_writer_open(struct group_writer *w, const struct group_note *n)
{
    w->note = w->len;
    w->topic = (struct bytes){ NULL, 0 };
    uint8_t *head = room(w, HEAD_BYTES);
    le32_put(head, 0);
    le16_put(head + 4, GROUP_NOTE_VERSION);
    le16_put(head + 6, (uint16_t)n->kind);
    put_text(w, n->group);
    if (n->kind == GROUP_NOTE_GROUP) {
        put_text(w, n->protocol_type);
        put_text(w, n->protocol);
        put_text(w, n->leader);
        put_i64(w, n->time_ms);
        put_u32(w, (uint32_t)n->generation);
        put_u32(w, n->assigned ? FLAG_ASSIGNED : 0);
    }
    w->count_at = w->len;
    if (n->kind != GROUP_NOTE_GONE)
        put_u32(w, 0);
}

static void count_up(struct group_writer *w)
{
    le32_put(w->at + w->count_at, le32_get(w->at + w->count_at) + 1);
}

void group_writer_protocol(struct group_writer *w, struct bytes name, struct bytes metadata)
{
    put_text(w, name);
    put_blob(w, metadata);
}

void group_writer_member(struct group_writer *w, const struct group_note_member *m)
{
    put_text(w, m->id);
    put_text(w, m->instance);
    put_text(w, m->client_id);
    put_text(w, m->client_host);
    put_u32(w, (uint32_t)m->timeout_ms);
    put_u32(w, (uint32_t)m->rebalance_ms);
    put_blob(w, m->protocols);
    put_blob(w, m->assignment);
    count_up(w);
}

void group_writer_offset(struct group_writer *w, enum group_note_kind kind,
                         const struct group_note_offset *o)
{
    bool same = w->topic.at && bytes_equal(w->topic, o->topic);
    put_text(w, same ? (struct bytes){ NULL, 0 } : o->topic);
    w->topic = o->topic;
    put_u32(w, (uint32_t)o->partition);
    if (kind == GROUP_NOTE_OFFSETS) {
        put_i64(w, o->off);
        put_u32(w, (uint32_t)o->leader_epoch);
        put_i64(w, o->commit_ms);
        put_i64(w, o->expire_ms);
        put_text(w, o->metadata);
    }
    count_up(w);
}

void group_writer_close(struct group_writer *w)
{
    check(w->len - w->note <= UINT32_MAX);
    le32_put(w->at + w->note, (uint32_t)(w->len - w->note));
}

/* ---- sizes ---- */

size_t group_note_member_bytes(const struct group_note_member *m)
{
    return 4 * 2 + 4 * 4 + m->id.len + m->instance.len + m->client_id.len + m->client_host.len +
           m->protocols.len + m->assignment.len;
}

size_t group_note_offset_bytes(const struct group_note_offset *o)
{
    return 2 * 2 + OFFSET_BYTES + o->topic.len + o->metadata.len;
}

size_t group_note_head_bytes(struct bytes group)
{
    return HEAD_BYTES + 2 + group.len + 3 * 2 + 8 + 4 + 4 + 4;
}
