/* replay.c -- runs a fuzz harness over stored inputs, where libFuzzer is not linked.
 *
 * Usage: fuzz_<name> <file or directory>...
 * Each input is given to the harness from a heap block of exactly its size, so that a sanitizer
 * sees one byte too far. An empty corpus is a failure: it would prove nothing.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned replay_count;

static void replay_file(const char *path, size_t len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *at = malloc(len ? len : 1);
    if (!f || !at || fread(at, 1, len, f) != len) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(at, len);
    free(at);
    replay_count++;
}

static void replay_path(const char *path);

static void replay_dir(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        char inner[PATH_MAX];
        if (e->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
        replay_path(inner);
    }
    closedir(dir);
}

static void replay_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    if (S_ISDIR(st.st_mode))
        replay_dir(path);
    else
        replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        replay_path(argv[i]);
    printf("%u inputs replayed\n", replay_count);
    return replay_count ? 0 : 1;
}
