/* err.c -- the table of errors, read three ways. A value outside the list is answered, not trusted.
 */
#include <shardlog/err.h>

const char *sl_err_name(enum sl_err err)
{
    switch (err) {
#define ERR(name, code, retriable, text) \
    case SL_ERR_##name:                  \
        return #name;
#include <shardlog/err.def>
#undef ERR
    }
    return "UNKNOWN";
}

const char *sl_err_text(enum sl_err err)
{
    switch (err) {
#define ERR(name, code, retriable, text) \
    case SL_ERR_##name:                  \
        return text;
#include <shardlog/err.def>
#undef ERR
    }
    return "unknown error code";
}

bool sl_err_retriable(enum sl_err err)
{
    switch (err) {
#define ERR(name, code, retriable, text) \
    case SL_ERR_##name:                  \
        return retriable;
#include <shardlog/err.def>
#undef ERR
    }
    return false;
}
