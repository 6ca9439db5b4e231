/* memory.h -- watches the heap of a test program: what a case takes it gives back, and stays
 * inside.
 *
 * The linker sends malloc and its kin here (--wrap, see tests/CMakeLists.txt), in this program
 * alone. Each piece has a head before it and a guard behind it; fresh memory is filled with one
 * pattern and freed memory with another, so that a program that reads either finds nonsense
 * instead of luck.
 *
 *   after each case   pieces of it that still live fail the case
 *   at each free      a guard that changed ends the program: whoever wrote it is near
 *   on demand         one allocation fails, see memory_fail()
 *
 * Thread     any; what a case leaves is counted when it returns.
 * Limits     memory that libc takes for itself (streams) is not watched. Under a sanitizer nothing
 *            is: it has its own eyes.
 */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory_use {
    uint64_t pieces, bytes; /* alive now */
};
struct memory_use memory_use(void);
bool memory_watched(void); /* false under a sanitizer: memory_use() is zero then */
/* The nth allocation from now on, this one thread's or another's, finds no memory, once; 0: none
 * does. Nothing fails under a sanitizer. Over when the case ends. */
void memory_fail(uint64_t nth);

#endif
