/* load_append.c -- appends: sent, answered, compared; and, by producers with an id, sent again.
 *
 * A producer has at most five batches under way. When the store died it sends again, in order, what
 * was not answered: what the log kept must be recognised where it is, what it lost must be taken.
 * If the log lost what had been acknowledged (`memory`, `written`), the next batch would be out of
 * sequence, and the producer goes on with a new epoch. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/producer.h"
#include "tests/sim/load_in.h"
#include "tests/sim/oracle_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

struct op_append {
    struct world_op op;
    struct load *load;
    struct o_part *part;
    struct o_producer *producer; /* NULL: none */
    struct append append;
    uint64_t number, bytes;
    uint8_t *batch;
    /* Sent again: */
    enum producer_verdict must;
    bool durable;     /* as much as is wanted now */
    bool after_crash; /* its first answer was lost with the store */
};

static void append_forget(struct world_op *op)
{
    struct op_append *a = container_of(op, struct op_append, op);
    node_unlink(&op->node);
    a->load->w->op_bytes -= a->bytes;
    a->part->busy--;
    free(a->batch);
    free(a);
}

/* ---- producers ---- */

static void open_remove(struct o_producer *x, uint64_t number)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < x->open_count; i++)
        if (x->open[i].number != number)
            x->open[kept++] = x->open[i];
    x->open_count = kept;
}

/* Goes on behind the last batch that the log has. */
static void producer_resume(const struct o_part *p, struct o_producer *x)
{
    struct producer_window w = oracle_window(p, x->id);
    x->broken = false;
    x->epoch = w.n ? w.epoch : x->epoch;
    x->next = w.n ? producer_batch_next(&w.at[w.n - 1]) : x->next;
}

static void producer_answered(struct op_append *a, enum err err)
{
    struct o_producer *x = a->producer;
    bool uncertain = err == ERR_POISONED || err == ERR_NOT_FOUND;
    if (!x)
        return;
    x->flight--;
    x->broken |= err != ERR_OK;
    if (!uncertain)
        open_remove(x, a->number);
    if (x->broken && !x->flight && !x->open_count)
        producer_resume(a->part, x);
}

/* What the log lost had an answer: the next sequence is not the one that it waits for. */
static bool producer_behind(const struct oracle *o, const struct o_part *p,
                            const struct o_producer *x)
{
    struct producer_window w = oracle_window(p, x->id);
    int32_t next = x->next;
    int16_t epoch = x->epoch;
    for (uint32_t i = x->open_count; i-- > 0 && o->numbers[x->open[i].number].fate == FATE_LOST;) {
        next = x->open[i].first;
        epoch = x->open[i].epoch;
    }
    if (!w.n)
        return false; /* unknown: any sequence is taken */
    return epoch == w.epoch ? next != producer_batch_next(&w.at[w.n - 1]) : next != 0;
}

/* ---- answers ---- */

static void answered_new(struct op_append *a)
{
    struct load *l = a->load;
    const struct append *append = &a->append;
    enum err err = append->err;
    if (err == ERR_OK) {
        demand(!append->duplicate, "part %u: batch %llu is called a duplicate, and is none",
               a->part->number, LLU(a->number));
        oracle_acked(&l->w->oracle, a->number, append->want, append->bought, append->base_off,
                     append->append_ms);
    } else if (err == ERR_POISONED)
        demand(load_excused(l, a->part, err), "part %u: poisoned, and the store is not",
               a->part->number);
    else if (err == ERR_NOT_FOUND)
        demand(load_excused(l, a->part, err), "part %u: append gives NOT_FOUND", a->part->number);
    else {
        bool legal = (err == ERR_NO_SPACE && l->w->full) || (err == ERR_CLOSED && l->w->stopping) ||
                     (err == ERR_OFFSET_RANGE && append->at_off_set) ||
                     (err == ERR_SEQUENCE && a->producer && a->producer->broken) ||
                     world_failed(l->w, err);
        demand(legal, "part %u: append of %llu bytes gives %s", a->part->number, LLU(a->bytes),
               err_name(err));
        oracle_refused(&l->w->oracle, a->number);
        l->w->tally.no_space += err == ERR_NO_SPACE;
    }
    producer_answered(a, err);
}

static void append_answered(struct append *append)
{
    struct op_append *a = append->arg;
    struct load *l = a->load;
    enum err err = append->err;
    trace("    batch %llu: %s, durability %d, offset %llu", LLU(a->number), err_name(err),
          append->bought, LLU(append->base_off));
    sim_trace(l->w->sim, a->number << 8 ^ (uint64_t)err ^ append->base_off << 32);
    answered_new(a);
    struct world *w = l->w;
    enum durability bought = append->bought;
    append_forget(&a->op);
    if (err == ERR_OK)
        world_answered(w, bought);
}

