/* codec.h -- one walker for all messages: bytes to structs and back, by the rows of a shape.
 *
 * Decoding meets each length and count with the bytes that are left before it looks at anything,
 * and takes memory for lists from the caller's arena alone. Encoding runs twice: kafka_size() says
 * how many bytes it will be, so the caller takes exactly those; kafka_encode() writes them.
 *
 * Thread     pure functions; any thread.
 * Memory     an arena for lists, never beyond its cap; texts, blobs and records are views into the
 *            bytes that were decoded. Nothing is allocated.
 * Invariant  what was decoded encodes to the same values; and to the same bytes, if those were
 *            canonical: shortest variable numbers, no unknown tag, no tag with its unset value.
 * Fails      a fault says message, version, field, byte, value and limit. After a refusal the
 *            struct means nothing. Depth of the stack is that of the shapes, whatever the bytes.
 */
#ifndef KAFKA_CODEC_H
#define KAFKA_CODEC_H

#include "engine/base/err.h"
#include "net/kafka/rows.h"

#define KAFKA_TEXT_MAX 32767u /* the classic encoding has 16 signed bits; both keep to it */

/* ---- what is decoded or encoded ---- */

enum kafka_side { KAFKA_REQUEST, KAFKA_RESPONSE };

struct kafka_what {
    const struct kafka_shape *shape;
    const char *name; /* of the API, for faults */
    enum kafka_side side;
    int16_t version;
    bool flexible;
};

/* ---- memory for lists ---- */

struct kafka_arena {
    uint8_t *at; /* aligned as malloc does */
    size_t cap, len;
};
/* Aligned bytes, not set to anything; NULL when the cap would be passed. */
void *kafka_arena_take(struct kafka_arena *a, size_t bytes);

/* ---- faults ---- */

enum kafka_fault_kind {
    KAFKA_FAULT_NONE,
#define FAULT(name, err, text) KAFKA_FAULT_##name,
#include "net/kafka/fault.def"
#undef FAULT
    KAFKA_FAULT_COUNT_OF
};

struct kafka_fault {
    enum kafka_fault_kind kind;
    enum err err;
    enum kafka_side side;
    int16_t version;
    const char *api, *shape, *field; /* static */
    size_t pos;                      /* of the field, in the bytes that were given */
    int64_t value, limit;
};
/* Fills the fault (NULL is allowed) and returns its error. */
enum err kafka_fault_set(struct kafka_fault *f, enum kafka_fault_kind kind,
                         const struct kafka_what *what, const char *field, size_t pos,
                         int64_t value, int64_t limit);
/* "Metadata request v9, byte 12: metadata_request_topic.name needs 5 bytes, and 3 are left". */
void kafka_fault_text(const struct kafka_fault *f, struct why *why);

/* ---- walking ---- */

/* Fills *to, a struct of what->shape, from all of `from`. */
enum err kafka_decode(const struct kafka_what *what, struct bytes from, void *to,
                      struct kafka_arena *arena, struct kafka_fault *fault);
/* The same from the beginning of *from, which is moved behind what was read. */
enum err kafka_decode_front(const struct kafka_what *what, struct bytes *from, void *to,
                            struct kafka_arena *arena, struct kafka_fault *fault);

/* How many bytes kafka_encode() will write. Members whose field this version lacks are not looked
 * at. Refused: null where it may not be, a text or a list over its limit. */
enum err kafka_size(const struct kafka_what *what, const void *from, uint64_t *bytes,
                    struct kafka_fault *fault);
/* Writes *from at `at`, at most cap bytes; *len is what kafka_size() says. */
enum err kafka_encode(const struct kafka_what *what, const void *from, void *at, size_t cap,
                      size_t *len, struct kafka_fault *fault);

/* Records that are not copied: a RECORDS member { kafka_elsewhere, len } writes its length, and
 * leaves its bytes out of kafka_size() and of what is written. The caller sends them in between:
 * the i-th of them belongs at pos[i] of the bytes written. */
extern const uint8_t kafka_elsewhere[1];
struct kafka_holes {
    uint64_t *pos; /* the caller's, room for `cap` */
    uint32_t count, cap;
};
/* SPACE: more holes than cap. */
enum err kafka_encode_around(const struct kafka_what *what, const void *from, void *at, size_t cap,
                             size_t *len, struct kafka_holes *holes, struct kafka_fault *fault);

#endif
