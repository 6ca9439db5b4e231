/* node_log_test.c -- lines reach stderr as the settings and the journal want them. */
#include "tools/node_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/test.h"
#include "tests/unit/tools/capture.h"

/* A line of `level` with the settings of `argv`; JOURNAL_STREAM names stderr when `journal`. */
static void line_capture(struct capture *cap, int argc, char **argv, bool journal)
{
    struct config c;
    static struct log l;
    struct stat st;
    char stream[64];
    config_open(&c, NULL, NULL);
    config_flags(&c, &argc, argv);
    capture_begin(cap);
    if (journal && fstat(2, &st) == 0) {
        snprintf(stream, sizeof(stream), "%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev,
                 (uint64_t)st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
    }
    struct log_opts opts = node_log_opts(&c, 1);
    log_open(&l, &opts);
    log_say(&l, 0, &(struct log_line){ .level = LOG_LEVEL_INFO, .subsystem = "x", .message = "y" });
    capture_end(cap);
    unsetenv("JOURNAL_STREAM");
    config_close(&c);
}

TEST(node_log, follows_the_settings)
{
    struct capture c;
    char *text[] = { "--log-format=text" }, *warn[] = { "--log-level=warn" };
    line_capture(&c, 0, NULL, false);
    EXPECT_STR(c.err, "time=1970-01-01T00:00:00.000Z level=info shard=0 subsystem=x msg=y\n");
    line_capture(&c, 1, text, true);
    EXPECT_STR(c.err, "<6>1970-01-01T00:00:00.000Z info  x[0]: y\n");
    line_capture(&c, 1, warn, true);
    EXPECT_STR(c.err, "");
}
