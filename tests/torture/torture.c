/* torture.c -- kills a broker again and again, and looks for everything that was promised.
 *
 *     torture --program SHARDLOG --dir DIR [--kills N] [--seed N] [--ready-ms N]
 *             [--data BYTES] [--data-kills N] [--trace]
 *
 *   - producers write and consumers read all the time, through every kill
 *   - kills come in phases that take turns: start, recovery, running, checkpoint, growth
 *   - after each start the judge reads what is new, and what it read before the last kill; every 25
 *     kills, and at the end, all of it
 *   - before the last kills (--data-kills) so much data is written as --data says
 *   - at the end the broker is stopped in order, started again, judged once more; then `shardlog
 *     check` reads its stores */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/follow.h"
#include "tests/torture/judge.h"
#include "tests/torture/ledger.h"
#include "tests/torture/load.h"
#include "tests/torture/moment.h"
#include "tests/torture/value.h"
#include "tools/demo/demo.h"

#define STARTS_MAX 4096u
#define JUDGE_ALL  25u
#define PACE       (8u << 20) /* bytes a second; a kill needs no flood */
#define PACE_NONE  UINT64_MAX / 4000000000u
#define WORDS_MAX  24

struct options {
    const char *program, *dir;
    unsigned kills, data_kills, seed;
    uint64_t data, ready_ms;
    bool trace;
};

static struct options options = { .kills = 25, .data_kills = 50, .ready_ms = 1000 };
static struct node node;
static uint64_t ready_ns[STARTS_MAX];
static unsigned starts, by_phase[PHASES];

/* ---- options ---- */

static uint64_t bytes_parse(const char *word)
{
    char *end;
    uint64_t n = strtoull(word, &end, 10);
    const char *units = "KMG", *unit = *end ? strchr(units, *end) : NULL;
    return unit ? n << 10 * (unit - units + 1) : n;
}

static void options_parse(int argc, char **argv)
{
    static const struct option words[] = {
        { "program", required_argument, NULL, 'p' },
        { "dir", required_argument, NULL, 'd' },
        { "kills", required_argument, NULL, 'k' },
        { "seed", required_argument, NULL, 's' },
        { "data", required_argument, NULL, 'b' },
        { "data-kills", required_argument, NULL, 'n' },
        { "ready-ms", required_argument, NULL, 'r' },
        { "trace", no_argument, NULL, 't' },
        { 0 },
    };
    int word;
    options.seed = (unsigned)now_ns();
    while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
        const char **text = word == 'p' ? &options.program : word == 'd' ? &options.dir : NULL;
        if (text)
            *text = optarg;
        else if (word == 'k')
            options.kills = (unsigned)atoi(optarg);
        else if (word == 's')
            options.seed = (unsigned)strtoul(optarg, NULL, 10);
        else if (word == 'b')
            options.data = bytes_parse(optarg);
        else if (word == 'n')
            options.data_kills = (unsigned)atoi(optarg);
        else if (word == 'r')
            options.ready_ms = strtoull(optarg, NULL, 10);
        else if (word == 't')
            options.trace = true;
        else
            exit(2);
    }
    if (optind != argc || !options.program || !options.dir || !options.kills)
        die("usage: --program SHARDLOG --dir DIR [--kills N] [--seed N] [--ready-ms N] "
            "[--data BYTES] [--data-kills N] [--trace]");
}

/* ---- the broker ---- */

static const char *const settings[] = {
    "--shards", "2", "--memory-tail", "128MiB", "--journal-bytes", "64MiB", "--volume-bytes",
    "64MiB",    NULL
};

static void broker_make(void)
{
    static char data[512], log[512];
    snprintf(data, sizeof(data), "%s/data", options.dir);
    snprintf(log, sizeof(log), "%s/broker.log", options.dir);
    node = (struct node){ .program = options.program, .data = data, .log = log, .words = settings };
}

static void broker_start(void)
{
    node_start(&node);
    if (starts < STARTS_MAX)
        ready_ns[starts++] = node.ready_ns - node.started_ns;
}

static void topics_make(void)
{
    struct sl_client *c = client_make(node.port, "torture");
    for (uint32_t i = 0; c && i < TOPICS; i++) {
        struct sl_setting rows[] = { { "shardlog.durability", topic_rows[i].durability },
                                     { "max.message.bytes", "2097152" },
                                     { "retention.ms", "-1" } };
        struct sl_topic_options o = {
            .size = sizeof(o), .partitions = TOPIC_PARTS, .settings = rows, .setting_count = 3
        };
        if (sl_client_create(c, topic_rows[i].name, &o, NULL) != SL_ERR_OK)
            die("cannot make topic %s: %s", topic_rows[i].name, sl_client_error(c)->text);
    }
    sl_client_close(&c);
}

/* ---- kills ---- */

/* What helps the phase to come. A store that is left alone writes a checkpoint as well, and needs
 * no half a journal for it. */
static void load_for(enum phase phase)
{
    if (phase == PHASE_CHECKPOINT && moment_draw(4) != 0)
        load_pace(0, LOAD_ANY);
    else if (phase == PHASE_CHECKPOINT)
        load_pace(PACE, LOAD_SMALL); /* a flood would pass the journal by, in large runs */
    else if (phase == PHASE_GROWTH)
        load_pace(PACE_NONE, LOAD_LARGE);
    else
        load_pace(PACE, LOAD_ANY);
}

