/* oracle.c -- the rows: sent, answered, taken back by a crash. Reading is oracle_read.c's. */
#include "tests/sim/oracle.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/grown.h"
#include "tests/sim/oracle_in.h"
#include "tests/sim/verdict.h"

void oracle_close(struct oracle *o)
{
    for (uint32_t i = 0; i < o->part_count; i++) {
        free(o->parts[i]->batches);
        free(o->parts[i]);
    }
    free(o->parts);
    free(o->numbers);
    *o = (struct oracle){ 0 };
}

/* ---- partitions ---- */

struct o_part *oracle_part_new(struct oracle *o, struct id16 topic, uint32_t index, uint32_t store)
{
    uint64_t cap = o->part_cap;
    o->parts = grown(o->parts, &cap, o->part_count + 1, sizeof(struct o_part *));
    o->part_cap = (uint32_t)cap;
    struct o_part *p = calloc(1, sizeof(*p));
    check(p);
    p->topic = topic;
    p->index = index;
    p->store = store;
    p->number = o->part_count;
    p->durability = DURABILITY_SYNCED;
    o->parts[o->part_count++] = p;
    return p;
}

struct o_part *oracle_part_find(struct oracle *o, struct id16 topic, uint32_t index)
{
    for (uint32_t i = o->part_count; i-- > 0;)
        if (id16_equal(o->parts[i]->topic, topic) && o->parts[i]->index == index)
            return o->parts[i];
    return NULL;
}

/* ---- batches ---- */

uint64_t o_batch_end(const struct o_batch *b)
{
    return b->off + b->content.count;
}

uint64_t oracle_end_off(const struct o_part *p)
{
    return p->count ? o_batch_end(&p->batches[p->count - 1]) : 0;
}

