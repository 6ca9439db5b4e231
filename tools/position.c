/* position.c -- see position.h. */
#define _XOPEN_SOURCE 700
#include "tools/position.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool time_read(const char *text, int64_t *ms)
{
    struct tm tm = { 0 };
    char *end;
    errno = 0;
    *ms = strtoll(text, &end, 10);
    if (end != text && *end == '\0')
        return errno == 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    *ms = (int64_t)timegm(&tm) * 1000;
    return rest && *rest == '\0';
}

static bool offset_read(const char *text, uint64_t *off)
{
    char *end;
    errno = 0;
    *off = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *text != '-';
}

bool position_read(const char *words, struct position *out)
{
    *out = (struct position){ .kind = POSITION_OFFSET };
    if (strcmp(words, "earliest") == 0)
        out->kind = POSITION_EARLIEST;
    else if (strcmp(words, "latest") == 0)
        out->kind = POSITION_LATEST;
    else if (*words == '@')
        out->kind = POSITION_TIME;
    if (out->kind == POSITION_TIME)
        return time_read(words + 1, &out->time_ms);
    return out->kind != POSITION_OFFSET || offset_read(words, &out->offset);
}

enum sl_err position_find(struct sl_client *c, const struct sl_client_topic *topic,
                          uint32_t partition, const struct position *p, uint64_t *offset)
{
    static const enum sl_offset_of what[] = { [POSITION_EARLIEST] = SL_OFFSET_EARLIEST,
                                              [POSITION_LATEST] = SL_OFFSET_LATEST,
                                              [POSITION_TIME] = SL_OFFSET_TIME };
    *offset = p->offset;
    if (p->kind == POSITION_OFFSET)
        return SL_ERR_OK;
    enum sl_err err =
        sl_client_offset(c, topic, partition, what[p->kind], p->time_ms, offset, NULL);
    if (err == SL_ERR_NOT_FOUND && p->kind == POSITION_TIME)
        err = sl_client_offset(c, topic, partition, SL_OFFSET_LATEST, 0, offset, NULL);
    return err;
}
