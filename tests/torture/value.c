/* value.c -- see value.h. */
#include "tests/torture/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/demo.h"

#define POOL_BYTES (4u << 20) /* places of values begin in its first part */

static uint8_t *pool;

/* splitmix64: one step from any state gives a good number. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void value_open(uint64_t seed)
{
    pool = need(malloc(POOL_BYTES));
    for (size_t i = 0; i < POOL_BYTES; i += 8) {
        uint64_t x = mix(seed + i);
        memcpy(pool + i, &x, 8);
    }
}

void value_close(void)
{
    free(pool);
    pool = NULL;
}

static const uint8_t *place_of(const struct value_key *key)
{
    uint64_t x = mix(key->number ^ mix(((uint64_t)key->producer << 32) + key->part));
    return pool + x % (POOL_BYTES - VALUE_MAX);
}

void value_make(struct value_key *key, struct sl_record *record, uint32_t producer, uint32_t part,
                uint64_t number, uint32_t bytes)
{
    *key =
        (struct value_key){ .producer = producer, .part = part, .number = number, .bytes = bytes };
    const uint8_t *at = place_of(key);
    key->crc = sl_crc32c(0, at, bytes);
    *record = (struct sl_record){ .key = key,
                                  .key_bytes = sizeof(*key),
                                  .value = at,
                                  .value_bytes = bytes,
                                  .time_ms = sl_time_ms() };
}

bool value_check(const struct sl_record_view *r, uint32_t part, struct value_key *key,
                 char why[VALUE_WHY_CHARS])
{
    if (!r->key || r->key_bytes != sizeof(*key)) {
        snprintf(why, VALUE_WHY_CHARS, "a key of %zu bytes: nobody wrote this", r->key_bytes);
        return false;
    }
    memcpy(key, r->key, sizeof(*key));
    if (key->part != part)
        snprintf(why, VALUE_WHY_CHARS, "a record of partition %u", key->part);
    else if (key->bytes != r->value_bytes || key->bytes > VALUE_MAX)
        snprintf(why, VALUE_WHY_CHARS, "%zu bytes of value where %u were written", r->value_bytes,
                 key->bytes);
    else if (key->bytes && memcmp(r->value, place_of(key), key->bytes) != 0)
        snprintf(why, VALUE_WHY_CHARS, "other bytes than producer %u wrote as its record %" PRIu64,
                 key->producer, key->number);
    else if (sl_crc32c(0, r->value, r->value_bytes) != key->crc)
        snprintf(why, VALUE_WHY_CHARS, "not the CRC that producer %u wrote", key->producer);
    else
        return true;
    return false;
}

uint32_t value_hash(const struct value_key *key)
{
    uint32_t hash = sl_crc32c(1, key, sizeof(*key));
    return hash ? hash : 1;
}
