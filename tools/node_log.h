/* node_log.h -- where a node's log lines go: stderr, with priorities where the journal reads it.
 *
 * Thread     any; a line is one write, which a pipe or the journal takes whole or not at all.
 * Fails      never: a line that stderr does not take is lost. A reader of stderr that stops reading
 *            stops the writer too, as with every program.
 */
#ifndef TOOLS_NODE_LOG_H
#define TOOLS_NODE_LOG_H

#include "net/config/config.h"
#include "net/log/log.h"

/* What the settings say, for log_open(). `seed`: chance. */
struct log_opts node_log_opts(const struct config *c, uint64_t seed);
/* struct log_opts.put: `arg` is not used. */
void node_log_put(void *arg, const char *line, size_t len);

#endif
