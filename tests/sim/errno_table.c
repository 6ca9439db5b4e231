/* errno_table.c -- which errnos a verb can give: those of its man page that a disk, a file system
 * or a limit causes, and those that block devices add (blk_status_to_errno() in the kernel).
 *
 * Left out are mistakes of the caller (EBADF, EFAULT, EISDIR, ...) and truths about names (ENOENT,
 * EEXIST, ...), which are no faults: the engine asks for them. The verbs of connections have no
 * rows: a site of one in engine/ would have none, and be missed. */
#include <errno.h>

#include "engine/base/check.h"
#include "tests/sim/errno_in.h"

#define ROW(sys) { sys, #sys }

/* read(2), preadv2(2), io_uring_enter(2) */
static const struct errno_row reads[] = {
    ROW(EIO),     ROW(ENOMEM),    ROW(EINTR),  ROW(EAGAIN),
    ROW(ENODATA), ROW(ETIMEDOUT), ROW(EILSEQ), ROW(EINVAL),
};

/* write(2), pwritev2(2): EOPNOTSUPP is of RWF_DSYNC; EROFS comes from a file system that was
 * remounted after an error */
static const struct errno_row writes[] = {
    ROW(EIO),   ROW(ENOSPC), ROW(EDQUOT),    ROW(EFBIG),     ROW(EROFS),      ROW(EPERM),
    ROW(EINTR), ROW(EAGAIN), ROW(ETIMEDOUT), ROW(EREMOTEIO), ROW(EOPNOTSUPP), ROW(ENOMEM),
};

/* fsync(2), fdatasync(2) */
static const struct errno_row syncs[] = {
    ROW(EIO),   ROW(ENOSPC), ROW(EDQUOT),    ROW(EROFS),
    ROW(EINTR), ROW(EINVAL), ROW(ETIMEDOUT), ROW(ENOMEM),
};

/* open(2): EINVAL is of O_DIRECT */
static const struct errno_row opens[] = {
    ROW(EMFILE), ROW(ENOSPC), ROW(EIO),    ROW(EACCES), ROW(EDQUOT), ROW(EROFS),
    ROW(ENFILE), ROW(ENOMEM), ROW(EINVAL), ROW(EINTR),  ROW(EPERM),  ROW(EBUSY),
};

/* fallocate(2); EOPNOTSUPP is tests/unit/io's: io does without, but not in the simulator */
static const struct errno_row allocates[] = {
    ROW(ENOSPC), ROW(EIO),   ROW(EDQUOT), ROW(EFBIG),
    ROW(EPERM),  ROW(EINTR), ROW(ENOSYS), ROW(EINVAL),
};

/* rename(2) */
static const struct errno_row renames[] = {
    ROW(EIO),    ROW(ENOSPC), ROW(EDQUOT), ROW(EROFS),
    ROW(EACCES), ROW(EBUSY),  ROW(EPERM),  ROW(ENOMEM),
};

/* unlink(2) */
static const struct errno_row unlinks[] = {
    ROW(EIO), ROW(EROFS), ROW(EACCES), ROW(EBUSY), ROW(EPERM), ROW(ENOMEM),
};

#define ROWS(rows) { rows, sizeof(rows) / sizeof((rows)[0]) }

struct errno_rows errno_rows(enum io_verb verb)
{
    static const struct errno_rows table[IO_VERB_COUNT] = {
        [IO_READ] = ROWS(reads),     [IO_WRITE] = ROWS(writes),       [IO_SYNC] = ROWS(syncs),
        [IO_OPEN] = ROWS(opens),     [IO_ALLOCATE] = ROWS(allocates), [IO_RENAME] = ROWS(renames),
        [IO_UNLINK] = ROWS(unlinks),
    };
    check(verb < IO_VERB_COUNT);
    return table[verb];
}

const char *errno_verb_name(enum io_verb verb)
{
    static const char *const names[IO_VERB_COUNT] = {
        [IO_NONE] = "none",       [IO_READ] = "read",           [IO_WRITE] = "write",
        [IO_SYNC] = "sync",       [IO_OPEN] = "open",           [IO_ALLOCATE] = "allocate",
        [IO_RENAME] = "rename",   [IO_UNLINK] = "unlink",       [IO_ACCEPT] = "accept",
        [IO_CONNECT] = "connect", [IO_RECV] = "recv",           [IO_RECV_ANY] = "recv any",
        [IO_SEND] = "send",       [IO_SEND_FILE] = "send file",
    };
    check(verb < IO_VERB_COUNT && names[verb]);
    return names[verb];
}
