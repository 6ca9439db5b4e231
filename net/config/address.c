/* address.c -- text to addresses; the digits are the C library's business. */
#include "net/config/address.h"

#include <arpa/inet.h>

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

enum err address_parse(const char *text, struct io_address *out, struct why *why)
{
    struct io_address a = { .port = 0 };
    bool v6;
    char host[HOST_MAX];
    const char *port;
    if (!host_split(text, host, &port, &v6))
        return address_refuse(why, text,
                              "is no address: write it like 127.0.0.1:9700 or [::1]:9700");
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host, a.ip) != 1)
        return address_refuse(why, text,
                              "needs digits for the machine: names are not looked up; this machine "
                              "is 127.0.0.1 or [::1], every interface 0.0.0.0 or [::]");
    if (!port_read(port, &a.port))
        return address_refuse(why, text, "needs a port of 0 to 65535 after the colon");
    a.version = v6 ? 6 : 4;
    *out = a;
    return ERR_OK;
}
