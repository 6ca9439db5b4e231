/* bare.c -- see bare.h. Each piece is as large as one run of the engine, and as much is in flight;
 * the memory that it is copied to is as large as a tail. */
#include "bench/net/bare.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/common/common.h"
#include "engine/base/copy.h"
#include "engine/base/crc32c.h"
#include "engine/io/io.h"

#define PIECE_BYTES KIB(256)
#define FLIGHT      8u
#define AREA_BYTES  MIB(128)

struct bare {
    const char *path;
    uint64_t file_bytes;
    struct io *io;
    int file;
    uint8_t *area;
    struct op writes[FLIGHT];
    uint64_t pieces;
    volatile uint32_t crc; /* of everything: it must be worked out */
};

static void bare_open(void *arg)
{
    struct bare *b = arg;
    struct op open = { 0 };
    if (io_open(&b->io, &(struct io_opts){ 0 }) != ERR_OK)
        die("no io");
    io_open_file(b->io, &open, AT_FDCWD, b->path, IO_DIRECT, NULL);
    if (io_wait(b->io, &open) != ERR_OK)
        die("%s: cannot be opened", b->path);
    b->file = (int)open.got;
    b->area = io_buffer_take(AREA_BYTES); /* in huge pages, as tails are */
    if (!b->area)
        die("out of memory");
    memset(b->area, 0, AREA_BYTES);
}

static void piece_write(struct bare *b, const uint8_t *from)
{
    struct op *write = &b->writes[b->pieces % FLIGHT];
    uint64_t pos = b->pieces * PIECE_BYTES;
    uint8_t *to = b->area + pos % AREA_BYTES;
    if (write->busy && io_wait(b->io, write) != ERR_OK)
        die("a write failed");
    b->crc = crc32c(b->crc, from, PIECE_BYTES);
    copy_past(to, from, PIECE_BYTES);
    copy_past_end();
    io_write(b->io, write, b->file, to, PIECE_BYTES, pos % b->file_bytes, 0, NULL);
    io_turn(b->io, 0);
    b->pieces++;
}

static void bare_serve(void *arg, int fd)
{
    static uint8_t piece[PIECE_BYTES];
    struct bare *b = arg;
    for (size_t have = 0;;) {
        ssize_t got = recv(fd, piece + have, sizeof(piece) - have, 0);
        if (got <= 0)
            break;
        have += (size_t)got;
        if (have == sizeof(piece)) {
            piece_write(b, piece);
            have = 0;
        }
    }
    for (uint32_t i = 0; i < FLIGHT; i++)
        if (b->writes[i].busy && io_wait(b->io, &b->writes[i]) != ERR_OK)
            die("a write failed");
}

struct stream_figure bare_in(const char *path, uint64_t file_bytes, int server_cpu, double seconds)
{
    struct bare b = { .path = path, .file_bytes = file_bytes };
    struct stream_server server = { bare_open, bare_serve, &b };
    return stream_serve(STREAM_IN, &server, server_cpu, seconds);
}
