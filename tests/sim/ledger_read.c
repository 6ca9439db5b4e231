/* ledger_read.c -- what readers are given, compared batch by batch. */
#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "tests/sim/ledger_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

/* The batch that a reader was given, after every check of the batch itself. */
static struct l_batch *batch_recognise(struct ledger *l, struct l_part *p, struct bytes batch,
                                       const struct batch_info *info)
{
    uint64_t number = content_number(batch);
    demand(number < l->count, "part %u: offset %llu holds a batch that nobody sent", p->number,
           LLU(info->base_off));
    struct l_batch *b = &l->batches[number];
    demand(b->part == p, "part %u: offset %llu holds batch %llu, which was sent to part %u",
           p->number, LLU(info->base_off), LLU(number), b->part->number);
    bool append_time = info->attributes & BATCH_ATTR_APPEND_TIME;
    demand(append_time == p->append_time &&
               (!append_time || !b->append_ms || info->header_max_time == b->append_ms),
           "part %u: batch %llu has the time %lld of %s, and was acknowledged with %lld", p->number,
           LLU(number), (long long)info->header_max_time,
           append_time ? "appending" : "its producer", (long long)b->append_ms);
    struct bytes sent = content_unstamped(&b->content, batch, b->crc);
    demand(sent.at, "part %u: batch %llu at offset %llu has another CRC than its bytes", p->number,
           LLU(number), LLU(info->base_off));
    demand(batch.len == b->bytes && content_hash(sent) == b->hash,
           "part %u: batch %llu at offset %llu was altered", p->number, LLU(number),
           LLU(info->base_off));
    if (number % 16 == 0)
        demand(content_same(&b->content, batch), "part %u: the records of batch %llu were altered",
               p->number, LLU(number));
    l_place(l, number, info->base_off);
    demand(!b->epoch || b->epoch == info->leader_epoch,
           "part %u: batch %llu has leader epoch %u, and had %u", p->number, LLU(number),
           info->leader_epoch, b->epoch);
    b->epoch = info->leader_epoch;
    return b;
}

static void epoch_check(const struct l_part *p, const struct l_batch *b, uint32_t *epoch)
{
    demand(b->epoch >= *epoch, "part %u: offset %llu has leader epoch %u, those below it %u",
           p->number, LLU(b->off), b->epoch, *epoch);
    *epoch = b->epoch;
}

static void first_check(const struct l_part *p, const struct l_read *r, const struct l_batch *b)
{
    demand(l_end(b) > r->off, "part %u: a fetch from %llu begins with offset %llu", p->number,
           LLU(r->off), LLU(b->off));
    demand(b->off <= max_u64(r->off, r->start_off),
           "part %u: a fetch from %llu skips to offset %llu", p->number, LLU(r->off), LLU(b->off));
}

static void ends_check(const struct l_part *p, const struct l_read *r)
{
    demand(r->high_off >= r->high_then, "part %u: visible went back from %llu to %llu", p->number,
           LLU(r->high_then), LLU(r->high_off));
    demand(r->start_off >= r->start_then, "part %u: log start went back from %llu to %llu",
           p->number, LLU(r->start_then), LLU(r->start_off));
    demand(r->start_off <= p->trim_asked || p->retention,
           "part %u: log starts at %llu, trimmed to %llu at most", p->number, LLU(r->start_off),
           LLU(p->trim_asked));
    demand(r->start_off <= r->high_off, "part %u: log start %llu, visible end %llu", p->number,
           LLU(r->start_off), LLU(r->high_off));
}

static void amount_check(const struct l_part *p, const struct l_read *r, uint32_t given,
                         uint64_t next_off)
{
    demand(given <= 1 || r->partial || !r->bytes_max || r->batches.len <= r->bytes_max,
           "part %u: %llu bytes, %u were wanted", p->number, LLU(r->batches.len), r->bytes_max);
    demand(!given || r->next_off == next_off, "part %u: a fetch goes on at %llu, must be %llu",
           p->number, LLU(r->next_off), LLU(next_off));
    demand(given || r->partial || r->off >= r->high_off || r->start_off > r->off,
           "part %u: a fetch from %llu gives nothing, and readers see offsets below %llu",
           p->number, LLU(r->off), LLU(r->high_off));
}

void ledger_read(struct ledger *l, struct l_part *p, const struct l_read *r)
{
    struct bytes left = r->batches;
    struct batch_info info;
    uint64_t next_off = r->off;
    uint32_t given = 0, epoch = 0;
    ends_check(p, r);
    for (; left.len; given++) {
        demand(batch_peek(left, &info) == ERR_OK, "part %u: a fetch from %llu gives no batch",
               p->number, LLU(r->off));
        struct l_batch *b = batch_recognise(l, p, (struct bytes){ left.at, info.bytes }, &info);
        if (!given)
            first_check(p, r, b);
        else
            demand(b->off == next_off, "part %u: a fetch skips from offset %llu to %llu", p->number,
                   LLU(next_off), LLU(b->off));
        epoch_check(p, b, &epoch);
        next_off = l_end(b);
        demand(next_off <= r->high_off,
               "part %u: offset %llu was served, only those below %llu are visible", p->number,
               LLU(b->off), LLU(r->high_off));
        if (p->durability != DURABILITY_MEMORY)
            l_promise(b, (int)p->durability);
        left.at += info.bytes;
        left.len -= info.bytes;
    }
    amount_check(p, r, given, next_off);
    p->high_off = max_u64(p->high_off, r->high_off);
    l->read += given;
}

void ledger_time(const struct ledger *l, const struct l_part *p, int64_t time_ms, bool found,
                 uint64_t off, int64_t found_ms, uint64_t high_then)
{
    uint64_t end = found ? off : high_then;
    if (p->retention || p->append_time)
        return; /* what lies below is not known, nor when records were appended */
    for (uint32_t i = l_at(l, p, p->trim_asked); i < p->count; i++) {
        const struct l_batch *b = &l->batches[p->row[i]];
        if (b->off > end || (!found && l_end(b) > high_then))
            return; /* a reader gets whole batches */
        for (uint32_t k = 0; k < b->content.count; k++) {
            int64_t time = content_time(&b->content, k);
            uint64_t at = b->off + k;
            demand(!found || at != off || (time == found_ms && time >= time_ms),
                   "part %u: a search for time %lld gave offset %llu with time %lld, which is not "
                   "so",
                   p->number, (long long)time_ms, LLU(off), (long long)found_ms);
            demand(at < p->trim_asked || at >= end || time < time_ms,
                   "part %u: offset %llu has time %lld, a search for %lld gave %s%llu", p->number,
                   LLU(at), (long long)time, (long long)time_ms, found ? "" : "nothing below ",
                   LLU(end));
        }
    }
}
