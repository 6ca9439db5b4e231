/* io_address.c -- addresses: values, their text, what kind they are. Asks nobody; the digits are
 * the C library's business. */
#include "engine/io/io_in.h"
#include "engine/io/socket.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }; /* ::ffff:a.b.c.d */

#define HOST_MAX 46u /* the longest IPv6 address, terminator included */

static enum err address_refuse(struct why *why, const char *text, const char *what)
{
    why_set(why, "'%.64s' %s", text, what);
    return ERR_INVALID;
}

static bool port_read(const char *text, uint16_t *out)
{
    uint32_t v = 0;
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    for (; *text; text++)
        v = v * 10 + (uint32_t)(*text - '0');
    *out = (uint16_t)v;
    return v <= UINT16_MAX;
}

/* Splits at the colon before the port; brackets go around an IPv6 address, and only there. */
static bool host_split(const char *text, char host[HOST_MAX], const char **port, bool *v6)
{
    *v6 = text[0] == '[';
    const char *from = text + *v6, *end = *v6 ? strchr(text, ']') : strchr(text, ':');
    if (!end || (size_t)(end - from) >= HOST_MAX || (*v6 && end[1] != ':'))
        return false;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    *port = end + 1 + *v6;
    return true;
}

static bool host_read(const char *host, bool v6, uint8_t ip[16])
{
    if (!v6 && strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    return inet_pton(v6 ? AF_INET6 : AF_INET, host, ip) == 1;
}

enum err io_address_parse(const char *text, struct io_address *out, struct why *why)
{
    struct io_address a = { .port = 0 };
    bool v6;
    char host[HOST_MAX];
    const char *port;
    if (!host_split(text, host, &port, &v6))
        return address_refuse(why, text,
                              "is no address: write it like 127.0.0.1:9700 or [::1]:9700");
    if (!host_read(host, v6, a.ip))
        return address_refuse(why, text,
                              "needs digits for the machine: names are not looked up; this machine "
                              "is 127.0.0.1 or [::1], every interface 0.0.0.0 or [::]");
    if (!port_read(port, &a.port))
        return address_refuse(why, text, "needs a port of 0 to 65535 after the colon");
    a.version = v6 ? 6 : 4;
    *out = a;
    return ERR_OK;
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
