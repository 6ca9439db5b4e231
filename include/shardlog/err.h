/* err.h -- the error codes of shardlog: a closed list, from err.def.
 *
 * Thread     every function here may be called from any thread.
 */
#ifndef SHARDLOG_ERR_H
#define SHARDLOG_ERR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sl_err {
#define ERR(name, code, retriable, text) SL_ERR_##name = code,
#include <shardlog/err.def>
#undef ERR
};

/* The code's name ("NO_SPACE"); "UNKNOWN" for a value outside the list. Static memory. */
const char *sl_err_name(enum sl_err err);

/* One sentence for humans. Static memory. */
const char *sl_err_text(enum sl_err err);

/* True when the same call may succeed later without a change by the caller. */
bool sl_err_retriable(enum sl_err err);

#ifdef __cplusplus
}
#endif
#endif
