/* common.c -- see common.h. */
#include "bench/common/common.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/types.h"

void die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    putchar('\n');
    fflush(stdout);
    va_end(list);
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SEC_NS + (uint64_t)t.tv_nsec;
}

double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

double cpu_children_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

double cpu_of_s(int pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        die("the CPU time of process %d cannot be read", pid);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All time but idle, iowait and steal, of the first line of /proc/stat (proc_stat(5)): user nice
 * system idle iowait irq softirq steal, in ticks. The kernel measures how long a CPU sleeps; what
 * it does otherwise it only samples, 100 to 1,000 times a second, which errs by several percent in
 * a second and misses what runs between two samples again and again. */
double machine_s(void)
{
    unsigned long long idle, iowait, steal;
    FILE *f = fopen("/proc/stat", "re");
    int got = f ? fscanf(f, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle, &iowait, &steal) : 0;
    if (f)
        fclose(f);
    if (got != 3)
        die("/proc/stat cannot be read");
    double all = (double)now_ns() / 1e9 * (double)sysconf(_SC_NPROCESSORS_ONLN);
    return all - (double)(idle + iowait + steal) / (double)sysconf(_SC_CLK_TCK);
}

void child_dies_too(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1);
}

void cpu_take(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        die("CPU %d cannot be taken: %s", cpu, strerror(errno));
}

void cpu_first(bool first)
{
    struct sched_param param = { .sched_priority = first ? sched_get_priority_min(SCHED_FIFO) : 0 };
    int policy = first ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER;
    if (sched_setscheduler(0, policy, &param) != 0)
        die("the client cannot go before others on its CPU: %s", strerror(errno));
}

const char *dir_take(const char *dir, int *made)
{
    static char path[512];
    const char *tmp = getenv("TMPDIR");
    *made = dir == NULL;
    if (dir) {
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            die("%s: %s", dir, strerror(errno));
        return dir;
    }
    snprintf(path, sizeof(path), "%s/shardlog-bench-XXXXXX", tmp ? tmp : "/var/tmp");
    if (!mkdtemp(path))
        die("%s: %s", path, strerror(errno));
    return path;
}

const char *log_read(const char *path)
{
    static char text[KIB(256) + 1];
    FILE *f = fopen(path, "re");
    size_t got = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    text[got] = 0;
    if (f)
        fclose(f);
    return text;
}

static int file_remove(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

void dir_remove(const char *path)
{
    nftw(path, file_remove, 16, FTW_DEPTH | FTW_PHYS);
}

const char *shardlog_find(void)
{
    static char path[1024];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);
    path[len > 0 ? len : 0] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = 0;
    }
    strcat(path, "/tools/shardlog");
    return path;
}
