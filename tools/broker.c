/* broker.c -- settings to options; threads. */
#include "tools/broker.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/base/check.h"
#include "net/kafka/front.h"
#include "net/native/server.h"
#include "tools/node_log.h"

#define WORKER_WAIT_NS        (10 * SEC_NS) /* a doorbell ends it early; this is only a bound */
#define CPUS_MAX              1024u
#define LISTEN_WAIT_NS        (3 * SEC_NS)
#define LISTEN_LOOK_NS        (50 * MS_NS)
#define ADDRESSES_MAX         16u
#define AUTO_PARTITIONS_LEAST 4u    /* what clients' own tests expect */
#define FILES_BESIDE          1024u /* descriptors for all but connections */

#define TAIL_BYTES MIB(96) /* of a shard: docs/decisions/0016-small-tails.md */

static_assert(2 * ADDRESSES_MAX <= DOOR_ADDRESSES_MAX && ADDRESSES_MAX <= HTTP_ADDRESSES_MAX,
              "the fronts take as many");

/* ---- words ---- */

uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SEC_NS + (uint64_t)t.tv_nsec;
}

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void line_say(struct broker *b, enum log_level level, const char *subsystem,
                     const char *text)
{
    struct log_line line = { .time_ms = clock_ms(),
                             .level = level,
                             .shard = LOG_NO_SHARD,
                             .subsystem = subsystem,
                             .message = text };
    pthread_mutex_lock(&b->lock);
    log_say(&b->log, clock_ns(), &line);
    pthread_mutex_unlock(&b->lock);
}

void broker_say(struct broker *b, enum log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    line_say(b, level, "node", text);
}

static void engine_note(void *arg, const char *line)
{
    line_say(arg, LOG_LEVEL_WARN, "engine", line);
}

/* ---- options ---- */

/* The processors that this process may use. */
static uint32_t cpus_allowed(int *list)
{
    cpu_set_t set;
    uint32_t count = 0;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 0;
    for (int i = 0; i < CPU_SETSIZE && count < CPUS_MAX; i++)
        if (CPU_ISSET(i, &set))
            list[count++] = i;
    return count;
}

static uint32_t shards_of(const struct config *c)
{
    int list[CPUS_MAX];
    uint64_t asked = config_number(c, CONFIG_SHARDS);
    uint64_t most = asked ? asked : cpus_allowed(list);
    return (uint32_t)min_u64(max_u64(most, 1), SHARDS_MAX);
}

static enum err addresses_of(const struct config *c, enum config_key which,
                             const struct io_address **at, uint32_t *count, struct why *why)
{
    *at = config_addresses(c, which, count);
    if (*count <= ADDRESSES_MAX)
        return ERR_OK;
    why_set(why, "%s has %u addresses; the limit is %u", config_row(which)->key, *count,
            ADDRESSES_MAX);
    return ERR_INVALID;
}

static enum err http_start(struct broker *b, struct why *why)
{
    struct http_opts o = { .board = &b->board };
    TRY(addresses_of(b->config, CONFIG_LISTEN_HTTP, &o.at, &o.at_count, why));
    return http_open(&b->http, b->io, &o, why);
}

/* Every connection is a descriptor: the hard limit is there to be used, but for what stores need,
 * whose files grow in number with what is kept. So one connection too many is told so, rather than
 * left in the backlog. */
uint32_t broker_connections(const struct config *c)
{
    uint64_t wanted = config_number(c, CONFIG_CONNECTIONS_MAX);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return (uint32_t)wanted;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    uint64_t beside = min_u64(FILES_BESIDE, limit.rlim_max / 2);
    return (uint32_t)min_u64(wanted, max_u64(limit.rlim_max - beside, 1));
}

/* 0: none is made. */
static uint32_t auto_partitions_of(const struct broker *b, const struct config *c)
{
    uint64_t asked = config_number(c, CONFIG_TOPIC_AUTO_PARTITIONS);
    if (!config_on(c, CONFIG_TOPIC_AUTO_CREATE))
        return 0;
    return (uint32_t)(asked ? asked : max_u64(b->shards, AUTO_PARTITIONS_LEAST));
}

