/* address.c -- text to addresses and back; the digits are the C library's business. */
#include "net/config/address.h"

#include <arpa/inet.h>
#include <stdio.h>

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

enum err address_parse(const char *text, struct address *out, struct why *why)
{
    struct address a = { .port = 0 };
    char host[HOST_MAX];
    const char *port;
    if (!host_split(text, host, &port, &a.v6))
        return address_refuse(why, text,
                              "is no address: write it like 127.0.0.1:9700 or [::1]:9700");
    if (inet_pton(a.v6 ? AF_INET6 : AF_INET, host, a.ip) != 1)
        return address_refuse(why, text,
                              "needs digits for the machine: names are not looked up; this machine "
                              "is 127.0.0.1 or [::1], every interface 0.0.0.0 or [::]");
    if (!port_read(port, &a.port))
        return address_refuse(why, text, "needs a port of 0 to 65535 after the colon");
    *out = a;
    return ERR_OK;
}

void address_print(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
    char host[HOST_MAX] = "";
    inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->ip, host, sizeof(host));
    snprintf(out, ADDRESS_TEXT_MAX, a->v6 ? "[%s]:%u" : "%s:%u", host, a->port);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->v6 == b->v6 && a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool address_loopback(const struct address *a)
{
    static const uint8_t one[16] = { [15] = 1 };
    static const uint8_t mapped[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
    if (!a->v6)
        return a->ip[0] == 127;
    return memcmp(a->ip, one, 16) == 0 || memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}
