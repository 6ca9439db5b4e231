/* group_call.c -- see group_call.h. */
#include "net/kafka/group_call.h"

#include <stdlib.h>

#define PATIENCE_NS   (10 * SEC_NS) /* that a member waits for others while memory is short ... */
#define PATIENT_BYTES KIB(64)       /* ... if its connection holds no more: a join, and its lists */

struct group_calls *group_calls_make(struct errand *c, uint32_t count, enum group_verb verb,
                                     void (*answer)(struct errand *c))
{
    struct group_calls *s = errand_take(c, sizeof(*s) + count * sizeof(s->at[0]));
    if (!s)
        return NULL;
    s->answer = answer;
    s->count = count;
    s->together = verb == GROUP_VERB_DELETE; /* each waits for its log, and brings nothing */
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

static void calls_start(struct errand *c);

static void call_done(struct verb *verb)
{
    struct group_call *call = container_of(verb, struct group_call, v.verb);
    struct errand *c = call->errand;
    call->under_way = false;
    bool last = errand_less(c), block = call->v.ask.block;
    if ((!block || errand_charge(c, call->v.ask.block_bytes)) && last)
        calls_start(c);
}

static void call_start(struct errand *c, struct group_call *call)
{
    if (call->skip)
        return;
    call->v.verb = errand_verb(c, call_done);
    call->under_way = true;
    errand_more(c);
    serve_group(errand_serve(c), &call->v);
}

/* The next one, or all; when there is none left, the answer. */
static void calls_start(struct errand *c)
{
    struct group_calls *s = c->state;
    if (errand_gone(c)) {
        errand_answer_not(c);
        return;
    }
    errand_more(c); /* ours, for as long as the loop runs */
    while (s->next < s->count && (s->together || c->left == 1))
        call_start(c, &s->at[s->next++]);
    if (errand_less(c))
        s->answer(c);
}

void group_calls_go(struct errand *c)
{
    c->asks = true;
    calls_start(c);
    if (!c->ended)
        groups_hurry(c); /* its connection may have ended while topics were looked for */
}

/* Others wait for what its connection holds: all that came behind this request, too, as nothing of
 * that starts before this has ended. Who holds little keeps its place for a while. */
static bool call_in_the_way(const struct errand *c)
{
    const struct conn *conn = c->conn;
    bool patient = desk_now(conn->desk) < c->begin_ns + PATIENCE_NS;
    return memory_waited(conn->desk) && !(patient && conn->held <= PATIENT_BYTES);
}

/* A member that gives up stays one, and is told to ask again. */
void groups_hurry(struct errand *c)
{
    struct group_calls *s = c->state;
    if (c->conn->state < CONN_CLOSING && !call_in_the_way(c))
        return;
    probe("kafka: a group's member waits no longer");
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
