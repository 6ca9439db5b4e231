/* frame.c -- headers: bytes and struct.
 *
 * The order of the questions is the order of trust: what decides whether there is a frame at all
 * (magic, checksum, version, the largest length there is), then what only concerns this frame.
 */
#include "net/native/frame.h"

#include "engine/base/crc32c.h"
#include "engine/base/le.h"

#define FRAME_MAGIC    0x314e4c53u /* "SLN1" */
#define FRAME_CRC_FROM 44u
#define FRAME_FLAGS    ((uint32_t)FRAME_ANSWER | FRAME_ERROR)

/* ---- tables ---- */

static const struct verb_row verb_rows[VERB_COUNT] = {
#define VERB(name, number, text, request_min, request_max, answer_min, answer_max, request_batch, \
             answer_batch, flags)                                                                 \
    [number] = { text,                                                                            \
                 { request_min, answer_min },                                                     \
                 { request_max, answer_max },                                                     \
                 { request_batch, answer_batch },                                                 \
                 flags },
#include "net/native/verb.def"
#undef VERB
};

/* Of error answers: code, retriable, zero, limit, value, an empty text; and a full one. */
static const uint32_t error_bytes_min = 26, error_bytes_max = 26 + 512;

const struct verb_row *verb_row(uint32_t verb)
{
    return verb < VERB_COUNT ? &verb_rows[verb] : NULL;
}

const char *verb_name(uint32_t verb)
{
    return verb < VERB_COUNT ? verb_rows[verb].name : "frame";
}

static const struct {
    enum err err;
    bool lost;
} fault_rows[FAULT_COUNT] = {
#define FAULT(name, err_, lost_, text) [FAULT_##name] = { ERR_##err_, lost_ },
#include "net/native/fault.def"
#undef FAULT
};

enum err fault_set(struct fault *f, enum fault_kind kind, const char *field, uint64_t value,
                   uint64_t limit)
{
    if (f)
        *f = (struct fault){ .kind = kind,
                             .err = fault_rows[kind].err,
                             .lost = fault_rows[kind].lost,
                             .field = field,
                             .value = value,
                             .limit = limit };
    return fault_rows[kind].err;
}

void fault_text(const struct fault *f, uint32_t verb, struct why *why)
{
    switch (f->kind) {
#define FAULT(name, err, lost, text)                                                \
    case FAULT_##name:                                                              \
        why_set(why, text, verb_name(verb), f->field, (unsigned long long)f->value, \
                (unsigned long long)f->limit);                                      \
        break;
#include "net/native/fault.def"
#undef FAULT
    default:
        why_set(why, "%s", err_text(f->err));
        break;
    }
}

/* ---- encode ---- */

void frame_encode(const struct frame *f, uint8_t at[FRAME_HEADER_BYTES])
{
    le32_put(at, FRAME_MAGIC);
    at[4] = f->version;
    at[5] = f->verb;
    le16_put(at + 6, f->flags);
    le64_put(at + 8, f->correlation);
    memcpy(at + 16, f->topic.b, 16);
    le32_put(at + 32, f->partition);
    le32_put(at + 36, f->payload_bytes);
    le32_put(at + 40, f->payload_crc);
    le32_put(at + FRAME_CRC_FROM, crc32c(0, at, FRAME_CRC_FROM));
}

/* ---- decode ---- */

static struct frame frame_read(const uint8_t *at)
{
    struct frame f = { .version = at[4],
                       .verb = at[5],
                       .flags = le16_get(at + 6),
                       .correlation = le64_get(at + 8),
                       .partition = le32_get(at + 32),
                       .payload_bytes = le32_get(at + 36),
                       .payload_crc = le32_get(at + 40) };
    memcpy(f.topic.b, at + 16, 16);
    return f;
}

static enum err frame_found(const uint8_t *at, const struct frame_gate *gate, struct fault *fault)
{
    uint32_t crc = le32_get(at + FRAME_CRC_FROM), want = crc32c(0, at, FRAME_CRC_FROM);
    if (le32_get(at) != FRAME_MAGIC)
        return fault_set(fault, FAULT_MAGIC, "magic", le32_get(at), FRAME_MAGIC);
    if (crc != want)
        return fault_set(fault, FAULT_HEADER_CRC, "header checksum", want, crc);
    if (at[4] != gate->version)
        return fault_set(fault, FAULT_VERSION, "version", at[4], gate->version);
    if (le32_get(at + 36) > FRAME_PAYLOAD_MAX)
        return fault_set(fault, FAULT_FRAME, "payload", le32_get(at + 36), FRAME_PAYLOAD_MAX);
    return ERR_OK;
}

static enum err frame_flags_check(const struct frame *f, const struct frame_gate *gate,
                                  struct fault *fault)
{
    uint32_t allowed = gate->answers ? FRAME_FLAGS : 0;
    if (f->flags & ~allowed || frame_is_answer(f) != gate->answers)
        return fault_set(fault, FAULT_FLAGS, "flags", f->flags, allowed);
    return ERR_OK;
}

static enum err frame_verb_check(const struct frame *f, const struct verb_row *row,
                                 struct fault *fault)
{
    if (!row || (row->flags & VERB_ANSWERS && !frame_is_error(f)))
        return fault_set(fault, FAULT_VERB, "verb", f->verb, VERB_COUNT - 1);
    if (frame_is_error(f))
        return ERR_OK; /* repeats what was refused */
    if (!(row->flags & VERB_PLACE) && f->partition)
        return fault_set(fault, FAULT_PLACE, "partition", f->partition, 0);
    if (!(row->flags & (VERB_PLACE | VERB_TOPIC)) && !id16_zero(f->topic))
        return fault_set(fault, FAULT_PLACE, "topic id", le64_get(f->topic.b), 0);
    return ERR_OK;
}

static enum err frame_length_check(const struct frame *f, const struct verb_row *row,
                                   const struct frame_gate *gate, struct fault *fault)
{
    uint32_t least = row->min[gate->answers], most = row->max[gate->answers];
    if (frame_is_error(f)) {
        least = error_bytes_min;
        most = error_bytes_max;
    }
    if (most > gate->payload_max)
        most = gate->payload_max;
    if (f->payload_bytes > most)
        return fault_set(fault, FAULT_LARGE, "payload length", f->payload_bytes, most);
    if (f->payload_bytes < least)
        return fault_set(fault, FAULT_SHORT, "payload", least, f->payload_bytes);
    return ERR_OK;
}

enum err frame_decode(const uint8_t at[FRAME_HEADER_BYTES], const struct frame_gate *gate,
                      struct frame *out, struct fault *fault)
{
    TRY(frame_found(at, gate, fault));
    *out = frame_read(at);
    const struct verb_row *row = verb_row(out->verb);
    TRY(frame_flags_check(out, gate, fault));
    TRY(frame_verb_check(out, row, fault));
    return frame_length_check(out, row, gate, fault);
}

struct frame frame_answer(const struct frame *request, uint16_t more_flags)
{
    struct frame f = *request;
    f.flags = (uint16_t)(FRAME_ANSWER | more_flags);
    f.payload_bytes = f.payload_crc = 0;
    return f;
}

uint32_t frame_checked_bytes(const struct frame *f)
{
    const struct verb_row *row = verb_row(f->verb);
    uint32_t batch_at = row && !frame_is_error(f) ? row->batch_at[frame_is_answer(f)] : 0;
    return batch_at && batch_at < f->payload_bytes ? batch_at : f->payload_bytes;
}
