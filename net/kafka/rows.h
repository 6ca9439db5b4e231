/* rows.h -- messages as rows: what a field is, in which versions it exists, where it lies in C.
 *
 * A .def file has one SHAPE for each struct of the protocol and one row for each field of it, in
 * the order of the bytes; inner shapes stand before the outer ones. From the same rows messages.h
 * makes the C structs and messages.c the tables that codec.h walks, so the two cannot differ. A row
 * holds for both encodings: which one is used follows from API and version.
 *
 *     SHAPE(fetch_request_topic)                                 struct kafka_fetch_request_topic
 *         TEXT(   topic,     0, 12)                              in versions 0 to 12
 *         ID(     topic_id, 13, LAST)                            from 13 on
 *         ITEMS(  partitions, fetch_request_partition, 0, LAST)  a list of structs
 *     END(fetch_request_topic)
 *
 *   BOOL I8 I16 I32 I64   numbers, big endian
 *   ID                    16 bytes
 *   TEXT                  struct bytes; UTF-8, which is not looked at here; at most 32,767 bytes
 *   BLOB RECORDS          struct bytes; RECORDS are batches
 *   I32S TEXTS ITEMS      { at, count }; ITEMS and STRUCT name the shape of their elements
 *
 * After the versions, in any order:
 *
 *   NULLABLE(v)   may be null from version v on (at == NULL); before it, null is an error
 *   TAGGED(t, v)  from version v on it travels as tag t, and only if it is not its unset value
 *   UNSET(n)      the value where a version lacks the field; else 0, false, "", an empty list
 *   NULL_UNSET    the same: null
 *   CLASSIC       keeps the classic encoding in flexible versions too
 *
 * Names are those of Kafka's message definitions (https://kafka.apache.org/protocol).
 */
#ifndef KAFKA_ROWS_H
#define KAFKA_ROWS_H

#include "engine/base/types.h"

enum kafka_kind {
    KAFKA_BOOL,
    KAFKA_I8,
    KAFKA_I16,
    KAFKA_I32,
    KAFKA_I64,
    KAFKA_ID,
    KAFKA_TEXT,
    KAFKA_BLOB,
    KAFKA_RECORDS,
    KAFKA_I32S,
    KAFKA_TEXTS,
    KAFKA_ITEMS,
    KAFKA_STRUCT,
    KAFKA_KINDS
};

#define KAFKA_LAST 127u /* "and on": no API has so many versions */

struct kafka_shape;

struct kafka_row {
    const char *name;
    enum kafka_kind kind;
    uint16_t at;         /* in the struct */
    uint8_t first, last; /* versions that have it */
    bool nullable, tagged, unset_null, classic;
    uint8_t null_first, tag, tag_first;
    int64_t unset;
    const struct kafka_shape *(*shape)(void); /* of ITEMS and STRUCT */
};

struct kafka_shape {
    const char *name;
    const struct kafka_row *rows;
    uint16_t count, bytes; /* rows; the struct's size */
};

/* What every list is: at == NULL is null, an empty list has an address. */
struct kafka_list {
    void *at;
    uint32_t count;
};

static inline bool kafka_row_lives(const struct kafka_row *row, unsigned version)
{
    return version >= row->first && version <= row->last;
}
static inline bool kafka_row_tagged(const struct kafka_row *row, unsigned version)
{
    return row->tagged && version >= row->tag_first;
}

/* The address of what is empty and not null; nobody reads or writes there. */
extern uint64_t kafka_nothing[1];

/* Bytes of one element of a list of this row, in C. */
size_t kafka_element_bytes(const struct kafka_row *row);
/* The fewest bytes that a value of this row, or of this shape, takes on the wire. */
size_t kafka_row_bytes_min(const struct kafka_row *row, unsigned version, bool flexible);
size_t kafka_shape_bytes_min(const struct kafka_shape *s, unsigned version, bool flexible);
/* The same for one element of a list; never 0. */
size_t kafka_element_bytes_min(const struct kafka_row *row, unsigned version, bool flexible);

/* Every text, blob and batch of a message that has bytes, in lists and structs too, each once.
 * False: `visit` said so, and nothing after it was visited. */
typedef bool kafka_visit(void *arg, enum kafka_kind kind, struct bytes *b);
bool kafka_visit_bytes(const struct kafka_shape *s, void *message, kafka_visit *visit, void *arg);

/* Unset values: every member of *to; one member; whether a member has it. */
void kafka_unset(const struct kafka_shape *s, void *to);
void kafka_row_unset(const struct kafka_row *row, void *member);
bool kafka_row_is_unset(const struct kafka_row *row, const void *member);

#endif
