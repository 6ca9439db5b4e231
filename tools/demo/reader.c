/* reader.c -- reads the topic back, rebuilds every input, compares SHA-256 and acknowledgements.
 *
 *     demo_reader AT INPUTS ACKS PIPE
 *
 * AT is a directory, or HOST:PORT of a broker. ACKS is a file of messages, as the writers told
 * them. A thread for each partition:
 *
 *   - record by record, (file, pos) must go on exactly where the record before it ended: nothing
 *     missing, nothing twice, nothing from elsewhere
 *   - at the end of an input its SHA-256 must be the one that the list says
 *   - for each acknowledgement, the records at its offsets must be those that were acknowledged */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/door.h"

#define COMPLAINTS_MAX 5u

/* The acknowledgements of one run for one partition, in the order of offsets. */
struct claims {
    const struct message *at, *end;
    uint32_t hash, count; /* of at, so far */
};

struct check {
    struct door *door;
    const struct inputs *inputs;
    uint32_t partition;
    pthread_t thread;
    size_t input; /* inputs->count: all are complete */
    uint64_t pos, offset;
    struct sha256 sha;
    struct claims claims[DEMO_RUNS_MAX];
    uint64_t records, bytes, inputs_equal, acks_found;
    uint64_t acks_lost, records_lost, bytes_lost;
    uint32_t complaints;
    bool stopped; /* the order of records is broken: nothing after that is comparable */
};

