/* example.c -- a small durable queue: writes lines to a topic, reads them back, after a restart.
 *
 *     cc example.c $(pkg-config --cflags --libs shardlog) -o example && ./example DIRECTORY
 */
#include <shardlog/engine.h>
#include <stdio.h>
#include <string.h>

#define PARTITIONS 4
#define LINES      1000

static int failed(const char *what, enum sl_err err, const struct sl_why *why)
{
    fprintf(stderr, "%s: %s (%s) %s\n", what, sl_err_name(err), sl_err_text(err),
            why ? why->text : "");
    return 1;
}

static enum sl_err engine_open(struct sl_engine **engine, const char *dir, struct sl_why *why)
{
    struct sl_engine_options options = {
        .size = sizeof(options),
        .dirs = &dir,
        .dir_count = 1,
        .journal_bytes = (32u << 20) + 4096, /* small: this is an example */
        .tail_bytes = 256u << 20,
    };
    return sl_engine_open(engine, &options, why);
}

/* Runs on the shard's thread. Each partition has one slot of the array, so nothing is shared. */
struct progress {
    uint64_t acked;
    enum sl_err err;
};

static void line_written(void *arg, const struct sl_appended *result)
{
    struct progress *p = arg;
    if (result->err != SL_ERR_OK)
        p->err = result->err;
    else if (result->bought >= SL_SYNCED)
        p->acked++;
}

/* Starts all appends but the last of each partition, then waits for those: appends of one
 * partition are done in order, so that what came before is done as well. */
static enum sl_err lines_write(struct sl_topic *topic, struct progress *progress)
{
    for (unsigned i = 0; i < LINES; i++) {
        char line[64], key[16];
        struct sl_header header = { "source", 6, "example", 7 };
        struct sl_record record = { .key = key, .value = line, .headers = &header };
        record.key_bytes = (size_t)snprintf(key, sizeof(key), "%u", i);
        record.value_bytes = (size_t)snprintf(line, sizeof(line), "line number %u\n", i);
        record.header_count = 1;
        record.time_ms = sl_time_ms();
        uint32_t partition = i % PARTITIONS;
        enum sl_err err = SL_ERR_OK;
        struct sl_appended last;
        if (i < LINES - PARTITIONS) {
            err = sl_append(topic, partition, &record, 1, NULL, line_written, &progress[partition]);
        } else {
            err = sl_append_wait(topic, partition, &record, 1, NULL, &last);
            line_written(&progress[partition], &last);
        }
        if (err != SL_ERR_OK)
            return err;
    }
    return SL_ERR_OK;
}

static enum sl_err lines_read(struct sl_topic *topic, uint32_t partition, uint64_t *count)
{
    struct sl_fetch_options options = { .size = sizeof(options), .bytes_max = 16384 };
    for (;;) {
        struct sl_batches batches;
        struct sl_records records;
        struct sl_record_view record;
        enum sl_err err = sl_fetch_wait(topic, partition, &options, &batches);
        if (err != SL_ERR_OK || batches.bytes == 0)
            return err;
        sl_records_open(&records, batches.at, batches.bytes, options.offset);
        while (sl_records_next(&records, &record, &err)) {
            char want[64];
            unsigned number = (unsigned)record.offset * PARTITIONS + partition;
            int len = snprintf(want, sizeof(want), "line number %u\n", number);
            if (record.value_bytes != (size_t)len || memcmp(record.value, want, (size_t)len) != 0)
                return SL_ERR_CORRUPT;
            (*count)++;
        }
        options.offset = batches.next_offset;
        sl_batches_free(&batches);
        if (err != SL_ERR_OK)
            return err;
    }
}

static int write_all(const char *dir)
{
    struct sl_engine *engine;
    struct sl_topic *topic = NULL;
    struct sl_why why;
    struct progress progress[PARTITIONS] = { { 0, SL_ERR_OK } };
    struct sl_setting setting = { "shardlog.durability", "synced" };
    struct sl_topic_options options = {
        .size = sizeof(options), .partitions = PARTITIONS, .settings = &setting, .setting_count = 1
    };
    enum sl_err err = engine_open(&engine, dir, &why);
    if (err != SL_ERR_OK)
        return failed("open", err, &why);
    err = sl_topic_create(engine, "lines", &options, &why);
    if (err == SL_ERR_OK)
        err = sl_topic_open(engine, "lines", &topic, &why);
    if (err == SL_ERR_OK)
        err = lines_write(topic, progress);
    sl_topic_close(&topic);
    sl_engine_close(&engine); /* waits for whatever is under way */
    uint64_t acked = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        acked += progress[i].acked;
        err = err == SL_ERR_OK ? progress[i].err : err;
    }
    if (err != SL_ERR_OK || acked != LINES)
        return failed("write", err, &why);
    printf("%llu lines acknowledged: they survive a power cut\n", (unsigned long long)acked);
    return 0;
}

static int read_all(const char *dir)
{
    struct sl_engine *engine;
    struct sl_topic *topic = NULL;
    struct sl_why why;
    uint64_t count = 0;
    enum sl_err err = engine_open(&engine, dir, &why);
    if (err != SL_ERR_OK)
        return failed("open", err, &why);
    err = sl_topic_open(engine, "lines", &topic, &why);
    for (uint32_t i = 0; err == SL_ERR_OK && i < PARTITIONS; i++)
        err = lines_read(topic, i, &count);
    sl_topic_close(&topic);
    sl_engine_close(&engine);
    if (err != SL_ERR_OK || count != LINES)
        return failed("read", err, NULL);
    printf("%llu lines read back after a restart\n", (unsigned long long)count);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: example DIRECTORY\n");
        return 2;
    }
    return write_all(argv[1]) || read_all(argv[1]);
}
