/* config.h -- the settings of a node, from one table (node.def).
 *
 *     config_open(&c, say, arg);                 every value is its default
 *     config_file(&c, "shardlog.conf", bytes);   key = value
 *     config_environment(&c, environ);           SHARDLOG_KEY=value
 *     config_flags(&c, &argc, argv);             --key value
 *     config_check(&c);                          what the values say together
 *     if (c.faults) ... config_number(&c, CONFIG_MEMORY_TAIL) ...
 *
 * A flag wins over the environment, that over the file, that over the default, in whatever order
 * they are read. Every value remembers where it came from.
 *
 * Owner      whoever starts the node; read-only afterwards.
 * Thread     one while it is filled, any afterwards.
 * Memory     texts and lists of the values, until config_close(); ends the process when there is
 *            none (a few KiB at start).
 * Fails      every fault is one line to `say`, with place, key, value, limit and what to do, and
 *            reading goes on, so that all of them are seen; c.faults counts them. A note is worth
 *            reading and no fault.
 */
#ifndef NET_CONFIG_CONFIG_H
#define NET_CONFIG_CONFIG_H

#include "engine/base/near.h"
#include "engine/base/types.h"
#include "engine/io/socket.h"

enum config_key {
#define CONFIG(name, key, kind, def, lowest, highest, zero, when, text) CONFIG_##name,
#include "net/config/node.def"
#undef CONFIG
    CONFIG_COUNT
};

enum config_kind {
    CONFIG_KIND_BYTES,
    CONFIG_KIND_DURATION, /* ns */
    CONFIG_KIND_COUNT,
    CONFIG_KIND_WORD, /* index of the word; BOOL: 1 is true */
    CONFIG_KIND_PATHS,
    CONFIG_KIND_ADDRESSES,
    CONFIG_KIND_CPUS,
};

/* Words of the settings that have some, in the order of their lists. */
enum config_io { CONFIG_IO_AUTO, CONFIG_IO_URING, CONFIG_IO_PLAIN };
enum config_verify { CONFIG_VERIFY_LOAD, CONFIG_VERIFY_ALWAYS };
enum config_log_format { CONFIG_LOG_LOGFMT, CONFIG_LOG_TEXT };

struct config_row {
    const char *key;
    enum config_kind kind;
    const char *const *words; /* WORD: legal ones, NULL after the last */
    const char *def;
    uint64_t lowest, highest;
    const char *zero; /* what 0 means beside the limits; NULL: nothing special */
    bool live;
    const char *text;
};
const struct config_row *config_row(enum config_key which);
enum config_key config_find(const char *key); /* CONFIG_COUNT: no such key */

#define CONFIG_NAME_MAX 64u /* a flag, an environment name, or limits as text */
void config_flag_name(enum config_key which, char out[CONFIG_NAME_MAX]);
void config_environment_name(enum config_key which, char out[CONFIG_NAME_MAX]);
/* "64 KiB .. 1 GiB", "auto, uring, plain"; empty: no limits to speak of. */
void config_limits_text(enum config_key which, char out[CONFIG_NAME_MAX]);

/* From weak to strong. */
enum config_from { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

struct config_value {
    uint64_t number; /* BYTES, DURATION, COUNT, WORD; CPUS: 1 is auto */
    void *items;     /* PATHS: char *; ADDRESSES: struct io_address; CPUS: uint32_t */
    uint32_t count;
    char *text; /* as `config print` shows it; what it says parses to the same value */
    enum config_from from;
    uint32_t seen;      /* bit per enum config_from: given there */
    uint32_t file_line; /* where the file has it */
};

enum config_said { CONFIG_FAULT, CONFIG_NOTE };

struct config {
    struct config_value values[CONFIG_COUNT];
    char *file; /* name of the file that was read; NULL: none */
    void (*say)(void *arg, enum config_said what, const char *line);
    void *arg;
    uint32_t faults;
};

void config_open(struct config *c, void (*say)(void *arg, enum config_said what, const char *line),
                 void *arg);
void config_close(struct config *c); /* again is fine */

/* The text of a file; `name` is for messages. */
void config_file(struct config *c, const char *name, struct bytes text);
/* "NAME=value" texts, NULL after the last. An empty value is as none. An unknown SHARDLOG_ name is
 * a note: it may be meant for another program. */
void config_environment(struct config *c, char *const *environment);
/* Takes the flags it knows out of argv, with their values; all else stays, *argc of them. Stops at
 * "--". */
void config_flags(struct config *c, int *argc, char **argv);
/* Candidates for "did you mean": the flags. They stay valid for ever. */
void config_flags_near(struct near *n);
/* One value; for tests and for the three above. */
void config_set(struct config *c, enum config_key which, const char *text, enum config_from from,
                uint32_t line);
/* What no single value can say: listeners without authentication, limits that contradict. */
void config_check(struct config *c);

uint64_t config_number(const struct config *c, enum config_key which);
bool config_on(const struct config *c, enum config_key which); /* BOOL */
const char *config_text(const struct config *c, enum config_key which);
const char *const *config_paths(const struct config *c, enum config_key which, uint32_t *count);
const struct io_address *config_addresses(const struct config *c, enum config_key which,
                                          uint32_t *count);
/* *automatic: those the process may use; none and not automatic: not pinned. */
const uint32_t *config_cpus(const struct config *c, enum config_key which, uint32_t *count,
                            bool *automatic);
/* "default", "shardlog.conf:12", "SHARDLOG_SHARDS", "--shards". */
void config_from_text(const struct config *c, enum config_key which, char *out, size_t cap);

#endif
