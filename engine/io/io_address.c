/* io_address.c -- addresses: values, their text, what kind they are. Asks nobody. */
#include "engine/io/io_in.h"
#include "engine/io/socket.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }; /* ::ffff:a.b.c.d */

static bool port_parse(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    if (!*text || strlen(text) > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint32_t)(*text - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* Fills ip and version from what stands before the port. */
static bool host_parse(const char *host, bool bracketed, struct io_address *out)
{
    out->version = bracketed ? 6 : 4;
    if (bracketed)
        return inet_pton(AF_INET6, host, out->ip) == 1;
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, out->ip) == 1;
}

enum err io_address_parse(const char *text, struct io_address *out, struct why *why)
{
    char host[IO_ADDRESS_TEXT_BYTES];
    *out = (struct io_address){ .version = 0 };
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool bracketed = len >= 2 && text[0] == '[' && colon[-1] == ']';
    size_t skip = bracketed;
    if (len > 2 * skip && len < sizeof(host)) {
        memcpy(host, text + skip, len - 2 * skip);
        host[len - 2 * skip] = 0;
        if (port_parse(colon + 1, &out->port) && host_parse(host, bracketed, out))
            return ERR_OK;
    }
    *out = (struct io_address){ .version = 0 };
    why_set(why,
            "%.60s: not an address; wanted like 127.0.0.1:9700, [::1]:9700 or localhost:9700 "
            "(names are not looked up)",
            text);
    return ERR_INVALID;
}

const char *io_address_text(const struct io_address *a, char out[IO_ADDRESS_TEXT_BYTES])
{
    char ip[INET6_ADDRSTRLEN];
    if (a->version == 0) {
        snprintf(out, IO_ADDRESS_TEXT_BYTES, "none");
        return out;
    }
    check(inet_ntop(a->version == 6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof(ip)) != NULL);
    snprintf(out, IO_ADDRESS_TEXT_BYTES, a->version == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
    return out;
}

bool io_address_equal(const struct io_address *a, const struct io_address *b)
{
    return a->version == b->version && a->port == b->port &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool io_address_is_loopback(const struct io_address *a)
{
    static const uint8_t one[16] = { [15] = 1 };
    if (a->version == 4)
        return a->ip[0] == 127;
    if (a->version != 6)
        return false;
    return memcmp(a->ip, one, 16) == 0 ||
           (memcmp(a->ip, mapped, sizeof(mapped)) == 0 && a->ip[12] == 127);
}

bool io_address_is_any(const struct io_address *a)
{
    static const uint8_t zeros[16];
    return a->version != 0 && memcmp(a->ip, zeros, 16) == 0;
}
