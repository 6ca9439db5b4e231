/* options.c -- see options.h. */
#include "tools/demo/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/demo.h"

static const char usage[] =
    "shardlog demo: real files go through a broker over TCP, which is killed twice\n"
    "\n"
    "  --from PATH        a file or a directory instead of the documentation and the logs of this\n"
    "                     system; may be given more than once\n"
    "  --bytes N          so many bytes of input (4G, 64M, ...): repeats it, or cuts it;\n"
    "                     default: all there is, with a broker at least 256M\n"
    "  --durability WORD  synced (default), written or memory: what an acknowledgement waits for\n"
    "  --flip             damages one live byte before reading: the demo must fail\n"
    "  --seed N           draws the moments of the kills, and the byte; default: the time\n"
    "  --embedded         no broker: the engine inside the writer, which is killed instead\n"
    "  --dir DIR          works in this empty directory, and leaves it\n";

static uint64_t bytes_parse(const char *word)
{
    char *end;
    uint64_t n = strtoull(word, &end, 10);
    const char *units = "KMGT", *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        n <<= 10 * (unit - units + 1);
        end++;
    }
    if (!n || *end)
        die("--bytes %s: a number is wanted, like 4G or 500M", word);
    return n;
}

static const char *durability_parse(const char *word)
{
    if (strcmp(word, "synced") && strcmp(word, "written") && strcmp(word, "memory"))
        die("--durability %s: synced, written or memory is wanted", word);
    return word;
}

void options_parse(struct options *o, int argc, char **argv)
{
    static const struct option options[] = {
        { "from", required_argument, NULL, 'f' },
        { "bytes", required_argument, NULL, 'b' },
        { "dir", required_argument, NULL, 'd' },
        { "durability", required_argument, NULL, 'k' },
        { "flip", no_argument, NULL, 'x' },
        { "seed", required_argument, NULL, 's' },
        { "embedded", no_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int option, from_count = 0;
    o->from = need(calloc((size_t)argc, sizeof(*o->from)));
    o->durability = "synced";
    o->seed = (unsigned)now_ns();
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f':
            o->from[from_count++] = optarg;
            break;
        case 'b':
            o->bytes = bytes_parse(optarg);
            break;
        case 'd':
            o->dir = optarg;
            break;
        case 'k':
            o->durability = durability_parse(optarg);
            break;
        case 'x':
            o->flip = true;
            break;
        case 's':
            o->seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'e':
            o->embedded = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc || !o->dir) {
        fputs(usage, stderr);
        exit(2);
    }
}
