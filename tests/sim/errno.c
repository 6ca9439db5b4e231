/* errno.c -- every I/O call site fails with each errno it can give, once and from then on.
 *
 *   errno [--quick]                    the sweep; prints a table
 *   errno --scene S --site FILE:LINE --errno NAME --when N|N+ --end power|kill|again   one case
 *   errno --list                       the call sites
 *   errno --reach N                    no call fails: does each of the worlds 1 to N reach all?
 *   --seed N                           of every world (default 1)
 *
 * The call sites are those of engine/, gathered by the linker; one that no scene reaches is a
 * finding. A scene (errno_scene.c) is prepared once and counted once without a fault; each case is
 * a child that goes on from there.
 *
 * Exit status 0: nothing found; 1: findings; 2: usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "tests/sim/errno_in.h"
#include "tests/sim/verdict.h"

#define CASE_SECONDS 20u
#define WHENS_MAX    6u
#define FINDINGS_MAX 40u
#define LLU(v)       ((unsigned long long)(v))

struct count {
    uint64_t cases, hits, findings, outcomes[OUT_COUNT];
};

static struct sweep {
    struct shared *shared;
    const struct scene *scene; /* prepared: `life` is there */
    struct life life;
    bool quick;
    bool reach; /* count only */
    uint64_t seed;
    uint64_t reached[SITES_MAX];
    struct count counts[IO_VERB_COUNT];
} sweep;

/* ---- one case ---- */

static void options_set(const struct sweep *s, const struct fault *f, const char *name,
                        enum life_end end)
{
    static char options[300];
    if (f->site)
        snprintf(options, sizeof(options),
                 "--scene %s --site %s:%d --errno %s --when %llu%s --end %s ", s->scene->name,
                 f->site->file, f->site->line, name, LLU(f->from), f->count ? "" : "+",
                 life_end_names[end]);
    else
        snprintf(options, sizeof(options), "--scene %s --end %s ", s->scene->name,
                 life_end_names[end]);
    verdict.options = options;
    verdict.seed = s->seed;
}

static void child_run(struct sweep *s, const struct fault *f, enum life_end end)
{
    alarm(CASE_SECONDS);
    s->life.fault = *f;
    s->life.end = end;
    s->scene->run(&s->life);
    fflush(NULL);
    _exit(0); /* what is in flight is in nobody's memory: no leak of ours */
}

/* Runs a case in a child; false: it found something. */
static bool case_run(struct sweep *s, const struct fault *f, const char *name, enum life_end end)
{
    int status;
    options_set(s, f, name, end);
    memset(s->shared->hits, 0, sizeof(s->shared->hits));
    s->shared->faults = 0;
    s->shared->outcome = OUT_SERVED;
    fflush(NULL);
    pid_t pid = fork();
    check(pid >= 0);
    if (!pid)
        child_run(s, f, end);
    check(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status) && !verdict.quiet)
        fprintf(stderr, "%s\n  replay: %s %s--seed %llu\n",
                WTERMSIG(status) == SIGALRM ? "it hangs" : "it died by a signal", verdict.program,
                verdict.options, LLU(s->seed));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- the sweep ---- */

/* The first hits, one in the middle, the last; `count` 0: from then on. */
static uint32_t whens(const struct sweep *s, uint64_t hits, struct fault at[WHENS_MAX])
{
    const uint64_t froms[] = { 1, 2, (hits + 1) / 2, hits };
    uint32_t n = 0;
    for (uint32_t i = 0; i < 4; i++)
        if (!(s->quick && i) && (!i || froms[i] > at[n - 1].from) && froms[i] <= hits)
            at[n++] = (struct fault){ .from = froms[i], .count = 1 };
    at[n++] = (struct fault){ .from = 1 };
    if (hits > 2 && !s->quick)
        at[n++] = (struct fault){ .from = (hits + 1) / 2 };
    return n;
}

static uint64_t findings(const struct sweep *s)
{
    uint64_t n = 0;
    for (uint32_t v = 0; v < IO_VERB_COUNT; v++)
        n += s->counts[v].findings;
    return n;
}

static void case_count(struct sweep *s, struct fault *f, const char *name, enum life_end end)
{
    struct count *c = &s->counts[f->site->verb];
    if (findings(s) >= FINDINGS_MAX)
        return;
    bool fine = case_run(s, f, name, end);
    c->cases++;
    c->hits += s->shared->faults;
    c->findings += !fine;
    c->outcomes[s->shared->outcome] += fine;
}

static uint32_t rows_used(const struct sweep *s, enum io_verb verb)
{
    uint32_t count = errno_rows(verb).count;
    return s->quick && count > 2 ? 2 : count;
}

static void site_sweep(struct sweep *s, const struct io_site *site, uint64_t hits)
{
    struct errno_rows rows = errno_rows(site->verb);
    struct fault at[WHENS_MAX];
    uint32_t n = whens(s, hits, at);
    for (uint32_t r = 0; r < rows_used(s, site->verb); r++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t end = 0; end < LIFE_END_COUNT; end++) {
                if (s->quick && end == LIFE_KILL)
                    continue;
                at[i].site = site;
                at[i].sys = rows.at[r].sys;
                case_count(s, &at[i], rows.at[r].name, (enum life_end)end);
            }
}

