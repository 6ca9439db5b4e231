/* command_test.c -- nested commands, help at every level, suggestions, options. */
#include "tools/command.h"

#include "tests/test.h"
#include "tests/unit/tools/capture.h"

static int create_run(int argc, char **argv)
{
    bool json = false, flag = false, given = false;
    const char *text = "-";
    uint64_t number = 0;
    const struct option_row rows[] = { OPTIONS_OUT(&json),
                                       { .name = "--flag", .flag = &flag },
                                       { .name = "--text", .text = &text },
                                       { .name = "--number", .number = &number, .given = &given } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    printf("json=%d flag=%d text=%s number=%llu given=%d", json, flag, text,
           (unsigned long long)number, given);
    for (int i = 0; i < argc; i++)
        printf(" <%s>", argv[i]);
    return EXIT_PARTLY;
}

static int plain_run(int argc, char **argv)
{
    return words_none(argc, argv) ? EXIT_CLEAN : EXIT_TROUBLE;
}

static const struct command topic_commands[] = {
    { "create", "NAME", "make a topic", create_run, "  --flag  flags\n", NULL },
    { "list", "", "name all topics", plain_run, "", NULL },
    { 0 },
};
static const struct command table[] = {
    { "topic", "COMMAND", "topics of a node", NULL, "", topic_commands },
    { "check", "DIR", "look", plain_run, "  DIR  where\n", NULL },
    { 0 },
};

static int table_run(int argc, char **argv)
{
    return command_run(table, argc, argv);
}
static int table_help(int argc, char **argv)
{
    return command_help(table, argc, argv);
}

TEST(command, words_lead_to_a_row)
{
    /* Goal: a nested command gets the words after its name, options anywhere, "--" ends them. */
    static const struct {
        const char *line, *out;
    } rows[] = {
        { "topic create", "json=0 flag=0 text=- number=0 given=0" },
        { "topic create a --flag b --text c", "json=0 flag=1 text=c number=0 given=0 <a> <b>" },
        { "topic create --text=x=y --number=0x10", "json=0 flag=0 text=x=y number=16 given=1" },
        { "topic create -o json", "json=1 flag=0 text=- number=0 given=0" },
        { "topic create --json", "json=1 flag=0 text=- number=0 given=0" },
        { "topic create --json -o table", "json=0 flag=0 text=- number=0 given=0" },
        { "topic create -o=json -1 -", "json=1 flag=0 text=- number=0 given=0 <-1> <->" },
        { "topic create a -- --flag -o --help",
          "json=0 flag=0 text=- number=0 given=0 <a> <--flag> <-o> <--help>" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct capture c;
        capture_run(&c, table_run, rows[i].line);
        EXPECT_STR(c.out, rows[i].out);
        EXPECT_STR(c.err, "");
        EXPECT_EQ(c.code, EXIT_PARTLY);
    }
}

TEST(command, slips_are_refused)
{
    /* Goal: exit code 2, one line, and the nearest word where there is one. */
    static const struct {
        const char *line, *err;
    } rows[] = {
        { "topci", "shardlog: no such command: topci; did you mean topic?\n" },
        { "inspect", "shardlog: no such command: inspect; `shardlog help` lists them\n" },
        { "topic creat", "shardlog: no such command: creat; did you mean create?\n" },
        { "topic check", "shardlog: no such command: check; `shardlog help` lists them\n" },
        { "topic create --flga", "shardlog: no such option: --flga; did you mean --flag?\n" },
        { "topic create --xyz=1", "shardlog: no such option: --xyz; --help lists them\n" },
        { "topic create -x", "shardlog: no such option: -x; --help lists them\n" },
        { "topic create --text", "shardlog: --text wants a value\n" },
        { "topic create --flag=1", "shardlog: --flag takes no value\n" },
        { "topic create --number 7x", "shardlog: --number wants a number, not `7x`\n" },
        { "topic create -o yaml", "shardlog: -o wants json or table, not `yaml`\n" },
        { "check a", "shardlog: `a` is one word too many; --help says what is wanted\n" },
        { "topci --help", "shardlog: no such command: topci; did you mean topic?\n" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct capture c;
        capture_run(&c, table_run, rows[i].line);
        EXPECT_STR(c.err, rows[i].err);
        EXPECT_STR(c.out, "");
        EXPECT_EQ(c.code, EXIT_TROUBLE);
    }
}

#define TOPIC_HELP                          \
    "usage: shardlog topic COMMAND ...\n\n" \
    "topics of a node.\n\n"                 \
    "  create NAME  make a topic\n"         \
    "  list         name all topics\n\n"    \
    "`shardlog topic COMMAND --help` says more.\n"
#define CREATE_HELP "usage: shardlog topic create NAME\n\nmake a topic.\n\n  --flag  flags\n"

TEST(command, help_at_every_level)
{
    /* Goal: --help, -h and `help WORDS` say the same; without a word help goes to stderr. */
    static const struct {
        const char *line, *out;
        bool by_help;
    } rows[] = {
        { "topic --help", TOPIC_HELP, false },
        { "topic -h", TOPIC_HELP, false },
        { "topic", TOPIC_HELP, true },
        { "topic create --help", CREATE_HELP, false },
        { "topic create a -h", CREATE_HELP, false },
        { "topic create", CREATE_HELP, true },
    };
    struct capture c;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        capture_run(&c, rows[i].by_help ? table_help : table_run, rows[i].line);
        EXPECT_STR(c.out, rows[i].out);
        EXPECT_STR(c.err, "");
        EXPECT_EQ(c.code, EXIT_CLEAN);
    }
    capture_run(&c, table_run, "topic");
    EXPECT_STR(c.err, TOPIC_HELP);
    EXPECT_EQ(c.code, EXIT_TROUBLE);
    capture_run(&c, table_run, "--help");
    EXPECT(strstr(c.out, "  check DIR      look\n") && strstr(c.out, "  9  done, and a limit"));
    EXPECT_EQ(c.code, EXIT_CLEAN);
    capture_run(&c, table_run, "");
    EXPECT(strstr(c.err, "usage: shardlog COMMAND ...\n"));
    EXPECT_EQ(c.code, EXIT_TROUBLE);
}
