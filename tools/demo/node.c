/* node.c -- fork, exec, and a look into the log every now and then.
 *
 * The log is a file and not a pipe: a broker whose words nobody takes would wait for us. */
#include "tools/demo/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/demo/demo.h"

#define WORDS_MAX  64
#define LOG_BYTES  (64u << 10) /* of one start, until it is ready */
#define LOOK_US    500
#define SHOW_BYTES 4096

static void words_make(const struct node *n, const char **words, char listen[2][64])
{
    int count = 0;
    snprintf(listen[0], 64, "127.0.0.1:%u", n->port);
    snprintf(listen[1], 64, "127.0.0.1:%u", n->http_port);
    const char *first[] = { n->program,        "serve",   "--data-dirs",   n->data,
                            "--listen-native", listen[0], "--listen-http", listen[1],
                            "--listen-kafka",  "none" };
    for (; count < 10; count++)
        words[count] = first[count];
    for (int i = 0; n->words && n->words[i] && count < WORDS_MAX - 1; i++)
        words[count++] = n->words[i];
    words[count] = NULL;
}

static _Noreturn void child_run(const char **words, int log)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log, STDERR_FILENO);
    execv(words[0], (char **)(uintptr_t)words);
    fprintf(stderr, "cannot start %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

void node_begin(struct node *n)
{
    const char *words[WORDS_MAX];
    char listen[2][64];
    words_make(n, words, listen);
    int log = open(n->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        die("%s: %s", n->log, strerror(errno));
    n->log_at = lseek(log, 0, SEEK_END);
    n->ready_ns = 0;
    fflush(NULL);
    n->started_ns = now_ns();
    n->pid = fork();
    if (n->pid < 0)
        die("cannot start %s: %s", n->program, strerror(errno));
    if (n->pid == 0)
        child_run(words, log);
    close(log);
}

/* The number behind the last ':' of the line with this text; 0: there is none. */
static uint16_t port_find(const char *log, const char *what)
{
    const char *at = strstr(log, what);
    const char *end = at ? strchr(at, '\n') : NULL;
    while (end && end > at && *end != ':')
        end--;
    return end && *end == ':' ? (uint16_t)atoi(end + 1) : 0;
}

/* Its exit code stays for who waits for it. */
static bool node_ended(const struct node *n)
{
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_PID, (id_t)n->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

/* The log of this start, or its first LOG_BYTES. Static memory. */
static char *log_read(const struct node *n)
{
    static char text[LOG_BYTES];
    int fd = open(n->log, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, n->log_at);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    return text;
}

bool node_look(struct node *n)
{
    const char *text = log_read(n);
    if (!strstr(text, "msg=\"ready in "))
        return node_ended(n);
    n->ready_ns = now_ns();
    n->port = port_find(text, "native protocol on ");
    n->http_port = port_find(text, "metrics and health on ");
    return true;
}

void node_start(struct node *n)
{
    node_begin(n);
    while (!node_look(n))
        usleep(LOOK_US);
    if (n->ready_ns)
        return;
    node_log_show(n);
    die("the broker did not start");
}

static int node_wait(struct node *n)
{
    int status = 0;
    while (waitpid(n->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    n->pid = 0;
    return status;
}

void node_kill(struct node *n)
{
    kill(n->pid, SIGKILL);
    node_wait(n);
}

bool node_stop(struct node *n)
{
    kill(n->pid, SIGTERM);
    int status = node_wait(n);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void node_end(struct node *n)
{
    if (n->pid)
        node_kill(n);
}

void node_notes_show(const struct node *n)
{
    char *rest;
    for (char *line = strtok_r(log_read(n), "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *said = strstr(line, " msg=\"");
        if (!said || !strstr(line, " level=warn "))
            continue;
        said += 6;
        printf("note       %.*s\n", (int)strcspn(said, "\""), said);
    }
}

void node_log_show(const struct node *n)
{
    char text[SHOW_BYTES + 1];
    int fd = open(n->log, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t got = pread(fd, text, SHOW_BYTES, end > SHOW_BYTES ? end - SHOW_BYTES : 0);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    fprintf(stderr, "%s\n", text);
}
