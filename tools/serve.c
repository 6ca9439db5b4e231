/* serve.c -- `shardlog serve`: starts a broker, says what it is, waits for a signal, drains. SIGHUP
 * reads the settings again. */
#include <errno.h>
#include <signal.h>
#include <sys/utsname.h>

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "tools/banner.h"
#include "tools/broker.h"
#include "tools/node_config.h"
#include "tools/reload.h"

#include <shardlog/engine.h>

#define LOOK_NS (5 * MS_NS) /* between two looks at the state while it starts */

/* Those that end the node. */
static void signals_choose(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

static void signals_block(void)
{
    sigset_t set;
    signals_choose(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- before ---- */

static void start_say(struct broker *b, const struct config *c)
{
    struct utsname kernel;
    uname(&kernel);
    broker_say(b, LOG_LEVEL_INFO, "shardlog %s on %s %s", sl_version(), kernel.sysname,
               kernel.release);
    uint32_t connections = broker_connections(c);
    if (connections < config_number(c, CONFIG_CONNECTIONS_MAX))
        broker_say(
            b, LOG_LEVEL_WARN,
            "connections.max is %u, not %s: the limit of descriptors allows no more; raise it "
            "(ulimit -n, LimitNOFILE)",
            connections, config_text(c, CONFIG_CONNECTIONS_MAX));
}

/* ---- the banner ---- */

static void banner_line(void *arg, bool warning, const char *text)
{
    broker_say(arg, warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s", text);
}

/* Every store; *planned is their memory. The caller frees. */
static struct banner_store *stores_found(const struct serve *s, uint32_t *count, uint64_t *planned)
{
    struct banner_store *all = NULL;
    struct store_found f;
    *planned = 0;
    for (*count = 0; serve_store_found(s, *count, &f); ++*count) {
        all = realloc(all, (*count + 1) * sizeof(*all));
        check(all);
        all[*count] = (struct banner_store){ .dir = f.dir,
                                             .number = f.number,
                                             .error = f.err == ERR_OK ? NULL : f.why,
                                             .partitions = f.report.parts,
                                             .damaged = f.report.parts_damaged,
                                             .entries = f.report.entries,
                                             .open_ns = f.report.open_ns,
                                             .sync_ns = f.report.sync_ns };
        *planned += f.memory_bytes;
    }
    return all;
}

#define ADDRESSES_MAX (DOOR_ADDRESSES_MAX + HTTP_ADDRESSES_MAX)

/* Fills `at`; the listeners point into it. */
static void listeners_found(struct broker *b, const struct config *c, struct io_address *at,
                            struct banner_listener out[3])
{
    uint32_t clients = b->native + b->kafka, http;
    config_addresses(c, CONFIG_LISTEN_HTTP, &http);
    for (uint32_t i = 0; i < clients; i++)
        at[i] = door_address(b->door, i);
    for (uint32_t i = 0; i < http; i++)
        at[clients + i] = http_address(b->http, i);
    out[0] = (struct banner_listener){ "native protocol", at, b->native };
    out[1] = (struct banner_listener){ "Kafka protocol", at + b->native, b->kafka };
    out[2] = (struct banner_listener){ "metrics and health", at + clients, http };
}

static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes : 0;
}

static void ready_say(struct broker *b, const struct config *c, uint64_t began_ns)
{
    struct io_address at[ADDRESSES_MAX];
    struct banner_listener listeners[3];
    uint32_t cpus[SHARDS_MAX], count;
    uint64_t planned;
    struct banner_store *stores = stores_found(b->serve, &count, &planned);
    const struct banner_memory memory[] = {
        { "stores", planned },
        { "network", config_number(c, CONFIG_MEMORY_NETWORK) },
        { "receiving", (uint64_t)b->shards * RECEIVE_BUFFERS * RECEIVE_BYTES },
    };
    for (uint32_t i = 0; i < b->shards; i++)
        cpus[i] = (uint32_t)b->workers[i].cpu;
    listeners_found(b, c, at, listeners);
    banner_say(
        &(struct banner){ .features = serve_features(b->serve),
                          .cluster = serve_cluster(b->serve),
                          .node = (uint32_t)config_number(c, CONFIG_NODE_ID),
                          .shards = b->shards,
                          .cpus = b->workers[0].cpu >= 0 ? cpus : NULL,
                          .memory = memory,
                          .memory_count = 3,
                          .memory_machine = machine_memory(),
                          .stores = stores,
                          .store_count = count,
                          .listeners = listeners,
                          .listener_count = 3,
                          .durability = (enum durability)config_number(c, CONFIG_TOPIC_DURABILITY),
                          .ready_ns = clock_ns() - began_ns },
        banner_line, b);
    free(stores);
}

/* ---- run ---- */

/* Until it is ready, has failed, or is told to stop. */
static enum serve_state start_wait(struct broker *b, enum err *err, struct why *why, int *sig)
{
    const struct timespec look = { .tv_nsec = LOOK_NS };
    enum serve_state state;
    sigset_t set;
    signals_choose(&set);
    do {
        int got = sigtimedwait(&set, NULL, &look);
        *sig = got > 0 ? got : 0;
        state = broker_state(b, err, why);
    } while (state == SERVE_STARTING && !*sig);
    return state;
}

/* Until one ends the node; SIGHUP, also one that came while it started, does not. */
static int signal_wait(struct broker *b, struct reload *r)
{
    sigset_t set;
    int sig;
    signals_choose(&set);
    sigaddset(&set, SIGHUP);
    while ((sig = sigwaitinfo(&set, NULL)) == SIGHUP || (sig < 0 && errno == EINTR))
        if (sig == SIGHUP)
            reload_run(r, b);
    return sig;
}

/* A second signal ends the process at once: the journal knows what to do. */
static void signals_default(void)
{
    sigset_t set;
    signals_choose(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int serve_run(struct broker *b, struct reload *r, uint64_t began_ns)
{
    struct why why = { "" };
    enum err err = ERR_OK;
    int sig = 0;
    enum serve_state state = start_wait(b, &err, &why, &sig);
    if (state == SERVE_READY) {
        ready_say(b, r->start, began_ns);
        sig = sig ? sig : signal_wait(b, r);
    }
    signals_default();
    if (sig)
        broker_say(b, LOG_LEVEL_INFO, "%s: stopping", sig == SIGTERM ? "SIGTERM" : "SIGINT");
    uint64_t stop_ns = clock_ns();
    broker_stop(b);
    if (!sig) {
        broker_state(b, &err, &why);
        complain("%s (%s)", why.text, err_name(err));
        return EXIT_TROUBLE;
    }
    broker_say(b, LOG_LEVEL_INFO, "stopped in %llu ms: all is on disk",
               (unsigned long long)((clock_ns() - stop_ns) / MS_NS));
    return EXIT_CLEAN;
}

static int serve_with(struct reload *r)
{
    static struct broker broker; /* its log alone has 30 KiB */
    struct why why = { "" };
    uint64_t began_ns = clock_ns();
    signals_block();
    enum err err = broker_open(&broker, r->start, &why);
    int code = EXIT_TROUBLE;
    if (err == ERR_OK) {
        start_say(&broker, r->start);
        code = serve_run(&broker, r, began_ns);
    } else {
        complain("%s (%s)", why.text[0] ? why.text : err_text(err), err_name(err));
    }
    broker_close(&broker);
    return code;
}

int serve_command(int argc, char **argv)
{
    struct config c;
    struct reload r;
    reload_open(&r, argc, argv);
    int code = node_config_open(&c, NULL, 0, &argc, argv);
    if (code == EXIT_CLEAN && !words_none(argc, argv))
        code = EXIT_TROUBLE;
    r.start = &c;
    if (code == EXIT_CLEAN)
        code = serve_with(&r);
    reload_close(&r);
    config_close(&c);
    return code;
}
