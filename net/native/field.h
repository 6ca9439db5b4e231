/* field.h -- payloads as rows: a struct's fields in the order of their bytes.
 *
 * A shape is a table of fields; one function writes any struct by its shape, one reads it. So a
 * payload is described once, and each length, count and value meets its limit both ways.
 *
 * Bytes go through a writer or a reader: bounded, with a failure that stays, asked for at the end.
 *
 * Thread     pure functions; any thread.
 * Memory     texts, blobs and items of a decoded struct are views into the payload.
 * Invariant  what was decoded is written again as the same bytes.
 * Fails      writing and reading fill a fault; a reader never passes its end, and a count is
 *            compared with the bytes that are left before anything is looked at.
 */
#ifndef NATIVE_FIELD_H
#define NATIVE_FIELD_H

#include "net/native/frame.h"

/* ---- items: a counted list inside a payload ---- */

enum item_kind {
    ITEM_NAME,
    ITEM_SETTING,
    ITEM_SHOWN,
    ITEM_PLACE,
    ITEM_FIGURE,
    ITEM_GROUP,
    ITEM_MEMBER,
    ITEM_LAG,
    ITEM_COMMIT,
    ITEM_COUNT
};

struct item_name {
    struct bytes name;
};
struct item_setting {
    struct bytes key, value; /* value.at NULL: back to the default */
};
struct item_shown {
    struct bytes key, value;
    uint8_t given; /* by somebody; 0: a default */
};
struct item_place {
    uint32_t shard, store, err;
};
struct item_figure {
    struct bytes name;
    uint64_t value;
};
struct item_group {
    struct bytes group, protocol_type, state;
};
struct item_member {
    struct bytes member, instance, client_id, client_host; /* instance.at NULL: none */
    struct bytes assignment;                               /* as the members' protocol has it */
};
struct item_lag {
    struct bytes topic;
    uint32_t partition, err; /* not 0: nothing else but `committed` is known */
    uint64_t committed, start_offset, end_offset, records, bytes;
    int64_t lag_ms; /* -1: not known */
};
struct item_commit {
    struct bytes topic;
    uint32_t partition;
    uint64_t offset;
};

struct items {
    uint32_t count;
    struct bytes raw;
};

/* ---- fields ---- */

enum field_kind {
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,  /* also signed */
    FIELD_ZERO, /* reserved: `bytes` zeros */
    FIELD_ID,
    FIELD_TEXT,      /* u16 length; no byte zero */
    FIELD_TEXT_NULL, /* the same, and 0xFFFF is null */
    FIELD_BLOB,      /* u32 length */
    FIELD_ITEMS,     /* u32 count */
    FIELD_REST,      /* all bytes that are left */
    FIELD_BATCHES,   /* the same, but the sender adds them behind, from where they lie */
    FIELD_KINDS
};

struct field {
    const char *name;
    enum field_kind kind;
    enum item_kind item; /* of FIELD_ITEMS */
    uint16_t at;         /* in the struct */
    uint16_t bytes;      /* of the member; FIELD_ZERO: how many */
    uint64_t limit;      /* largest value, length or count; 0: the type's */
};

struct shape {
    const struct field *fields;
    uint32_t count;
};

#define FIELD_OF(struct_, kind_, member, limit_)         \
    { .name = #member,                                   \
      .kind = FIELD_##kind_,                             \
      .at = (uint16_t)offsetof(struct struct_, member),  \
      .bytes = sizeof(((struct struct_ *)NULL)->member), \
      .limit = limit_ }
#define ITEMS_OF(struct_, member, item_, limit_)         \
    { .name = #member,                                   \
      .kind = FIELD_ITEMS,                               \
      .item = ITEM_##item_,                              \
      .at = (uint16_t)offsetof(struct struct_, member),  \
      .bytes = sizeof(((struct struct_ *)NULL)->member), \
      .limit = limit_ }
#define ZEROS(bytes_) { .name = "zero", .kind = FIELD_ZERO, .bytes = bytes_ }
#define SHAPE(fields) { fields, sizeof(fields) / sizeof(*(fields)) }

/* Least and most bytes of a payload of this shape, batches left out. */
uint64_t shape_bytes_min(const struct shape *s);
uint64_t shape_bytes_max(const struct shape *s);

/* ---- bytes ---- */

struct writer {
    uint8_t *at;
    size_t cap, len;
    bool overflow; /* something did not fit; stays */
};

void writer_open(struct writer *w, void *at, size_t cap);
/* Room for `bytes`, or NULL and overflow. */
uint8_t *writer_take(struct writer *w, size_t bytes);

/* Writes the fields of *from. False: `fault` (a limit), or w->overflow. */
bool shape_write(const struct shape *s, const void *from, struct writer *w, struct fault *fault);
/* Fills *to, whose members are all in the shape. False: `fault`, and *to means nothing. */
bool shape_read(const struct shape *s, struct bytes from, void *to, struct fault *fault);

/* Adds an item (struct item_<kind>) to a list that is being made in w. */
bool items_add(struct items *list, enum item_kind kind, const void *item, struct writer *w,
               struct fault *fault);
/* Takes the next item off a decoded list; false at its end. */
bool items_next(struct items *list, enum item_kind kind, void *item);

static inline struct bytes text_of(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, text ? strlen(text) : 0 };
}
/* A C string of a decoded text; false: cap is too small. */
bool text_copy(struct bytes text, char *out, size_t cap);

#endif
