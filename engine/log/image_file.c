/* image_file.c -- puts the image on disk: both copies of the older generation, then a sync.
 *
 * When the image outgrows its file, a file twice as large is made beside it under a temporary
 * name, synced, renamed over it, and the directory synced: until then the old file is the truth. So
 * is one as large when the image is that of an opening without OPEN. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/capture.h"

static void image_file_step(struct store *s);

/* A larger file needs space that may come back; but what a sync says poisons, whatever it is. */
static bool may_wait(const struct checkpoint *k, const struct op *op)
{
    return op->err == ERR_NO_SPACE && k->grow_file && op->verb != IO_SYNC;
}

/* What was made of the file goes at once: it may have all that was left of the disk (docs/STORE.md
 * B10). */
static void space_none(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    probe("no space for a larger image: the checkpoint waits");
    k->no_space = k->starved = true;
    if (k->fd >= 0)
        io_fd_close(s->io, k->fd);
    k->fd = -1;
    k->step = IMAGE_UNLINK;
    image_file_step(s);
}

/* The file is made anew when space may have come back; a leftover of it is unlinked first. */
static void space_wait(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    k->retry_ns = io_now_ns(s->io) + SEC_NS;
    k->no_space = false;
}

static void step_done(struct store *s, struct op *op, const char *what)
{
    struct checkpoint *k = s->ckpt;
    k->waiting--;
    if (k->step == IMAGE_OPEN && !op->err) {
        k->fd = (int)op->got;
        op->err = io_fd_lock(s->io, k->fd, 0);
    }
    if (may_wait(k, op))
        k->no_space = true;
    else if (op->err && !(op->err == ERR_NOT_FOUND && k->step == IMAGE_UNLINK))
        store_poison(s, op, what);
    if (k->waiting || s->poisoned)
        return;
    if (k->no_space && k->step == IMAGE_UNLINK) {
        space_wait(s);
    } else if (k->no_space) {
        space_none(s);
    } else {
        k->step++;
        image_file_step(s);
    }
}

static void file_done(struct op *op)
{
    struct checkpoint *k = container_of(op, struct checkpoint, file_op);
    step_done(k->store, op, "writing the image");
}

static void copy_done(struct op *op)
{
    struct checkpoint *k = container_of(op, struct checkpoint, copy_op);
    step_done(k->store, op, "writing the image's second copy");
}

static void file_head_done(struct op *op)
{
    struct checkpoint *k = container_of(op, struct checkpoint, grow_op);
    step_done(k->store, op, "writing the identity of a larger image file");
}

static void image_write(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    uint64_t generation = k->build.head.generation;
    k->waiting = 2;
    io_write(s->io, &k->file_op, k->fd, k->pages, k->bytes,
             image_copy_pos(k->capacity, generation, 0), 0, file_done);
    io_write(s->io, &k->copy_op, k->fd, k->pages, k->bytes,
             image_copy_pos(k->capacity, generation, 1), 0, copy_done);
    s->counts.image_bytes += 2 * k->bytes;
}

static void identity_write(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    struct identity id = s->id;
    id.kind = FILE_IMAGE;
    id.file_number = 0;
    id.file_bytes = BLOCK_BYTES + 4 * k->capacity;
    identity_encode(&id, k->file_head);
    k->waiting++;
    io_write(s->io, &k->grow_op, k->fd, k->file_head, BLOCK_BYTES, 0, 0, file_head_done);
}

static void image_file_step(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    uint64_t bytes = BLOCK_BYTES + 4 * k->capacity;
    switch (k->step) {
    case IMAGE_UNLINK:
        k->waiting = 1;
        io_unlink(s->io, &k->file_op, s->dir, IMAGE_TMP, file_done);
        return;
    case IMAGE_OPEN:
        k->waiting = 1;
        io_open_file(s->io, &k->file_op, s->dir, IMAGE_TMP, IO_CREATE | IO_DIRECT, file_done);
        return;
    case IMAGE_ALLOCATE:
        if (!space_left(s, k->fd, bytes)) {
            space_none(s);
            return;
        }
        k->waiting = 1;
        io_allocate(s->io, &k->file_op, k->fd, bytes, file_done);
        return;
    case IMAGE_WRITE:
        image_write(s);
        if (k->grow_file)
            identity_write(s);
        return;
    case IMAGE_SYNC:
        k->waiting = 1;
        if (pitfall(RECLAIM_UNSYNCED_IMAGE)) {
            k->waiting = 0;
            k->step = IMAGE_DONE;
            return;
        }
        io_sync(s->io, &k->file_op, k->fd, file_done);
        return;
    case IMAGE_RENAME:
        if (!k->grow_file) {
            k->step = IMAGE_DONE;
            return;
        }
        k->waiting = 1;
        io_rename(s->io, &k->file_op, s->dir, IMAGE_TMP, "image", file_done);
        return;
    case IMAGE_DIR:
        k->waiting = 1;
        io_sync(s->io, &k->file_op, s->dir, file_done);
        return;
    case IMAGE_DONE:
        return;
    }
}

static void vols_capture(struct store *s)
{
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol_row row;
        if (volume_row(s->vols[i], &row)) {
            vol_row_encode(&row, buf_grow(&s->ckpt->build.vols, VOL_ROW_BYTES));
            s->ckpt->build.head.vols++;
        }
    }
}

void image_file_start(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    vols_capture(s);
    k->build.head.next_extent = s->next_extent;
    k->build.head.next_vol = volumes_next_number(s);
    k->pages = image_build_pages(&k->build, s->id.store, &k->bytes);
    check(k->pages);
    /* Without an OPEN the next try is the same opening, and its image of the same generation: both
     * in one file could be taken for one image (docs/STORE.md C7). */
    k->grow_file = k->bytes > s->image_capacity || s->unopened;
    k->capacity = s->image_capacity;
    while (k->capacity < k->bytes)
        k->capacity *= 2;
    k->fd = k->grow_file ? -1 : s->image_fd;
    if (k->grow_file) {
        k->file_head = io_buffer_take(BLOCK_BYTES);
        check(k->file_head);
    }
    k->step = k->grow_file ? IMAGE_UNLINK : IMAGE_WRITE;
    image_file_step(s);
}

/* A larger file that is not in use is given up, and its lock with it. */
void image_file_close(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    if (k->grow_file && k->fd >= 0)
        io_fd_close(s->io, k->fd);
}

bool image_file_done(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    if (k->retry_ns && io_now_ns(s->io) >= k->retry_ns) {
        k->retry_ns = 0;
        image_file_step(s);
    }
    if (k->step != IMAGE_DONE)
        return false;
    if (k->grow_file) {
        io_fd_close(s->io, s->image_fd);
        s->image_fd = k->fd;
        k->fd = -1;
        s->image_capacity = k->capacity;
    }
    return true;
}