/* Without the addresses. */
static struct door_opts door_opts_of(const struct broker *b, const struct config *c)
{
    uint32_t advertised;
    const struct io_address *advertise = config_addresses(c, CONFIG_ADVERTISE_KAFKA, &advertised);
    return (struct door_opts){
        .shards = b->shards,
        .node = (uint32_t)config_number(c, CONFIG_NODE_ID),
        .frame_max = (uint32_t)min_u64(config_number(c, CONFIG_FRAME_MAX), UINT32_MAX),
        .connections_max = broker_connections(c),
        .requests_max = (uint32_t)config_number(c, CONFIG_REQUESTS_MAX),
        .memory_bytes =
            config_number(c, CONFIG_MEMORY_NETWORK) / 2, /* the rest: what fetches read */
        .space_max = config_number(c, CONFIG_SPACE_MAX),
        .idle_ns = config_number(c, CONFIG_CONNECTION_IDLE),
        .frame_timeout_ns = config_number(c, CONFIG_CONNECTION_FRAME_TIMEOUT),
        .send_timeout_ns = config_number(c, CONFIG_CONNECTION_SEND_TIMEOUT),
        .partitions_default = (uint32_t)config_number(c, CONFIG_TOPIC_PARTITIONS),
        .durability = (enum durability)config_number(c, CONFIG_TOPIC_DURABILITY),
        .durability_set = true,
        .auto_partitions = auto_partitions_of(b, c),
        .advertise = advertised ? *advertise : (struct io_address){ .version = 0 },
        .helper = b->helper,
        .log = &b->log_opts,
        .board = &b->board,
    };
}

static enum err listen_add(const struct config *c, enum config_key which,
                           const struct protocol *speaks, struct door_listen *to, uint32_t *count,
                           struct why *why)
{
    const struct io_address *at;
    TRY(addresses_of(c, which, &at, count, why));
    for (uint32_t i = 0; i < *count; i++)
        to[i] = (struct door_listen){ at[i], speaks };
    return ERR_OK;
}

static enum err door_start(struct broker *b, struct why *why)
{
    struct door_listen listen[2 * ADDRESSES_MAX];
    struct door_opts o = door_opts_of(b, b->config);
    TRY(listen_add(b->config, CONFIG_LISTEN_NATIVE, &native_protocol, listen, &b->native, why));
    TRY(listen_add(b->config, CONFIG_LISTEN_KAFKA, &kafka_protocol, listen + b->native, &b->kafka,
                   why));
    o.listen = listen;
    o.listen_count = b->native + b->kafka;
    return door_open(&b->door, b->io, &o, why);
}

void broker_adjust(struct broker *b, const struct config *c)
{
    struct log_opts log = node_log_opts(c, 0);
    pthread_mutex_lock(&b->lock);
    b->log.opts.level = b->log_opts.level = log.level;
    b->log.opts.text = b->log_opts.text = log.text;
    pthread_mutex_unlock(&b->lock);
    struct door_opts o = door_opts_of(b, c);
    door_adjust(b->door, b->serve, &o);
}

/* The kernel takes a ring of a killed process apart after that process is gone, and its accepts
 * keep the listener until then: whoever starts again at once meets its own past. */
static enum err listen_start(struct broker *b, enum err (*start)(struct broker *, struct why *),
                             struct why *why)
{
    const struct timespec look = { .tv_nsec = LISTEN_LOOK_NS };
    uint64_t due_ns = clock_ns() + LISTEN_WAIT_NS;
    enum err err;
    while ((err = start(b, why)) == ERR_BUSY && clock_ns() < due_ns)
        nanosleep(&look, NULL);
    return err;
}

