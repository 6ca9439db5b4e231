/* inputs.c -- the list of inputs, in memory and as a file.
 *
 * The file is a row of "bytes lines partition sum " path NUL name NUL: names may hold any other
 * byte. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/demo.h"

static uint32_t partition_of(const char *name)
{
    return sl_crc32c(0, name, strlen(name)) % DEMO_PARTITIONS;
}

void inputs_add(struct inputs *in, const char *name, const char *path, uint64_t bytes)
{
    if ((in->count & (in->count - 1)) == 0) /* full: a power of two, or nothing yet */
        in->at = need(realloc(in->at, (in->count ? 2 * in->count : 1) * sizeof(*in->at)));
    in->at[in->count++] = (struct input){
        .name = need(strdup(name)),
        .path = need(strdup(path)),
        .bytes = bytes,
        .partition = partition_of(name),
    };
    in->bytes += bytes;
}

bool inputs_save(const struct inputs *in, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        return false;
    }
    for (size_t i = 0; i < in->count; i++) {
        const struct input *p = &in->at[i];
        fprintf(f, "%" PRIu64 " %" PRIu64 " ", p->bytes, p->lines);
        for (int k = 0; k < 32; k++)
            fprintf(f, "%02x", p->sum.at[k]);
        fprintf(f, " %s%c%s%c", p->path, 0, p->name, 0);
    }
    bool bad = ferror(f);
    if (fclose(f) || bad) {
        perror(path);
        return false;
    }
    return true;
}

static bool sum_parse(const char *hex, struct sha256_sum *out)
{
    for (int k = 0; k < 32; k++)
        if (sscanf(hex + 2 * k, "%2hhx", &out->at[k]) != 1)
            return false;
    return true;
}

/* One row; the texts up to each NUL are read with getdelim(). */
static bool row_parse(struct inputs *in, const char *row, const char *name)
{
    uint64_t bytes, lines;
    int at;
    struct sha256_sum sum;
    if (sscanf(row, "%" SCNu64 " %" SCNu64 " %n", &bytes, &lines, &at) != 2 ||
        strlen(row + at) < 66 || !sum_parse(row + at, &sum))
        return false;
    inputs_add(in, name, row + at + 65, bytes);
    in->at[in->count - 1].lines = lines;
    in->at[in->count - 1].sum = sum;
    in->lines += lines;
    return true;
}

bool inputs_load(struct inputs *in, const char *path)
{
    char *row = NULL, *name = NULL;
    size_t row_cap = 0, name_cap = 0;
    bool ok = true;
    *in = (struct inputs){ 0 };
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return false;
    }
    while (ok && getdelim(&row, &row_cap, 0, f) > 0)
        ok = getdelim(&name, &name_cap, 0, f) > 0 && row_parse(in, row, name);
    free(row);
    free(name);
    fclose(f);
    if (!ok)
        fprintf(stderr, "%s: not a list of inputs\n", path);
    return ok;
}

size_t inputs_next(const struct inputs *in, size_t i, uint32_t partition)
{
    while (i < in->count && (in->at[i].partition != partition || in->at[i].bytes == 0))
        i++;
    return i;
}

void inputs_free(struct inputs *in)
{
    for (size_t i = 0; i < in->count; i++) {
        free(in->at[i].name);
        free(in->at[i].path);
    }
    free(in->at);
    *in = (struct inputs){ 0 };
}