static void scene_open(struct sweep *s, const struct scene *scene)
{
    s->scene = scene;
    life_open(&s->life, s->seed, s->shared);
    options_set(s, &(struct fault){ 0 }, "", LIFE_POWER);
    scene->before(&s->life);
}

/* Frees what a scene was prepared with: children had copies. */
static void scene_close(struct sweep *s)
{
    world_end(&s->life.w);
    world_close(&s->life.w);
}

static bool scene_sweep(struct sweep *s, const struct scene *scene)
{
    uint64_t hits[SITES_MAX];
    scene_open(s, scene);
    bool fine = case_run(s, &(struct fault){ 0 }, "", LIFE_AGAIN) &&
                case_run(s, &(struct fault){ 0 }, "", LIFE_POWER);
    memcpy(hits, s->shared->hits, sizeof(hits));
    for (uint32_t i = 0; i < SITE_COUNT && fine; i++) {
        s->reached[i] += rows_used(s, __start_io_sites[i]->verb) ? hits[i] : 0;
        if (hits[i] && !s->reach)
            site_sweep(s, __start_io_sites[i], hits[i]);
    }
    scene_close(s);
    if (!fine)
        printf("scene %s goes wrong, and no call fails\n", scene->name);
    return fine;
}

/* A store that syncs again after a failed sync has to be caught; that reaches the site of the
 * pitfall too. */
static bool self_test(struct sweep *s)
{
    const struct io_site *site = NULL;
    bool caught = false;
    for (uint32_t i = 0; i < scene_count; i++)
        if (!strcmp(scenes[i].name, "append"))
            scene_open(s, &scenes[i]);
    pitfall_on = PITFALL_RETRY_SYNC;
    verdict.quiet = true;
    for (uint32_t i = 0; i < SITE_COUNT && !caught; i++) {
        site = __start_io_sites[i];
        struct fault f = { .site = site, .sys = errno_rows(IO_SYNC).at[0].sys, .from = 1 };
        if (site->verb != IO_SYNC || !strstr(site->file, "log/commit.c"))
            continue;
        caught = !case_run(s, &f, "EIO", LIFE_POWER);
        for (uint32_t k = 0; k < SITE_COUNT; k++)
            s->reached[k] += caught ? s->shared->hits[k] : 0;
    }
    pitfall_on = PITFALL_NONE;
    verdict.quiet = false;
    scene_close(s);
    return caught;
}

/* ---- what it says ---- */

static uint32_t sites_missed(const struct sweep *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < SITE_COUNT; i++) {
        if (s->reached[i])
            continue;
        printf("no scene reaches %s:%d (%s)\n", __start_io_sites[i]->file,
               __start_io_sites[i]->line, errno_verb_name(__start_io_sites[i]->verb));
        n++;
    }
    return n;
}

static void row_print(const char *name, uint32_t sites, uint32_t rows, const struct count *c)
{
    printf("%-9s %5u %6u %7llu %9llu %8llu %8llu %8llu %9llu\n", name, sites, rows, LLU(c->cases),
           LLU(c->hits), LLU(c->outcomes[OUT_SERVED]), LLU(c->outcomes[OUT_REFUSED]),
           LLU(c->outcomes[OUT_POISONED]), LLU(c->findings));
}

static void count_add(struct count *to, const struct count *c)
{
    to->cases += c->cases;
    to->hits += c->hits;
    to->findings += c->findings;
    for (uint32_t i = 0; i < OUT_COUNT; i++)
        to->outcomes[i] += c->outcomes[i];
}

static void table_print(const struct sweep *s)
{
    struct count all = { 0 };
    uint32_t sites_all = 0, rows_all = 0;
    printf("%-9s %5s %6s %7s %9s %8s %8s %8s %9s\n", "verb", "sites", "errnos", "cases", "hits",
           "served", "refused", "poisoned", "findings");
    for (enum io_verb v = IO_READ; v < IO_VERB_COUNT; v++) {
        uint32_t sites = 0, rows = rows_used(s, v);
        for (uint32_t i = 0; i < SITE_COUNT; i++)
            sites += __start_io_sites[i]->verb == v;
        if (!sites && !rows)
            continue;
        row_print(errno_verb_name(v), sites, rows, &s->counts[v]);
        count_add(&all, &s->counts[v]);
        sites_all += sites;
        rows_all += rows;
    }
    row_print("all", sites_all, rows_all, &all);
}

static bool scenes_sweep(struct sweep *s)
{
    bool fine = true;
    for (uint32_t i = 0; i < scene_count; i++)
        fine = scene_sweep(s, &scenes[i]) && fine;
    return fine;
}

static int reach_run(struct sweep *s, uint64_t worlds)
{
    uint64_t found = 0;
    s->reach = true;
    for (s->seed = 1; s->seed <= worlds; s->seed++) {
        memset(s->reached, 0, sizeof(s->reached));
        bool fine = self_test(s);
        fine = scenes_sweep(s) && fine;
        fine = !sites_missed(s) && fine;
        if (!fine)
            printf("... in the world of seed %llu\n", LLU(s->seed));
        found += !fine;
    }
    printf("%u sites; %llu of %llu worlds do not reach all\n", SITE_COUNT, LLU(found), LLU(worlds));
    return found ? 1 : 0;
}

