/* feed.c -- lines become records: input bytes are read into one area, batch by batch, and records
 * point into it. The last line of a piece is cut where its newline has not been read yet, and read
 * again; at the end of the input, or beyond the longest line, it is taken as it is. */
#include "tools/demo/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void feed_open(struct feed *f, const struct inputs *in, uint32_t partition, uint32_t batch_bytes)
{
    *f =
        (struct feed){ .inputs = in, .partition = partition, .batch_bytes = batch_bytes, .fd = -1 };
    f->area = need(malloc(batch_bytes + 2 * (size_t)DEMO_LINE_MAX));
    f->records = need(malloc(FEED_RECORDS_MAX * sizeof(*f->records)));
    f->extras = need(malloc(FEED_RECORDS_MAX * sizeof(*f->extras)));
    f->input = inputs_next(in, 0, partition);
}

static void feed_input_close(struct feed *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

void feed_close(struct feed *f)
{
    feed_input_close(f);
    free(f->area);
    free(f->records);
    free(f->extras);
    *f = (struct feed){ .fd = -1 };
}

bool feed_end(const struct feed *f)
{
    return f->input == f->inputs->count;
}

static void feed_move(struct feed *f, uint64_t pos)
{
    f->pos = pos;
    if (pos < f->inputs->at[f->input].bytes)
        return;
    feed_input_close(f);
    f->input = inputs_next(f->inputs, f->input + 1, f->partition);
    f->pos = 0;
}

bool feed_resume(struct feed *f, const struct origin *o, size_t value_bytes)
{
    for (size_t i = f->input; i < f->inputs->count;
         i = inputs_next(f->inputs, i + 1, f->partition)) {
        const struct input *p = &f->inputs->at[i];
        if (strlen(p->name) != o->name_bytes || memcmp(p->name, o->name, o->name_bytes) != 0)
            continue;
        if (o->pos + value_bytes > p->bytes)
            return false;
        f->input = i;
        feed_move(f, o->pos + value_bytes);
        return true;
    }
    return false;
}

/* Reads [f->pos + from, + bytes) of the input to the area's `at`. */
static void feed_read(struct feed *f, uint8_t *at, size_t from, size_t bytes)
{
    const struct input *p = &f->inputs->at[f->input];
    if (f->fd < 0)
        f->fd = open(p->path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        die("%s: %s", printable(p->path, strlen(p->path)), strerror(errno));
    if (!read_all(f->fd, at, bytes, f->pos + from))
        die("%s: shorter than when the demo began", printable(p->path, strlen(p->path)));
}

static void record_add(struct feed *f, int64_t time_ms, const uint8_t *line, size_t bytes)
{
    const char *name = f->inputs->at[f->input].name;
    struct feed_record *x = &f->extras[f->count];
    struct sl_record *r = &f->records[f->count++];
    origin_put(x->headers, x->pos_text, name, f->pos);
    *r = (struct sl_record){ .value = line,
                             .value_bytes = bytes,
                             .headers = x->headers,
                             .header_count = 2,
                             .time_ms = time_ms };
    struct origin o = { name, strlen(name), f->pos };
    f->hash = record_hash(f->hash, time_ms, o, line, bytes);
    f->bytes += bytes;
    f->size += bytes + o.name_bytes + 40; /* with its headers, about */
    f->pos += bytes;
}

static bool feed_full(const struct feed *f)
{
    return f->bytes >= f->batch_bytes || f->size >= 4 * (uint64_t)f->batch_bytes ||
           f->count == FEED_RECORDS_MAX;
}

/* Bytes of the line at `at`, of which `have` are read and `left` are in the input; 0: read more. */
static size_t line_bytes(const uint8_t *at, size_t have, uint64_t left)
{
    size_t look = have < DEMO_LINE_MAX ? have : DEMO_LINE_MAX;
    const uint8_t *newline = memchr(at, '\n', look);
    if (newline)
        return (size_t)(newline - at) + 1;
    return look == DEMO_LINE_MAX || have == left ? look : 0;
}

/* Records of the current input, until the batch is full or the input ends. */
static void feed_input(struct feed *f, int64_t time_ms)
{
    uint64_t left = f->inputs->at[f->input].bytes - f->pos;
    uint8_t *at = f->area + f->bytes;
    size_t piece = f->batch_bytes - f->bytes, have = 0;
    while (left && !feed_full(f)) {
        size_t line = line_bytes(at, have, left);
        if (!line && have && f->count) /* the next batch begins with this line */
            return;
        if (!line) {
            size_t more = left - have < piece ? left - have : piece;
            feed_read(f, at + have, have, more);
            have += more;
            piece = DEMO_LINE_MAX / 8;
            continue;
        }
        record_add(f, time_ms, at, line);
        at += line;
        have -= line;
        left -= line;
    }
}

void feed_fill(struct feed *f, int64_t time_ms)
{
    f->count = 0;
    f->hash = 0;
    f->bytes = f->size = 0;
    while (!feed_end(f) && !feed_full(f)) {
        feed_input(f, time_ms);
        if (f->pos < f->inputs->at[f->input].bytes)
            return;
        feed_move(f, f->pos);
    }
}