/* Where a setting says 0, it means it; in the options 0 is the default. */
static struct group_opts group_opts_of(const struct config *c)
{
    uint64_t delay_ns = config_number(c, CONFIG_GROUPS_DELAY);
    uint64_t retention_ns = config_number(c, CONFIG_GROUPS_RETENTION);
    return (struct group_opts){
        .delay_ms = delay_ns ? (int32_t)(delay_ns / MS_NS) : -1,
        .retention_ms = retention_ns ? (int64_t)(retention_ns / MS_NS) : INT64_MAX,
    };
}

static uint64_t tail_bytes_of(const struct broker *b, const struct config *c)
{
    uint64_t asked = config_number(c, CONFIG_MEMORY_TAIL);
    return asked ? asked : b->shards * TAIL_BYTES;
}

static enum err engine_start(struct broker *b, struct why *why)
{
    const struct config *c = b->config;
    struct serve_opts o = { .shards = b->shards };
    o.dirs = config_paths(c, CONFIG_DATA_DIRS, &o.dir_count);
    o.io.recv_buffers = RECEIVE_BUFFERS;
    o.io.recv_buffer_bytes = RECEIVE_BYTES;
    o.io.plain = config_number(c, CONFIG_IO) == CONFIG_IO_PLAIN;
    o.store.tail_bytes = tail_bytes_of(b, c);
    o.store.verify_always = config_number(c, CONFIG_VERIFY) == CONFIG_VERIFY_ALWAYS;
    o.store.space_max = config_number(c, CONFIG_SPACE_MAX);
    o.geometry.journal_bytes = config_number(c, CONFIG_JOURNAL_BYTES);
    o.geometry.slabs =
        (uint32_t)(config_number(c, CONFIG_VOLUME_BYTES) / geometry_default().extent_max);
    o.node = (uint32_t)config_number(c, CONFIG_NODE_ID);
    o.read_bytes = config_number(c, CONFIG_MEMORY_NETWORK) / 2;
    o.retention_ns = config_number(c, CONFIG_RETENTION_INTERVAL);
    o.groups = b->kafka > 0;
    o.group = group_opts_of(c);
    o.note = engine_note;
    o.note_arg = b;
    b->fronts[0] = door_front(b->door);
    b->fronts[1] = http_front(b->http);
    o.fronts = b->fronts;
    o.front_count = 2;
    return serve_open(&b->serve, &o, why);
}

/* What this machine, or this version, cannot keep is refused rather than passed over. */
static enum err settings_can(struct broker *b, struct why *why)
{
    if (config_number(b->config, CONFIG_IO) != CONFIG_IO_URING)
        return ERR_OK;
    struct io *io;
    TRY(io_open(&io, &(struct io_opts){ .why = why }));
    bool uring = io_features(io).io_uring;
    io_close(&io);
    return uring ? ERR_OK : ERR_UNSUPPORTED;
}

/* ---- threads ---- */

static void worker_quit(struct letter *l, struct shard *at)
{
    (void)at;
    container_of(l, struct broker_worker, quit_letter)->quit = true;
}

