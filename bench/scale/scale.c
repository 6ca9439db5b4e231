/* scale.c -- shardlog-bench-scale: many partitions that do nothing, much data after a kill.
 *
 *   idle    100,000 partitions, one record each: memory of each and device writes while idle, in
 *           the process that made them and after a restart; time to open after SIGKILL
 *   fill    1,000 partitions, 16 GiB, the journal as full as it gets: time to open after SIGKILL
 *
 * Each stage runs in a child of its own, which says what it found through a pipe and, where the
 * stage ends with a kill, is killed while its appends are in flight. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common/words.h"
#include "bench/scale/scale.h"

/* jemalloc reads this: memory that was freed goes back to the system within a second, also when the
 * program is idle. */
extern const char *malloc_conf;
const char *malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

static const struct {
    const char *name;
    void (*run)(const struct scale *s, FILE *out);
} stages[] = { { "idle-make", stage_idle_make },
               { "idle-again", stage_idle_again },
               { "fill-make", stage_fill_make },
               { "fill-again", stage_fill_again } };

/* In the child: this program once more, so that it starts with clean memory. */
static void child_exec(const struct scale *s, const char *stage, int fd)
{
    char idle[16], fill[32];
    snprintf(idle, sizeof(idle), "%u", s->idle);
    snprintf(fill, sizeof(fill), "%f", s->fill_gib);
    dup2(fd, STDOUT_FILENO);
    execl("/proc/self/exe", program_invocation_short_name, "--dir", s->dir, "--idle", idle,
          "--fill", fill, "--stage", stage, NULL);
    _exit(127);
}

static int stage_main(const struct scale *s, const char *stage)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint32_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        if (strcmp(stages[i].name, stage) == 0)
            stages[i].run(s, stdout);
    return 0;
}

/* What the child says; true once it is ready to be killed. */
static bool child_hear(int fd, struct found *found, bool killed)
{
    char line[256];
    bool ready = false;
    FILE *in = fdopen(fd, "r");
    while (!ready && fgets(line, sizeof(line), in)) {
        ready = killed && strcmp(line, "ready\n") == 0;
        found_take(found, line);
    }
    if (!ready)
        fclose(in); /* else it stays open: the child must not end by a broken pipe */
    return ready;
}

/* Runs a stage in a child, and kills it once it says "ready" if it is to be `killed`. */
static void stage_run(const struct scale *s, const char *stage, struct found *found, bool killed)
{
    int pipes[2], status;
    fflush(stdout);
    if (pipe(pipes) != 0)
        die("no pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0)
        die("no child: %s", strerror(errno));
    if (child == 0)
        child_exec(s, stage, pipes[1]);
    close(pipes[1]);
    bool ready = child_hear(pipes[0], found, killed);
    if (ready) {
        usleep(20000); /* in the middle of something */
        kill(child, SIGKILL);
    }
    waitpid(child, &status, 0);
    if (killed ? !ready : status != 0)
        die("a stage ended before its time");
}

static uint32_t failed;

static void result(const char *what, double required, double measured, const char *unit)
{
    bool met = measured <= required;
    failed += !met;
    say("result|%s|at most %.4g %s|%.4g %s|%s", what, required, unit, measured, unit,
        met ? "pass" : "FAIL");
}

static void idle_run(const struct scale *s)
{
    struct found made = { 0 }, again = { 0 };
    say("%u partitions, one record each", s->idle);
    stage_run(s, "idle-make", &made, true);
    stage_run(s, "idle-again", &again, false);
    result("memory of an idle partition", 2048, made.memory / s->idle, "bytes");
    result("the same after opening again", 2048, again.memory / s->idle, "bytes");
    result("device writes of idle partitions", 0, made.idle_bytes, "bytes");
    result("the same after opening again", 0, again.idle_bytes, "bytes");
    result("opening many partitions after SIGKILL", 1, again.open_s, "s");
}

static void fill_run(const struct scale *s)
{
    struct found made = { 0 }, again = { 0 };
    say("%.1f GiB in 1,000 partitions", s->fill_gib);
    stage_run(s, "fill-make", &made, true);
    stage_run(s, "fill-again", &again, false);
    say("  filled at %.0f MB/s; the journal held %.0f MiB", made.fill_mb_s, made.journal_mib);
    result("opening much data after SIGKILL", 1, again.open_s, "s");
}

int main(int argc, char **argv)
{
    struct scale s = { .idle = 100000, .fill_gib = 16 };
    int made;
    const char *stage = NULL; /* all of them, in children */
    const struct word words[] = {
        { "dir", "PATH", "where to measure (default: a directory made in TMPDIR or /var/tmp)",
          .text = &s.dir },
        { "idle", "N", "partitions that do nothing (100000); 0: not that", .count = &s.idle },
        { "fill", "GIB", "of data (16), and 5 GiB more of disk; 0: not that",
          .number = &s.fill_gib },
        { "stage", "NAME", NULL, .text = &stage },
        { 0 },
    };
    words_take(argc, argv, words, "shardlog-bench-scale [options]");
    s.dir = dir_take(s.dir, &made);
    snprintf(s.store, sizeof(s.store), "%s/scale", s.dir);
    if (stage)
        return stage_main(&s, stage);
    if (s.idle)
        idle_run(&s);
    dir_remove(s.store);
    if (s.fill_gib > 0)
        fill_run(&s);
    dir_remove(s.store);
    if (made)
        rmdir(s.dir);
    return failed > 0;
}
