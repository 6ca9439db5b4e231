/* oracle_read.c -- what readers are given, compared batch by batch. */
#include "engine/base/check.h"
#include "tests/sim/oracle_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

static const char *fate_name(enum o_fate fate)
{
    static const char *const names[] = { "known", "refused", "lost in a crash" };
    return names[fate];
}

/* The place in p's row of a batch that a reader was given, after every check of the batch itself.
 */
static uint32_t batch_recognise(const struct oracle *o, struct o_part *p, struct bytes batch,
                                const struct batch_info *info)
{
    uint64_t number = content_number(batch);
    demand(number < o->number_count, "part %u: offset %llu holds a batch that nobody sent",
           p->number, LLU(info->base_off));
    const struct o_number *n = &o->numbers[number];
    demand(n->part == p, "part %u: offset %llu holds batch %llu, which was sent to part %u",
           p->number, LLU(info->base_off), LLU(number), n->part->number);
    demand(n->fate == FATE_KNOWN, "part %u: offset %llu holds batch %llu, which was %s", p->number,
           LLU(info->base_off), LLU(number), fate_name(n->fate));
    uint32_t i = o_batch_find(p, number);
    const struct o_batch *b = &p->batches[i];
    demand(info->base_off == b->off, "part %u: batch %llu is at offset %llu, must be at %llu",
           p->number, LLU(number), LLU(info->base_off), LLU(b->off));
    demand(batch.len == b->bytes && content_hash(batch) == b->hash,
           "part %u: batch %llu at offset %llu was altered", p->number, LLU(number), LLU(b->off));
    demand(info->leader_epoch == b->epoch, "part %u: batch %llu has leader epoch %u, must be %u",
           p->number, LLU(number), info->leader_epoch, b->epoch);
    if (number % 16 == 0)
        demand(content_same(&b->content, batch), "part %u: the records of batch %llu were altered",
               p->number, LLU(number));
    return i;
}

/* A reader has seen it: it may not go away again, as far as the topic promises. */
static void batch_seen(struct o_part *p, uint32_t i, bool visible)
{
    o_batch_placed(p, i);
    if (visible && p->durability != DURABILITY_MEMORY)
        o_batch_promise(&p->batches[i], p->durability);
}

static void first_check(const struct o_part *p, const struct o_read *r, uint32_t i)
{
    const struct o_batch *b = &p->batches[i];
    demand(o_batch_end(b) > r->off, "part %u: a read from %llu begins with offset %llu", p->number,
           LLU(r->off), LLU(b->off));
    bool skipped = i > 0 && o_batch_end(b - 1) > r->off;
    demand(!skipped || r->start_now > r->off, "part %u: a read from %llu skips to offset %llu",
           p->number, LLU(r->off), LLU(b->off));
}

/* Nothing was given: there must be nothing that could have been. */
static void empty_check(const struct o_part *p, const struct o_read *r)
{
    uint32_t i = o_batch_at(p, r->off);
    uint64_t visible = r->beyond_visible ? oracle_end_off(p) : r->visible_off;
    if (i >= p->count || r->start_now > r->off)
        return;
    if (r->beyond_visible && i >= p->placed)
        return;
    demand(o_batch_end(&p->batches[i]) > visible,
           "part %u: a read from %llu gives nothing, but offset %llu is visible (below %llu)",
           p->number, LLU(r->off), LLU(p->batches[i].off), LLU(visible));
}

void oracle_read(struct oracle *o, struct o_part *p, const struct o_read *r)
{
    struct bytes left = r->batches;
    struct batch_info info;
    uint32_t expected = 0, given = 0;
    uint64_t next_off = r->next_off;
    for (; left.len; given++) {
        demand(batch_peek(left, &info) == ERR_OK, "part %u: a read from %llu gives no batch",
               p->number, LLU(r->off));
        struct bytes batch = { left.at, info.bytes };
        uint32_t i = batch_recognise(o, p, batch, &info);
        if (!given)
            first_check(p, r, i);
        else
            demand(i == expected, "part %u: a read from %llu skips from offset %llu to %llu",
                   p->number, LLU(r->off), LLU(o_batch_end(&p->batches[expected - 1])),
                   LLU(info.base_off));
        next_off = o_batch_end(&p->batches[i]);
        demand(r->beyond_visible || next_off <= r->visible_now,
               "part %u: offset %llu was served, only those below %llu are visible", p->number,
               LLU(info.base_off), LLU(r->visible_now));
        batch_seen(p, i, !r->beyond_visible);
        expected = i + 1;
        left.at += info.bytes;
        left.len -= info.bytes;
    }
    demand(given <= 1 || r->batches.len <= r->bytes_max, "part %u: %llu bytes, %u were wanted",
           p->number, LLU(r->batches.len), r->bytes_max);
    demand(!given || r->next_off == next_off, "part %u: a read goes on at %llu, must be %llu",
           p->number, LLU(r->next_off), LLU(next_off));
    if (!given)
        empty_check(p, r);
    o->read += given;
}

void oracle_look(const struct oracle *o, struct o_part *p, struct bytes batches)
{
    struct batch_info info;
    while (batches.len) {
        demand(batch_peek(batches, &info) == ERR_OK, "part %u: a damaged store serves no batch",
               p->number);
        batch_recognise(o, p, (struct bytes){ batches.at, info.bytes }, &info);
        batches.at += info.bytes;
        batches.len -= info.bytes;
    }
}

void oracle_time(const struct o_part *p, int64_t time_ms, bool found, uint64_t off,
                 int64_t found_ms, uint64_t visible_off, uint64_t start_now)
{
    uint64_t end = found ? off : visible_off;
    bool hit = false;
    for (uint32_t i = o_batch_at(p, start_now); i < p->count && p->batches[i].off <= end; i++) {
        const struct o_batch *b = &p->batches[i];
        if (!found && o_batch_end(b) > visible_off)
            break; /* a reader gets whole batches */
        for (uint32_t k = 0; k < b->content.count; k++) {
            int64_t time = content_time(&b->content, k);
            uint64_t at = b->off + k;
            if (found && at == off)
                hit = time == found_ms && time >= time_ms;
            demand(at < start_now || at >= end || time < time_ms,
                   "part %u: offset %llu has time %lld, a search for %lld gave %s%llu", p->number,
                   LLU(at), (long long)time, (long long)time_ms, found ? "" : "nothing below ",
                   LLU(end));
        }
    }
    demand(!found || hit || off < start_now,
           "part %u: a search for time %lld gave offset %llu with time %lld, which is not so",
           p->number, (long long)time_ms, LLU(off), (long long)found_ms);
}

void oracle_epochs(const struct o_part *p, const struct part_epoch *rows, uint32_t count)
{
    uint32_t row = 0;
    for (uint32_t i = 1; i < count; i++)
        demand(rows[i].epoch > rows[i - 1].epoch && rows[i].start_off >= rows[i - 1].start_off,
               "part %u: leader epoch %u from %llu follows %u from %llu", p->number, rows[i].epoch,
               LLU(rows[i].start_off), rows[i - 1].epoch, LLU(rows[i - 1].start_off));
    for (uint32_t i = o_batch_at(p, p->trim_asked); i < p->placed; i++) {
        const struct o_batch *b = &p->batches[i];
        while (row + 1 < count && rows[row + 1].start_off <= b->off)
            row++;
        demand(count && rows[row].start_off <= b->off && rows[row].epoch == b->epoch,
               "part %u: offset %llu has leader epoch %u, the table says %u", p->number,
               LLU(b->off), b->epoch, count ? rows[row].epoch : 0);
    }
}
