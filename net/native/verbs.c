/* verbs.c -- the table of verbs, and those of a partition.
 *
 * One row for each verb: what it keeps of the payload, how it starts, what it answers. */
#include "engine/base/batch_sums.h"
#include "net/native/server_in.h"

#define FETCH_BYTES_DEFAULT (uint32_t)MIB(1)
#define FETCH_FIXED_BYTES   24u /* of the answer, before the batches */

static void place_start(struct request *r, struct place *place, void (*go)(struct request *r))
{
    r->place = place;
    r->go = go;
    place_find(r);
}

/* ---- append ---- */

/* Room for the log's sums of the batch, where it will look at them; valid until the next append. */
static struct batch_sums *append_sums(const struct request *r)
{
    const struct verb_append *v = &r->append;
    struct batch_sums *sums = desk_of_conn(r->conn)->sums;
    if (!conn_serves(r->conn, &v->place) || v->batch.len < BATCH_SUMS_MIN)
        return NULL;
    sums->phase = serve_append_phase(r->conn->desk->serve, &v->place);
    return sums;
}

/* Verified here, for the sentence that says what is wrong. False: it was refused. */
static bool append_verify(struct request *r)
{
    struct verb_append *v = &r->append;
    struct batch_sums *sums = append_sums(r);
    struct batch_info info;
    struct why why = { "" };
    enum err err = batch_verify_summed(v->batch, sums, &info, &v->max_time, &why);
    if (err == ERR_OK && info.bytes != v->batch.len) {
        err = ERR_BAD_BATCH;
        why_set(&why, "append: one batch of %u bytes, and %zu were sent", info.bytes, v->batch.len);
    }
    if (err != ERR_OK) {
        request_refuse(r, err, 0, 0, why.text);
        return false;
    }
    v->verified = true;
    v->count = info.last_off_delta + 1;
    v->sums = sums;
    return true;
}

/* On its own shard a batch goes into the log out of the receive buffer. Elsewhere, and where it has
 * to wait for room in the log, it is kept. */
static void append_go(struct request *r)
{
    struct serve *s = r->conn->desk->serve;
    if (!append_verify(r))
        return;
    if (!conn_serves(r->conn, &r->append.place)) {
        request_keep(r);
        serve_append(s, &r->append);
    } else if (serve_append_here(s, &r->append)) {
        request_unkeep(r);
    }
}

static void append_start(struct request *r)
{
    const struct append_request ask = r->asked.append;
    r->append = (struct verb_append){ .verb = request_verb(r),
                                      .batch = ask.batch,
                                      .want_set = ask.durability != 0,
                                      .want = ask.durability ? ask.durability - 1u : 0 };
    if (pitfall(FRONT_ACK_EARLY) && r->append.want_set)
        r->append.want = DURABILITY_MEMORY;
    place_start(r, &r->append.place, append_go);
}

static void latency_count(const struct request *r, enum metric_latency which, uint64_t waited_ns)
{
    const struct door_desk *d = r->conn->desk;
    uint64_t ns = desk_now(d) - r->begin_ns;
    metrics_latency(d->metrics, which, ns - min_u64(ns, waited_ns));
}

static void append_answer(struct request *r)
{
    const struct verb_append *v = &r->append;
    latency_count(r, METRIC_LATENCY_APPEND, 0);
    struct append_answer tell = { .base_offset = v->base_off,
                                  .append_ms = v->append_ms,
                                  .count = v->count,
                                  .bought = (uint8_t)(v->bought + 1u),
                                  .duplicate = v->duplicate };
    if (pitfall(FRONT_ACK_EARLY) && v->want_set)
        tell.bought = r->asked.append.durability;
    request_answer(r, &tell, sizeof(tell));
}

/* ---- fetch ---- */

static void fetch_go(struct request *r)
{
    if (r->conn->state >= CONN_CLOSING)
        r->fetch.wait_ns = 0; /* nobody else will hurry it */
    serve_fetch(r->conn->desk->serve, &r->fetch);
}

/* No answer is larger than what the client takes, and what the door grants; if the first batch is
 * not larger. */
static uint32_t fetch_bytes(struct request *r, uint32_t asked)
{
    struct conn *c = r->conn;
    uint64_t most = min_u64(native_of(c)->peer_max, FRAME_PAYLOAD_MAX) - FETCH_FIXED_BYTES;
    r->granted = conn_grant(c, min_u64(asked ? asked : FETCH_BYTES_DEFAULT, most));
    return r->granted;
}

