/* assignment.c -- see assignment.h. No count is believed beyond the bytes that are there. */
#include "tools/assignment.h"

#include <string.h>

#define NAME_MAX_BYTES 249u

struct left {
    const uint8_t *at;
    size_t bytes;
    bool failed;
};

static uint32_t number_take(struct left *l, unsigned bytes)
{
    uint32_t v = 0;
    l->failed = l->failed || l->bytes < bytes;
    for (unsigned i = 0; !l->failed && i < bytes; i++)
        v = v << 8 | l->at[i];
    l->at += l->failed ? 0 : bytes;
    l->bytes -= l->failed ? 0 : bytes;
    return v;
}

static void name_take(struct left *l, char name[NAME_MAX_BYTES + 1])
{
    uint32_t bytes = number_take(l, 2);
    l->failed = l->failed || bytes > NAME_MAX_BYTES || bytes > l->bytes;
    if (l->failed)
        return;
    memcpy(name, l->at, bytes);
    name[bytes] = '\0';
    l->at += bytes;
    l->bytes -= bytes;
}

bool assignment_each(const void *at, size_t bytes,
                     void (*each)(void *arg, const char *topic, uint32_t partition), void *arg)
{
    struct left l = { at, bytes, false };
    char name[NAME_MAX_BYTES + 1];
    (void)number_take(&l, 2);
    uint32_t topics = number_take(&l, 4);
    for (uint32_t i = 0; i < topics && !l.failed; i++) {
        name_take(&l, name);
        uint32_t partitions = number_take(&l, 4);
        for (uint32_t k = 0; k < partitions && !l.failed; k++) {
            uint32_t partition = number_take(&l, 4);
            if (!l.failed)
                each(arg, name, partition);
        }
    }
    return !l.failed;
}
