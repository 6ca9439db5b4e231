/* swarm.c -- runs seeds: one to look at, or many to believe in.
 *
 *   swarm --seed N [--trace]           one run; prints its hash
 *   swarm --seeds A..B [--jobs J]      many; prints rate, what happened, probes never reached
 *   --front, --kafka                   whole brokers, clients of a network (front.h)
 *   --stops                            stores that end in order again and again (seed.h)
 *   --pitfall NAME                     with a wrong line switched on (engine/base/pitfall.def)
 *   --failures K                       stop after K failing seeds (default 5)
 *
 * Exit status 0: nothing found; 1: something violated a promise, or happened too rarely; 2: usage.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "tests/sim/front.h"
#include "tests/sim/jobs.h"
#include "tests/sim/pitfalls.h"
#include "tests/sim/verdict.h"

struct args {
    bool one, many;
    uint64_t seed;
    struct jobs jobs;
    enum workload workload;
};

static int usage(void)
{
    fprintf(stderr, "usage: swarm --seed N [--trace] | --seeds A..B [--jobs J] [--failures K]\n"
                    "             [--front | --kafka | --stops] [--pitfall NAME]\n");
    return 2;
}

/* For the replay command. */
static void option_add(const char *words)
{
    static char options[96];
    size_t len = strlen(options);
    snprintf(options + len, sizeof(options) - len, "%s", words);
    verdict.options = options;
}

static bool pitfall_set(const char *name)
{
    char words[64];
    pitfall_on = pitfall_find(name);
    snprintf(words, sizeof(words), "--pitfall %s ", name);
    option_add(words);
    return pitfall_on != PITFALL_NONE;
}

static bool workload_set(struct args *a, const char *arg)
{
    static const struct {
        const char *option, *replay;
        void (*run)(uint64_t seed, struct seed_result *out);
        enum workload workload;
    } table[] = { { "--front", "--front ", front_run, OF_FRONT },
                  { "--kafka", "--kafka ", kafka_run, OF_KAFKA },
                  { "--stops", "--stops ", seed_run, OF_STOPS } };
    for (uint32_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(arg, table[i].option) != 0)
            continue;
        a->workload = table[i].workload;
        a->jobs.run = table[i].run;
        seed_stops = table[i].workload == OF_STOPS;
        option_add(table[i].replay);
        return true;
    }
    return false;
}

static bool args_parse(struct args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool took = true;
        if (!strcmp(argv[i], "--trace")) {
            verdict.trace = true;
            took = false;
        } else if (workload_set(a, argv[i])) {
            took = false;
        } else if (!value)
            return false;
        else if (!strcmp(argv[i], "--seed"))
            a->one = sscanf(value, "%lu", &a->seed) == 1;
        else if (!strcmp(argv[i], "--seeds"))
            a->many = sscanf(value, "%lu..%lu", &a->jobs.from, &a->jobs.to) == 2;
        else if (!strcmp(argv[i], "--jobs"))
            a->jobs.jobs = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--failures"))
            a->jobs.failures_max = (uint32_t)atoi(value);
        else if (strcmp(argv[i], "--pitfall") || !pitfall_set(value))
            return false;
        i += took;
    }
    return a->one != a->many && a->jobs.jobs > 0 && a->jobs.jobs <= JOBS_MAX;
}

struct silent_probes {
    const struct jobs_result *result;
    uint32_t i;
};

static void probe_print(const struct probe *p, void *arg)
{
    struct silent_probes *s = arg;
    if (!s->result->probe_hits[s->i++])
        printf("  %s:%d: %s\n", p->file, p->line, p->text);
}

static int many(const struct jobs *j, enum workload w)
{
    struct jobs_result r;
    jobs_run(j, &r);
    bool ok = tally_print(&r.tally, r.done, w);
    printf("probes that no seed reached:\n");
    struct silent_probes silent = { &r, 0 };
    probe_each(probe_print, &silent);
    printf("%lu seeds in %.1f s: %.1f seeds/s, %lu failed, hash %016lx\n", r.done, r.seconds,
           (double)r.done / r.seconds, r.failed, r.hash);
    return ok && !r.failed ? 0 : 1;
}

static int one(uint64_t seed, const struct jobs *j)
{
    struct seed_result r;
    verdict.seed = seed;
    j->run(seed, &r);
    printf("seed %lu: nothing found, hash %016lx\n", seed, r.hash);
    fflush(stdout);
    _exit(0); /* what was in flight when a machine died is in nobody's memory: no leak of ours */
}

int main(int argc, char **argv)
{
    struct args a = { .jobs = { .jobs = 2, .failures_max = 5, .run = seed_run } };
    verdict.program = argv[0];
    verdict.options = "";
    if (!args_parse(&a, argc, argv))
        return usage();
    /* A child runs many worlds one after the other: memory stays with it. */
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    return a.one ? one(a.seed, &a.jobs) : many(&a.jobs, a.workload);
}