static void answered_again(struct op_append *a)
{
    struct load *l = a->load;
    const struct append *append = &a->append;
    static const enum err wrong[] = {
        [PRODUCER_SEQUENCE] = ERR_SEQUENCE, [PRODUCER_FENCED] = ERR_FENCED
    };
    if (append->err && load_excused(l, a->part, append->err))
        return;
    if (a->must != PRODUCER_DUPLICATE) {
        demand(append->err == wrong[a->must], "part %u: batch %llu sent again gives %s, must be %s",
               a->part->number, LLU(a->number), err_name(append->err), err_name(wrong[a->must]));
        l->w->tally.out_of_window++;
        return;
    }
    if (append->err == ERR_BUSY && !a->durable)
        return;
    demand(append->err == ERR_OK && append->duplicate,
           "part %u: batch %llu is in the log, and sent again it gives %s%s", a->part->number,
           LLU(a->number), err_name(append->err), append->err ? "" : ", appended once more");
    demand(append->bought >= append->want, "part %u batch %llu: recognised with durability %d",
           a->part->number, LLU(a->number), append->bought);
    oracle_duplicate(&l->w->oracle, a->number, append->bought, append->base_off, append->append_ms);
    l->w->tally.recognised++;
    l->w->tally.recognised_after += a->after_crash;
}

static void again_answered(struct append *append)
{
    struct op_append *a = append->arg;
    trace("    batch %llu again: %s%s, durability %d, offset %llu", LLU(a->number),
          err_name(append->err), append->duplicate ? ", duplicate" : "", append->bought,
          LLU(append->base_off));
    sim_trace(a->load->w->sim,
              a->number << 8 ^ (uint64_t)append->err ^ append->base_off << 32 ^ 1ull << 63);
    answered_again(a);
    append_forget(&a->op);
}

/* ---- sending ---- */

static struct op_append *op_append_new(struct load *l, struct o_part *p, const struct content *c,
                                       enum durability want)
{
    struct op_append *a = load_op_new(l, sizeof(*a), append_forget);
    uint64_t cap = content_bytes_max(c);
    a->batch = malloc(cap);
    check(a->batch);
    struct bytes batch = content_make(c, a->batch, cap);
    a->load = l;
    a->part = p;
    a->number = c->number;
    a->bytes = batch.len;
    a->append = (struct append){ .done = append_answered,
                                 .arg = a,
                                 .batch = batch,
                                 .max_time = content_max_time(c),
                                 .count = c->count,
                                 .want = want };
    l->w->op_bytes += a->bytes;
    p->busy++;
    return a;
}

static void content_draw(struct load *l, struct o_part *p, uint64_t value_bytes, struct content *c)
{
    struct rng *rng = l->w->rng;
    struct io *io = l->w->shards[l->w->stores[p->store].shard].io;
    *c = (struct content){ .number = oracle_number(&l->w->oracle),
                           .part = p->number,
                           .value_bytes = value_bytes };
    c->count = 1 + (uint32_t)rng_log_uniform(rng, 15);
    c->time_ms = io_wall_ms(io) - (int64_t)rng_log_uniform(rng, 5000);
}

/* What is too large for the store becomes one record that just fits. */
static void content_fit(const struct load *l, const struct o_part *p, struct content *c)
{
    uint64_t batch_max = l->w->stores[p->store].geometry.batch_max;
    if (content_bytes_max(c) <= batch_max)
        return;
    c->count = 1;
    c->value_bytes =
        min_u64(c->value_bytes, batch_max - BATCH_HEADER_BYTES - 2 * CONTENT_RECORD_EXTRA);
}

static struct o_producer *producer_draw(struct load *l, struct o_part *p)
{
    struct rng *rng = l->w->rng;
    if (!p->producer_count || rng_chance(rng, 1, 4))
        return NULL;
    struct o_producer *x = &p->producers[rng_below(rng, p->producer_count)];
    if (x->broken || x->open_count == O_FLIGHT)
        return NULL;
    if (!x->open_count && x->epoch < INT16_MAX && rng_chance(rng, 1, 40)) {
        x->epoch++;
        x->next = 0;
    }
    return x;
}

static void producer_sends(struct o_producer *x, struct content *c)
{
    c->producer = x->id;
    c->producer_epoch = x->epoch;
    c->sequence = x->next;
    x->next = (int32_t)(((uint32_t)x->next + c->count) & INT32_MAX);
    x->open[x->open_count++] =
        (struct o_open){ c->number, c->sequence, c->count, c->producer_epoch };
    x->flight++;
}

static void append_send(struct load *l, struct o_part *p, struct o_batch *b, struct o_producer *x,
                        enum durability want)
{
    struct op_append *a = op_append_new(l, p, &b->content, want);
    a->producer = x;
    a->append.at_off_set = b->gap;
    a->append.at_off = b->at_off;
    b->bytes = (uint32_t)a->bytes;
    b->hash = content_hash(a->append.batch);
    b->epoch = l->w->stores[p->store].epoch;
    oracle_sent(&l->w->oracle, p, *b);
    l->w->tally.bytes += a->bytes;
    trace("  append part %u batch %llu: %u bytes, %u records, want %d%s", p->number, LLU(a->number),
          b->bytes, b->content.count, want, b->gap ? ", gap" : "");
    if (x)
        trace("    producer %lld epoch %d sequence %d", (long long)x->id, b->content.producer_epoch,
              b->content.sequence);
    part_append(load_part(l, p), &a->append);
}

