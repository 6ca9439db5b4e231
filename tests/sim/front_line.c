/* front_line.c -- producers: batches with a number of their own, sent again until they are
 * answered; and the bytes of all batches.
 *
 * A line has at most five batches without an answer. After a cut all of them are sent again, in
 * their order, whether the node was started meanwhile or not; after BUSY that one is. If a crash
 * took what had been acknowledged, the next one is out of sequence: the line goes on with a new
 * epoch. */
#include "engine/base/check.h"
#include "tests/sim/front_in.h"
#include "tests/sim/verdict.h"

#define LLU(v)         ((unsigned long long)(v))
#define BATCH_CAP      (128u << 10)
#define AGAIN_NS       (20 * MS_NS)
#define TIME_SPREAD_MS 5000u
#define UNPACKED_FAR   KIB(66) /* so much is not unpacked in a turn */

/* ---- bytes ---- */

struct bytes batch_bytes(const struct front *f, uint64_t number)
{
    static uint8_t at[BATCH_CAP];
    const struct content *c = &f->ledger.batches[number].content;
    check(content_bytes_max(c) <= sizeof(at));
    return content_make(c, at, sizeof(at));
}

struct bytes batch_make(struct front *f, struct f_part *p, uint64_t value_bytes,
                        const struct line *line, uint64_t before, uint64_t *number)
{
    static uint8_t at[BATCH_CAP];
    struct content c = { .number = f->ledger.count,
                         .part = p->ledger->number,
                         .count = 1 + (uint32_t)rng_log_uniform(f->rng, 7),
                         .value_bytes = value_bytes };
    c.time_ms = front_wall_ms(f) - (int64_t)rng_log_uniform(f->rng, TIME_SPREAD_MS);
    if (f->speech->kafka && rng_chance(f->rng, 1, 2))
        c.codec = (uint8_t)(1 + rng_below(f->rng, 4));
    if (c.codec && rng_chance(f->rng, 1, 30))
        c.value_bytes = UNPACKED_FAR + rng_below(f->rng, KIB(4));
    if (line) {
        c.producer = line->producer;
        c.producer_epoch = line->epoch;
        c.sequence = line->sequence;
    }
    check(content_bytes_max(&c) <= sizeof(at));
    struct bytes batch = content_make(&c, at, sizeof(at));
    struct l_batch *b = ledger_sent(&f->ledger, p->ledger, &c, batch, before);
    b->again = line != NULL;
    f->tally.sent++;
    f->tally.bytes += batch.len;
    *number = c.number;
    return batch;
}

/* ---- lines ---- */

/* What is not answered is given up: it is in the log, or not. What comes next has a new epoch. */
static void line_renew(struct front *f, struct line *line)
{
    for (uint32_t i = 0; i < line->count; i++)
        f->ledger.batches[line->numbers[i]].again = false;
    line->count = 0;
    line->sequence = 0;
    line->last = L_NONE;
    line->holed = false;
    line->epoch++;
}

/* A new line needs an id. */
static bool line_may(struct client *c, const struct f_topic *t, uint32_t part)
{
    if (c->lines[t - c->f->topics][part].serial == t->serial || c->producer_id)
        return true;
    if (c->f->speech->kafka)
        ask_producer(c);
    else
        c->producer_id = ++c->f->producer_next;
    return c->producer_id != 0;
}

static struct line *line_of(struct client *c, const struct f_topic *t, uint32_t part)
{
    struct line *line = &c->lines[t - c->f->topics][part];
    if (line->serial == t->serial)
        return line;
    line_renew(c->f, line);
    *line = (struct line){ .serial = t->serial, .producer = c->producer_id, .last = L_NONE };
    c->producer_id = 0;
    return line;
}

