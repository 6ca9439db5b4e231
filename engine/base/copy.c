/* copy.c -- see copy.h. SSE2, which every x86-64 has: whole lines fill the write-combining buffers
 * as well as wider stores would. Elsewhere it is memcpy(). */
#include "engine/base/copy.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__

#include <emmintrin.h>

#define LINE_BYTES 64u

static void line_stream(uint8_t *to, const uint8_t *from)
{
    __m128i words[LINE_BYTES / sizeof(__m128i)];
    for (uint32_t i = 0; i < LINE_BYTES / sizeof(__m128i); i++)
        words[i] = _mm_loadu_si128((const __m128i *)(const void *)from + i);
    for (uint32_t i = 0; i < LINE_BYTES / sizeof(__m128i); i++)
        _mm_stream_si128((__m128i *)(void *)to + i, words[i]);
}

void copy_past(void *to, const void *from, size_t len)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    size_t head = -(uintptr_t)out % LINE_BYTES;
    if (head > len)
        head = len;
    memcpy(out, in, head);
    for (out += head, in += head, len -= head; len >= LINE_BYTES; len -= LINE_BYTES) {
        line_stream(out, in);
        out += LINE_BYTES;
        in += LINE_BYTES;
    }
    memcpy(out, in, len);
}

void copy_past_end(void)
{
    _mm_sfence();
}

#else

void copy_past(void *to, const void *from, size_t len)
{
    memcpy(to, from, len);
}

void copy_past_end(void) {}

#endif
