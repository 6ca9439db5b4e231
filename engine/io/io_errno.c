/* io_errno.c -- errno becomes an enum err here, once. */
#include "engine/io/io_in.h"

#include <errno.h>

static const struct {
    int sys;
    enum err err;
} rows[] = {
    { 0, ERR_OK },
    { ENOSPC, ERR_NO_SPACE },
    { EDQUOT, ERR_NO_SPACE },
    { EFBIG, ERR_NO_SPACE }, /* RLIMIT_FSIZE is a limit on space too */
    { ENOENT, ERR_NOT_FOUND },
    { EEXIST, ERR_EXISTS },
    { ENOTEMPTY, ERR_EXISTS },
    { EACCES, ERR_PERMISSION },
    { EPERM, ERR_PERMISSION },
    { EROFS, ERR_PERMISSION },
    { EMFILE, ERR_LIMIT },
    { ENFILE, ERR_LIMIT },
    { ENOMEM, ERR_NO_MEMORY },
    { ENAMETOOLONG, ERR_INVALID },
    { ENOTDIR, ERR_INVALID },
    { EISDIR, ERR_INVALID },
    { EINVAL, ERR_INVALID },
    { ENOSYS, ERR_UNSUPPORTED },
    { EOPNOTSUPP, ERR_UNSUPPORTED },
    { EWOULDBLOCK, ERR_BUSY },
    { EBUSY, ERR_BUSY },
    { ETXTBSY, ERR_BUSY },
    { EADDRINUSE, ERR_BUSY },
    { EADDRNOTAVAIL, ERR_NOT_FOUND }, /* no interface of this machine has the address */
    { EAFNOSUPPORT, ERR_UNSUPPORTED },
    { ECANCELED, ERR_CANCELLED },
    { ECONNRESET, ERR_RESET },
    { ECONNABORTED, ERR_RESET },
    { EPIPE, ERR_RESET },
    { ENOTCONN, ERR_RESET },
    { ENETRESET, ERR_RESET },
    { ESHUTDOWN, ERR_CLOSED }, /* here: an accept on a listener that was shut down */
    { ECONNREFUSED, ERR_REFUSED },
    { EHOSTUNREACH, ERR_UNREACHABLE },
    { EHOSTDOWN, ERR_UNREACHABLE },
    { ENETUNREACH, ERR_UNREACHABLE },
    { ENETDOWN, ERR_UNREACHABLE },
    { ETIMEDOUT, ERR_UNREACHABLE },
    { ENOBUFS, ERR_NO_MEMORY },
};

/* Everything without a row is the disk's fault as far as a caller can tell: EIO, EBADF, ... */
enum err err_from_errno(int sys)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].sys == sys)
            return rows[i].err;
    return ERR_IO;
}
