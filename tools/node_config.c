/* node_config.c -- where the texts come from that net/config reads. */
#include "tools/node_config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/check.h"

#define FILE_BYTES_MAX MIB(1) /* a thousand times all settings: something else was named */
#define ROWS_MAX       32u

static void config_complain(void *arg, enum config_said what, const char *line)
{
    (void)arg;
    complain("%s%s", what == CONFIG_NOTE ? "note: " : "", line);
}

static void file_fault(struct config *c, const char *path, const char *what)
{
    char line[512];
    snprintf(line, sizeof(line), "%.300s: %s", path, what);
    c->faults++;
    c->say(c->arg, CONFIG_FAULT, line);
}

bool node_config_file(struct config *c, const char *path)
{
    char *at = malloc(FILE_BYTES_MAX + 1);
    check(at);
    errno = 0;
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(at, 1, FILE_BYTES_MAX + 1, f) : 0;
    bool read = f && !ferror(f) && len <= FILE_BYTES_MAX;
    if (read)
        config_file(c, path, (struct bytes){ (const uint8_t *)at, len });
    else if (len > FILE_BYTES_MAX)
        file_fault(c, path, "larger than 1 MiB: is this the file of settings?");
    else
        file_fault(c, path, strerror(errno ? errno : EIO));
    if (f)
        fclose(f);
    free(at);
    return read;
}

static bool words_take(struct config *c, const struct option_row *rows, uint32_t count, int *argc,
                       char **argv)
{
    config_flags(c, argc, argv);
    return options_take_after(rows, count, argc, argv, config_flags_near);
}

bool node_config_words(struct config *c, const struct option_row *rows, uint32_t count, int *argc,
                       char **argv)
{
    config_open(c, config_complain, NULL);
    return words_take(c, rows, count, argc, argv);
}

/* *c is open. */
static int config_fill(struct config *c, const struct option_row *rows, uint32_t count, int *argc,
                       char **argv)
{
    const char *file = getenv("SHARDLOG_CONFIG");
    struct option_row all[ROWS_MAX];
    check(count < ROWS_MAX);
    if (count)
        memcpy(all, rows, count * sizeof(*rows));
    all[count] = (struct option_row){ .name = "--config", .text = &file };
    if (!words_take(c, all, count + 1, argc, argv))
        return EXIT_TROUBLE;
    if (file && *file)
        node_config_file(c, file);
    config_environment(c, environ);
    if (!c->faults)
        config_check(c);
    return c->faults ? EXIT_TROUBLE : EXIT_CLEAN;
}

int node_config_open(struct config *c, const struct option_row *rows, uint32_t count, int *argc,
                     char **argv)
{
    config_open(c, config_complain, NULL);
    return config_fill(c, rows, count, argc, argv);
}

int node_config_again(struct config *c,
                      void (*say)(void *arg, enum config_said what, const char *line), void *arg,
                      int *argc, char **argv)
{
    config_open(c, say, arg);
    return config_fill(c, NULL, 0, argc, argv);
}
