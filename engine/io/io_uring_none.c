/* io_uring_none.c -- in place of io_uring.c where a program links plain alone. */
#include "engine/io/io_kernel_in.h"

enum err uring_open(struct io **io, const struct io_opts *opts, struct why *lack)
{
    (void)io;
    (void)opts;
    why_set(lack, "io_uring (not part of this program)");
    return ERR_UNSUPPORTED;
}
