/* fio.c -- runs fio with its answer as JSON, and finds the few numbers needed in it. */
#include "bench/common/fio.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "engine/io/io.h"

#define ANSWER_BYTES (1u << 20)
#define WORDS_BYTES  4096u

void fio_file(const char *path, uint64_t bytes)
{
    struct stat st;
    if (stat(path, &st) == 0 && (uint64_t)st.st_size == bytes)
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
    void *from = io_buffer_take(MIB(1));
    if (fd < 0 || !from)
        die("%s: cannot be made for direct writes", path);
    memset(from, 0xa5, MIB(1));
    for (uint64_t at = 0; at < bytes; at += MIB(1))
        if (pwrite(fd, from, MIB(1), (off_t)at) != (ssize_t)MIB(1))
            die("%s: cannot be written", path);
    if (fsync(fd) != 0)
        die("%s: cannot be synced", path);
    io_buffer_give(from);
    close(fd);
}

/* The answer of fio; static memory. */
static const char *fio_run(const char *format, ...)
{
    static char answer[ANSWER_BYTES];
    char words[WORDS_BYTES], line[WORDS_BYTES + 256];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    snprintf(line, sizeof(line),
             "exec fio --output-format=json --ioengine=io_uring --direct=1 --overwrite=1 "
             "--time_based --lat_percentiles=1 --clat_percentiles=0 %s 2>/dev/null",
             words);
    FILE *f = popen(line, "re");
    size_t got = f ? fread(answer, 1, sizeof(answer) - 1, f) : 0;
    answer[got] = 0;
    if (!f || pclose(f) != 0 || !strchr(answer, '{'))
        die("fio failed: %s", line);
    return answer;
}

/* fio may use every CPU, although this program keeps to one. */
static long cpu_last(void)
{
    return sysconf(_SC_NPROCESSORS_CONF) - 1;
}

/* The number after these keys, each looked for behind the one before. */
static double fio_number(const char *answer, const char *const *keys)
{
    const char *at = answer;
    for (; *keys; keys++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "\"%s\" : ", *keys);
        at = strstr(at, quoted);
        if (!at)
            die("fio's answer has no %s", *keys);
        at += strlen(quoted);
    }
    return strtod(at, NULL);
}

#define NUMBER(answer, ...) fio_number(answer, (const char *const[]){ __VA_ARGS__, NULL })

struct fio_speed fio_move(enum fio_way way, const char *path, uint64_t file_bytes,
                          struct fio_cell cell, double seconds)
{
    const char *word = way == FIO_WRITE ? "write" : "read";
    double machine = machine_s(), child = cpu_children_s();
    const char *answer = fio_run("--name=ceiling --filename=%s --size=%llu --rw=%s --bs=%uk "
                                 "--iodepth=%u --runtime=%.0fms",
                                 path, (unsigned long long)file_bytes, word, cell.block_kib,
                                 cell.depth, seconds * 1e3);
    machine = machine_s() - machine;
    child = cpu_children_s() - child;
    double bytes = NUMBER(answer, "jobname", word, "io_bytes");
    double run_s = NUMBER(answer, "jobname", word, "runtime") / 1e3;
    double cpu = (NUMBER(answer, "usr_cpu") + NUMBER(answer, "sys_cpu")) / 100 * run_s;
    return (struct fio_speed){ bytes / run_s, cpu / bytes, (machine - (child - cpu)) / bytes };
}

struct fio_cell fio_best(enum fio_way way, const char *path, uint64_t file_bytes, double seconds)
{
    static const uint32_t blocks[] = { 64, 256, 1024 }, depths[] = { 1, 4, 16 };
    struct fio_cell best = { 0 };
    double best_s = 0;
    for (uint32_t i = 0; i < 9; i++) {
        struct fio_cell cell = { blocks[i / 3], depths[i % 3] };
        double got = fio_move(way, path, file_bytes, cell, seconds).bytes_s;
        say("  fio %4u KiB at depth %2u: %7.0f MB/s", cell.block_kib, cell.depth, got / 1e6);
        best = got > best_s ? cell : best;
        best_s = got > best_s ? got : best_s;
    }
    return best;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static struct fio_latency durable_of(const char *answer)
{
    const char *at = strstr(answer, "\"jobname\" : \"durable\"");
    if (!at)
        die("fio's answer has no job 'durable'");
    double w50 = NUMBER(at, "write", "lat_ns", "percentile", "50.000000") / 1e3;
    double w99 = NUMBER(at, "write", "lat_ns", "percentile", "99.000000") / 1e3;
    double s50 = NUMBER(at, "sync", "lat_ns", "percentile", "50.000000") / 1e3;
    double s99 = NUMBER(at, "sync", "lat_ns", "percentile", "99.000000") / 1e3;
    return (struct fio_latency){ w50 + s50, larger(w99 + s50, w50 + s99) };
}

struct fio_latency fio_durable(const char *path, uint64_t file_bytes, int cpu, const char *beside,
                               uint64_t beside_bytes, double *rate, double seconds)
{
    char other[WORDS_BYTES / 2] = "";
    if (beside)
        snprintf(other, sizeof(other),
                 "--name=firehose --filename=%s --size=%llu --rw=write --bs=64k --iodepth=16 "
                 "--rate=%.0f --cpus_allowed=0-%ld --runtime=%.0fms",
                 beside, (unsigned long long)beside_bytes, *rate, cpu_last(), seconds * 1e3);
    const char *answer = fio_run("--name=durable --filename=%s --size=%llu --rw=write --bs=4k "
                                 "--iodepth=1 --fdatasync=1 --cpus_allowed=%d --runtime=%.0fms %s",
                                 path, (unsigned long long)file_bytes, cpu, seconds * 1e3, other);
    if (beside)
        *rate = fio_number(strstr(answer, "\"jobname\" : \"firehose\""),
                           (const char *const[]){ "write", "bw_bytes", NULL });
    return durable_of(answer);
}
