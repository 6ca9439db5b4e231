/* ledger.c -- see ledger.h. */
#include "tests/torture/ledger.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/demo.h"

#define WRONGS_TOLD 10u
#define TIMEOUT_NS  60000000000u /* longer than any broker is away */

const struct topic_row topic_rows[TOPICS] = {
    { "synced", "synced", SL_SYNCED },
    { "written", "written", SL_WRITTEN },
};

struct part {
    pthread_mutex_t lock;
    struct ack *acks;
    size_t ack_count, ack_cap;
    uint32_t *seen; /* hashes, by offset; 0: not seen */
    size_t seen_cap;
    uint64_t records, seen_count;
};

static struct part parts[PARTS];
static _Atomic uint64_t wrong_count, acked_bytes;

void ledger_open(void)
{
    for (uint32_t i = 0; i < PARTS; i++)
        pthread_mutex_init(&parts[i].lock, NULL);
}

void ledger_close(void)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        pthread_mutex_destroy(&parts[i].lock);
        free(parts[i].acks);
        free(parts[i].seen);
    }
}

void ledger_ack(uint32_t part, struct ack ack)
{
    struct part *p = &parts[part];
    pthread_mutex_lock(&p->lock);
    if (p->ack_count == p->ack_cap) {
        p->ack_cap = p->ack_cap ? 2 * p->ack_cap : 1024;
        p->acks = need(realloc(p->acks, p->ack_cap * sizeof(*p->acks)));
    }
    p->acks[p->ack_count++] = ack;
    p->records += ack.count;
    pthread_mutex_unlock(&p->lock);
}

static void seen_grow(struct part *p, uint64_t offset)
{
    size_t cap = p->seen_cap ? p->seen_cap : 4096;
    while (cap <= offset)
        cap *= 2;
    if (cap == p->seen_cap)
        return;
    p->seen = need(realloc(p->seen, cap * sizeof(*p->seen)));
    memset(p->seen + p->seen_cap, 0, (cap - p->seen_cap) * sizeof(*p->seen));
    p->seen_cap = cap;
}

bool ledger_saw(uint32_t part, uint64_t offset, uint32_t hash)
{
    struct part *p = &parts[part];
    pthread_mutex_lock(&p->lock);
    seen_grow(p, offset);
    uint32_t before = p->seen[offset];
    if (!before) {
        p->seen[offset] = hash;
        p->seen_count++;
    }
    pthread_mutex_unlock(&p->lock);
    return !before || before == hash;
}

uint32_t ledger_seen(uint32_t part, uint64_t offset)
{
    struct part *p = &parts[part];
    pthread_mutex_lock(&p->lock);
    uint32_t hash = offset < p->seen_cap ? p->seen[offset] : 0;
    pthread_mutex_unlock(&p->lock);
    return hash;
}

static int by_offset(const void *a, const void *b)
{
    const struct ack *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

struct ack *ledger_acks(uint32_t part, size_t *count)
{
    struct part *p = &parts[part];
    pthread_mutex_lock(&p->lock);
    *count = p->ack_count;
    struct ack *copy = need(malloc((*count + 1) * sizeof(*copy)));
    if (*count)
        memcpy(copy, p->acks, *count * sizeof(*copy));
    pthread_mutex_unlock(&p->lock);
    qsort(copy, *count, sizeof(*copy), by_offset);
    return copy;
}

void ledger_count_bytes(uint64_t bytes)
{
    acked_bytes += bytes;
}

struct ledger_sums ledger_sums(void)
{
    struct ledger_sums sums = { .bytes = acked_bytes };
    for (uint32_t i = 0; i < PARTS; i++) {
        pthread_mutex_lock(&parts[i].lock);
        sums.acks += parts[i].ack_count;
        sums.records += parts[i].records;
        sums.seen += parts[i].seen_count;
        pthread_mutex_unlock(&parts[i].lock);
    }
    return sums;
}

void wrong(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (wrong_count++ < WRONGS_TOLD)
        fprintf(stderr, "WRONG      %s\n", line);
}

uint64_t wrongs(void)
{
    return wrong_count;
}

struct sl_client *client_make(uint16_t port, const char *id)
{
    struct sl_client *c;
    struct sl_why why = { 0 };
    struct sl_client_options o = {
        .size = sizeof(o), .port = port, .id = id, .reconnect = true, .timeout_ns = TIMEOUT_NS
    };
    if (sl_client_open(&c, &o, &why) != SL_ERR_OK)
        wrong("%s cannot connect: %s", id, why.text);
    return c;
}

bool client_topics(struct sl_client *c, struct sl_client_topic topics[TOPICS])
{
    for (uint32_t i = 0; i < TOPICS; i++)
        if (sl_client_describe(c, topic_rows[i].name, &topics[i]) != SL_ERR_OK) {
            wrong("topic %s: %s", topic_rows[i].name, sl_client_error(c)->text);
            return false;
        }
    return true;
}
