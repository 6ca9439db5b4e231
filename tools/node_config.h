/* node_config.h -- a node's settings as a program gets them: file, environment, words.
 *
 * Fails      every fault is a line on stderr; so is every note.
 */
#ifndef TOOLS_NODE_CONFIG_H
#define TOOLS_NODE_CONFIG_H

#include "net/config/config.h"
#include "tools/command.h"

/* Opens *c and takes from the words: flags of settings, the options of `rows`, and --config FILE.
 * Then reads the file (else the one in SHARDLOG_CONFIG, or none) and the environment, and checks.
 * EXIT_CLEAN, or EXIT_TROUBLE after complaints; config_close() in any case. */
int node_config_open(struct config *c, const struct option_row *rows, uint32_t count, int *argc,
                     char **argv);
/* The same words again, while the node runs: files and environment are read anew, and `say` is told
 * what is wrong. */
int node_config_again(struct config *c,
                      void (*say)(void *arg, enum config_said what, const char *line), void *arg,
                      int *argc, char **argv);
/* The words alone; false after a complaint. config_close() in any case. */
bool node_config_words(struct config *c, const struct option_row *rows, uint32_t count, int *argc,
                       char **argv);
/* Reads one file into an open configuration. False after a complaint. */
bool node_config_file(struct config *c, const char *path);

void config_doc_print(FILE *to); /* docs/CONFIG.md */

extern const struct command config_commands[];

#endif
