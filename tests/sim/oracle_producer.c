/* oracle_producer.c -- what must be known of producers after a crash: nothing but the row of
 * batches that the log kept says it. */
#include "engine/log/producer.h"
#include "tests/sim/oracle_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

static struct producer_batch batch_of(const struct o_batch *b)
{
    return (struct producer_batch){ b->content.sequence, b->content.count, b->off, b->append_ms };
}

/* From the end backwards: as long as it is the same epoch and each one continues the one before. */
struct producer_window oracle_window(const struct o_part *p, int64_t id)
{
    struct producer_batch newest_first[PRODUCER_WINDOW];
    struct producer_window w = { .id = id };
    for (uint32_t i = p->count; i-- > 0 && w.n < PRODUCER_WINDOW;) {
        const struct content *c = &p->batches[i].content;
        if (c->producer != id)
            continue;
        struct producer_batch b = batch_of(&p->batches[i]);
        if (w.n && (c->producer_epoch != w.epoch ||
                    producer_batch_next(&b) != newest_first[w.n - 1].first))
            break;
        w.epoch = c->producer_epoch;
        newest_first[w.n++] = b;
    }
    for (uint32_t i = 0; i < w.n; i++)
        w.at[i] = newest_first[w.n - 1 - i];
    return w;
}

static void window_compare(const struct o_part *p, const struct producer_window *is)
{
    struct producer_window must = oracle_window(p, is->id);
    demand(is->epoch == must.epoch && is->n == must.n,
           "part %u producer %lld: %u batches of epoch %d are known, must be %u of %d", p->number,
           (long long)is->id, is->n, is->epoch, must.n, must.epoch);
    for (uint32_t i = 0; i < must.n; i++) {
        const struct producer_batch *a = &is->at[i], *b = &must.at[i];
        demand(a->first == b->first && a->count == b->count && a->base_off == b->base_off &&
                   (!b->append_ms || a->append_ms == b->append_ms),
               "part %u producer %lld: sequence %d is known at offset %llu, must be %d at %llu",
               p->number, (long long)is->id, a->first, LLU(a->base_off), b->first,
               LLU(b->base_off));
    }
}

void oracle_producers(const struct o_part *p, const struct part *part)
{
    struct producer_window w;
    uint32_t known = 0, must = 0;
    for (; producers_at(part, known, &w); known++)
        window_compare(p, &w);
    for (uint32_t i = 0; i < p->producer_count; i++)
        must += oracle_window(p, p->producers[i].id).n > 0;
    demand(known == must, "part %u: %u producers are known, must be %u", p->number, known, must);
}