static void complain(struct check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void complain(struct check *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (c->complaints++ < COMPLAINTS_MAX)
        fprintf(stderr, "WRONG      partition %u, offset %" PRIu64 ": %s\n", c->partition,
                c->offset, text);
}

/* ---- acknowledgements ---- */

static void claim_lost(struct check *c, const struct message *m)
{
    c->acks_lost++;
    c->records_lost += m->count;
    c->bytes_lost += m->bytes;
}

static void claim_end(struct check *c, struct claims *k)
{
    if (k->hash == k->at->hash) {
        c->acks_found++;
    } else {
        claim_lost(c, k->at);
        complain(c, "the %u records acknowledged at offset %" PRIu64 " by writer %u are not there",
                 k->at->count, k->at->offset, k->at->run + 1);
    }
    k->at++;
    k->hash = k->count = 0;
}

static void claims_record(struct check *c, const struct sl_record_view *r, const struct origin *o)
{
    for (uint32_t i = 0; i < DEMO_RUNS_MAX; i++) {
        struct claims *k = &c->claims[i];
        if (k->at == k->end || r->offset < k->at->offset)
            continue;
        k->hash = record_hash(k->hash, r->time_ms, *o, r->value, r->value_bytes);
        if (++k->count == k->at->count)
            claim_end(c, k);
    }
}

/* Whatever was acknowledged and not reached is missing. */
static void claims_end(struct check *c)
{
    for (uint32_t i = 0; i < DEMO_RUNS_MAX; i++) {
        struct claims *k = &c->claims[i];
        if (k->at != k->end)
            complain(c, "records acknowledged at offset %" PRIu64 " by writer %u were not read",
                     k->at->offset, i + 1);
        for (; k->at != k->end; k->at++)
            claim_lost(c, k->at);
    }
}

/* ---- inputs ---- */

static void input_end(struct check *c)
{
    const struct input *p = &c->inputs->at[c->input];
    struct sha256_sum sum = sha256_close(&c->sha);
    if (memcmp(sum.at, p->sum.at, sizeof(sum.at)) == 0)
        c->inputs_equal++;
    else
        complain(c, "%s: not the SHA-256 that the file had when the demo began",
                 printable(p->name, strlen(p->name)));
    sha256_open(&c->sha);
    c->pos = 0;
    c->input = inputs_next(c->inputs, c->input + 1, c->partition);
}

static bool origin_expected(const struct check *c, const struct origin *o, size_t value_bytes)
{
    if (c->input == c->inputs->count)
        return false;
    const struct input *p = &c->inputs->at[c->input];
    return o->pos == c->pos && o->name_bytes == strlen(p->name) &&
           memcmp(o->name, p->name, o->name_bytes) == 0 && value_bytes <= p->bytes - c->pos &&
           value_bytes > 0;
}

static void origin_wrong(struct check *c, const struct origin *o)
{
    char found[256];
    snprintf(found, sizeof(found), "%s", printable(o->name, o->name_bytes));
    c->stopped = true;
    if (c->input == c->inputs->count) {
        complain(c, "byte %" PRIu64 " of %s after the last line of the last input", o->pos, found);
        return;
    }
    const struct input *p = &c->inputs->at[c->input];
    complain(c, "byte %" PRIu64 " of %s where byte %" PRIu64 " of %s belongs", o->pos, found,
             c->pos, printable(p->name, strlen(p->name)));
}

static void record_check(struct check *c, const struct sl_record_view *r)
{
    struct origin o;
    if (r->offset != c->offset || !origin_get(r, &o)) {
        complain(c, "found offset %" PRIu64 " instead, or not a record of the demo", r->offset);
        c->stopped = true;
        return;
    }
    claims_record(c, r, &o);
    if (!origin_expected(c, &o, r->value_bytes)) {
        origin_wrong(c, &o);
        return;
    }
    c->records++;
    c->offset++;
    c->pos += r->value_bytes;
    sha256_add(&c->sha, r->value, r->value_bytes);
    if (c->pos == c->inputs->at[c->input].bytes)
        input_end(c);
}

/* ---- a partition ---- */

static void batches_check(struct check *c, const struct door_batches *b)
{
    struct sl_records it;
    struct sl_record_view r;
    enum sl_err err = SL_ERR_OK;
    sl_records_open(&it, b->at, b->bytes, c->offset);
    while (!c->stopped && sl_records_next(&it, &r, &err))
        record_check(c, &r);
    c->bytes += b->bytes;
    if (err != SL_ERR_OK) {
        complain(c, "%s", sl_err_text(err));
        c->stopped = true;
    }
}

static void *check_run(void *arg)
{
    struct check *c = arg;
    while (!c->stopped) {
        struct door_batches b;
        door_read(c->door, c->partition, c->offset, &b);
        if (b.err != SL_ERR_OK) {
            complain(c, "cannot be read: %s (%s)", sl_err_text(b.err), sl_err_name(b.err));
            c->stopped = true;
        } else if (b.bytes == 0) {
            break;
        } else {
            batches_check(c, &b);
        }
        door_read_free(&b);
    }
    if (!c->stopped && c->input != c->inputs->count)
        complain(c, "the log ends before byte %" PRIu64 " of %s", c->pos,
                 printable(c->inputs->at[c->input].name, strlen(c->inputs->at[c->input].name)));
    claims_end(c);
    return NULL;
}

static void check_open(struct check *c, uint32_t partition, struct door *door,
                       const struct inputs *in, const struct message *acks, size_t count)
{
    *c = (struct check){ .door = door, .inputs = in, .partition = partition };
    c->input = inputs_next(in, 0, partition);
    sha256_open(&c->sha);
    for (size_t i = 0; i < count; i++) { /* sorted: partition, run, offset */
        struct claims *k = &c->claims[acks[i].run];
        if (acks[i].partition != partition)
            continue;
        if (!k->at)
            k->at = &acks[i];
        k->end = &acks[i + 1];
    }
}

/* ---- all of it ---- */

static int ack_order(const void *a, const void *b)
{
    const struct message *x = a, *y = b;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static struct message *acks_load(const char *path, size_t *count)
{
    FILE *f = fopen(path, "r");
    if (!f || fseek(f, 0, SEEK_END))
        die("%s: cannot be read", path);
    *count = (size_t)ftell(f) / sizeof(struct message);
    rewind(f);
    struct message *acks = need(malloc((*count + 1) * sizeof(*acks)));
    if (fread(acks, sizeof(*acks), *count, f) != *count)
        die("%s: cannot be read", path);
    fclose(f);
    for (size_t i = 0; i < *count; i++)
        if (acks[i].run >= DEMO_RUNS_MAX || acks[i].partition >= DEMO_PARTITIONS)
            die("%s: not a list of acknowledgements", path);
    qsort(acks, *count, sizeof(*acks), ack_order);
    return acks;
}

static bool report(const struct check *checks, size_t inputs, size_t acks, struct message *m)
{
    uint64_t equal = 0, found = 0, lost = 0, records_lost = 0, bytes_lost = 0;
    uint32_t complaints = 0;
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
        const struct check *c = &checks[i];
        m->offset += c->records;
        m->bytes += c->bytes;
        equal += c->inputs_equal;
        found += c->acks_found;
        lost += c->acks_lost;
        records_lost += c->records_lost;
        bytes_lost += c->bytes_lost;
        complaints += c->complaints;
    }
    printf("read       %" PRIu64 " records; SHA-256 equal for %" PRIu64 " of %zu inputs; "
           "%" PRIu64 " of %zu acknowledgements found\n",
           m->offset, equal, inputs, found, acks);
    if (lost)
        printf("MISSING    %" PRIu64 " acknowledgements, %" PRIu64 " records, %" PRIu64
               " bytes: not there, or not to be read\n",
               lost, records_lost, bytes_lost);
    return complaints == 0 && equal == inputs && found == acks;
}

int main(int argc, char **argv)
{
    static struct check checks[DEMO_PARTITIONS];
    struct inputs in;
    size_t acks_count, full = 0;
    if (argc != 5)
        die("usage: %s AT INPUTS ACKS PIPE", argv[0]);
    int pipe = atoi(argv[4]);
    if (!inputs_load(&in, argv[2]))
        return 1;
    struct message *acks = acks_load(argv[3], &acks_count);
    uint64_t start = now_ns();
    struct door *door = door_open(argv[1], false);
    door_topic_open(door);
    message_put(pipe, (struct message){ .kind = TELL_OPEN, .ns = now_ns() - start });
    start = now_ns();
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
        check_open(&checks[i], i, door, &in, acks, acks_count);
        if (pthread_create(&checks[i].thread, NULL, check_run, &checks[i]) != 0)
            die("cannot start a thread");
    }
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++)
        pthread_join(checks[i].thread, NULL);
    struct message done = { .kind = TELL_DONE, .ns = now_ns() - start };
    for (size_t i = 0; i < in.count; i++)
        full += in.at[i].bytes > 0;
    bool ok = report(checks, full, acks_count, &done);
    message_put(pipe, done);
    door_close(door);
    inputs_free(&in);
    free(acks);
    return ok ? 0 : 1;
}
