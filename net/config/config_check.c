/* config_check.c -- what no single value can say: one function for each rule. */
#include <stdio.h>

#include "net/config/config_in.h"

static const enum config_key listeners[] = { CONFIG_LISTEN_NATIVE, CONFIG_LISTEN_HTTP,
                                             CONFIG_LISTEN_KAFKA };
#define LISTENER_COUNT (sizeof(listeners) / sizeof(listeners[0]))

/* A fault that is the value of one key, with the place it came from. */
static void fault(struct config *c, enum config_key which, const char *what)
{
    char place[256];
    config_from_text(c, which, place, sizeof(place));
    config_say(c, CONFIG_FAULT, "%s: %s: '%.64s' %s", place, config_row(which)->key,
               config_text(c, which), what);
}

/* Whoever reaches a listener may do everything, as long as nobody is asked who he is. */
static void reach_check(struct config *c)
{
    for (size_t i = 0; i < LISTENER_COUNT && !config_on(c, CONFIG_INSECURE); i++) {
        uint32_t count;
        const struct io_address *at = config_addresses(c, listeners[i], &count);
        for (uint32_t a = 0; a < count; a++) {
            char what[256], text[IO_ADDRESS_TEXT_BYTES];
            if (io_address_is_loopback(&at[a]))
                continue;
            snprintf(what, sizeof(what),
                     "lets other machines reach %s, and there is no authentication yet: listen on "
                     "127.0.0.1 or [::1], or accept the risk with --insecure",
                     io_address_text(&at[a], text));
            fault(c, listeners[i], what);
            break;
        }
    }
}

static void advertise_check(struct config *c)
{
    uint32_t count;
    const struct io_address *at = config_addresses(c, CONFIG_ADVERTISE_KAFKA, &count);
    if (count > 1)
        fault(c, CONFIG_ADVERTISE_KAFKA, "is more than one address: clients are told one");
    else if (count && (!at->port || io_address_is_any(at)))
        fault(c, CONFIG_ADVERTISE_KAFKA, "is no address that a client can connect to");
}

/* Two listeners cannot share an address; port 0 is a new one each time. */
static void same_check(struct config *c)
{
    struct io_address all[64];
    uint32_t total = 0;
    for (size_t i = 0; i < LISTENER_COUNT; i++) {
        uint32_t count;
        const struct io_address *at = config_addresses(c, listeners[i], &count);
        for (uint32_t a = 0; a < count && total < 64; a++) {
            for (uint32_t j = 0; j < total; j++)
                if (at[a].port && io_address_equal(&all[j], &at[a])) {
                    fault(c, listeners[i], "names an address that another listener has");
                    return;
                }
            all[total++] = at[a];
        }
    }
}

static void frame_check(struct config *c)
{
    char what[128];
    if (config_number(c, CONFIG_FRAME_MAX) <= config_number(c, CONFIG_MEMORY_NETWORK))
        return;
    snprintf(what, sizeof(what), "is more than memory.network (%s): no such request could be held",
             config_text(c, CONFIG_MEMORY_NETWORK));
    fault(c, CONFIG_FRAME_MAX, what);
}

static void journal_check(struct config *c)
{
    if (config_number(c, CONFIG_JOURNAL_BYTES) % BLOCK_BYTES)
        fault(c, CONFIG_JOURNAL_BYTES, "is not a multiple of 4 KiB");
}

#define SLAB_BYTES        (64ull << 20) /* the largest extent; volumes are made of them ... */
#define VOLUME_HEAD_BYTES (64ull << 10) /* ... and this */

static void volume_check(struct config *c)
{
    uint64_t volume = config_number(c, CONFIG_VOLUME_BYTES);
    uint64_t space = config_number(c, CONFIG_SPACE_MAX);
    char what[128];
    if (volume % SLAB_BYTES)
        fault(c, CONFIG_VOLUME_BYTES, "is not a multiple of 64 MiB");
    if (!space || space >= volume + VOLUME_HEAD_BYTES)
        return;
    snprintf(what, sizeof(what), "has no room for one volume file: volume.bytes (%s) and 64 KiB",
             config_text(c, CONFIG_VOLUME_BYTES));
    fault(c, CONFIG_SPACE_MAX, what);
}

static void pin_check(struct config *c)
{
    uint32_t count;
    bool automatic;
    uint64_t shards = config_number(c, CONFIG_SHARDS);
    char what[128];
    config_cpus(c, CONFIG_PIN, &count, &automatic);
    if (!count || shards <= count)
        return;
    snprintf(what, sizeof(what), "names %u cores for %llu shards: each shard needs one of its own",
             count, (unsigned long long)shards);
    fault(c, CONFIG_PIN, what);
}

void config_check(struct config *c)
{
    static void (*const rules[])(struct config *c) = { reach_check, advertise_check, same_check,
                                                       frame_check, journal_check,   volume_check,
                                                       pin_check };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        rules[i](c);
}
