/* punt.c -- see punt.h. */
#include "bench/net/punt.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing"
#define EVENT   TRACEFS "/events/io_uring/io_uring_queue_async_work/id"
#define FILTER  "opcode == 23" /* IORING_OP_WRITE */

static uint64_t event_id(void)
{
    unsigned long long id = 0;
    FILE *f = fopen(EVENT, "re");
    if (!f && mount("tracefs", TRACEFS, "tracefs", 0, NULL) == 0)
        f = fopen(EVENT, "re");
    if (f && fscanf(f, "%llu", &id) != 1)
        id = 0;
    if (f)
        fclose(f);
    return id;
}

static int event_open(uint64_t id, int cpu)
{
    struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(a), .config = id };
    int fd = (int)syscall(SYS_perf_event_open, &a, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, FILTER) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool punts_open(struct punts *p)
{
    uint64_t id = event_id();
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *p = (struct punts){ 0 };
    for (int cpu = 0; id && cpu < cpus && cpu < PUNT_CPUS_MAX; cpu++) {
        int fd = event_open(id, cpu);
        if (fd < 0) {
            punts_close(p);
            return false;
        }
        p->fds[p->count++] = fd;
    }
    return p->count > 0;
}

uint64_t punts_so_far(const struct punts *p)
{
    uint64_t sum = 0, one;
    for (uint32_t i = 0; i < p->count; i++)
        if (read(p->fds[i], &one, sizeof(one)) == sizeof(one))
            sum += one;
    return sum;
}

void punts_close(struct punts *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        close(p->fds[i]);
    p->count = 0;
}
