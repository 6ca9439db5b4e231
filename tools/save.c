/* save.c -- see save.h. Findings overlap now and then; each is saved whole. */
#include "tools/save.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 20)

struct saver {
    struct io *io;
    const struct place *place;
    FILE *to;
    uint8_t *buf; /* CHUNK_BYTES */
    uint64_t bytes;
};

/* [pos, pos + len) of an open file, block by block where it has to be; what cannot be read is
 * zeros. */
static void range_save(struct saver *s, int fd, uint64_t pos, uint64_t len)
{
    while (len) {
        struct op op = { 0 };
        uint64_t from = block_floor(pos), skip = pos - from;
        uint64_t want = block_ceil(skip + len);
        want = want < CHUNK_BYTES ? want : CHUNK_BYTES;
        memset(s->buf, 0, want);
        io_read(s->io, &op, fd, s->buf, want, from, NULL);
        (void)io_wait(s->io, &op);
        uint64_t n = min_u64(want - skip, len);
        fwrite(s->buf + skip, 1, n, s->to);
        s->bytes += n;
        pos += n;
        len -= n;
    }
}

static void find_save(struct saver *s, const struct find *f)
{
    struct op op = { 0 };
    io_open_file(s->io, &op, s->place->fd, f->file, IO_DIRECT | IO_READONLY, NULL);
    if (io_wait(s->io, &op) != ERR_OK)
        return;
    int fd = (int)op.got;
    fprintf(s->to, "%s %llu %llu %s %s\n", f->file, (unsigned long long)f->pos,
            (unsigned long long)f->len, find_kind_info(f->kind)->name, f->why.text);
    range_save(s, fd, f->pos, f->len);
    fputc('\n', s->to);
    io_fd_close(s->io, fd);
}

int save_finds(struct io *io, const struct place *place, const struct find *finds, uint32_t count,
               const char *path, uint64_t *bytes)
{
    struct saver s = { .io = io, .place = place };
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    s.to = fd >= 0 ? fdopen(fd, "wb") : NULL;
    s.buf = io_buffer_take(CHUNK_BYTES);
    if (!s.to || !s.buf) {
        complain("%s: %s", path, strerror(errno));
        io_buffer_give(s.buf);
        return EXIT_TROUBLE;
    }
    fprintf(s.to, "shardlog damaged bytes 1 %s\n", place->path);
    for (uint32_t i = 0; i < count; i++)
        if (finds[i].len)
            find_save(&s, &finds[i]);
    bool ok = fflush(s.to) == 0 && !ferror(s.to) && fsync(fd) == 0;
    ok &= fclose(s.to) == 0;
    io_buffer_give(s.buf);
    if (!ok)
        complain("%s: cannot be written: %s", path, strerror(errno));
    *bytes = s.bytes;
    return ok ? EXIT_CLEAN : EXIT_TROUBLE;
}
