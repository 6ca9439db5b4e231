/* The payloads of native_golden.h as structs: one row for each verb and direction. */
#ifndef NET_NATIVE_VALUES_H
#define NET_NATIVE_VALUES_H

#include "net/native/payload.h"

struct native_value {
    const char *name;
    struct frame frame;
    union payload payload;
    const char *golden; /* hex */
};

/* Static memory. */
const struct native_value *native_values(unsigned *count);

/* The whole frame, batches included; returns its length. */
size_t native_make(const struct native_value *v, uint8_t *at, size_t cap);
size_t native_golden(const struct native_value *v, uint8_t *at, size_t cap);
/* What takes a frame of this direction. */
struct frame_gate native_gate(const struct frame *f);

#endif
