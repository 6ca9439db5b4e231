/* errand_frame.c -- where a request's bytes lie, and until when.
 *
 *   of its own       it was received into memory of its size, or copied before it began
 *   passing          it lies in the receive buffer, until errand_begin() returns
 *   gone             nobody looks at it any more
 *
 * Most requests have their own until they are freed: they are small. Those whose handler says until
 * when it looks at them (struct handler_frame) may begin where they came in, are copied only if
 * something of them has to wait, and give the memory back as soon as the log has the batches: a
 * produce waits for the disk with its texts alone, which are moved out of the frame at once.
 *
 *   begin --first in line--> passing --batches placed, or refused--> gone
 *     |                         +--something waits--> of its own --> gone
 *     +--others are before it--> of its own ------------------------> gone
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/front_in.h"

static void frame_copy(struct errand *c)
{
    c->passing = false;
    c->memory = malloc(c->frame.len);
    check(c->memory); /* a frame within limits, and charged: the system is out of memory */
    memcpy(c->memory, c->frame.at, c->frame.len);
    c->frame.at = c->memory;
}

void errand_frame_take(struct errand *c, struct bytes payload, uint8_t *memory, bool first)
{
    const struct handler *h = handler_of((int16_t)be16_get(payload.at));
    c->frame = payload;
    c->memory = memory;
    c->passing = !memory;
    if (c->passing && !(first && h && h->frame))
        frame_copy(c);
}

/* ---- texts ---- */

static bool text_move(void *arg, enum kafka_kind kind, struct bytes *b)
{
    if (kind == KAFKA_RECORDS)
        return true;
    b->at = (const uint8_t *)errand_text(arg, *b);
    return b->at;
}

bool errand_frame_texts(struct errand *c)
{
    if (!c->handler->frame)
        return true;
    c->q.header.client_id = (struct bytes){ NULL, 0 }; /* no such handler asks for it */
    return kafka_visit_bytes(c->q.api->shape[KAFKA_REQUEST](), c->asked, text_move, c);
}

/* ---- batches ---- */

struct moved {
    const uint8_t *from, *to;
};

static bool batch_move(void *arg, enum kafka_kind kind, struct bytes *b)
{
    const struct moved *m = arg;
    if (kind == KAFKA_RECORDS)
        b->at = m->to + (b->at - m->from);
    return true;
}

void errand_frame_own(struct errand *c)
{
    struct moved m = { .from = c->frame.at };
    if (!c->passing)
        return;
    probe("kafka: a request that began in the receive buffer waits, and is copied");
    frame_copy(c);
    m.to = c->frame.at;
    if (c->asked)
        kafka_visit_bytes(c->q.api->shape[KAFKA_REQUEST](), c->asked, batch_move, &m);
    if (c->asked && c->state)
        c->handler->frame->moved(c);
}

/* What goes on for one that has ended looks at its batches all the same. */
static bool frame_needed(const struct errand *c)
{
    if (c->left == 0)
        return !c->ended;
    return !c->started || c->handler->frame->looks(c);
}

void errand_frame_settle(struct errand *c)
{
    if (!c->frame.at || !c->handler || !c->handler->frame || frame_needed(c))
        return;
    free(c->memory);
    c->memory = NULL;
    c->passing = false;
    conn_give(c->conn, c->frame.len);
    c->charged -= c->frame.len;
    c->frame_charged -= c->frame.len;
    c->frame = (struct bytes){ NULL, 0 };
}

void errand_frame_begun(struct errand *c)
{
    errand_frame_settle(c);
    errand_frame_own(c);
}
