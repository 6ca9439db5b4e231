/* capture.c -- descriptors 1 and 2 go to files for a while. */
#include "tests/unit/tools/capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

static const char *const names[] = { "out", "err" };

void capture_begin(struct capture *c)
{
    c->dir = test_dir();
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        int fd = open(test_path(c->dir, names[i]), O_RDWR | O_CREAT | O_TRUNC, 0600);
        c->kept[i] = dup(i + 1);
        dup2(fd, i + 1);
        close(fd);
    }
}

static void text_read(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(out, 1, cap - 1, f) : 0;
    out[len] = '\0';
    if (f)
        fclose(f);
}

void capture_end(struct capture *c)
{
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(c->kept[i], i + 1);
        close(c->kept[i]);
    }
    text_read(test_path(c->dir, "out"), c->out, sizeof(c->out));
    text_read(test_path(c->dir, "err"), c->err, sizeof(c->err));
}

void capture_run(struct capture *c, int (*run)(int argc, char **argv), const char *line)
{
    char words[1024], *argv[32], *at;
    int argc = 0;
    snprintf(words, sizeof(words), "%s", line);
    for (char *w = strtok_r(words, " ", &at); w && argc < 31; w = strtok_r(NULL, " ", &at))
        argv[argc++] = w;
    argv[argc] = NULL;
    capture_begin(c);
    c->code = run(argc, argv);
    capture_end(c);
}