static void fetch_start(struct request *r)
{
    const struct fetch_request ask = r->asked.fetch;
    uint32_t bytes = fetch_bytes(r, ask.bytes_max);
    r->fetch = (struct verb_fetch){ .verb = request_verb(r),
                                    .off = ask.offset,
                                    .client = r->conn->number,
                                    .bytes_max = bytes,
                                    .bytes_min = (uint32_t)min_u64(ask.bytes_min, bytes),
                                    .wait_ns = ask.wait_ms * MS_NS,
                                    .lends = true };
    place_start(r, &r->fetch.place, fetch_go);
}

static void fetch_answer(struct request *r)
{
    const struct verb_fetch *v = &r->fetch;
    struct fetch_answer tell = { .next_offset = v->next_off,
                                 .high_offset = v->visible_off,
                                 .start_offset = v->start_off,
                                 .batches = v->batches };
    latency_count(r, METRIC_LATENCY_FETCH, v->waited_ns);
    r->lent = true;
    request_answer(r, &tell, FETCH_FIXED_BYTES);
}

/* ---- offsets, trim ---- */

static void offsets_go(struct request *r)
{
    serve_offset(r->conn->desk->serve, &r->offset);
}

static void offsets_start(struct request *r)
{
    const struct offsets_request ask = r->asked.offsets;
    r->offset = (struct verb_offset){ .verb = request_verb(r),
                                      .what = (enum offset_of)ask.what,
                                      .time_ms = ask.time_ms };
    place_start(r, &r->offset.place, offsets_go);
}

static void offsets_answer(struct request *r)
{
    struct offsets_answer tell = { .offset = r->offset.off,
                                   .found_ms = r->offset.found_ms,
                                   .leader_epoch = r->offset.leader_epoch };
    request_answer(r, &tell, sizeof(tell));
}

static void trim_go(struct request *r)
{
    serve_trim(r->conn->desk->serve, &r->trim);
}

static void trim_start(struct request *r)
{
    const struct trim_request ask = r->asked.trim;
    r->trim = (struct verb_trim){ .verb = request_verb(r), .off = ask.offset };
    place_start(r, &r->trim.place, trim_go);
}

static void trim_answer(struct request *r)
{
    struct trim_answer tell = { .start_offset = r->trim.start_off };
    request_answer(r, &tell, sizeof(tell));
}

/* ---- without a verb of the engine ---- */

static void ping_start(struct request *r)
{
    struct ping tell = r->asked.ping;
    request_answer(r, &tell, (uint32_t)tell.bytes.len);
}

static void auth_start(struct request *r)
{
    request_refuse(r, ERR_UNSUPPORTED, 0, 0, "auth: this server has no mechanism");
}

const struct verb_serve verb_serves[VERB_COUNT] = {
    /*                 keeps  passes one    start           answer */
    [VERB_HELLO] = { true, false, false, hello_start, NULL },
    [VERB_AUTH] = { false, false, false, auth_start, NULL },
    [VERB_PING] = { true, false, false, ping_start, NULL },
    [VERB_TOPICS] = { true, false, true, topics_start, topics_answer },
    [VERB_DESCRIBE] = { true, false, true, describe_start, describe_answer },
    [VERB_CREATE] = { true, false, false, create_start, create_answer },
    [VERB_DELETE] = { true, false, false, delete_start, nothing_answer },
    [VERB_ALTER] = { true, false, false, alter_start, nothing_answer },
    [VERB_GROW] = { true, false, false, grow_start, nothing_answer },
    [VERB_APPEND] = { true, true, false, append_start, append_answer },
    [VERB_FETCH] = { false, false, false, fetch_start, fetch_answer },
    [VERB_OFFSETS] = { false, false, false, offsets_start, offsets_answer },
    [VERB_TRIM] = { false, false, false, trim_start, trim_answer },
    [VERB_STATS] = { false, false, false, stats_start, NULL },
    [VERB_GROUPS] = { true, false, true, groups_start, NULL },
    [VERB_GROUP] = { true, false, true, group_start, NULL },
    [VERB_LAG] = { true, false, true, lag_start, NULL },
    [VERB_COMMIT] = { true, false, false, commit_start, NULL },
    [VERB_FORGET] = { true, false, false, forget_start, NULL },
};
