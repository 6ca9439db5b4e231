/* repair.c -- `shardlog repair`. */
#include "tools/command.h"

int repair_run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return EXIT_TROUBLE;
}