void load_append(struct load *l, struct o_part *p, uint64_t value_bytes, enum durability want)
{
    struct o_batch b = { 0 };
    struct o_producer *x = NULL;
    if (!load_part(l, p))
        return;
    content_draw(l, p, value_bytes, &b.content);
    content_fit(l, p, &b.content);
    if (l->gaps && rng_chance(l->w->rng, 1, 12)) {
        b.gap = true;
        b.at_off = oracle_end_off(p) + rng_log_uniform(l->w->rng, 100);
        l->w->tally.gaps++;
    } else if ((x = producer_draw(l, p))) {
        producer_sends(x, &b.content);
    }
    append_send(l, p, &b, x, want);
}

/* ---- again ---- */

static void again_send(struct load *l, struct o_part *p, const struct o_producer *x,
                       uint64_t number, enum durability want, bool after_crash)
{
    const struct o_batch *b = &p->batches[o_batch_find(p, number)];
    struct op_append *a = op_append_new(l, p, &b->content, want);
    struct producer_window w = oracle_window(p, x->id);
    a->append.done = again_answered;
    a->after_crash = after_crash;
    a->durable = b->safe >= (int)want;
    a->must = b->content.producer_epoch < w.epoch ? PRODUCER_FENCED : PRODUCER_SEQUENCE;
    for (uint32_t i = 0; i < w.n && b->content.producer_epoch == w.epoch; i++)
        if (w.at[i].base_off == b->off)
            a->must = PRODUCER_DUPLICATE;
    trace("  append part %u batch %llu again: producer %lld epoch %d sequence %d, want %d",
          p->number, LLU(number), (long long)x->id, b->content.producer_epoch, b->content.sequence,
          want);
    part_append(load_part(l, p), &a->append);
}

void load_again(struct load *l, struct o_part *p)
{
    if (!load_part(l, p) || !p->producer_count || !p->placed)
        return;
    struct o_producer *x = &p->producers[rng_below(l->w->rng, p->producer_count)];
    uint32_t back = (uint32_t)rng_log_uniform(l->w->rng, 40), at = UINT32_MAX;
    for (uint32_t i = p->placed; i-- > 0 && back;)
        if (p->batches[i].content.producer == x->id) {
            at = i;
            back--;
        }
    if (x->broken || x->open_count || at == UINT32_MAX)
        return;
    again_send(l, p, x, p->batches[at].content.number, p->durability, false);
}

/* The lost batch once more: with other records, but what counts is its sequences. */
static void lost_send(struct load *l, struct o_part *p, struct o_producer *x,
                      const struct o_open *lost)
{
    struct o_batch b = { 0 };
    content_draw(l, p, 1 + rng_below(l->w->rng, 3000), &b.content);
    b.content.count = lost->count;
    x->epoch = lost->epoch;
    x->next = lost->first;
    producer_sends(x, &b.content);
    l->w->tally.lost_again++;
    append_send(l, p, &b, x, p->durability);
}

/* Is it what the producer sends next, after what it has sent again so far? */
static bool lost_follows(const struct o_producer *x, const struct o_open *lost)
{
    bool first = !x->open_count;
    bool anew = lost->epoch > x->epoch && lost->first == 0;
    return first || anew || (lost->epoch == x->epoch && lost->first == x->next);
}

static void producer_again(struct load *l, struct o_part *p, struct o_producer *x)
{
    const struct o_producer before = *x;
    bool behind = producer_behind(&l->w->oracle, p, x);
    x->open_count = x->flight = 0;
    x->broken = false;
    for (uint32_t i = 0; i < before.open_count; i++) {
        const struct o_open *open = &before.open[i];
        enum o_fate fate = l->w->oracle.numbers[open->number].fate;
        behind |= fate == FATE_LOST && !lost_follows(x, open);
        if (fate == FATE_KNOWN)
            again_send(l, p, x, open->number, p->durability, true);
        else if (fate == FATE_LOST && !behind)
            lost_send(l, p, x, open);
    }
    behind |= x->open_count && (x->epoch != before.epoch || x->next != before.next);
    if (!behind)
        return;
    l->w->tally.behind++;
    x->epoch = (int16_t)(before.epoch + 1);
    x->next = 0;
}

void load_resend(struct load *l)
{
    struct oracle *o = &l->w->oracle;
    for (uint32_t i = 0; i < o->part_count; i++) {
        struct o_part *p = o->parts[i];
        for (uint32_t k = 0; p->state <= O_LIVE && load_part(l, p) && k < p->producer_count; k++)
            producer_again(l, p, &p->producers[k]);
    }
}
