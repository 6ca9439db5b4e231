/* remote.c -- see remote.h. */
#include "tools/remote.h"

#include <stdlib.h>

#define AT_DEFAULT "127.0.0.1:9700"

/* "[::1]:9700", "host:9700", "host", ":9700". False: no address. */
static bool at_split(const char *at, char host[256], uint16_t *port)
{
    const char *colon = strrchr(at, ':'), *end = colon ? colon : at + strlen(at);
    const char *from = at;
    if (*at == '[') {
        end = strchr(++from, ']');
        colon = end && end[1] == ':' ? end + 1 : NULL;
    }
    unsigned long number = colon ? strtoul(colon + 1, NULL, 10) : 0;
    if (!end || (size_t)(end - from) >= 256 || number > 65535 || (colon && !number))
        return false;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    *port = (uint16_t)number;
    return true;
}

int remote_open(struct remote *r)
{
    const char *from = getenv("SHARDLOG_AT");
    const char *at = r->at ? r->at : from && *from ? from : AT_DEFAULT;
    char host[256];
    struct sl_client_options o = { .size = sizeof(o), .id = "shardlog" };
    struct sl_why why = { "" };
    if (!at_split(at, host, &o.port)) {
        complain("`%s` is no address: HOST:PORT is wanted", at);
        return EXIT_TROUBLE;
    }
    o.host = *host ? host : NULL;
    o.timeout_ns = r->timeout_s * SEC_NS;
    enum sl_err err = sl_client_open(&r->client, &o, &why);
    if (err == SL_ERR_OK)
        return EXIT_CLEAN;
    complain("%s: %s (%s)%s", at, why.text, sl_err_name(err),
             err == SL_ERR_CLOSED || err == SL_ERR_REFUSED
                 ? "; is a node running there? `shardlog serve` starts one, --at names another"
                 : "");
    return remote_code(err);
}

void remote_close(struct remote *r)
{
    sl_client_close(&r->client);
}

int remote_code(enum sl_err err)
{
    switch (err) {
    case SL_ERR_OK:
        return EXIT_CLEAN;
    case SL_ERR_CLOSED:
    case SL_ERR_TIMEOUT:
    case SL_ERR_RESET:
    case SL_ERR_REFUSED:
    case SL_ERR_UNREACHABLE:
        return EXIT_NO_ANSWER;
    case SL_ERR_PERMISSION:
        return EXIT_DENIED;
    case SL_ERR_NOT_FOUND:
    case SL_ERR_OFFSET_RANGE:
        return EXIT_NOT_FOUND;
    default:
        return EXIT_REFUSED;
    }
}

int remote_exit(struct remote *r, enum sl_err err, const char *what)
{
    if (err != SL_ERR_OK)
        complain("%s: %s (%s)", what, sl_client_error(r->client)->text, sl_err_name(err));
    return remote_code(err);
}

int remote_topic(struct remote *r, const char *name, struct sl_client_topic *topic)
{
    enum sl_err err = sl_client_describe(r->client, name, topic);
    if (err == SL_ERR_NOT_FOUND) {
        complain("%s: there is no such topic; `shardlog topic list` shows all", name);
        return EXIT_NOT_FOUND;
    }
    return remote_exit(r, err, name);
}
