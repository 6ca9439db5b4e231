/* capture.h -- what a command writes to stdout and stderr, as text. */
#ifndef TESTS_TOOLS_CAPTURE_H
#define TESTS_TOOLS_CAPTURE_H

struct capture {
    char out[32768], err[4096];
    int code;
    int kept[2]; /* capture.c's: the descriptors that were there */
    const char *dir;
};

void capture_begin(struct capture *c);
void capture_end(struct capture *c);

/* `run` with the words of a line, split at blanks. */
void capture_run(struct capture *c, int (*run)(int argc, char **argv), const char *line);

#endif
