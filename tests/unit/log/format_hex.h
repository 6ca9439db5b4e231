/* format_hex.h -- text of hex digits to bytes, for golden vectors and the example in the manual. */
#ifndef LOG_FORMAT_HEX_H
#define LOG_FORMAT_HEX_H

#include <stddef.h>
#include <stdint.h>

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits from `text` until its end, `cap` bytes, or another character; blanks between
 * pairs are skipped. Returns the count of bytes. */
static inline size_t hex_bytes(const char *text, uint8_t *at, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        while (*text == ' ')
            text++;
        if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
            break;
        at[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text += 2;
    }
    return n;
}

#endif
