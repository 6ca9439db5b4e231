/* fixture.h -- an engine over temporary directories, with a small journal. */
#ifndef TESTS_UNIT_EMBED_FIXTURE_H
#define TESTS_UNIT_EMBED_FIXTURE_H

#include <shardlog/engine.h>

struct sl_engine_options options_of(const char *const *dirs, uint32_t dir_count);
struct sl_engine *engine_open(const struct sl_engine_options *o); /* NULL: it failed, and said so */
/* Creates it unless it is there. */
struct sl_topic *topic_open(struct sl_engine *e, const char *name, uint32_t partitions);
struct sl_record record_of(const char *text);
enum sl_err append_text(struct sl_topic *t, uint32_t partition, const char *text,
                        struct sl_appended *out);
/* The values of a partition from `from` on, each followed by ';', in static memory. */
const char *values_of(struct sl_topic *t, uint32_t partition, uint64_t from);

#endif
