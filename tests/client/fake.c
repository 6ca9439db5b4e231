/* fake.py as a child with a pipe on each side. */
#include "tests/client/fake.h"

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fake_run(int in, int out, const char *more, const char *value)
{
    dup2(in, 0);
    dup2(out, 1);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    execlp("python3", "python3", "tests/client/fake.py", more, value, (char *)NULL);
    _exit(127);
}

static uint16_t port_read(int fd)
{
    char text[16] = "";
    size_t n = 0;
    while (n < sizeof(text) - 1 && !strchr(text, '\n')) {
        ssize_t got = read(fd, text + n, 1);
        if (got <= 0)
            break;
        n++;
    }
    return (uint16_t)atoi(text);
}

bool fake_open(struct fake *f, const char *more, const char *value)
{
    int in[2], out[2];
    if (!EXPECT(pipe(in) == 0) || !EXPECT(pipe(out) == 0))
        return false;
    f->pid = fork();
    if (f->pid == 0)
        fake_run(in[0], out[1], more, value);
    close(in[0]);
    close(out[1]);
    f->in = in[1];
    f->port = port_read(out[0]);
    close(out[0]);
    return EXPECT(f->port != 0);
}

void fake_close(struct fake *f)
{
    int status;
    close(f->in);
    waitpid(f->pid, &status, 0);
}

struct sl_client *fake_client(const struct fake *f, const struct sl_client_options *o)
{
    struct sl_client_options options = { .size = sizeof(options) };
    struct sl_client *c = NULL;
    struct sl_why why = { "" };
    if (o)
        options = *o;
    options.port = f->port;
    if (!EXPECT_OK(sl_client_open(&c, &options, &why)))
        printf("    %s\n", why.text);
    return c;
}
