/* serve.c -- `shardlog serve`: starts a broker, says what it is, waits for a signal, drains. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "tools/broker.h"
#include "tools/node_config.h"

#include <shardlog/engine.h>

#define LOOK_NS      (5 * MS_NS) /* between two looks at the state while it starts */
#define FILES_BESIDE 256u        /* descriptors for all but connections */

static void signals_choose(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

/* ---- before ---- */

/* Every connection is a descriptor: the hard limit is there to be used. */
static void files_allow(struct broker *b, const struct config *c)
{
    uint64_t wanted = config_number(c, CONFIG_CONNECTIONS_MAX) + FILES_BESIDE;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < wanted)
        broker_say(b, LOG_LEVEL_WARN,
                   "connections.max %llu needs %llu descriptors, and the limit is %llu: raise it "
                   "(ulimit -n, LimitNOFILE)",
                   (unsigned long long)config_number(c, CONFIG_CONNECTIONS_MAX),
                   (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
}

static void banner_say(struct broker *b, const struct config *c)
{
    struct utsname kernel;
    uname(&kernel);
    broker_say(b, LOG_LEVEL_INFO, "shardlog %s on %s %s", sl_version(), kernel.sysname,
               kernel.release);
    broker_say(b, LOG_LEVEL_INFO, "%u shards, data.dirs %s, journal.bytes %s, topics are %s",
               b->shards, config_text(c, CONFIG_DATA_DIRS), config_text(c, CONFIG_JOURNAL_BYTES),
               config_text(c, CONFIG_TOPIC_DURABILITY));
    broker_say(b, LOG_LEVEL_INFO, "memory: tail %s, network %s", config_text(c, CONFIG_MEMORY_TAIL),
               config_text(c, CONFIG_MEMORY_NETWORK));
    if (config_on(c, CONFIG_INSECURE))
        broker_say(b, LOG_LEVEL_WARN,
                   "insecure: whoever reaches a listener may read and write "
                   "everything");
    files_allow(b, c);
}

static void listeners_say(struct broker *b, const struct config *c)
{
    uint32_t count;
    char text[IO_ADDRESS_TEXT_BYTES];
    config_addresses(c, CONFIG_LISTEN_NATIVE, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct io_address at = native_address(b->native, i);
        broker_say(b, LOG_LEVEL_INFO, "native protocol on %s", io_address_text(&at, text));
    }
    config_addresses(c, CONFIG_LISTEN_HTTP, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct io_address at = http_address(b->http, i);
        broker_say(b, LOG_LEVEL_INFO, "metrics and health on %s", io_address_text(&at, text));
    }
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

static int signal_wait(void)
{
    sigset_t set;
    int sig;
    signals_choose(&set);
    while ((sig = sigwaitinfo(&set, NULL)) < 0 && errno == EINTR)
        ;
    return sig;
}

/* A second signal ends the process at once: the journal knows what to do. */
static void signals_default(void)
{
    sigset_t set;
    signals_choose(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int serve_run(struct broker *b, const struct config *c, uint64_t began_ns)
{
    struct why why = { "" };
    enum err err = ERR_OK;
    int sig = 0;
    enum serve_state state = start_wait(b, &err, &why, &sig);
    if (state == SERVE_READY) {
        listeners_say(b, c);
        broker_say(b, LOG_LEVEL_INFO, "ready in %llu ms",
                   (unsigned long long)((clock_ns() - began_ns) / MS_NS));
        sig = sig ? sig : signal_wait();
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

static int serve_with(const struct config *c)
{
    static struct broker broker; /* its log alone has 30 KiB */
    struct why why = { "" };
    uint64_t began_ns = clock_ns();
    sigset_t set;
    signals_choose(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    enum err err = broker_open(&broker, c, &why);
    int code = EXIT_TROUBLE;
    if (err == ERR_OK) {
        banner_say(&broker, c);
        code = serve_run(&broker, c, began_ns);
    } else {
        complain("%s (%s)", why.text[0] ? why.text : err_text(err), err_name(err));
    }
    broker_close(&broker);
    return code;
}

int serve_command(int argc, char **argv)
{
    struct config c;
    int code = node_config_open(&c, NULL, 0, &argc, argv);
    if (code == EXIT_CLEAN && !words_none(argc, argv))
        code = EXIT_TROUBLE;
    if (code == EXIT_CLEAN)
        code = serve_with(&c);
    config_close(&c);
    return code;
}
