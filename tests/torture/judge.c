/* judge.c -- see judge.h. */
#include "tests/torture/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/torture/ledger.h"
#include "tests/torture/load.h"
#include "tests/torture/value.h"
#include "tools/demo/demo.h"

#define FETCH_BYTES (4u << 20)

/* How far a partition was read. */
struct place {
    uint64_t offset;
    uint64_t next[PRODUCERS]; /* number of each one's next record */
};

/* A partition while it is read. */
struct reading {
    uint32_t part;
    struct place at;
    struct ack *acks;
    size_t ack, ack_count;
    uint64_t needed[PRODUCERS]; /* numbers below are acknowledged */
    uint64_t from, end;         /* a fetch may go beyond the end: more came meanwhile */
    bool bad;
};

static struct sl_client *client;
static struct sl_client_topic topics[TOPICS];
static struct place last[PARTS],
    before[PARTS]; /* where the last run ended, and the one before it */

static void finding(struct reading *r, const char *what, const struct value_key *key)
{
    r->bad = true;
    wrong("%s-%u, offset %" PRIu64 ": %s (producer %u, record %" PRIu64 ")",
          topic_rows[topic_of(r->part)].name, partition_of(r->part), r->at.offset, what,
          key->producer, key->number);
}

/* ---- one record ---- */

static void number_check(struct reading *r, const struct value_key *key)
{
    uint64_t *next = &r->at.next[key->producer];
    if (key->number > *next) {
        finding(r, "records before it are missing", key);
    } else if (key->number < *next) {
        finding(r, "it was there before: twice, or out of order", key);
        return;
    }
    *next = key->number + 1;
}

static void ack_check(struct reading *r, const struct value_key *key)
{
    uint64_t offset = r->at.offset;
    while (r->ack < r->ack_count && r->acks[r->ack].offset + r->acks[r->ack].count <= offset)
        r->ack++;
    if (r->ack == r->ack_count || r->acks[r->ack].offset > offset)
        return;
    const struct ack *a = &r->acks[r->ack];
    if (a->producer != key->producer || a->first + (offset - a->offset) != key->number)
        finding(r, "another record was acknowledged here", key);
}

static void record_check(struct reading *r, const struct sl_record_view *view)
{
    struct value_key key = { 0 };
    char why[VALUE_WHY_CHARS];
    if (view->offset != r->at.offset) {
        finding(r, "the log goes on somewhere else", &key);
        return;
    }
    if (!value_check(view, r->part, &key, why) || key.producer >= PRODUCERS) {
        finding(r, why, &key);
        return;
    }
    uint32_t seen = ledger_seen(r->part, r->at.offset);
    if (seen && seen != value_hash(&key))
        finding(r, "a consumer saw another record here", &key);
    number_check(r, &key);
    ack_check(r, &key);
    r->at.offset++;
}

/* ---- a partition ---- */

static void reading_open(struct reading *r, uint32_t part, struct place from)
{
    *r = (struct reading){ .part = part, .at = from, .from = from.offset };
    r->acks = ledger_acks(part, &r->ack_count); /* before the end is asked for: all below it */
    for (size_t i = 0; i < r->ack_count; i++) {
        const struct ack *a = &r->acks[i];
        if (a->first + a->count > r->needed[a->producer])
            r->needed[a->producer] = a->first + a->count;
    }
    if (sl_client_offset(client, &topics[topic_of(part)], partition_of(part), SL_OFFSET_LATEST, 0,
                         &r->end, NULL) != SL_ERR_OK) {
        wrong("%s-%u: %s", topic_rows[topic_of(part)].name, partition_of(part),
              sl_client_error(client)->text);
        r->bad = true;
    }
}

static void reading_go(struct reading *r)
{
    struct sl_client_batches b;
    struct sl_records it;
    struct sl_record_view view;
    while (!r->bad && r->at.offset < r->end) {
        struct sl_fetch_options o = { .size = sizeof(o),
                                      .offset = r->at.offset,
                                      .bytes_max = FETCH_BYTES };
        enum sl_err err =
            sl_client_fetch_wait(client, &topics[topic_of(r->part)], partition_of(r->part), &o, &b);
        sl_records_open(&it, b.at, err == SL_ERR_OK ? b.bytes : 0, o.offset);
        while (err == SL_ERR_OK && !r->bad && sl_records_next(&it, &view, &err))
            record_check(r, &view);
        if (err == SL_ERR_OK && r->at.offset > o.offset)
            continue;
        if (!r->bad)
            wrong("%s-%u, offset %" PRIu64 " of %" PRIu64 ": cannot be read: %s",
                  topic_rows[topic_of(r->part)].name, partition_of(r->part), r->at.offset, r->end,
                  err == SL_ERR_OK ? "there is nothing" : sl_client_error(client)->text);
        r->bad = true;
    }
}

static void reading_end(struct reading *r)
{
    for (uint32_t p = 0; p < PRODUCERS && !r->bad; p++)
        if (r->at.next[p] < r->needed[p])
            wrong("%s-%u: record %" PRIu64 " of producer %u was acknowledged and is not there, "
                  "the last one is %" PRIu64,
                  topic_rows[topic_of(r->part)].name, partition_of(r->part), r->needed[p] - 1, p,
                  r->at.next[p] - 1);
    if (r->from > r->end)
        wrong("%s-%u: ends at offset %" PRIu64 "; up to %" PRIu64 " was read before",
              topic_rows[topic_of(r->part)].name, partition_of(r->part), r->end, r->from);
    free(r->acks);
}

/* ---- all of them ---- */

void judge_open(uint16_t port)
{
    client = client_make(port, "judge");
    if (!client || !client_topics(client, topics))
        die("the judge cannot begin");
}

void judge_close(void)
{
    sl_client_close(&client);
}

void judge_run(bool all)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        struct reading r;
        reading_open(&r, i, all ? (struct place){ 0 } : before[i]);
        reading_go(&r);
        reading_end(&r);
        before[i] = all ? r.at : last[i];
        last[i] = r.at;
    }
}

void judge_end(void)
{
    for (uint32_t i = 0; i < PARTS; i++)
        for (uint32_t p = 0; p < PRODUCERS; p++)
            if (last[i].next[p] != load_written(p, i))
                wrong("%s-%u: producer %u wrote %" PRIu64 " records, and %" PRIu64 " are there",
                      topic_rows[topic_of(i)].name, partition_of(i), p, load_written(p, i),
                      last[i].next[p]);
}
