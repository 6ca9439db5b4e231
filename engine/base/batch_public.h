/* batch_public.h -- a record of the public API, as batch.h has it: views of the same bytes.
 *
 * Thread     pure; any thread.
 */
#ifndef BASE_BATCH_PUBLIC_H
#define BASE_BATCH_PUBLIC_H

#include <shardlog/record.h>

#include "engine/base/batch.h"

static_assert(sizeof(struct sl_header) == sizeof(struct batch_header_kv) &&
                  offsetof(struct sl_header, key_bytes) ==
                      offsetof(struct batch_header_kv, key.len) &&
                  offsetof(struct sl_header, value) == offsetof(struct batch_header_kv, value.at) &&
                  offsetof(struct sl_header, value_bytes) ==
                      offsetof(struct batch_header_kv, value.len),
              "sl_header is batch_header_kv");

static inline struct batch_record batch_record_of(const struct sl_record *r)
{
    return (struct batch_record){ .time = r->time_ms,
                                  .key = { r->key, r->key_bytes },
                                  .value = { r->value, r->value_bytes },
                                  .headers =
                                      (const struct batch_header_kv *)(const void *)r->headers,
                                  .header_count = r->header_count };
}

#endif
