/* fault.c -- why a message was refused, as a value and as a sentence. */
#include "net/kafka/codec.h"

static const enum err fault_errs[KAFKA_FAULT_COUNT_OF] = {
#define FAULT(name, err_, text) [KAFKA_FAULT_##name] = ERR_##err_,
#include "net/kafka/fault.def"
#undef FAULT
};

enum err kafka_fault_set(struct kafka_fault *f, enum kafka_fault_kind kind,
                         const struct kafka_what *what, const char *field, size_t pos,
                         int64_t value, int64_t limit)
{
    if (f)
        *f = (struct kafka_fault){ .kind = kind,
                                   .err = fault_errs[kind],
                                   .side = what->side,
                                   .version = what->version,
                                   .api = what->name,
                                   .shape = what->shape->name,
                                   .field = field,
                                   .pos = pos,
                                   .value = value,
                                   .limit = limit };
    return fault_errs[kind];
}

void kafka_fault_text(const struct kafka_fault *f, struct why *why)
{
    struct why what = { "" };
    switch (f->kind) {
#define FAULT(name, err, text)                                          \
    case KAFKA_FAULT_##name:                                            \
        why_set(&what, text, (long long)f->value, (long long)f->limit); \
        break;
#include "net/kafka/fault.def"
#undef FAULT
    default:
        why_set(why, "%s", err_text(f->err));
        return;
    }
    why_set(why, "%s %s v%d, byte %zu: %s%s%s %s", f->api,
            f->side == KAFKA_REQUEST ? "request" : "response", f->version, f->pos, f->shape,
            f->field ? "." : "", f->field ? f->field : "", what.text);
}
