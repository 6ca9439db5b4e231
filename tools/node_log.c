/* node_log.c -- see node_log.h. */
#include "tools/node_log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void node_log_put(void *arg, const char *line, size_t len)
{
    (void)arg;
    while (len) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
}

static bool stderr_is_journal(void)
{
    struct stat st;
    return fstat(STDERR_FILENO, &st) == 0 &&
           log_journal_is(getenv("JOURNAL_STREAM"), st.st_dev, st.st_ino);
}

struct log_opts node_log_opts(const struct config *c, uint64_t seed)
{
    return (struct log_opts){ .level = (enum log_level)config_number(c, CONFIG_LOG_LEVEL),
                              .text = config_number(c, CONFIG_LOG_FORMAT) == CONFIG_LOG_TEXT,
                              .journal = stderr_is_journal(),
                              .seed = seed,
                              .put = node_log_put };
}
