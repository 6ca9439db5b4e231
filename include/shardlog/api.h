/* api.h -- what every public header needs: visibility, and C linkage for C++. */
#ifndef SHARDLOG_API_H
#define SHARDLOG_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_API __attribute__((visibility("default")))

#ifdef __cplusplus
#define SL_API_BEGIN extern "C" {
#define SL_API_END   }
#else
#define SL_API_BEGIN
#define SL_API_END
#endif

#endif
