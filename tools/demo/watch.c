/* watch.c -- a child, a pipe, and SIGKILL.
 *
 * The pipe is one page: a writer that is ahead of us by more than about 64 acknowledgements waits,
 * so a kill comes close to the moment that was drawn for it. */
#include "tools/demo/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child_start(char **argv, int *from)
{
    int ends[2];
    static char number[16];
    if (pipe(ends) != 0)
        die("no pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    snprintf(number, sizeof(number), "%d", ends[1]);
    int last = 0;
    while (argv[last + 1])
        last++;
    argv[last] = number;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("cannot start %s: %s", argv[0], strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(argv[0], argv);
        fprintf(stderr, "cannot start %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(ends[1]);
    *from = ends[0];
    return pid;
}

static void ack_keep(struct watch *w, const struct message *m)
{
    if (w->ack_count == w->ack_cap) {
        w->ack_cap = w->ack_cap ? 2 * w->ack_cap : 1024;
        w->acks = need(realloc(w->acks, w->ack_cap * sizeof(*w->acks)));
    }
    w->acks[w->ack_count++] = *m;
    w->acked_bytes += m->bytes;
    w->acked_records += m->count;
    uint64_t end = m->offset + m->count;
    if (end > w->acked_end[m->partition])
        w->acked_end[m->partition] = end;
    w->in_flight = m->in_flight;
    w->last_ack_ns = now_ns();
}

static void message_take(struct watch *w, const struct message *m)
{
    if (m->partition >= DEMO_PARTITIONS || m->run >= DEMO_RUNS_MAX)
        die("a message that makes no sense came through the pipe");
    switch (m->kind) {
    case TELL_OPEN:
        w->open_ns = m->ns;
        w->opened_at_ns = w->last_ack_ns = now_ns();
        break;
    case TELL_END:
        w->log_end[m->partition] = m->offset;
        w->acked_before[m->partition] = w->acked_end[m->partition];
        if (w->acked_end[m->partition] > m->offset) /* lost: counted once */
            w->acked_end[m->partition] = m->offset;
        break;
    case TELL_ACK:
        ack_keep(w, m);
        break;
    default:
        w->done = *m;
        w->is_done = true;
    }
}

void watch_kill(struct watch *w)
{
    w->killed = kill(w->pid, SIGKILL) == 0;
}

/* False: the pipe ended. */
static bool message_read(struct watch *w, struct message *m)
{
    ssize_t n;
    do
        n = read(w->from, m, sizeof(*m));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return false;
    if (n != sizeof(*m))
        die("the pipe broke in the middle of a message");
    message_take(w, m);
    return true;
}

void watch_drain(struct watch *w)
{
    struct pollfd p = { .fd = w->from, .events = POLLIN };
    struct message m;
    while (poll(&p, 1, 0) > 0 && message_read(w, &m))
        continue;
}

void watch_paused(struct watch *w, uint64_t from_ns)
{
    if (w->pause_count == DEMO_RUNS_MAX)
        die("more than %u pauses", DEMO_RUNS_MAX);
    w->pauses[w->pause_count++] = (struct pause){ .from_ns = from_ns, .to_ns = now_ns() };
}

uint64_t watch_paused_ns(const struct watch *w)
{
    uint64_t ns = 0;
    for (unsigned i = 0; i < w->pause_count; i++)
        ns += w->pauses[i].to_ns - w->pauses[i].from_ns;
    return ns;
}

bool watch_ack_waited(const struct watch *w, const struct message *ack)
{
    for (unsigned i = 0; i < w->pause_count; i++)
        if (ack->at_ns - ack->ns < w->pauses[i].to_ns && ack->at_ns > w->pauses[i].from_ns)
            return true;
    return false;
}

/* Until the pipe ends: whatever a killed writer put into it was acknowledged, and counts. */
static void listen_to(struct watch *w, const struct watch_plan *plan)
{
    unsigned mark = 0;
    struct message m;
    while (message_read(w, &m))
        if (plan && mark < plan->count && !w->is_done && m.kind == TELL_ACK &&
            w->acked_bytes >= plan->marks[mark])
            plan->reach(plan->arg, w, mark++);
}

bool watch_run(struct watch *w, char **argv, const struct watch_plan *plan)
{
    int status;
    w->killed = w->is_done = false;
    w->in_flight = 0;
    w->opened_at_ns = w->last_ack_ns = 0;
    w->pid = child_start(argv, &w->from);
    listen_to(w, plan);
    close(w->from);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    w->write_ns += w->last_ack_ns - w->opened_at_ns;
    if (w->killed)
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: ended by signal %d\n", argv[0], WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void watch_free(struct watch *w)
{
    free(w->acks);
    *w = (struct watch){ 0 };
}