static void worker_pin(const struct broker_worker *w)
{
    cpu_set_t set;
    if (w->cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(w->cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
        broker_say(w->broker, LOG_LEVEL_WARN, "shard %u cannot run on core %d: it is not pinned",
                   w->shard, w->cpu);
}

static void *worker_run(void *arg)
{
    struct broker_worker *w = arg;
    struct serve *s = w->broker->serve;
    worker_pin(w);
    while (!w->quit) {
        serve_turn(s, w->shard, WORKER_WAIT_NS);
        if (!serve_shard(s, w->shard)->io)
            break; /* its io did not open: there is nothing to turn */
    }
    return NULL;
}

static void *helper_thread(void *arg)
{
    helper_run(arg);
    return NULL;
}

/* One will do: the others only make it faster. */
static void helpers_start(struct broker *b)
{
    b->helpers = calloc(b->shards, sizeof(*b->helpers));
    check(b->helpers);
    while (b->helper_count < b->shards &&
           pthread_create(&b->helpers[b->helper_count], NULL, helper_thread, b->helper) == 0)
        b->helper_count++;
}

/* Signals are for the main thread: it waits for them. */
static enum err workers_start(struct broker *b, struct why *why)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    uint32_t i = 0;
    for (; i < b->shards; i++) {
        struct broker_worker *w = &b->workers[i];
        w->started = pthread_create(&w->thread, NULL, worker_run, w) == 0;
        if (!w->started)
            break;
    }
    helpers_start(b);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (i == b->shards && b->helper_count)
        return ERR_OK;
    why_set(why,
            "the thread of shard %u could not be started: lower `shards`, or raise the limit "
            "of threads (ulimit -u)",
            i);
    return ERR_LIMIT;
}

static enum err workers_make(struct broker *b, struct why *why)
{
    uint32_t count;
    bool automatic;
    int allowed[CPUS_MAX];
    const uint32_t *list = config_cpus(b->config, CONFIG_PIN, &count, &automatic);
    uint32_t allowed_count = cpus_allowed(allowed);
    b->workers = calloc(b->shards, sizeof(*b->workers));
    check(b->workers);
    if (count && count < b->shards) {
        why_set(why, "pin names %u cores for %u shards: name one for each", count, b->shards);
        return ERR_INVALID;
    }
    for (uint32_t i = 0; i < b->shards; i++) {
        int cpu = count ? (int)list[i] : -1;
        if (automatic && allowed_count)
            cpu = allowed[i % allowed_count];
        b->workers[i] = (struct broker_worker){ .broker = b, .shard = i, .cpu = cpu };
    }
    return ERR_OK;
}

/* ---- life ---- */

enum err broker_open(struct broker *b, const struct config *c, struct why *why)
{
    uint64_t seed = 0;
    *b = (struct broker){ .config = c, .shards = shards_of(c) };
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = clock_ns();
    b->log_opts = node_log_opts(c, seed);
    log_open(&b->log, &b->log_opts);
    pthread_mutex_init(&b->lock, NULL);
    TRY(settings_can(b, why));
    TRY(workers_make(b, why));
    TRY(io_open(&b->io, &(struct io_opts){ .plain = true, .why = why }));
    TRY(metrics_board_open(&b->board, b->shards, (uint64_t)clock_ms()));
    b->helper = helper_open();
    TRY(listen_start(b, door_start, why));
    TRY(listen_start(b, http_start, why));
    TRY(engine_start(b, why));
    return workers_start(b, why);
}

enum serve_state broker_state(struct broker *b, enum err *err, struct why *why)
{
    return serve_state(b->serve, err, why);
}

void broker_stop(struct broker *b)
{
    if (!b->serve)
        return;
    serve_stop(b->serve);
    for (uint32_t i = 0; i < b->shards; i++)
        if (!b->workers[i].started)
            serve_turn(b->serve, i, 0); /* it has no thread; its first turn finds the stop */
    serve_await(b->serve, SERVE_STOPPING);
    for (uint32_t i = 0; i < b->shards; i++) {
        struct broker_worker *w = &b->workers[i];
        if (!w->started)
            continue;
        w->quit_letter.open = worker_quit;
        shard_post(serve_shard(b->serve, i), &w->quit_letter);
        pthread_join(w->thread, NULL);
        w->started = false;
    }
}

static void helpers_end(struct broker *b)
{
    if (b->helper)
        helper_stop(b->helper);
    for (uint32_t i = 0; i < b->helper_count; i++)
        pthread_join(b->helpers[i], NULL);
    b->helper_count = 0;
    free(b->helpers);
    b->helpers = NULL;
}

void broker_close(struct broker *b)
{
    broker_stop(b);
    helpers_end(b);
    serve_close(&b->serve);
    if (b->http)
        http_close(&b->http);
    door_close(&b->door);
    helper_close(&b->helper);
    metrics_board_close(&b->board);
    if (b->io)
        io_close(&b->io);
    free(b->workers);
    b->workers = NULL;
    pthread_mutex_destroy(&b->lock);
}
