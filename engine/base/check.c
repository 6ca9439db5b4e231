/* check.c -- how an impossible state ends the program, and the list of rare branches.
 *
 * A program without a single probe has no `probes` section, hence the weak bounds.
 */
#include "engine/base/check.h"

#include <stdio.h>
#include <stdlib.h>

extern struct probe *const __start_probes[] __attribute__((weak));
extern struct probe *const __stop_probes[] __attribute__((weak));

#ifdef SHARDLOG_PITFALLS
enum pitfall pitfall_on = PITFALL_NONE;
#endif

void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "check failed at %s:%d: %s\n", file, line, what);
    fflush(stderr);
    abort();
}

void probe_each(void (*each)(const struct probe *p, void *arg), void *arg)
{
    for (struct probe *const *at = __start_probes; at != __stop_probes; at++)
        each(*at, arg);
}
