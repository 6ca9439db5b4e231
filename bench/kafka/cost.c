/* cost.c -- see cost.h. */
#include "bench/kafka/cost.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/common/common.h"

#define SECTOR_BYTES 512.0

/* The seventh figure of a device's `stat`: sectors written. */
static double disk_written(const char *path)
{
    unsigned long long sectors;
    FILE *f = fopen(path, "re");
    int got = f ? fscanf(f, "%*u %*u %*u %*u %*u %*u %llu", &sectors) : 0;
    if (f)
        fclose(f);
    if (got != 1)
        die("%s cannot be read", path);
    return (double)sectors * SECTOR_BYTES;
}

void cost_open(struct cost *c, int pid, const char *dir)
{
    struct stat st;
    *c = (struct cost){ .pid = pid };
    if (stat(dir, &st) != 0)
        die("%s is gone", dir);
    snprintf(c->disk, sizeof(c->disk), "/sys/dev/block/%u:%u/stat", major(st.st_dev),
             minor(st.st_dev));
    c->written = disk_written(c->disk);
    c->machine = machine_s();
    c->client = cpu_s();
    c->broker = cpu_of_s(pid);
    c->start_ns = now_ns();
}

void cost_close(struct cost *c)
{
    uint64_t answered_ns = now_ns();
    sync();
    c->load_s = (double)(answered_ns - c->start_ns) / 1e9;
    c->sync_s = (double)(now_ns() - answered_ns) / 1e9;
    c->client_cpu_s = cpu_s() - c->client;
    c->broker_cpu_s = cpu_of_s(c->pid) - c->broker;
    c->cpu_s = machine_s() - c->machine - c->client_cpu_s;
    c->disk_bytes = disk_written(c->disk) - c->written;
}
