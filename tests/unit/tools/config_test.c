/* config_test.c -- `shardlog config`: what would be used, and from where. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/tools/capture.h"
#include "tools/node_config.h"

static int config_run(int argc, char **argv)
{
    return command_run(config_commands, argc, argv);
}

/* A file with this text; valid until exit. */
static const char *file_of(const char *text)
{
    const char *path = test_path(test_dir(), "c");
    FILE *f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
    return path;
}

static void config_line(struct capture *c, const char *fmt, const char *path)
{
    char line[512];
    snprintf(line, sizeof(line), "%s%s", fmt, path);
    capture_run(c, config_run, line);
}

TEST(config, print_says_from_where)
{
    /* Goal: one value from each place, for people and for programs. */
    struct capture c;
    const char *path = file_of("# x\nlog.level = warn\nshards = 7\n");
    setenv("SHARDLOG_SHARDS", "2", 1);
    config_line(&c, "print --node-id=9 --config ", path);
    EXPECT_EQ(c.code, EXIT_CLEAN);
    EXPECT_STR(c.err, "");
    char want[512];
    snprintf(want, sizeof(want),
             "\"key\": \"log.level\",\n      \"value\": \"warn\",\n      \"from\": \"%s:2\"", path);
    EXPECT(strstr(c.out, " SHARDLOG_SHARDS\n") && strstr(c.out, " --node-id\n"));
    config_line(&c, "print -o json --config ", path);
    EXPECT(strstr(c.out, want));
    setenv("SHARDLOG_CONFIG", path, 1);
    config_line(&c, "print --json", "");
    EXPECT(strstr(c.out, want));
    unsetenv("SHARDLOG_CONFIG");
    unsetenv("SHARDLOG_SHARDS");
}

TEST(config, check_says_every_fault)
{
    struct capture c;
    char want[1024];
    const char *path = file_of("shardz = 1\nio = fast\n");
    config_line(&c, "check ", path);
    snprintf(want, sizeof(want),
             "shardlog: %s:1: unknown setting 'shardz': did you mean 'shards'?\n"
             "shardlog: %s:2: io: 'fast' is not one of: auto, uring, plain\n",
             path, path);
    EXPECT_STR(c.err, want);
    EXPECT_EQ(c.code, EXIT_TROUBLE);
    path = file_of("listen.http = 0.0.0.0:9720\n");
    config_line(&c, "check ", path);
    EXPECT(strstr(c.err, ":1: listen.http: '0.0.0.0:9720' lets other machines reach"));
    EXPECT_EQ(c.code, EXIT_TROUBLE);
    config_line(&c, "check --insecure ", path);
    EXPECT_STR(c.err, "");
    EXPECT_EQ(c.code, EXIT_CLEAN);
}

TEST(config, words_and_files_that_are_wrong)
{
    struct capture c;
    config_line(&c, "print --shrads 3", "");
    EXPECT_STR(c.err, "shardlog: no such option: --shrads; did you mean --shards?\n");
    config_line(&c, "print extra", "");
    EXPECT_EQ(c.code, EXIT_TROUBLE);
    config_line(&c, "check", "");
    EXPECT_STR(c.err, "shardlog: which file? One at a time\n");
    config_line(&c, "check /nowhere/at.all", "");
    EXPECT_STR(c.err, "shardlog: /nowhere/at.all: No such file or directory\n");
    config_line(&c, "print --config ", test_dir());
    EXPECT(strstr(c.err, ": Is a directory\n"));
    EXPECT_EQ(c.code, EXIT_TROUBLE);
}
