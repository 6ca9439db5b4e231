/* front_kafka.h -- what the files share that speak Kafka: front_kafka.c asks, front_kafka_told.c
 * understands answers, member.c and member_told.c are members of groups. */
#ifndef SIM_FRONT_KAFKA_H
#define SIM_FRONT_KAFKA_H

#include "net/kafka/api.h"
#include "net/kafka/error.h"
#include "tests/sim/front_in.h"
#include "tests/sim/member.h"

/* Room for any message's struct. */
#undef SHAPE /* of net/native */
union kafka_any {
#define SHAPE(name) struct kafka_##name name;
#define END(name)
#define BOOL(...)
#define I8(...)
#define I16(...)
#define I32(...)
#define I64(...)
#define ID(...)
#define TEXT(...)
#define BLOB(...)
#define RECORDS(...)
#define I32S(...)
#define TEXTS(...)
#define ITEMS(...)
#define STRUCT(...)
#include "net/kafka/message.def"
};

struct kafka_word {
    int16_t key;
    int16_t version_least;                                          /* drawn from here on */
    void (*ask)(struct ask *a, const void *from, void *to);         /* fills the request */
    enum err (*told)(struct ask *a, void *from, union payload *to); /* from the response */
};
extern const struct kafka_word kafka_words[ASKS];

/* front_kafka_told.c */
bool kafka_take(struct wire *w);
enum err told_versions(struct ask *a, void *from, union payload *to);
enum err told_cluster(struct ask *a, void *from, union payload *to);
enum err told_topics(struct ask *a, void *from, union payload *to);
enum err told_topic(struct ask *a, void *from, union payload *to);
enum err told_made(struct ask *a, void *from, union payload *to);
enum err told_dropped(struct ask *a, void *from, union payload *to);
enum err told_produced(struct ask *a, void *from, union payload *to);
enum err told_fetched(struct ask *a, void *from, union payload *to);
enum err told_place(struct ask *a, void *from, union payload *to);
enum err told_trimmed(struct ask *a, void *from, union payload *to);
enum err told_producer_id(struct ask *a, void *from, union payload *to);
enum err told_member(struct ask *a, void *from, union payload *to);

/* member.c: the requests of members */
int16_t kafka_static_from(uint32_t verb); /* the first version in which an instance has a name */
void ask_join(struct ask *a, const void *from, void *to);
void ask_sync(struct ask *a, const void *from, void *to);
void ask_beat(struct ask *a, const void *from, void *to);
void ask_leave(struct ask *a, const void *from, void *to);
void ask_commit(struct ask *a, const void *from, void *to);
void ask_committed(struct ask *a, const void *from, void *to);

#endif
