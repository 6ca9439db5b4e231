/* err.h -- the engine's short names for the public error codes. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <shardlog/err.h>

enum err {
#define ERR(name, code, retriable, text) ERR_##name = code,
#include <shardlog/err.def>
#undef ERR
};

/* Returns the error of `call` from the enclosing function, if there is one. */
#define TRY(call)                   \
    do {                            \
        enum err try_err_ = (call); \
        if (try_err_ != ERR_OK)     \
            return try_err_;        \
    } while (0)

static inline const char *err_name(enum err err)
{
    return sl_err_name((enum sl_err)err);
}
static inline const char *err_text(enum err err)
{
    return sl_err_text((enum sl_err)err);
}

#endif
