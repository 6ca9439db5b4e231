/* fetch.c -- fetch, offsets, trim: what reads a partition, or shortens it. */
#include "net/client/client_in.h"

#include <stdlib.h>

/* ---- fetch ---- */

static void fetch_answer(struct sl_client *c, struct client_call *call, const struct call_result *r)
{
    struct sl_client_batches out = { .err = (enum sl_err)r->err };
    (void)c;
    if (r->err == ERR_OK) {
        const struct fetch_answer *a = &r->payload->fetch_answer;
        out.at = a->batches.at;
        out.bytes = a->batches.len;
        out.next_offset = a->next_offset;
        out.high_offset = a->high_offset;
        out.start_offset = a->start_offset;
    }
    ((sl_client_fetch_done *)call->done)(call->arg, &out);
}

/* Rounded up: a wait that is asked for is not none. */
static uint32_t wait_ms_of(uint64_t wait_ns)
{
    return (uint32_t)min_u64(wait_ns / MS_NS + (wait_ns % MS_NS != 0), WAIT_MS_MAX);
}

enum sl_err sl_client_fetch(struct sl_client *c, const struct sl_client_topic *topic,
                            uint32_t partition, const struct sl_fetch_options *options,
                            sl_client_fetch_done *done, void *arg)
{
    struct fetch_request r = { .offset = CLIENT_FIELD(options, offset, 0),
                               .bytes_max = CLIENT_FIELD(options, bytes_max, 0),
                               .bytes_min = CLIENT_FIELD(options, bytes_min, 0),
                               .wait_ms = wait_ms_of(CLIENT_FIELD(options, wait_ns, 0)) };
    struct client_call *call =
        call_make(c, VERB_FETCH, FRAME_HEADER_BYTES + verb_row(VERB_FETCH)->max[0]);
    if (!call)
        return c->error.err;
    memcpy(call->frame.topic.b, topic->id, 16);
    call->frame.partition = partition;
    call->due_ns += r.wait_ms * MS_NS;
    call->answer = fetch_answer;
    call->done = (void (*)(void))done;
    call->arg = arg;
    if (!call_fill(c, call, &r)) {
        call_free(call);
        return c->error.err;
    }
    return (enum sl_err)call_start(c, call);
}

struct fetch_waiting {
    struct sl_client_batches result;
    bool done;
};

static void fetch_waited(void *arg, const struct sl_client_batches *batches)
{
    struct fetch_waiting *w = arg;
    w->result = *batches;
    w->done = true;
}

enum sl_err sl_client_fetch_wait(struct sl_client *c, const struct sl_client_topic *topic,
                                 uint32_t partition, const struct sl_fetch_options *options,
                                 struct sl_client_batches *out)
{
    struct fetch_waiting w = { .done = false };
    if (c->inside)
        return (enum sl_err)client_note(c, ERR_BUSY, "a callback must not wait");
    enum sl_err err = sl_client_fetch(c, topic, partition, options, fetch_waited, &w);
    if (err != SL_ERR_OK)
        w.result = (struct sl_client_batches){ .err = err };
    else
        while (!w.done)
            calls_turn(c, UINT64_MAX, &w.done);
    *out = w.result;
    return w.result.err;
}

/* ---- offsets, trim ---- */

static void offset_take(void *arg, const union payload *p)
{
    struct offsets_answer *out = arg;
    *out = p->offsets_answer;
}

enum sl_err sl_client_offset(struct sl_client *c, const struct sl_client_topic *topic,
                             uint32_t partition, enum sl_offset_of what, int64_t time_ms,
                             uint64_t *offset, int64_t *found_ms)
{
    struct offsets_request r = { .what = (uint32_t)what, .time_ms = time_ms };
    struct offsets_answer a;
    enum err err = call_simple(c, VERB_OFFSETS, topic, partition, &r, offset_take, &a);
    if (err != ERR_OK)
        return (enum sl_err)err;
    *offset = a.offset;
    if (found_ms)
        *found_ms = a.found_ms;
    return SL_ERR_OK;
}

static void trim_take(void *arg, const union payload *p)
{
    uint64_t *start = arg;
    if (start)
        *start = p->trim_answer.start_offset;
}

enum sl_err sl_client_trim(struct sl_client *c, const struct sl_client_topic *topic,
                           uint32_t partition, uint64_t offset, uint64_t *start)
{
    struct trim_request r = { offset };
    return (enum sl_err)call_simple(c, VERB_TRIM, topic, partition, &r, trim_take, start);
}
