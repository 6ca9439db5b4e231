/* utf8.c -- RFC 3629, strictly. */
#include "net/log/utf8.h"

/* One row per length: the bits that a first byte must have, and the least number it may mean. */
static const struct {
    uint8_t mask, lead;
    uint32_t lowest;
} forms[] = {
    { 0x80, 0x00, 0 },
    { 0xe0, 0xc0, 0x80 },
    { 0xf0, 0xe0, 0x800 },
    { 0xf8, 0xf0, 0x10000 },
};

uint32_t utf8_next(struct bytes text, uint32_t *code)
{
    for (uint32_t len = 1; len <= 4; len++) {
        uint8_t first = text.at[0];
        if ((first & forms[len - 1].mask) != forms[len - 1].lead)
            continue;
        if (text.len < len)
            return 0;
        *code = first & (uint8_t)~forms[len - 1].mask;
        for (uint32_t i = 1; i < len; i++) {
            if ((text.at[i] & 0xc0) != 0x80)
                return 0;
            *code = *code << 6 | (text.at[i] & 0x3f);
        }
        bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
        return *code < forms[len - 1].lowest || *code > 0x10ffff || surrogate ? 0 : len;
    }
    return 0;
}

bool utf8_unsafe(uint32_t code)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        { 0x0000, 0x001f }, /* C0: escape sequences, line ends */
        { 0x007f, 0x009f }, /* DEL, and C1: one-byte escape sequences */
        { 0x061c, 0x061c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, /* lines, directions */
        { 0x2066, 0x2069 }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code >= ranges[i].from && code <= ranges[i].to)
            return true;
    return false;
}
