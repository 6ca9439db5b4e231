/* frame.h -- the header of a native frame, the table of verbs, and why bytes are refused.
 *
 * Layout (docs/PROTOCOL.md; little endian; 48 bytes):
 *    0  4 "SLN1"     4  1 version   5  1 verb   6  2 flags   8  8 correlation id
 *   16 16 topic id  32  4 partition   36  4 payload length
 *   40  4 crc32c of the payload without its batches   44  4 crc32c of bytes 0..44
 *
 * A receiver takes 48 bytes, asks frame_decode(), and only then knows how much memory the payload
 * wants: the length was compared with the limits of its verb and of the connection before.
 *
 * Thread     pure functions; any thread.
 * Memory     nothing is kept or allocated.
 * Fails      every refusal fills a fault: which field, which value, which limit, and whether the
 *            next frame can still be found.
 */
#ifndef NATIVE_FRAME_H
#define NATIVE_FRAME_H

#include "engine/base/err.h"
#include "engine/base/types.h"

#define FRAME_HEADER_BYTES 48u
#define FRAME_PAYLOAD_MAX  (64u << 20) /* of any frame, in any version: holds the largest batch */
#define FRAME_FIRST_MAX    (16u << 10) /* a server's limit until hello was answered */
#define FRAME_MAX_LEAST    4096u       /* the smallest frame_max that a side may have */
#define FRAME_VERSION      1u          /* of hello always; of the rest, what hello agreed on */
#define NATIVE_PORT        9700u

enum frame_flag {
    FRAME_ANSWER = 1,
    FRAME_ERROR = 2, /* an answer whose payload is struct error_answer */
};

/* ---- verbs ---- */

enum verb_flag {
    VERB_ANSWERS = 1, /* there is no request: the server says it on its own */
    VERB_TOPIC = 2,   /* the header may name a topic */
    VERB_PLACE = 4,   /* the header names topic and partition */
    VERB_CHANGES = 8, /* refused on a read-only connection */
};

enum native_verb {
#define VERB(name, number, ...) VERB_##name = number,
#include "net/native/verb.def"
#undef VERB
    VERB_COUNT
};

struct verb_row {
    const char *name;
    uint32_t min[2], max[2]; /* bytes of a payload: [0] request, [1] answer */
    uint32_t batch_at[2];    /* where batches begin in it; 0: none */
    uint32_t flags;
};
/* NULL: no such verb. */
const struct verb_row *verb_row(uint32_t verb);
/* For texts; never NULL. */
const char *verb_name(uint32_t verb);

/* ---- faults ---- */

enum fault_kind {
    FAULT_NONE,
#define FAULT(name, err, lost, text) FAULT_##name,
#include "net/native/fault.def"
#undef FAULT
    FAULT_COUNT
};

struct fault {
    enum fault_kind kind;
    enum err err;
    bool lost;         /* the connection ends */
    const char *field; /* static */
    uint64_t value, limit;
};
/* Fills the fault (NULL is allowed) and returns its error. */
enum err fault_set(struct fault *f, enum fault_kind kind, const char *field, uint64_t value,
                   uint64_t limit);
/* The sentence for the one who sent it: "append: durability is 9; the largest value is 3". */
void fault_text(const struct fault *f, uint32_t verb, struct why *why);

/* ---- headers ---- */

struct frame {
    uint8_t version, verb;
    uint16_t flags;
    uint64_t correlation;
    struct id16 topic;
    uint32_t partition;
    uint32_t payload_bytes;
    uint32_t payload_crc;
};

/* What a side takes at the moment. */
struct frame_gate {
    uint8_t version;
    bool answers;         /* a client's; else a server's */
    uint32_t payload_max; /* what this side said in hello, or FRAME_FIRST_MAX */
};

void frame_encode(const struct frame *f, uint8_t at[FRAME_HEADER_BYTES]);
/* On a fault that is not lost, *out holds the header: its payload is to be passed over, and there
 * is a correlation id to answer to. On one that is lost, *out is unchanged. */
enum err frame_decode(const uint8_t at[FRAME_HEADER_BYTES], const struct frame_gate *gate,
                      struct frame *out, struct fault *fault);

static inline bool frame_is_answer(const struct frame *f)
{
    return f->flags & FRAME_ANSWER;
}
static inline bool frame_is_error(const struct frame *f)
{
    return f->flags & FRAME_ERROR;
}
/* An answer's header: same verb, correlation id and place. */
struct frame frame_answer(const struct frame *request, uint16_t more_flags);
/* How many bytes at the payload's start its checksum covers. */
uint32_t frame_checked_bytes(const struct frame *f);

#endif
