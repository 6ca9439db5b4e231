/* museum.c -- every documented wrong line is switched on, and a seed must find it.
 *
 *   museum             each pitfall of engine/base/pitfall.def, at most 2,000 seeds
 *   museum NAME...     only these
 *     --jobs J         processes at once (default 2)
 *     --seeds N        at most N seeds each
 *
 * The seeds that caught a pitfall before are tried first (museum.def): a hint that saves time and
 * proves nothing by itself. A pitfall counts as caught when a seed ends by violated() or by a check
 * of the engine; the same seed without the pitfall must pass, or the catch says nothing.
 *
 * Exit status 0: at least PITFALLS_DEMANDED exist and every one is caught.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/types.h"
#include "tests/sim/front.h"
#include "tests/sim/jobs.h"
#include "tests/sim/pitfalls.h"
#include "tests/sim/verdict.h"

#define PITFALLS_DEMANDED 20
#define SEEDS_MAX         2000u

struct catch
{
    bool caught;
    uint64_t seed, tried;
};

static const uint32_t hints[PITFALL_COUNT] = {
#define HINT(name, seed) [PITFALL_##name] = seed,
#include "tests/sim/museum.def"
#undef HINT
};

/* Which workload shows it. */
static void (*workload_of(enum pitfall p))(uint64_t seed, struct seed_result *out)
{
    const char *name = pitfall_name(p);
    if (!strncmp(name, "KAFKA_", strlen("KAFKA_")))
        return kafka_run;
    return !strncmp(name, "FRONT_", strlen("FRONT_")) ? front_run : seed_run;
}

/* Seeds of the workload that shows p, with `on` switched on. */
static struct jobs_result run(enum pitfall p, enum pitfall on, uint64_t from, uint64_t to,
                              uint32_t jobs)
{
    struct jobs j = { from, to, jobs, 1, workload_of(p) };
    struct jobs_result r;
    pitfall_on = on;
    jobs_run(&j, &r);
    pitfall_on = PITFALL_NONE;
    return r;
}

/* The first seed in [from, to] that fails with the pitfall and passes without it. */
static struct catch search(enum pitfall p, uint64_t from, uint64_t to, uint32_t jobs)
{
    struct catch c = { 0 };
    while (from <= to) {
        struct jobs_result r = run(p, p, from, to, jobs);
        c.tried += r.done;
        if (!r.failed)
            return c;
        c.seed = r.failed_seeds[0];
        for (uint64_t i = 1; i < r.failed; i++)
            c.seed = min_u64(c.seed, r.failed_seeds[i]);
        c.caught = run(p, PITFALL_NONE, c.seed, c.seed, 1).failed == 0;
        if (c.caught)
            return c;
        from = c.seed + 1;
    }
    return c;
}

static struct catch pitfall_search(enum pitfall p, uint64_t seeds, uint32_t jobs)
{
    struct catch c = { 0 };
    if (hints[p])
        c = search(p, hints[p], hints[p], 1);
    if (c.caught)
        return c;
    uint64_t tried = c.tried;
    c = search(p, 1, seeds, jobs);
    c.tried += tried;
    return c;
}

static bool pitfall_show(enum pitfall p, uint64_t seeds, uint32_t jobs)
{
    struct catch c = pitfall_search(p, seeds, jobs);
    if (c.caught)
        printf("%-23s caught by seed %llu (%llu tried): %s\n", pitfall_name(p),
               (unsigned long long)c.seed, (unsigned long long)c.tried, pitfall_text(p));
    else
        printf("%-23s NOT CAUGHT by %llu seeds: %s\n", pitfall_name(p), (unsigned long long)c.tried,
               pitfall_text(p));
    fflush(stdout);
    return c.caught;
}

struct args {
    uint32_t jobs;
    uint64_t seeds;
    bool named[PITFALL_COUNT];
    bool some;
};

static bool args_parse(struct args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        enum pitfall p = pitfall_find(argv[i]);
        if (!strcmp(argv[i], "--jobs") && i + 1 < argc)
            a->jobs = (uint32_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seeds") && i + 1 < argc)
            a->seeds = (uint64_t)atoll(argv[++i]);
        else if (p == PITFALL_NONE)
            return false;
        else
            a->some = a->named[p] = true;
    }
    return a->jobs > 0 && a->jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
    struct args a = { .jobs = 2, .seeds = SEEDS_MAX };
    uint32_t shown = 0, caught = 0;
    verdict = (struct verdict){ .program = argv[0], .options = "", .quiet = true };
    if (!args_parse(&a, argc, argv)) {
        fprintf(stderr, "usage: museum [NAME...] [--jobs J] [--seeds N]\n");
        return 2;
    }
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    for (int p = PITFALL_NONE + 1; p < PITFALL_COUNT; p++)
        if (!a.some || a.named[p]) {
            shown++;
            caught += pitfall_show((enum pitfall)p, a.seeds, a.jobs);
        }
    printf("%u of %u pitfalls caught\n", caught, shown);
    return caught == shown && (a.some || shown >= PITFALLS_DEMANDED) ? 0 : 1;
}
