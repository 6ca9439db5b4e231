/* api_growth.c -- CreatePartitions: topics that get more of them.
 *
 * Each topic of a request is looked up, compared with what is wanted, and is a verb of its own; all
 * are answered together. Who only wants to know (validate_only) hears what would be refused. */
#include <stdlib.h>

#include "net/kafka/handler.h"
#include "net/kafka/twice.h"

struct growth {
    struct errand *errand;
    const struct kafka_create_partitions_request_topic *ask;
    struct verb_grow grow;
    enum kafka_error error;
    bool skip; /* named before: that one has the answer */
    struct why why;
};
struct growths {
    uint32_t count;
    struct growth *topics;
};

static bool growths_fill(struct errand *c, struct kafka_create_partitions_response *r)
{
    const struct growths *s = c->state;
    r->results.at = errand_items(c, kafka_create_partitions_response_result_shape(), s->count);
    for (uint32_t i = 0; r->results.at && i < s->count; i++) {
        const struct growth *g = &s->topics[i];
        if (g->skip)
            continue;
        struct kafka_create_partitions_response_result *to = &r->results.at[r->results.count++];
        to->name = g->ask->name;
        to->error_code = (int16_t)g->error;
        to->error_message = (struct bytes){ NULL, 0 };
        if (g->error == KAFKA_NONE)
            continue;
        char *text = errand_text(c, text_bytes(g->why.text));
        if (!text)
            return false;
        to->error_message = text_bytes(text);
    }
    return r->results.at;
}

static void growths_answer(struct errand *c)
{
    RESPONSE(create_partitions, r);
    if (growths_fill(c, &r))
        errand_answer(c, &r);
}

static void growth_done(struct verb *v)
{
    struct growth *g = container_of(v, struct growth, grow.verb);
    struct errand *c = g->errand;
    bool number = v->err == ERR_EXISTS || v->err == ERR_INVALID; /* somebody was faster */
    if (v->err != ERR_OK) {
        g->error = number ? KAFKA_INVALID_PARTITIONS : kafka_error_of(v->err);
        why_set(&g->why, "%s", g->grow.why.text[0] ? g->grow.why.text : err_text(v->err));
    }
    if (errand_less(c))
        growths_answer(c);
}

/* ---- what is refused ---- */

static void growth_number(struct growth *g, uint32_t has)
{
    int32_t wants = g->ask->count;
    if (wants > 0 && (uint32_t)wants > has && (uint32_t)wants <= PARTITIONS_MAX)
        return;
    g->error = KAFKA_INVALID_PARTITIONS;
    why_set(&g->why,
            "the topic has %u partitions: it can grow to %u at most, and not shrink, and %d is no "
            "such number",
            has, PARTITIONS_MAX, wants);
}

/* A row for each new partition, each with one replica: here. */
static void growth_places(struct growth *g, uint32_t has)
{
    const struct kafka_create_partitions_request_topic *ask = g->ask;
    bool here = ask->assignments.count == (uint32_t)ask->count - has;
    for (uint32_t i = 0; here && i < ask->assignments.count; i++)
        here = ask->assignments.at[i].broker_ids.count == 1 &&
               ask->assignments.at[i].broker_ids.at[0] == kafka_node(g->errand);
    if (here)
        return;
    g->error = KAFKA_INVALID_REPLICA_ASSIGNMENT;
    why_set(&g->why, "%u partitions are new: each is assigned to one node, %d",
            (uint32_t)ask->count - has, kafka_node(g->errand));
}

static void growth_check(struct growth *g, const struct topic_want *w)
{
    if (g->error != KAFKA_NONE)
        return;
    if (!w->topic) {
        g->error = topic_error(w);
        why_set(&g->why, "%s", w->why.text[0] ? w->why.text : err_text(w->err));
        return;
    }
    uint32_t has = w->topic->info->partitions;
    growth_number(g, has);
    if (g->error == KAFKA_NONE && g->ask->assignments.at)
        growth_places(g, has);
}

/* ---- the request ---- */

static void growths_known(struct errand *c)
{
    const struct kafka_create_partitions_request *ask = c->asked;
    struct growths *s = c->state;
    errand_more(c);
    for (uint32_t i = 0; i < s->count; i++) {
        struct growth *g = &s->topics[i];
        growth_check(g, &c->wants[i]);
        if (g->error != KAFKA_NONE || ask->validate_only)
            continue;
        g->grow = (struct verb_grow){ .verb = errand_verb(c, growth_done),
                                      .name = c->wants[i].topic->info->name,
                                      .partitions = (uint32_t)g->ask->count };
        errand_more(c);
        serve_grow(errand_serve(c), &g->grow);
    }
    if (errand_less(c))
        growths_answer(c);
}

#define GROWTHS_MAX 1000u /* in one request */

void growths_start(struct errand *c)
{
    const struct kafka_create_partitions_request *ask = c->asked;
    uint32_t count = ask->topics.count;
    if (count > GROWTHS_MAX) {
        errand_break(c, ERR_LIMIT, "a request grows more than 1000 topics");
        return;
    }
    struct topic_want *wants = errand_take(c, count * sizeof(*wants) + 1);
    struct growths *s = wants ? errand_take(c, sizeof(*s)) : NULL;
    struct growth *topics = s ? errand_take(c, count * sizeof(*topics) + 1) : NULL;
    struct bytes *names = topics ? errand_take(c, count * sizeof(*names) + 1) : NULL;
    if (!names)
        return;
    for (uint32_t i = 0; i < count; i++)
        names[i] = ask->topics.at[i].name;
    enum twice *marks = twice_mark(c, names, count);
    if (!marks)
        return;
    s->topics = topics;
    s->count = count;
    c->state = s;
    for (uint32_t i = 0; i < count; i++) {
        topics[i].errand = c;
        topics[i].ask = &ask->topics.at[i];
        wants[i] = (struct topic_want){ .name = ask->topics.at[i].name, .fresh = true };
    }
    for (uint32_t i = 0; i < count; i++) {
        topics[i].skip = marks[i] == TWICE_AGAIN;
        if (marks[i] == TWICE_NOT)
            continue;
        topics[i].error = KAFKA_INVALID_REQUEST;
        why_set(&topics[i].why, "the topic is named twice");
    }
    topics_find(c, wants, count, growths_known);
}