static int sweep_run(struct sweep *s)
{
    bool caught = self_test(s);
    bool fine = scenes_sweep(s);
    uint32_t missed = sites_missed(s);
    table_print(s);
    printf("sites reached: %u of %u; a sync that is retried is %s; findings = %llu\n",
           SITE_COUNT - missed, SITE_COUNT, caught ? "caught" : "NOT CAUGHT", LLU(findings(s)));
    return fine && caught && !missed && !findings(s) ? 0 : 1;
}

/* ---- one case by its name ---- */

struct args {
    const char *scene, *site, *name, *when, *end, *reach;
    bool list;
};

static int usage(void)
{
    fprintf(stderr, "usage: errno [--quick] [--seed N] | --list | --reach N |\n"
                    "             --scene S [--site FILE:LINE --errno NAME --when N|N+]\n"
                    "             [--end power|kill|again] [--seed N] [--trace]\n");
    return 2;
}

static const struct io_site *site_find(const char *text)
{
    char name[200];
    for (uint32_t i = 0; i < SITE_COUNT; i++) {
        snprintf(name, sizeof(name), "%s:%d", __start_io_sites[i]->file, __start_io_sites[i]->line);
        if (!strcmp(name, text))
            return __start_io_sites[i];
    }
    return NULL;
}

static int sys_find(enum io_verb verb, const char *name)
{
    struct errno_rows rows = errno_rows(verb);
    for (uint32_t i = 0; i < rows.count; i++)
        if (!strcmp(rows.at[i].name, name))
            return rows.at[i].sys;
    return 0;
}

static bool fault_parse(const struct args *a, struct fault *f)
{
    *f = (struct fault){ 0 };
    if (!a->site)
        return true;
    f->site = site_find(a->site);
    f->sys = f->site && a->name ? sys_find(f->site->verb, a->name) : 0;
    f->from = a->when ? strtoull(a->when, NULL, 10) : 1;
    f->count = a->when && strchr(a->when, '+') ? 0 : 1;
    return f->sys && f->from;
}

static int one(struct sweep *s, const struct args *a)
{
    struct fault f;
    const struct scene *scene = NULL;
    uint32_t end = 0;
    for (uint32_t i = 0; i < scene_count; i++)
        scene = strcmp(scenes[i].name, a->scene) ? scene : &scenes[i];
    while (a->end && end < LIFE_END_COUNT && strcmp(a->end, life_end_names[end]))
        end++;
    if (!scene || end == LIFE_END_COUNT || !fault_parse(a, &f))
        return usage();
    scene_open(s, scene);
    if (f.site && !case_run(s, &(struct fault){ 0 }, "", LIFE_POWER)) /* what it is compared with */
        return 1;
    if (!case_run(s, &f, a->name ? a->name : "", (enum life_end)end))
        return 1;
    printf("nothing found; %llu calls failed\n", LLU(s->shared->faults));
    return 0;
}

static int list(void)
{
    for (uint32_t i = 0; i < SITE_COUNT; i++)
        printf("%s:%d %s\n", __start_io_sites[i]->file, __start_io_sites[i]->line,
               errno_verb_name(__start_io_sites[i]->verb));
    return 0;
}

static bool flag_parse(struct args *a, struct sweep *s, const char *word)
{
    bool *flag = !strcmp(word, "--quick")   ? &s->quick
                 : !strcmp(word, "--list")  ? &a->list
                 : !strcmp(word, "--trace") ? &verdict.trace
                                            : NULL;
    if (flag)
        *flag = true;
    return flag;
}

#define TEXTS 7u /* options with a value */

static bool args_parse(struct args *a, struct sweep *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL, *seed = NULL;
        const char **texts[] = {
            &a->scene, &a->site, &a->name, &a->when, &a->end, &a->reach, &seed
        };
        static const char *const names[] = { "--scene", "--site",  "--errno", "--when",
                                             "--end",   "--reach", "--seed" };
        uint32_t k = 0;
        if (flag_parse(a, s, argv[i]))
            continue;
        while (k < TEXTS && strcmp(argv[i], names[k]))
            k++;
        if (k == TEXTS || !value)
            return false;
        *texts[k] = value;
        s->seed = seed ? strtoull(seed, NULL, 10) : s->seed;
        i++;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct args a = { 0 };
    verdict.program = argv[0];
    verdict.options = "";
    sweep.seed = 1;
    if (!args_parse(&a, &sweep, argc, argv))
        return usage();
    uint64_t worlds = a.reach ? strtoull(a.reach, NULL, 10) : 0;
    sweep.shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(sweep.shared != MAP_FAILED && SITE_COUNT <= SITES_MAX);
    if (a.list)
        return list();
    if (a.reach)
        return worlds ? reach_run(&sweep, worlds) : usage();
    return a.scene ? one(&sweep, &a) : sweep_run(&sweep);
}
