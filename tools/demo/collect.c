/* collect.c -- walks directories, sorts, measures: bytes, lines and SHA-256 of each file. */
#include "tools/demo/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (1u << 20)

/* nftw() has no argument for its callback. */
static struct inputs walked;

static int walk_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type == FTW_F && S_ISREG(st->st_mode))
        inputs_add(&walked, path, path, (uint64_t)st->st_size);
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->path, ((const struct input *)b)->path);
}

static void unreadable(struct collect *c, const char *path, int why)
{
    if (c->unreadable++ == 0)
        snprintf(c->unreadable_first, sizeof(c->unreadable_first), "%.200s: %s",
                 printable(path, strlen(path)), strerror(why));
}

/* Reads the file's first `bytes` once: counts, hashes, and copies to `copy` unless it is -1. */
static int measure(struct input *in, int fd, int copy)
{
    static uint8_t piece[PIECE_BYTES];
    struct sha256 sha;
    sha256_open(&sha);
    for (uint64_t pos = 0; pos < in->bytes;) {
        size_t n = in->bytes - pos < PIECE_BYTES ? (size_t)(in->bytes - pos) : PIECE_BYTES;
        if (!read_all(fd, piece, n, pos))
            return errno ? errno : EIO;
        if (copy >= 0 && write(copy, piece, n) != (ssize_t)n)
            die("cannot copy %s: %s", printable(in->path, strlen(in->path)), strerror(errno));
        sha256_add(&sha, piece, n);
        for (size_t i = 0; i < n; i++)
            in->lines += piece[i] == '\n';
        pos += n;
        if (pos == in->bytes)
            in->lines += piece[n - 1] != '\n';
    }
    in->sum = sha256_close(&sha);
    return 0;
}

static char *snapshot_path(const struct collect *c)
{
    char *path;
    if (asprintf(&path, "%s/%zu", c->snapshots, c->inputs.count) < 0)
        die("out of memory");
    return path;
}

/* Adds one file, cut where the limit says. */
static void collect_file(struct collect *c, const struct input *found, bool changing)
{
    uint64_t left = c->bytes_max - c->inputs.bytes;
    char *copy_path = changing ? snapshot_path(c) : NULL;
    const char *path = changing ? copy_path : found->path;
    struct input in = *found;
    in.bytes = in.bytes < left ? in.bytes : left;
    int copy = -1, err, fd = open(found->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && changing)
        copy = open(copy_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0 && changing && copy < 0)
        die("%s: %s", copy_path, strerror(errno));
    errno = fd < 0 ? errno : 0;
    err = fd < 0 ? errno : measure(&in, fd, copy);
    if (err) {
        unreadable(c, found->path, err);
    } else {
        inputs_add(&c->inputs, found->name, path, in.bytes);
        c->inputs.at[c->inputs.count - 1].lines = in.lines;
        c->inputs.at[c->inputs.count - 1].sum = in.sum;
        c->inputs.lines += in.lines;
    }
    if (fd >= 0)
        close(fd);
    if (copy >= 0)
        close(copy);
    free(copy_path);
}

static void collect_walk(struct collect *c, const char *path, bool changing)
{
    char *whole = realpath(path, NULL);
    if (!whole) {
        unreadable(c, path, errno);
        return;
    }
    if (nftw(whole, walk_file, 64, FTW_PHYS) != 0)
        unreadable(c, path, errno);
    if (walked.count)
        qsort(walked.at, walked.count, sizeof(*walked.at), by_path);
    for (size_t i = 0; i < walked.count && c->inputs.bytes < c->bytes_max; i++)
        collect_file(c, &walked.at[i], changing);
    inputs_free(&walked);
    free(whole);
}

void collect_path(struct collect *c, const char *path)
{
    collect_walk(c, path, false);
}

void collect_changing(struct collect *c, const char *path)
{
    collect_walk(c, path, true);
}

/* Another copy of an input; measured again only when it is cut. */
static void repeat_add(struct collect *c, size_t of, unsigned copy, uint64_t bytes)
{
    struct input from = c->inputs.at[of];
    char *name;
    if (asprintf(&name, "%u:%s", copy, from.name) < 0)
        die("out of memory");
    inputs_add(&c->inputs, name, from.path, bytes);
    struct input *in = &c->inputs.at[c->inputs.count - 1];
    in->lines = from.lines;
    in->sum = from.sum;
    if (bytes < from.bytes) {
        int fd = open(from.path, O_RDONLY | O_CLOEXEC);
        in->lines = 0;
        if (fd < 0 || measure(in, fd, -1))
            die("%s: cannot be read again", printable(from.path, strlen(from.path)));
        close(fd);
    }
    c->inputs.lines += in->lines;
    free(name);
}

void collect_repeat(struct collect *c, uint64_t bytes)
{
    size_t once = c->inputs.count;
    if (!c->inputs.bytes)
        return;
    for (unsigned copy = 2; c->inputs.bytes < bytes; copy++)
        for (size_t i = 0; i < once && c->inputs.bytes < bytes; i++) {
            uint64_t left = bytes - c->inputs.bytes, all = c->inputs.at[i].bytes;
            repeat_add(c, i, copy, all < left ? all : left);
        }
}