/* What is not on the wire, in order. */
static void line_send(struct client *c, struct f_topic *t, uint32_t part)
{
    struct line *line = &c->lines[t - c->f->topics][part];
    if (line->serial != t->serial || !topic_open(t) || !t->known)
        return;
    for (uint32_t i = 0; i < line->count; i++) {
        if (line->asked[i])
            continue;
        c->behind |= !wire_usable(c->wire);
        if (!wire_usable(c->wire))
            return;
        line->asked[i] = true;
        ledger_again(&c->f->ledger, line->numbers[i]);
        append_send(c->wire, t, part, line->numbers[i], batch_bytes(c->f, line->numbers[i]));
    }
}

void line_append(struct client *c, struct f_topic *t, uint32_t part, uint64_t value_bytes)
{
    uint64_t number;
    if (!line_may(c, t, part))
        return;
    struct line *line = line_of(c, t, part);
    if (line->count && line->ordinal - line->ordinals[0] >= PRODUCER_UNDER_WAY)
        return; /* the node knows the last five batches */
    (void)batch_make(c->f, &t->parts[part], value_bytes, line, line->last, &number);
    line->last = number;
    line->sequence += (int32_t)c->f->ledger.batches[number].content.count;
    line->numbers[line->count] = number;
    line->ordinals[line->count] = line->ordinal++;
    line->asked[line->count++] = false;
    line_send(c, t, part);
}

static void line_remove(struct line *line, uint32_t i)
{
    line->count--;
    for (; i < line->count; i++) {
        line->numbers[i] = line->numbers[i + 1];
        line->ordinals[i] = line->ordinals[i + 1];
        line->asked[i] = line->asked[i + 1];
    }
}

/* Does the node of this life turn appends away? */
static bool turns_away(const struct front *f)
{
    return f->limited || f->full || f->failing;
}

static void line_refused(struct client *c, struct line *line, uint32_t i, const struct ask *a,
                         enum err err, const struct error_answer *e)
{
    struct front *f = c->f;
    line->asked[i] = false;
    c->behind = true;
    if (err == ERR_BUSY)
        return; /* the first one is on its way */
    bool holed = line->holed || turns_away(f);
    if (err == ERR_SEQUENCE && (holed || ledger_lost_before(&f->ledger, a->number))) {
        line_renew(f, line);
        return;
    }
    excuse_demand(a, err, e);
    if (err == ERR_NOT_FOUND)
        line_renew(f, line);
}

void line_answered(struct client *c, const struct ask *a, enum err err,
                   const struct error_answer *e)
{
    struct line *line = &c->lines[a->topic - c->f->topics][a->part];
    uint32_t i = 0;
    while (i < line->count && line->numbers[i] != a->number)
        i++;
    if (i == line->count)
        return; /* given up */
    if (err) {
        line_refused(c, line, i, a, err, e);
        return;
    }
    line_remove(line, i);
    line->holed &= line->count > 0;
}

/* ---- all lines of a client ---- */

void lines_lost(struct client *c)
{
    for (uint32_t i = 0; i < FRONT_TOPICS * FRONT_PARTS; i++) {
        struct line *line = &c->lines[i / FRONT_PARTS][i % FRONT_PARTS];
        memset(line->asked, 0, sizeof(line->asked));
        line->holed |= line->count && turns_away(c->f);
        c->behind |= line->count > 0;
    }
}

void lines_turn(struct client *c)
{
    struct front *f = c->f;
    if (!c->behind || front_now(f) < c->again_ns || !f->verified)
        return;
    c->behind = false;
    c->again_ns = front_now(f) + 1 + rng_below(f->rng, AGAIN_NS);
    for (uint32_t i = 0; i < FRONT_TOPICS * FRONT_PARTS; i++)
        line_send(c, &f->topics[i / FRONT_PARTS], i % FRONT_PARTS);
}

bool lines_empty(const struct client *c)
{
    for (uint32_t i = 0; i < FRONT_TOPICS * FRONT_PARTS; i++) {
        const struct line *line = &c->lines[i / FRONT_PARTS][i % FRONT_PARTS];
        const struct f_topic *t = &c->f->topics[i / FRONT_PARTS];
        if (line->count && line->serial == t->serial && t->state == FRONT_LIVE)
            return false;
    }
    return true;
}
