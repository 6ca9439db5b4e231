/* ledger.c -- rows of a ledger: sent, placed, taken back by a crash. Reading is ledger_read.c's. */
#include <stdlib.h>

#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "tests/sim/grown.h"
#include "tests/sim/ledger_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

void ledger_close(struct ledger *l)
{
    for (uint64_t i = 0; i < l->part_count; i++) {
        free(l->parts[i]->row);
        free(l->parts[i]);
    }
    free(l->parts);
    free(l->batches);
    *l = (struct ledger){ 0 };
}

struct l_part *ledger_part(struct ledger *l, enum durability durability)
{
    struct l_part *p = calloc(1, sizeof(*p));
    check(p);
    l->parts = grown(l->parts, &l->part_cap, l->part_count + 1, sizeof(*l->parts));
    p->number = (uint32_t)l->part_count;
    p->durability = durability;
    l->parts[l->part_count++] = p;
    return p;
}

/* ---- places ---- */

uint64_t l_end(const struct l_batch *b)
{
    return b->off + b->content.count;
}

uint32_t l_at(const struct ledger *l, const struct l_part *p, uint64_t off)
{
    uint32_t lo = 0, hi = p->count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (l_end(&l->batches[p->row[mid]]) <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint64_t ledger_end_off(const struct ledger *l, const struct l_part *p)
{
    return p->count ? l_end(&l->batches[p->row[p->count - 1]]) : p->recovered_off;
}

static const char *fate_name(enum l_fate fate)
{
    static const char *const names[] = { "sent", "placed", "refused", "lost in a crash" };
    return names[fate];
}

/* Everything of its producer was lost, and the node forgot it with that: whatever comes next is
 * taken. */
static bool producer_lost(const struct ledger *l, const struct l_batch *b)
{
    for (uint64_t number = b->before; number != L_NONE; number = l->batches[number].before)
        if (l->batches[number].fate == L_PLACED)
            return false;
    return b->content.producer != 0;
}

/* Those before it in its stream are in the log, below it. */
static void stream_check(struct ledger *l, const struct l_batch *b)
{
    uint64_t number = b->before;
    while (number != L_NONE && l->batches[number].fate == L_REFUSED)
        number = l->batches[number].before;
    if (number == L_NONE)
        return;
    struct l_batch *earlier = &l->batches[number];
    if (earlier->fate == L_FLOATING)
        earlier->before_off = min_u64(earlier->before_off, b->off);
    demand(earlier->fate != L_LOST || producer_lost(l, b),
           "part %u: batch %llu is at offset %llu, and batch %llu, sent before it, was lost",
           b->part->number, LLU(b->content.number), LLU(b->off), LLU(number));
    demand(earlier->fate != L_PLACED || l_end(earlier) <= b->off,
           "part %u: batch %llu is at offset %llu, and batch %llu, sent before it, at %llu",
           b->part->number, LLU(b->content.number), LLU(b->off), LLU(number), LLU(earlier->off));
}

static void row_insert(struct ledger *l, struct l_part *p, uint32_t i, uint64_t number)
{
    const struct l_batch *b = &l->batches[number];
    uint64_t cap = p->cap;
    uint64_t below = i ? l_end(&l->batches[p->row[i - 1]]) : 0;
    uint64_t above = i < p->count ? l->batches[p->row[i]].off : UINT64_MAX;
    demand(b->off >= below && l_end(b) <= above,
           "part %u: batch %llu is at offsets %llu to %llu, where another batch is", p->number,
           LLU(number), LLU(b->off), LLU(l_end(b)));
    p->row = grown(p->row, &cap, p->count + 1, sizeof(*p->row));
    p->cap = (uint32_t)cap;
    memmove(p->row + i + 1, p->row + i, (p->count - i) * sizeof(*p->row));
    p->row[i] = number;
    p->count++;
}

void l_promise(struct l_batch *b, int safe)
{
    b->safe = b->safe > safe ? b->safe : (int8_t)safe;
}

void l_place(struct ledger *l, uint64_t number, uint64_t off)
{
    struct l_batch *b = &l->batches[number];
    struct l_part *p = b->part;
    demand(b->fate == L_FLOATING || b->fate == L_PLACED,
           "part %u: offset %llu holds batch %llu, which was %s", p->number, LLU(off), LLU(number),
           fate_name(b->fate));
    demand(b->fate == L_FLOATING || b->off == off, "part %u: batch %llu is at offset %llu and %llu",
           p->number, LLU(number), LLU(b->off), LLU(off));
    if (b->fate == L_PLACED)
        return;
    demand(off >= b->floor_off,
           "part %u: batch %llu is at offset %llu, the log ended at %llu before it was sent",
           p->number, LLU(number), LLU(off), LLU(b->floor_off));
    b->fate = L_PLACED;
    b->off = off;
    demand(l_end(b) <= b->before_off,
           "part %u: batch %llu is at offset %llu, and a later one of its stream at %llu",
           p->number, LLU(number), LLU(off), LLU(b->before_off));
    row_insert(l, p, l_at(l, p, off), number);
    stream_check(l, b);
    l->doubts_kept += b->doubtful;
    if (off < p->recovered_off)
        l_promise(b, DURABILITY_SYNCED);
}

/* ---- sent and answered ---- */

struct l_batch *ledger_sent(struct ledger *l, struct l_part *p, const struct content *c,
                            struct bytes batch, uint64_t before)
{
    check(c->number == l->count);
    l->batches = grown(l->batches, &l->cap, l->count + 1, sizeof(*l->batches));
    struct l_batch *b = &l->batches[l->count++];
    *b = (struct l_batch){ .content = *c,
                           .part = p,
                           .hash = content_hash(batch),
                           .bytes = (uint32_t)batch.len,
                           .crc = be32_get(batch.at + BATCH_AT_CRC),
                           .floor_off = ledger_end_off(l, p),
                           .before_off = L_NONE,
                           .before = before,
                           .fate = L_FLOATING,
                           .safe = SAFE_NOTHING };
    return b;
}

void ledger_acked(struct ledger *l, uint64_t number, enum durability want, enum durability bought,
                  uint64_t off, int64_t append_ms)
{
    struct l_batch *b = &l->batches[number];
    demand(bought >= want, "part %u batch %llu: acked with durability %d, wanted %d",
           b->part->number, LLU(number), bought, want);
    demand(!b->append_ms || b->append_ms == append_ms,
           "part %u batch %llu: acked with time %lld, and with %lld before", b->part->number,
           LLU(number), (long long)append_ms, (long long)b->append_ms);
    l_place(l, number, off);
    b->append_ms = append_ms;
    l_promise(b, (int)bought);
    b->again = false;
    l->acked++;
}

void ledger_again(struct ledger *l, uint64_t number)
{
    struct l_batch *b = &l->batches[number];
    b->sends++;
    if (b->fate != L_LOST)
        return;
    check(b->again);
    b->fate = L_FLOATING;
    b->floor_off = ledger_end_off(l, b->part);
    b->safe = SAFE_NOTHING;
    b->epoch = 0;
    b->kept = b->doubtful = false;
    b->retaken = true;
}

bool ledger_lost_before(const struct ledger *l, uint64_t number)
{
    uint64_t before = l->batches[number].before;
    return before != L_NONE && l->batches[before].fate == L_LOST && !l->batches[before].again;
}

void ledger_refused(struct ledger *l, uint64_t number)
{
    struct l_batch *b = &l->batches[number];
    demand(b->fate != L_PLACED, "part %u batch %llu: refused, and it is at offset %llu",
           b->part->number, LLU(number), LLU(b->off));
    if (b->fate == L_FLOATING)
        b->fate = L_REFUSED;
}

void ledger_doubt(struct ledger *l, uint64_t number)
{
    struct l_batch *b = &l->batches[number];
    b->doubtful |= b->fate == L_FLOATING;
}

/* ---- crashes ---- */

static const char *end_name(enum end end)
{
    static const char *const names[] = { "a clean stop", "a kill", "a kernel crash",
                                         "a power loss" };
    return names[end];
}

/* Does this durability outlive it? */
static bool outlives(int safe, enum end end)
{
    if (end == END_CLEAN)
        return true;
    return safe >= (end == END_POWER ? DURABILITY_SYNCED : DURABILITY_WRITTEN);
}

static void row_cut(struct ledger *l, struct l_part *p, uint64_t end_off, enum end end)
{
    while (p->count && l_end(&l->batches[p->row[p->count - 1]]) > end_off) {
        struct l_batch *b = &l->batches[p->row[--p->count]];
        demand(b->off >= end_off, "part %u: the log ends at %llu, in the middle of batch %llu",
               p->number, LLU(end_off), LLU(b->content.number));
        demand(!outlives(b->safe, end),
               "part %u: batch %llu at offset %llu is lost after %s (safe %d), the log ends at "
               "%llu",
               p->number, LLU(b->content.number), LLU(b->off), end_name(end), b->safe,
               LLU(end_off));
        b->fate = L_LOST;
        l->lost++;
    }
    for (uint32_t i = 0; i < p->count; i++)
        l_promise(&l->batches[p->row[i]], DURABILITY_SYNCED);
}

static void floating_cut(struct ledger *l, const struct l_part *p, uint64_t end_off)
{
    for (uint64_t i = 0; i < l->count; i++) {
        struct l_batch *b = &l->batches[i];
        if (b->part != p)
            continue;
        b->append_ms = 0;
        b->floor_off = min_u64(b->floor_off, end_off);
        if (b->before_off >= end_off)
            b->before_off = L_NONE; /* the later one is lost */
    }
}

void ledger_reopened(struct ledger *l, struct l_part *p, uint64_t start_off, uint64_t end_off,
                     enum end end)
{
    demand(start_off >= p->start_kept, "part %u: log start went back from %llu to %llu", p->number,
           LLU(p->start_kept), LLU(start_off));
    demand(start_off <= p->trim_asked || p->retention,
           "part %u: log starts at %llu, trimmed to %llu at most", p->number, LLU(start_off),
           LLU(p->trim_asked));
    bool seen = p->durability != DURABILITY_MEMORY || end == END_CLEAN;
    demand(end_off >= p->high_off || !seen || !outlives((int)p->durability, end),
           "part %u: readers saw the log up to %llu, after %s it ends at %llu", p->number,
           LLU(p->high_off), end_name(end), LLU(end_off));
    row_cut(l, p, end_off, end);
    floating_cut(l, p, end_off);
    p->start_min = p->trim_asked = start_off;
    if (!p->retention) /* it tells the start that it wants before that is durable */
        p->start_kept = start_off;
    p->high_off = p->recovered_off = end_off;
    p->reader_off = min_u64(max_u64(p->reader_off, start_off), end_off);
}

/* It is not in the log, and no crash of this life took it. */
static void batch_gone(struct ledger *l, struct l_batch *b)
{
    demand(!l->strict || b->before_off == L_NONE || b->part->start_min > b->floor_off,
           "part %u: batch %llu is not in the log, and a later one of its stream is, at %llu",
           b->part->number, LLU(b->content.number), LLU(b->before_off));
    l->doubts_lost += b->doubtful;
    b->fate = L_LOST;
}

void ledger_scanned(struct ledger *l, struct l_part *p)
{
    for (uint64_t i = 0; i < l->count; i++) {
        struct l_batch *b = &l->batches[i];
        if (b->part != p)
            continue;
        b->kept |= b->again && b->fate == L_PLACED;
        if (b->fate == L_FLOATING && !b->again)
            batch_gone(l, b);
    }
}
