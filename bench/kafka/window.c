/* window.c -- see window.h. */
#include "bench/kafka/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bench/common/common.h"

#define WINDOW_KIB 128ull

static char path[80];
static unsigned long long before_kib;

static bool window_set(unsigned long long kib)
{
    FILE *f = fopen(path, "we");
    bool set = f && fprintf(f, "%llu\n", kib) > 0;
    return f && fclose(f) == 0 && set;
}

static void window_restore(void)
{
    if (!window_set(before_kib))
        fprintf(stderr, "%s could not be set back to %llu\n", path, before_kib);
}

void window_default(const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0)
        die("%s cannot be looked at", dir);
    snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
             minor(st.st_dev));
    FILE *f = fopen(path, "re");
    bool known = f && fscanf(f, "%llu", &before_kib) == 1;
    if (f)
        fclose(f);
    if (!known || !window_set(WINDOW_KIB)) {
        say("read-ahead: left as it is, %s cannot be changed", path);
        return;
    }
    atexit(window_restore);
    say("read-ahead: %llu KiB, the kernel's default, while this runs (%llu)", WINDOW_KIB,
        before_kib);
}
