/* ceiling.h -- what the disk itself gives for large sequential writes, measured in a few seconds.
 */
#ifndef DEMO_CEILING_H
#define DEMO_CEILING_H

#include <stdint.h>

struct ceiling {
    double bytes_s;
    uint32_t write_bytes; /* of the cell that gave it */
    uint32_t writers;     /* at a time */
};

/* O_DIRECT writes, 64 KiB to 1 MiB, 1 or 4 at a time, over a file of `bytes` in `dir` that was
 * written before; the best cell. The file is removed. bytes_s 0: the file system refuses O_DIRECT.
 */
struct ceiling ceiling_measure(const char *dir, uint64_t bytes);

#endif