static void kill_count(unsigned number, enum phase wanted)
{
    enum phase phase = moment_kill(&node, wanted);
    by_phase[phase]++;
    if (options.trace)
        printf("kill       %u: %s, while %s was waited for; %u half volumes, %u half images; %.1f "
               "MB\n",
               number, phase_names[phase], phase_names[wanted], moment_half_volumes(),
               moment_half_images(), (double)ledger_sums().bytes / 1e6);
}

static void kill_once(unsigned number, enum phase wanted)
{
    bool early = wanted == PHASE_START || wanted == PHASE_RECOVERY;
    moment_clear();
    load_for(wanted);
    if (early || wanted == PHASE_GROWTH) {
        node_begin(&node);
    } else {
        broker_start();
        judge_run(number % JUDGE_ALL == 0 && !options.data);
        moment_clear();
    }
    kill_count(number, wanted);
}

/* Growth in bursts: what a kill left half made is made again at the next start. */
static enum phase phase_of(unsigned number)
{
    static const enum phase turns[] = { PHASE_RUN,        PHASE_START,      PHASE_RECOVERY,
                                        PHASE_CHECKPOINT, PHASE_GROWTH,     PHASE_GROWTH,
                                        PHASE_RUN,        PHASE_CHECKPOINT, PHASE_RECOVERY,
                                        PHASE_START };
    return turns[number % (sizeof(turns) / sizeof(turns[0]))];
}

static void data_fill(void)
{
    broker_start();
    load_pace(PACE_NONE, LOAD_LARGE);
    while (ledger_sums().bytes < options.data && !wrongs())
        usleep(50000);
    load_pace(PACE, LOAD_ANY);
    printf("data       %.1f MB are acknowledged before the last %u kills\n",
           (double)ledger_sums().bytes / 1e6, options.data_kills);
    judge_run(true);
    node_kill(&node);
    by_phase[PHASE_RUN]++;
}

static void kills_run(void)
{
    for (unsigned i = 1; i < options.kills && !wrongs(); i++) {
        if (options.data && i + options.data_kills == options.kills)
            data_fill();
        else
            kill_once(i, phase_of(i));
    }
}

/* ---- the end ---- */

static void stores_check(void)
{
    pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        execl(options.program, options.program, "check", node.data, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        wrong("`shardlog check %s` found something: exit status %d", node.data,
              WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void finish(void)
{
    broker_start();
    load_stop();
    judge_run(true);
    follow_stop();
    if (wrongs())
        return;
    judge_end();
    if (!node_stop(&node))
        wrong("the broker did not stop in order");
    broker_start();
    judge_run(true);
    judge_end();
    node_stop(&node);
    stores_check();
}

static int ns_order(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void report(void)
{
    struct ledger_sums sums = ledger_sums();
    unsigned kills = 0;
    for (int i = 0; i < PHASES; i++)
        kills += by_phase[i];
    printf("kills      %u:", kills);
    for (int i = 0; i < PHASES; i++)
        printf("%s %s %u", i ? "," : "", phase_names[i], by_phase[i]);
    printf("; %u left half a volume, %u came after an image was begun\n", moment_half_volumes(),
           moment_half_images());
    qsort(ready_ns, starts, sizeof(*ready_ns), ns_order);
    if (starts)
        printf("ready      %u starts: p50 %.0f ms, at most %.0f ms (%" PRIu64 " ms allowed)\n",
               starts, (double)ready_ns[starts / 2] / 1e6, (double)ready_ns[starts - 1] / 1e6,
               options.ready_ms);
    if (starts && ready_ns[starts - 1] > options.ready_ms * 1000000)
        wrong("ready after %.0f ms; %" PRIu64 " ms are allowed", (double)ready_ns[starts - 1] / 1e6,
              options.ready_ms);
    printf("records    %" PRIu64 " acknowledged in %" PRIu64 " appends, %.1f MB; %" PRIu64
           " appends were there already when they were sent again; %" PRIu64 " seen by consumers\n",
           sums.records, sums.acks, (double)sums.bytes / 1e6, load_duplicates(), sums.seen);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    options_parse(argc, argv);
    printf("torture    %u kills, seed %u, %s\n", options.kills, options.seed, options.dir);
    value_open(options.seed);
    ledger_open();
    broker_make();
    broker_start();
    topics_make();
    moment_open(node.data, options.seed);
    judge_open(node.port);
    load_start(node.port, options.seed);
    follow_start(node.port);
    load_pace(PACE, LOAD_ANY);
    kill_count(0, PHASE_RUN);
    kills_run();
    finish();
    report();
    if (wrongs())
        node_log_show(&node);
    node_end(&node);
    judge_close();
    moment_close();
    printf(wrongs()
               ? "FAIL       %" PRIu64 " findings\n"
               : "OK         every acknowledged record is there, in order, once; and every one "
                 "that was seen\n",
           wrongs());
    ledger_close();
    value_close();
    return wrongs() ? 1 : 0;
}
