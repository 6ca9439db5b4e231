/* check_test.c -- crashes are loud, probes are counted, pitfalls are off. */
#include "engine/base/check.h"
#include "tests/test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct sighting {
    const char *text;
    unsigned seen;
    uint64_t hits;
};

static void sighting_note(const struct probe *p, void *arg)
{
    struct sighting *s = arg;
    if (strcmp(p->text, s->text) != 0)
        return;
    s->seen++;
    s->hits += p->hits;
}

static struct sighting probe_look(const char *text)
{
    struct sighting s = { .text = text };
    probe_each(sighting_note, &s);
    return s;
}

static void rare_branch(bool taken)
{
    if (taken)
        probe("check_test: rare branch");
}

TEST(check, lists_probes_before_they_are_reached)
{
    // Goal: untested courage is visible. Method: look before the branch runs, then after.
    EXPECT_EQ(probe_look("check_test: rare branch").seen, 1);
    EXPECT_EQ(probe_look("check_test: rare branch").hits, 0);
    rare_branch(false);
    EXPECT_EQ(probe_look("check_test: rare branch").hits, 0);
    rare_branch(true);
    rare_branch(true);
    EXPECT_EQ(probe_look("check_test: rare branch").hits, 2);
    EXPECT_EQ(probe_look("no such probe").seen, 0);
}

/* Runs check(false) in a child whose stderr is `fd`. */
static void die_into(int fd)
{
    dup2(fd, STDERR_FILENO);
    signal(SIGABRT, SIG_DFL);
    check(1 + 1 == 3);
    _exit(0);
}

TEST(check, names_the_place_and_aborts)
{
    // Goal: a crash says where and what. Method: let a child crash and read its stderr.
    int ends[2], status;
    char text[4096] = "";

    REQUIRE(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0)
        die_into(ends[1]);
    close(ends[1]);
    EXPECT(read(ends[0], text, sizeof(text) - 1) > 0);
    close(ends[0]);
    REQUIRE(waitpid(child, &status, 0) == child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT(strstr(text, "check_test.c:") && strstr(text, "1 + 1 == 3"));
}

TEST(check, passes_what_holds)
{
    check(true);
    audit(true);
    either(false);
}

TEST(check, keeps_pitfalls_out_of_the_product)
{
    EXPECT(!pitfall(ACK_BEFORE_SYNC));
    EXPECT(PITFALL_COUNT > 20);
}