uint32_t o_batch_find(const struct o_part *p, uint64_t number)
{
    uint32_t lo = 0, hi = p->count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (p->batches[mid].content.number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    check(lo < p->count && p->batches[lo].content.number == number);
    return lo;
}

uint32_t o_batch_at(const struct o_part *p, uint64_t off)
{
    uint32_t lo = 0, hi = p->count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (o_batch_end(&p->batches[mid]) <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint64_t oracle_number(const struct oracle *o)
{
    return o->number_count;
}

void oracle_sent(struct oracle *o, struct o_part *p, struct o_batch b)
{
    uint64_t cap = p->cap;
    check(b.content.number == o->number_count);
    o->numbers = grown(o->numbers, &o->number_cap, o->number_count + 1, sizeof(*o->numbers));
    o->numbers[o->number_count++] = (struct o_number){ p, FATE_KNOWN };
    p->batches = grown(p->batches, &cap, p->count + 1, sizeof(*p->batches));
    p->cap = (uint32_t)cap;
    b.off = b.gap ? b.at_off : oracle_end_off(p);
    b.safe = SAFE_NOTHING;
    p->batches[p->count++] = b;
    o->sent++;
}

void o_batch_placed(struct o_part *p, uint32_t i)
{
    p->placed = p->placed > i + 1 ? p->placed : i + 1;
}

void o_batch_promise(struct o_batch *b, int safe)
{
    b->safe = b->safe > safe ? b->safe : (int8_t)safe;
}

void oracle_acked(struct oracle *o, uint64_t number, enum durability want, enum durability bought,
                  uint64_t base_off, int64_t append_ms)
{
    struct o_part *p = o->numbers[number].part;
    uint32_t i = o_batch_find(p, number);
    struct o_batch *b = &p->batches[i];
    o_batch_placed(p, i);
    b->append_ms = append_ms;
    demand(bought >= want, "part %u batch %llu: acked with durability %d, wanted %d", p->number,
           (unsigned long long)number, bought, want);
    demand(base_off == b->off, "part %u batch %llu: acked at offset %llu, must be %llu", p->number,
           (unsigned long long)number, (unsigned long long)base_off, (unsigned long long)b->off);
    o_batch_promise(b, (int)bought);
    o->acked++;
}

void oracle_duplicate(struct oracle *o, uint64_t number, enum durability bought, uint64_t base_off,
                      int64_t append_ms)
{
    struct o_part *p = o->numbers[number].part;
    uint32_t i = o_batch_find(p, number);
    struct o_batch *b = &p->batches[i];
    demand(base_off == b->off, "part %u batch %llu: recognised at offset %llu, must be %llu",
           p->number, (unsigned long long)number, (unsigned long long)base_off,
           (unsigned long long)b->off);
    demand(!b->append_ms || append_ms == b->append_ms,
           "part %u batch %llu: recognised with append time %lld, was %lld", p->number,
           (unsigned long long)number, (long long)append_ms, (long long)b->append_ms);
    o_batch_placed(p, i);
    o_batch_promise(b, (int)bought);
}

void oracle_refused(struct oracle *o, uint64_t number)
{
    struct o_part *p = o->numbers[number].part;
    uint32_t i = o_batch_find(p, number);
    demand(i >= p->placed, "part %u batch %llu: refused, but it, or one after it, is in the log",
           p->number, (unsigned long long)number);
    memmove(p->batches + i, p->batches + i + 1, (p->count - i - 1) * sizeof(*p->batches));
    p->count--;
    for (; i < p->count; i++) {
        struct o_batch *b = &p->batches[i];
        uint64_t end = i ? o_batch_end(b - 1) : 0;
        b->off = b->gap ? b->at_off : end;
    }
    o->numbers[number].fate = FATE_REFUSED;
    o->refused++;
}

/* ---- crashes ---- */

/* Is losing it breaking a promise? */
static bool promised(const struct o_batch *b, enum end end)
{
    if (end == END_CLEAN)
        return true; /* everything that was placed */
    if (end == END_POWER)
        return b->safe >= DURABILITY_SYNCED;
    return b->safe >= DURABILITY_WRITTEN;
}

static const char *end_name(enum end end)
{
    static const char *const names[] = { "a clean stop", "a kill", "a kernel crash",
                                         "a power loss" };
    return names[end];
}

/* How many batches the log kept, by where it ends. */
static uint32_t batches_kept(const struct o_part *p, uint64_t next_off)
{
    if (next_off == 0)
        return 0;
    for (uint32_t i = 0; i < p->count; i++)
        if (o_batch_end(&p->batches[i]) == next_off)
            return i + 1;
    violated("part %u: ends at offset %llu, where no batch that was sent ends", p->number,
             (unsigned long long)next_off);
}

void oracle_kept(const struct o_part *p, bool there, uint64_t next_off, enum end end)
{
    uint32_t kept = there ? batches_kept(p, next_off) : 0;
    demand(there || p->state != O_LIVE, "part %u: not there, and nothing is said to be damaged",
           p->number);
    for (uint32_t i = kept; i < p->count; i++)
        demand(!promised(&p->batches[i], end) || p->state == O_DROPPING,
               "part %u: batch %llu at offset %llu is missing, and nothing is said to be damaged",
               p->number, (unsigned long long)p->batches[i].content.number,
               (unsigned long long)p->batches[i].off);
}

static void batches_cut(struct oracle *o, struct o_part *p, uint32_t kept, enum end end)
{
    for (uint32_t i = kept; i < p->count; i++) {
        const struct o_batch *b = &p->batches[i];
        demand(!promised(b, end),
               "part %u: batch %llu at offset %llu is lost after %s (safe %d), the log ends at "
               "batch %u of %u",
               p->number, (unsigned long long)b->content.number, (unsigned long long)b->off,
               end_name(end), b->safe, kept, p->count);
        o->numbers[b->content.number].fate = FATE_LOST;
        o->lost++;
    }
    p->count = p->placed = kept;
    /* What a recovery found, it has made durable before it serves. */
    for (uint32_t i = 0; i < kept; i++)
        o_batch_promise(&p->batches[i], DURABILITY_SYNCED);
}

void oracle_reopened(struct oracle *o, struct o_part *p, const struct part_state_info *info,
                     enum end end)
{
    demand(p->state != O_GONE, "part %u: is back after it was dropped durably", p->number);
    demand(!info->damaged, "part %u: damaged at offset %llu, and nobody damaged it", p->number,
           (unsigned long long)info->damaged_off);
    p->state = O_LIVE;
    batches_cut(o, p, batches_kept(p, info->next_off), end);
    demand(info->start_off >= p->start_min, "part %u: log start went back from %llu to %llu",
           p->number, (unsigned long long)p->start_min, (unsigned long long)info->start_off);
    demand(info->start_off <= p->trim_asked, "part %u: log starts at %llu, trimmed to %llu at most",
           p->number, (unsigned long long)info->start_off, (unsigned long long)p->trim_asked);
    demand(info->synced_off >= info->next_off && info->visible_off == info->next_off,
           "part %u: opened with synced %llu, visible %llu of %llu", p->number,
           (unsigned long long)info->synced_off, (unsigned long long)info->visible_off,
           (unsigned long long)info->next_off);
    p->start_min = p->trim_asked = info->start_off;
    p->visible_off = info->visible_off;
    p->reader_off = min_u64(max_u64(p->reader_off, info->start_off), info->next_off);
    p->busy = 0;
}

void oracle_missing(struct oracle *o, struct o_part *p, enum end end)
{
    demand(p->state != O_LIVE, "part %u: does not exist after %s", p->number, end_name(end));
    if (p->state == O_ADDING)
        batches_cut(o, p, 0, end);
    p->state = O_GONE;
    p->busy = 0;
}

void oracle_info(struct o_part *p, const struct part_state_info *info)
{
    demand(!info->damaged, "part %u: damaged, and nobody damaged it", p->number);
    demand(info->start_off <= info->visible_off && info->visible_off <= info->next_off,
           "part %u: start %llu, visible %llu, next %llu", p->number,
           (unsigned long long)info->start_off, (unsigned long long)info->visible_off,
           (unsigned long long)info->next_off);
    demand(info->visible_off >= p->visible_off, "part %u: visible went back from %llu to %llu",
           p->number, (unsigned long long)p->visible_off, (unsigned long long)info->visible_off);
    demand(info->start_off >= p->start_min && info->start_off <= p->trim_asked,
           "part %u: log start %llu is not within [%llu, %llu]", p->number,
           (unsigned long long)info->start_off, (unsigned long long)p->start_min,
           (unsigned long long)p->trim_asked);
    p->visible_off = info->visible_off;
}
