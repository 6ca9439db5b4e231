/* ceiling.h -- what the machine itself gives, measured in a few seconds: the disk for large
 * sequential writes, and TCP over the loopback.
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
/* Bytes a second that one thread sends and another receives, 64 KiB at a time; 0: no loopback. */
double ceiling_wire(void);

#endif
