/* command.h -- the table of subcommands, and what they share: words, places, exit codes.
 *
 * A command gets the words after its name, writes its answer to stdout and its complaints to
 * stderr, and returns an exit code.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include "engine/io/io.h"
#include "tools/out.h"

/* The same for every command; scripts may rely on them. */
enum exit_code {
    EXIT_CLEAN = 0,
    EXIT_DAMAGE = 1,   /* acknowledged data is damaged */
    EXIT_TROUBLE = 2,  /* wrong words, or it cannot look: no store, no permission, in use */
    EXIT_HEALABLE = 3, /* something is wrong, nothing is lost */
};

struct command {
    const char *name, *words, *purpose;
    int (*run)(int argc, char **argv);
    const char *help; /* options and examples */
};

int inspect_command(int argc, char **argv);
int check_command(int argc, char **argv);
int repair_command(int argc, char **argv);

/* ---- words ---- */

struct option_row {
    const char *name;  /* "--from" */
    bool *flag;        /* given or not; or */
    const char **text; /* takes a word; or */
    uint64_t *number;  /* takes a number */
    bool *given;       /* number: may be NULL */
};
/* Takes options out of argv wherever they stand; what is left are words, *argc of them. False
 * after a complaint. */
bool options_take(const struct option_row *rows, uint32_t count, int *argc, char **argv);

/* "shardlog: ..." on stderr. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- places ---- */

/* A store's directory. */
struct place {
    char *path;
    int fd;
};
struct places {
    struct io *io;
    struct place *at;
    uint32_t count, cap;
};
/* Each word is a store (a directory with a journal), or a directory of stores (store-00, ...).
 * EXIT_CLEAN, or EXIT_TROUBLE after a complaint. */
int places_open(struct places *p, int argc, char **argv);
void places_close(struct places *p);
/* Nobody else has the store's journal locked; waits 200 ms. False after a complaint. *fd stays
 * locked until io_fd_close(). */
bool place_lock(struct io *io, const struct place *p, int *fd);

#endif
