/* example.c -- the client's example: a topic, pipelined appends, and everything read back.
 *
 *     cc example.c $(pkg-config --cflags --libs shardlog) -o example && ./example HOST PORT
 */
#include <shardlog/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 1000

static int failed(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

/* Runs in sl_client_poll() and in functions that wait. */
static void line_written(void *arg, const struct sl_appended *result)
{
    unsigned *acked = arg;
    if (result->err == SL_ERR_OK && result->bought >= SL_SYNCED)
        (*acked)++;
}

static enum sl_err lines_write(struct sl_client *client, const struct sl_client_topic *topic)
{
    unsigned acked = 0;
    for (unsigned i = 0; i < LINES;) {
        char line[32];
        struct sl_record record = { .value = line, .time_ms = sl_time_ms() };
        record.value_bytes = (size_t)snprintf(line, sizeof(line), "line number %u", i);
        enum sl_err err = sl_client_append(client, topic, i % topic->partitions, &record, 1, NULL,
                                           line_written, &acked);
        if (err == SL_ERR_OK)
            i++;
        else if (err == SL_ERR_BUSY) /* as many under way as may be */
            err = sl_client_poll(client, 1000000000, NULL);
        if (err != SL_ERR_OK)
            return err;
    }
    enum sl_err err = sl_client_flush(client);
    printf("%u lines acknowledged: they survive a power cut\n", acked);
    return err != SL_ERR_OK || acked == LINES ? err : SL_ERR_IO;
}

static enum sl_err lines_read(struct sl_client *client, const struct sl_client_topic *topic,
                              uint32_t partition, unsigned *count)
{
    struct sl_fetch_options options = { .size = sizeof(options), .bytes_max = 16384 };
    for (;;) {
        struct sl_client_batches batches;
        struct sl_records records;
        struct sl_record_view record;
        enum sl_err err = sl_client_fetch_wait(client, topic, partition, &options, &batches);
        if (err != SL_ERR_OK || batches.bytes == 0)
            return err;
        sl_records_open(&records, batches.at, batches.bytes, options.offset);
        while (sl_records_next(&records, &record, &err))
            (*count)++;
        options.offset = batches.next_offset;
        if (err != SL_ERR_OK)
            return err;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return failed("usage", "example HOST PORT");
    struct sl_client_options options = { .size = sizeof(options), .host = argv[1] };
    struct sl_topic_options topic_options = { .size = sizeof(topic_options), .partitions = 4 };
    struct sl_client *client;
    struct sl_client_topic topic;
    struct sl_why why = { "" };
    unsigned count = 0;
    options.port = (uint16_t)atoi(argv[2]);
    if (sl_client_open(&client, &options, &why) != SL_ERR_OK)
        return failed("open", why.text);
    enum sl_err err = sl_client_create(client, "lines", &topic_options, &topic);
    if (err == SL_ERR_EXISTS)
        err = sl_client_describe(client, "lines", &topic);
    if (err == SL_ERR_OK)
        err = lines_write(client, &topic);
    for (uint32_t i = 0; err == SL_ERR_OK && i < topic.partitions; i++)
        err = lines_read(client, &topic, i, &count);
    if (err != SL_ERR_OK)
        failed(sl_err_name(err), sl_client_error(client)->text);
    else
        printf("%u lines read back\n", count);
    sl_client_close(&client);
    return err != SL_ERR_OK || count < LINES;
}
