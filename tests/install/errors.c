/* errors.c -- the smallest user of the library: every error code has a name and a sentence. */
#include <shardlog/err.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    static const enum sl_err codes[] = {
#define ERR(name, code, retriable, text) SL_ERR_##name,
#include <shardlog/err.def>
#undef ERR
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (strcmp(sl_err_name(codes[i]), "UNKNOWN") == 0 || !*sl_err_text(codes[i]))
            return 1;
    printf("%zu error codes\n", sizeof(codes) / sizeof(*codes));
    return 0;
}
