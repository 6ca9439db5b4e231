/* group_call.c -- see group_call.h. */
#include "net/kafka/group_call.h"

#include <stdlib.h>

struct group_calls *group_calls_make(struct errand *c, uint32_t count, enum group_verb verb,
                                     void (*answer)(struct errand *c))
{
    struct group_calls *s = errand_take(c, sizeof(*s) + count * sizeof(s->at[0]));
    if (!s)
        return NULL;
    s->answer = answer;
    s->count = count;
    for (uint32_t i = 0; i < count; i++) {
        s->at[i].errand = c;
        s->at[i].v.ask = (struct group_request){ .verb = verb,
                                                 .group = text_bytes(""),
                                                 .member = text_bytes(""),
                                                 .generation = -1,
                                                 .retention_ms = -1 };
    }
    c->state = s;
    return s;
}

static void call_done(struct verb *verb)
{
    struct group_call *call = container_of(verb, struct group_call, v.verb);
    struct errand *c = call->errand;
    call->under_way = false;
    if (errand_less(c))
        group_calls_of(c)->answer(c);
}

void group_calls_go(struct errand *c)
{
    struct group_calls *s = c->state;
    errand_more(c);
    c->asks = true;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->at[i].skip)
            continue;
        s->at[i].v.verb = errand_verb(c, call_done);
        s->at[i].under_way = true;
        errand_more(c);
        serve_group(errand_serve(c), &s->at[i].v);
    }
    if (errand_less(c))
        s->answer(c);
    else if (c->conn->state >= CONN_CLOSING)
        groups_hurry(c); /* it ended while topics were looked for */
}

/* Only for a connection that ends: others may be hurried for their memory, and a member that waits
 * for the rest of its group must not lose its place for that. */
void groups_hurry(struct errand *c)
{
    struct group_calls *s = c->state;
    if (c->conn->state < CONN_CLOSING)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->at[i].under_way)
            serve_group_give_up(&s->at[i].v);
}

void groups_free(struct errand *c, bool alive)
{
    struct group_calls *s = c->state;
    (void)alive;
    for (uint32_t i = 0; i < s->count; i++)
        free(s->at[i].v.ask.block);
}
