/* handler.h -- the functions that handler.def names. */
#ifndef KAFKA_HANDLER_H
#define KAFKA_HANDLER_H

#include "net/kafka/front_in.h"

/* api_hello.c */
void versions_start(struct errand *c);
void metadata_start(struct errand *c);
void metadata_free(struct errand *c, bool alive);
void coordinator_start(struct errand *c);
void cluster_start(struct errand *c);
/* api_produce.c */
void produce_start(struct errand *c);
extern const struct handler_frame produce_frame;
void producer_id_start(struct errand *c);
/* api_fetch.c */
void fetch_start(struct errand *c);
void fetch_hurry(struct errand *c);
void fetch_free(struct errand *c, bool alive);
/* api_offset.c */
void offsets_start(struct errand *c);
void epochs_start(struct errand *c);
void trims_start(struct errand *c);
/* api_topic.c */
void creates_start(struct errand *c);
void deletes_start(struct errand *c);
/* api_growth.c */
void growths_start(struct errand *c);
/* api_config.c */
void configs_start(struct errand *c);
void alters_start(struct errand *c);
/* A setting as configs are told: its texts are in memory of the errand. False: it ended. */
bool kafka_config_text(struct errand *c, const struct settings *s, enum setting which,
                       struct bytes *name, struct bytes *value, int8_t *source);
/* A value as clients write them: without the blanks around it. NULL: as errand_take(). */
char *kafka_config_value(struct errand *c, struct bytes text);
/* group_call.c */
void groups_hurry(struct errand *c);
void groups_free(struct errand *c, bool alive);
/* api_group.c */
void joins_start(struct errand *c);
void syncs_start(struct errand *c);
void beats_start(struct errand *c);
void leaves_start(struct errand *c);
/* api_group_offset.c */
void commits_start(struct errand *c);
void committed_start(struct errand *c);
void forgets_start(struct errand *c);
/* api_group_admin.c */
void describes_start(struct errand *c);
void lists_start(struct errand *c);
void ends_start(struct errand *c);

#endif
