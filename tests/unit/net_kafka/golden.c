/* Reads tests/wire/data: three lines a case, "=" for what the version before has as well. */
#include "tests/unit/net_kafka/golden.h"

#include "engine/base/check.h"

#include <stdio.h>
#include <stdlib.h>

#define GOLDEN_MAX 2048u
#define LINE_MAX   (16u << 10)

static struct golden all[GOLDEN_MAX];
static unsigned all_count;

struct bytes hex_bytes(const char *hex)
{
    size_t len = 0;
    for (const char *c = hex; *c; c++)
        len += *c != ' ';
    uint8_t *at = malloc(len ? len / 2 : 1);
    check(at && len % 2 == 0);
    for (size_t i = 0; i < len / 2; i++, hex += 2) {
        unsigned v;
        hex += strspn(hex, " ");
        check(sscanf(hex, "%2x", &v) == 1);
        at[i] = (uint8_t)v;
    }
    return (struct bytes){ at, len / 2 };
}

/* The case of the same kind and side, in this version or the one before. */
static const struct golden *golden_near(const struct golden *g, const char *kind, int back)
{
    for (unsigned i = all_count; i-- > 0;)
        if (all[i].api == g->api && all[i].what.shape == g->what.shape &&
            all[i].what.version == g->what.version - back && strcmp(all[i].kind, kind) == 0)
            return &all[i];
    fprintf(stderr, "%s refers to a case %s that is not there\n", g->name, kind);
    abort();
}

static struct kafka_what header_what(enum kafka_side side, int16_t version)
{
    bool request = side == KAFKA_REQUEST;
    return (struct kafka_what){
        .shape = request ? kafka_request_header_shape() : kafka_response_header_shape(),
        .name = "header",
        .side = side,
        .version = version,
        .flexible = version > (request ? 1 : 0),
    };
}

/* The first line: side, version, kind. */
static void golden_open(struct golden *g, const char *file, const struct kafka_api *api,
                        const char *line)
{
    char side[16], kind[16];
    int version;
    check(sscanf(line, "%15s %d %15s", side, &version, kind) == 3);
    enum kafka_side s = strcmp(side, "request") == 0 ? KAFKA_REQUEST : KAFKA_RESPONSE;
    g->api = api;
    g->what = api ? kafka_body(api, (int16_t)version, s) : header_what(s, (int16_t)version);
    g->kind = strdup(kind);
    snprintf(g->name, sizeof(g->name), "%s %s %d %s", file, side, version, kind);
}

static bool line_read(FILE *f, char *line)
{
    if (!fgets(line, LINE_MAX, f))
        return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

static void golden_read(FILE *f, const char *file, const struct kafka_api *api, char *line)
{
    struct golden *g = &all[all_count];
    check(all_count < GOLDEN_MAX);
    golden_open(g, file, api, line);
    check(line_read(f, line));
    g->bytes = strcmp(line, "=") == 0 ? golden_near(g, g->kind, 1)->bytes : hex_bytes(line);
    if (strcmp(g->kind, "tags") == 0) {
        const struct golden *full = golden_near(g, "full", 0);
        g->values = full->values;
        g->again = full->bytes;
    } else {
        check(line_read(f, line));
        g->values = strcmp(line, "=") == 0 ? golden_near(g, g->kind, 1)->values : strdup(line);
        g->again = g->bytes;
    }
    all_count++;
}

static void file_read(const char *file, const struct kafka_api *api)
{
    static char line[LINE_MAX];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.txt", TEST_WIRE_DATA, file);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "%s: cannot be read\n", path);
        abort();
    }
    while (line_read(f, line))
        golden_read(f, file, api, line);
    fclose(f);
}

const struct golden *goldens(unsigned *count)
{
    if (!all_count) {
        file_read("header", NULL);
#define API(shapes, key, ...) file_read(#shapes, kafka_api(key));
#include "net/kafka/api.def"
#undef API
    }
    *count = all_count;
    return all;
}

enum err space_decode(struct space *s, const struct kafka_what *what, struct bytes from)
{
    check(what->shape->bytes <= sizeof(s->to));
    s->arena = (struct kafka_arena){ .at = s->lists, .cap = sizeof(s->lists) };
    s->fault = (struct kafka_fault){ .kind = KAFKA_FAULT_NONE };
    memset(s->to, 0x5a, sizeof(s->to));
    memset(s->lists, 0x5a, sizeof(s->lists));
    return kafka_decode(what, from, s->to, &s->arena, &s->fault);
}
