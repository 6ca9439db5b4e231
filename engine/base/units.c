/* units.c -- two tables of units, one reader: digits, a fraction, blanks, a unit.
 *
 * The fraction is kept as digits and a power of ten, so that "0.1 kB" is exactly 100 bytes and
 * nothing passes through a float.
 */
#include "engine/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define FRACTION_DIGITS_MAX 18u /* 10^18 is the last power of ten below 2^64 */

struct unit {
    const char *name;
    uint64_t scale;
    bool print; /* used for printing; the others are read only */
};

/* Largest first: printing takes the first that divides. */
static const struct unit bytes_units[] = {
    { "PiB", 1ull << 50, true },
    { "PB", 1000000000000000ull, false },
    { "TiB", 1ull << 40, true },
    { "TB", 1000000000000ull, false },
    { "GiB", 1ull << 30, true },
    { "GB", 1000000000ull, false },
    { "MiB", 1ull << 20, true },
    { "MB", 1000000ull, false },
    { "KiB", 1ull << 10, true },
    { "kB", 1000ull, false },
    { "B", 1, true },
    { NULL, 0, false },
};
static const struct unit duration_units[] = {
    { "d", 86400 * SEC_NS, true },
    { "h", 3600 * SEC_NS, true },
    { "min", 60 * SEC_NS, true },
    { "m", 60 * SEC_NS, false },
    { "s", SEC_NS, true },
    { "ms", MS_NS, true },
    { "us", 1000, true },
    { "ns", 1, true },
    { NULL, 0, false },
};

/* What stood before the unit: whole + part / part_scale. */
struct number {
    uint64_t whole, part, part_scale;
    const char *rest; /* after the digits and the blanks behind them */
    bool overflow;
};

static const char *blanks_skip(const char *at)
{
    return at + strspn(at, " \t");
}

static bool digits_read(const char **at, uint64_t *out, bool *overflow)
{
    const char *from = *at;
    for (*out = 0; **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        *overflow |= __builtin_mul_overflow(*out, 10u, out);
        *overflow |= __builtin_add_overflow(*out, digit, out);
    }
    return *at > from;
}

static bool number_read(const char *text, struct number *n)
{
    const char *at = blanks_skip(text);
    *n = (struct number){ .part_scale = 1 };
    if (!digits_read(&at, &n->whole, &n->overflow))
        return false;
    if (*at == '.') {
        const char *from = ++at;
        if (!digits_read(&at, &n->part, &n->overflow) || at - from > (int)FRACTION_DIGITS_MAX)
            return false;
        for (; from < at; from++)
            n->part_scale *= 10;
    }
    n->rest = blanks_skip(at);
    return true;
}

/* The unit that `rest` names, blanks behind it allowed; NULL: none. */
static const struct unit *unit_find(const struct unit *units, const char *rest,
                                    int (*differ)(const char *, const char *, size_t))
{
    size_t len = strcspn(rest, " \t");
    if (*blanks_skip(rest + len))
        return NULL;
    for (; units->name; units++)
        if (strlen(units->name) == len && differ(units->name, rest, len) == 0)
            return units;
    return NULL;
}

/* False: not a whole number of the smallest unit, or too large (*overflow). */
static bool number_scale(const struct number *n, uint64_t scale, uint64_t *out, bool *overflow)
{
    unsigned __int128 part = (unsigned __int128)n->part * scale;
    uint64_t whole;
    *overflow = n->overflow || __builtin_mul_overflow(n->whole, scale, &whole) ||
                __builtin_add_overflow(whole, (uint64_t)(part / n->part_scale), &whole);
    if (*overflow || part % n->part_scale)
        return false;
    *out = whole;
    return true;
}

static enum err units_refuse(struct why *why, const char *text, const char *what)
{
    why_set(why, "'%.64s' %s", text, what);
    return ERR_INVALID;
}

static enum err units_read(const char *text, const struct number *n, uint64_t scale,
                           const char *smallest, uint64_t *out, struct why *why)
{
    bool overflow;
    char what[64];
    if (number_scale(n, scale, out, &overflow))
        return ERR_OK;
    snprintf(what, sizeof(what), "is not a whole number of %s", smallest);
    return units_refuse(why, text, overflow ? "is too large" : what);
}

/* "64M", "64k", "64G": a letter that does not say of what. */
static bool ambiguous(const char *rest)
{
    return rest[0] && strchr("kKmMgGtTpP", rest[0]) && !*blanks_skip(rest + 1);
}

enum err units_bytes(const char *text, uint64_t *out, struct why *why)
{
    struct number n;
    if (!number_read(text, &n))
        return units_refuse(why, text, "is not a size: write it like 64 MiB");
    const struct unit *u = unit_find(bytes_units, n.rest, strncasecmp);
    if (!*n.rest)
        return units_read(text, &n, 1, "bytes", out, why);
    if (u)
        return units_read(text, &n, u->scale, "bytes", out, why);
    if (ambiguous(n.rest)) {
        why_set(why, "'%.64s' could mean two sizes: write %ciB (1024) or %cB (1000)", text,
                n.rest[0] & ~0x20, n.rest[0] & ~0x20);
        return ERR_INVALID;
    }
    return units_refuse(why, text, "has no unit of size: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB");
}

enum err units_duration(const char *text, uint64_t *out_ns, struct why *why)
{
    struct number n;
    if (!number_read(text, &n))
        return units_refuse(why, text, "is not a duration: write it like 30 s");
    const struct unit *u = unit_find(duration_units, n.rest, strncmp);
    if (u)
        return units_read(text, &n, u->scale, "nanoseconds", out_ns, why);
    if (!*n.rest && !n.whole && !n.part && !n.overflow)
        return units_read(text, &n, 1, "nanoseconds", out_ns, why);
    return units_refuse(why, text, "has no unit of time: ns, us, ms, s, min, h, d");
}

enum err units_count(const char *text, uint64_t *out, struct why *why)
{
    struct number n;
    if (!number_read(text, &n) || *n.rest || strchr(text, '.'))
        return units_refuse(why, text, "is not a whole number");
    return units_read(text, &n, 1, "ones", out, why);
}

/* ---- back to text ---- */

static void units_print(const struct unit *units, uint64_t v, char out[UNITS_TEXT_MAX])
{
    while (!units->print || (v % units->scale && units->scale > 1))
        units++;
    snprintf(out, UNITS_TEXT_MAX, "%" PRIu64 " %s", v / units->scale, units->name);
}

void units_bytes_print(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    if (bytes)
        units_print(bytes_units, bytes, out);
    else
        snprintf(out, UNITS_TEXT_MAX, "0");
}

void units_duration_print(uint64_t ns, char out[UNITS_TEXT_MAX])
{
    if (ns)
        units_print(duration_units, ns, out);
    else
        snprintf(out, UNITS_TEXT_MAX, "0");
}
