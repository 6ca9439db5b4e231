/* crc32c.c -- picks the implementation: ISA-L where it has one in assembler, else tables.
 *
 * ISA-L chooses its own variant for the processor at the first call. It neither inverts its
 * argument nor its result, and counts bytes in an int.
 */
#include "engine/base/crc32c.h"

#include "engine/base/crc32c_in.h"

#if !defined(SHARDLOG_NO_ISAL) && (defined(__x86_64__) || defined(__aarch64__))
#include <isa-l/crc.h>

#define CRC_PIECE ((size_t)1 << 30) /* fits ISA-L's int */

uint32_t crc32c(uint32_t crc, const void *at, size_t len)
{
    unsigned char *p = (unsigned char *)(uintptr_t)at; /* ISA-L reads only, but takes no const */

    crc = ~crc;
    for (; len > CRC_PIECE; p += CRC_PIECE, len -= CRC_PIECE)
        crc = crc32_iscsi(p, (int)CRC_PIECE, crc);
    return len ? ~crc32_iscsi(p, (int)len, crc) : ~crc;
}

#else

uint32_t crc32c(uint32_t crc, const void *at, size_t len)
{
    return crc32c_portable(crc, at, len);
}

#endif
