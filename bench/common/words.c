/* words.c -- see words.h. */
#include "bench/common/words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

static void help(const struct word *words, const char *usage)
{
    int width = 0;
    for (const struct word *w = words; w->name; w++) {
        int n = (int)(strlen(w->name) + (w->value ? 1 + strlen(w->value) : 0));
        if (w->help && n > width)
            width = n;
    }
    puts(usage);
    for (const struct word *w = words; w->name; w++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%s%s", w->name, w->value ? " " : "",
                 w->value ? w->value : "");
        if (w->help)
            printf("  --%-*s  %s\n", width, left, w->help);
    }
    puts("Exit status: 0 every goal is met, 1 not so.");
}

static void value_refuse(const struct word *w, const char *value, const char *wanted)
{
    fprintf(stderr, "--%s %s: %s is wanted\n", w->name, value, wanted);
    exit(2);
}

static void word_take(const struct word *w, const char *value)
{
    char *end = NULL;
    if (w->flag) {
        *w->flag = true;
    } else if (w->text) {
        *w->text = value;
    } else if (w->count) {
        unsigned long n = strtoul(value, &end, 10);
        if (end == value || *end || *value == '-' || n > UINT32_MAX)
            value_refuse(w, value, "a whole number");
        *w->count = (uint32_t)n;
    } else {
        *w->number = strtod(value, &end);
        if (end == value || *end || !(*w->number >= 0))
            value_refuse(w, value, "a number");
    }
}

void words_take(int argc, char **argv, const struct word *words, const char *usage)
{
    struct option known[WORDS_MAX + 2] = { 0 };
    uint32_t count = 0;
    for (; words[count].name; count++) {
        check(count < WORDS_MAX);
        known[count].name = words[count].name;
        known[count].has_arg = words[count].flag ? no_argument : required_argument;
        known[count].val = (int)count;
    }
    known[count].name = "help";
    known[count].val = (int)count;
    for (int at; (at = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (at == '?')
            exit(2); /* getopt_long() has said why */
        if ((uint32_t)at == count) {
            help(words, usage);
            exit(0);
        }
        word_take(&words[at], optarg);
    }
    if (optind < argc) {
        fprintf(stderr, "%s: not an option; --help lists them\n", argv[optind]);
        exit(2);
    }
}
