/* jobs.c -- see jobs.h.
 *
 * Each job owns a slot of shared memory and every jobs-th seed. The child writes what it is about
 * to run into the slot, and adds its result when it is done; a child that ends early leaves the
 * number of the seed that killed it, and the next child goes on behind it. */
#include "tests/sim/jobs.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "tests/sim/verdict.h"

struct slot {
    uint64_t next;     /* seed to run, or running */
    _Atomic bool stop; /* enough was found */
    uint64_t done, failed, hash;
    uint64_t failed_seeds[FAILED_KEPT];
    struct tally tally;
    uint64_t probe_hits[PROBES_MAX];
};

struct probe_walk {
    struct slot *slot;
    uint64_t *seen; /* hits that the slot has already */
    uint32_t i;
};

static void probe_count(const struct probe *p, void *arg)
{
    struct probe_walk *walk = arg;
    uint64_t hits = atomic_load_explicit(&p->hits, memory_order_relaxed);
    check(walk->i < PROBES_MAX);
    walk->slot->probe_hits[walk->i] += hits - walk->seen[walk->i];
    walk->seen[walk->i++] = hits;
}

static void seeds_run(const struct jobs *j, struct slot *slot)
{
    static uint64_t seen[PROBES_MAX];
    for (; slot->next <= j->to && !slot->stop; slot->next += j->jobs) {
        struct seed_result result;
        verdict.seed = slot->next;
        alarm(SEED_SECONDS);
        j->run(slot->next, &result);
        tally_add(&slot->tally, &result.tally);
        slot->hash ^= result.hash;
        slot->done++;
        struct probe_walk walk = { slot, seen, 0 };
        probe_each(probe_count, &walk);
    }
}

static pid_t child_start(const struct jobs *j, struct slot *slot)
{
    fflush(NULL);
    pid_t pid = fork();
    check(pid >= 0);
    if (pid)
        return pid;
    if (verdict.quiet && !freopen("/dev/null", "w", stderr)) /* check() speaks for itself */
        _exit(1);
    seeds_run(j, slot);
    fflush(NULL);
    _exit(0);
}

static void child_failed(const struct jobs *j, struct slot *slot, int status)
{
    if (WIFSIGNALED(status) && !verdict.quiet) {
        fprintf(stderr, "seed %llu: %s\n  replay: %s %s--seed %llu\n",
                (unsigned long long)slot->next,
                WTERMSIG(status) == SIGALRM ? "hangs" : "died by a signal", verdict.program,
                verdict.options, (unsigned long long)slot->next);
    }
    if (slot->failed < FAILED_KEPT)
        slot->failed_seeds[slot->failed] = slot->next;
    slot->failed++;
    slot->next += j->jobs;
}

static void result_add(struct jobs_result *out, const struct slot *slot)
{
    tally_add(&out->tally, &slot->tally);
    out->done += slot->done + slot->failed;
    out->hash ^= slot->hash;
    for (uint64_t i = 0; i < slot->failed && i < FAILED_KEPT && out->failed + i < FAILED_KEPT; i++)
        out->failed_seeds[out->failed + i] = slot->failed_seeds[i];
    out->failed += slot->failed;
    for (uint32_t i = 0; i < PROBES_MAX; i++)
        out->probe_hits[i] += slot->probe_hits[i];
}

static double seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t failed_in_all(const struct slot *slots, uint32_t jobs)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < jobs; i++)
        n += slots[i].failed;
    return n;
}

static uint32_t slot_of(const pid_t *pids, uint32_t jobs, pid_t pid)
{
    uint32_t i = 0;
    while (i < jobs && pids[i] != pid)
        i++;
    check(i < jobs);
    return i;
}

void jobs_run(const struct jobs *j, struct jobs_result *out)
{
    size_t bytes = sizeof(struct slot) * j->jobs;
    struct slot *slots =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[JOBS_MAX];
    uint32_t alive = 0;
    double start = seconds_now();
    check(slots != MAP_FAILED && j->jobs > 0 && j->jobs <= JOBS_MAX);
    for (uint32_t i = 0; i < j->jobs; i++, alive++) {
        slots[i].next = j->from + i;
        pids[i] = child_start(j, &slots[i]);
    }
    while (alive) {
        int status;
        pid_t pid = wait(&status);
        check(pid > 0);
        uint32_t i = slot_of(pids, j->jobs, pid);
        bool bad = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        if (bad)
            child_failed(j, &slots[i], status);
        if (bad && slots[i].next <= j->to && failed_in_all(slots, j->jobs) < j->failures_max)
            pids[i] = child_start(j, &slots[i]);
        else
            alive--;
        if (failed_in_all(slots, j->jobs) >= j->failures_max)
            for (uint32_t k = 0; k < j->jobs; k++)
                slots[k].stop = true; /* children end after the seed they run */
    }
    *out = (struct jobs_result){ 0 };
    for (uint32_t i = 0; i < j->jobs; i++)
        result_add(out, &slots[i]);
    out->seconds = seconds_now() - start;
    munmap(slots, bytes);
}
