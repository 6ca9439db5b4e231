/* flip.c -- damages one live byte of the topic: one that a reader will be given.
 *
 *     demo_flip DIR SEED [PIPE]
 *
 * Asks the engine for a batch at a random offset, closes it, finds the header of that batch (its
 * offset and CRC make it the only one) in the files of volumes, and flips one bit of its records.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shardlog/engine.h>

#include "tools/demo/demo.h"

#define HEADER_BYTES 61u /* of a RecordBatch v2; records follow */
#define PICKS_MAX    64u

struct victim {
    uint32_t partition;
    uint64_t offset;
    uint8_t header[HEADER_BYTES];
    uint32_t bytes; /* of the batch */
};

/* A batch that begins at a random offset of a random partition that has records. */
static bool victim_pick(struct sl_topic *t, struct victim *v)
{
    struct sl_partition_info info = { .size = sizeof(info) };
    struct sl_batches b = { 0 };
    v->partition = (uint32_t)random() % DEMO_PARTITIONS;
    if (sl_partition_info(t, v->partition, &info) != SL_ERR_OK || info.high_offset == 0)
        return false;
    v->offset = (uint64_t)random() % info.high_offset;
    struct sl_fetch_options o = { .size = sizeof(o), .offset = v->offset };
    if (sl_fetch_wait(t, v->partition, &o, &b) != SL_ERR_OK || b.bytes <= HEADER_BYTES)
        return false;
    const uint8_t *at = b.at;
    memcpy(v->header, at, HEADER_BYTES);
    v->bytes =
        12 + ((uint32_t)at[8] << 24 | (uint32_t)at[9] << 16 | (uint32_t)at[10] << 8 | at[11]);
    sl_batches_free(&b);
    return true;
}

/* Flips a bit in this file, if the batch is in it. */
static bool victim_flip(const struct victim *v, const char *path)
{
    struct stat st;
    bool found = false;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        die("%s: cannot be opened", path);
    uint8_t *at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die("%s: cannot be mapped", path);
    uint8_t *header = memmem(at, (size_t)st.st_size, v->header, HEADER_BYTES);
    if (header) {
        size_t in = HEADER_BYTES + (size_t)random() % (v->bytes - HEADER_BYTES);
        header[in] ^= (uint8_t)(1u << random() % 8);
        printf("flip       one bit at byte %zu of %s: in the batch of partition %u that holds "
               "offset %" PRIu64 "\n",
               (size_t)(header - at) + in, strrchr(path, '/') + 1, v->partition, v->offset);
        found = true;
        msync(at, (size_t)st.st_size, MS_SYNC);
    }
    munmap(at, (size_t)st.st_size);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* its readers go to the disk */
    close(fd);
    return found;
}

/* The files of volumes of each store of the directory. */
static bool victim_find(const struct victim *v, const char *dir)
{
    bool found = false;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        char *path;
        if (e->d_name[0] == '.' || asprintf(&path, "%s/%s", dir, e->d_name) < 0)
            continue;
        if (e->d_type == DT_DIR)
            found = victim_find(v, path);
        else if (strncmp(e->d_name, "vol-", 4) == 0)
            found = victim_flip(v, path);
        free(path);
    }
    if (d)
        closedir(d);
    return found;
}

int main(int argc, char **argv)
{
    static struct victim victims[PICKS_MAX];
    struct sl_why why = { 0 };
    struct sl_engine *engine;
    struct sl_topic *topic;
    if (argc < 3)
        die("usage: %s DIR SEED", argv[0]);
    srandom((unsigned)strtoul(argv[2], NULL, 10));
    const char *dir = argv[1];
    struct sl_engine_options o = { .size = sizeof(o), .dirs = &dir, .dir_count = 1 };
    if (sl_engine_open(&engine, &o, &why) != SL_ERR_OK ||
        sl_topic_open(engine, DEMO_TOPIC, &topic, &why) != SL_ERR_OK)
        die("cannot open the log: %s", why.text);
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4 * PICKS_MAX && count < PICKS_MAX; i++)
        count += victim_pick(topic, &victims[count]);
    sl_topic_close(&topic);
    sl_engine_close(&engine);
    for (uint32_t i = 0; i < count; i++)
        if (victim_find(&victims[i], dir))
            return 0;
    die("none of %u batches is in a volume: the input is too small", count);
}
