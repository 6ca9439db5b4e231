/* check.h -- three words for certainty, one for courage, one for history.
 *
 *   check(x)    always on: a lie here would corrupt the log
 *   audit(x)    debug and simulation builds only: true, but costly to prove
 *   either(x)   no-op: both are legal here, the reader should think so
 *   probe("s")  marks a rare branch; the simulator lists the probes that no seed reached
 *   pitfall(N)  a documented wrong version of the next line (pitfall.def), switched on by the
 *               museum test only; the constant false in every product build
 *
 * Expected trouble returns an error; impossible states crash. Never both for one condition.
 *
 * Thread     check() and audit() anywhere; probe counters are relaxed atomics.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

_Noreturn void check_failed(const char *file, int line, const char *what);

#define check(x) ((x) ? (void)0 : check_failed(__FILE__, __LINE__, #x))

#ifdef SHARDLOG_AUDIT
#define audit(x) check(x)
#else
#define audit(x) ((void)sizeof((x) ? 1 : 0))
#endif

#define either(x) ((void)sizeof((x) ? 1 : 0))

/* One rare branch. The linker gathers all of them, reached or not, between
 * __start_probes and __stop_probes; probe_each() walks them. */
struct probe {
    const char *text;
    const char *file;
    int line;
    _Atomic uint64_t hits;
};

#define probe(text_)                                                                             \
    do {                                                                                         \
        static struct probe probe_ = { text_, __FILE__, __LINE__, 0 };                           \
        static struct probe *const probe_at_ __attribute__((section("probes"), used)) = &probe_; \
        (void)probe_at_;                                                                         \
        atomic_fetch_add_explicit(&probe_.hits, 1, memory_order_relaxed);                        \
    } while (0)

void probe_each(void (*each)(const struct probe *p, void *arg), void *arg);

enum pitfall {
    PITFALL_NONE,
#define PITFALL(name, text) PITFALL_##name,
#include "engine/base/pitfall.def"
#undef PITFALL
    PITFALL_COUNT
};

#ifdef SHARDLOG_PITFALLS
extern enum pitfall pitfall_on; /* set by the museum test before a seed runs */
#define pitfall(name) (pitfall_on == PITFALL_##name)
#else
#define pitfall(name) false
#endif

#endif
