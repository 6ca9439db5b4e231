/* front_client.c -- what clients do, drawn one operation at a time. */
#include "engine/base/check.h"
#include "tests/sim/member.h"
#include "tests/sim/pick.h"
#include "tests/sim/verdict.h"

#define VALUE_LARGE (60u << 10)
#define VALUE_SMALL (4u << 10)
#define WAIT_MS     3000u
#define FLOOD       300u /* requests of one who does not read their answers */
#define DOZE_NS     (40 * SEC_NS)

static struct f_topic *topic_draw(struct front *f)
{
    return &f->topics[rng_below(f->rng, FRONT_TOPICS)];
}

static bool topic_usable(const struct f_topic *t)
{
    return topic_open(t) && t->known && t->placed;
}

/* ---- operations ---- */

static void op_append(struct client *c, struct f_topic *t, uint32_t part)
{
    struct front *f = c->f;
    uint64_t burst = rng_chance(f->rng, 1, 4) ? 1 + rng_below(f->rng, 8) : 1;
    while (burst-- && wire_usable(c->wire)) {
        uint64_t max = rng_chance(f->rng, 1, 8) ? VALUE_LARGE : VALUE_SMALL;
        uint64_t bytes = f->limit_until_ns ? VALUE_LARGE : rng_log_uniform(f->rng, max);
        if (c->producer)
            line_append(c, t, part, bytes);
        else
            ask_append(c, t, part, bytes);
    }
}

static void op_fetch(struct client *c, struct f_topic *t, uint32_t part)
{
    struct front *f = c->f;
    const struct l_part *p = t->parts[part].ledger;
    uint32_t wait = rng_chance(f->rng, 1, 2) ? (uint32_t)rng_log_uniform(f->rng, WAIT_MS) : 0;
    uint64_t off = rng_below(f->rng, p->high_off + 1);
    if (rng_chance(f->rng, 1, 3))
        off = p->high_off;
    bool follow = rng_chance(f->rng, 1, 3);
    ask_fetch(c->wire, t, part, follow ? max_u64(p->reader_off, p->start_min) : off, wait);
    if (follow)
        container_of(c->wire->asks.head.prev, struct ask, node)->follow = true;
}

/* Asks a lot and reads nothing: the node has to bear it, and serve the others. */
static void op_doze(struct client *c, struct f_topic *t, uint32_t part)
{
    struct front *f = c->f;
    uint64_t requests = 1 + rng_log_uniform(f->rng, FLOOD);
    c->wire->quiet_until_ns = front_now(f) + rng_log_uniform(f->rng, DOZE_NS);
    trace("  client %u sleeps, and asks %llu times", c->number, (unsigned long long)requests);
    while (requests-- && wire_usable(c->wire)) {
        if (topic_usable(t) && rng_chance(f->rng, 1, 2))
            op_fetch(c, t, part);
        else
            ask_ping(c->wire);
    }
}

static void op_half_close(struct client *c)
{
    struct wire *w = c->wire;
    if (w->send.busy || w->out_len || w->fly_at < w->fly_len)
        return;
    trace("  client %u sends no more", c->number);
    w->half_closed = true;
    io_send_end(c->f->io, w->fd);
}

static void op_topic(struct client *c, struct f_topic *t)
{
    if (t->asked)
        return;
    if (t->state == FRONT_GONE && t->serial && rng_chance(c->f->rng, 1, 4))
        ask_fetch(c->wire, t, 0, 0, 0); /* of a topic that was deleted */
    else if (t->state == FRONT_GONE || t->state == FRONT_CREATING)
        ask_create(c->wire, t);
    else if (t->state == FRONT_DELETING)
        ask_delete(c->wire, t);
    else if (!t->placed && !t->describe_asked)
        ask_describe(c->wire, t);
}

static void op_rare(struct client *c, struct f_topic *t, uint64_t dice)
{
    struct front *f = c->f;
    if (dice < 20)
        ask_ping(c->wire);
    else if (dice < 25)
        ask_stats(c->wire);
    else if (dice < 35)
        ask_describe(c->wire, t);
    else if (dice < 42)
        ask_topics(c->wire, "");
    else if (dice < 55 && !t->doubtful)
        ask_delete(c->wire, t);
    else if (dice < 62)
        wire_end(c->wire);
    else if (dice < 66)
        op_half_close(c);
    else if (dice < 68)
        sim_cut(f->node, f->far);
    else if (dice < 70 && f->opts.idle_ns)
        c->again_ns = c->call_ns = front_now(f) + f->opts.idle_ns;
}

static void op_draw(struct client *c, struct f_topic *t, uint64_t dice)
{
    uint32_t part = (uint32_t)rng_below(c->f->rng, FRONT_PARTS);
    if (!topic_usable(t))
        op_topic(c, t);
    else if (dice < 500)
        op_append(c, t, part);
    else if (dice < 760)
        op_fetch(c, t, part);
    else if (dice < 830)
        ask_offsets(c->wire, t, part, PICK(c->f->rng, OFFSET_EARLIEST, OFFSET_LATEST, OFFSET_TIME));
    else if (dice < 870)
        ask_trim(c->wire, t, part);
    else if (dice < 890)
        op_doze(c, t, part);
    else
        op_rare(c, t, dice - 890);
}

void client_op(struct front *f)
{
    struct client *c = &f->clients[rng_below(f->rng, FRONT_CLIENTS)];
    struct f_topic *t = topic_draw(f);
    uint64_t dice = rng_below(f->rng, 1000);
    f->tally.ops++;
    if (f->verified && wire_usable(c->wire))
        op_draw(c, t, dice);
}

/* ---- turns ---- */

void client_turn(struct client *c)
{
    struct front *f = c->f;
    if (!c->wire && !f->hold && c->call_ns <= front_now(f))
        wire_call(c);
    if (c->wire)
        lines_turn(c);
}

void clients_turn(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_CLIENTS; i++)
        client_turn(&f->clients[i]);
    client_turn(&f->auditor);
    members_turn(f);
    audit_turn(f);
}

uint64_t client_due_ns(const struct client *c)
{
    const struct front *f = c->f;
    if (!c->wire)
        return f->hold ? UINT64_MAX : c->call_ns;
    return c->behind && f->verified && wire_usable(c->wire) ? c->again_ns : UINT64_MAX;
}

uint64_t clients_due_ns(const struct front *f)
{
    uint64_t due = min_u64(wires_due_ns(f), client_due_ns(&f->auditor));
    due = min_u64(due, members_due_ns(f));
    for (uint32_t i = 0; i < FRONT_CLIENTS; i++)
        due = min_u64(due, client_due_ns(&f->clients[i]));
    return due;
}

bool clients_quiet(const struct front *f)
{
    for (uint32_t i = 0; i < FRONT_CLIENTS; i++) {
        const struct client *c = &f->clients[i];
        if ((c->wire && c->wire->ask_count) || !lines_empty(c))
            return false;
    }
    return true;
}

static void client_tell(const struct client *c)
{
    trace("  client %u: wire %llu, state %d, behind %d, again %llu, call %llu", c->number,
          c->wire ? (unsigned long long)c->wire->serial : 0, c->wire ? (int)c->wire->state : -1,
          c->behind, (unsigned long long)c->again_ns, (unsigned long long)c->call_ns);
    if (!c->wire)
        return;
    list_each (&c->wire->asks, n) {
        const struct ask *a = container_of(n, struct ask, node);
        trace("    %s of %s/%u, batch %llu", ask_name(a), a->topic ? a->topic->name : "", a->part,
              (unsigned long long)a->number);
    }
    for (uint32_t i = 0; i < FRONT_TOPICS * FRONT_PARTS; i++)
        if (c->lines[i / FRONT_PARTS][i % FRONT_PARTS].count)
            trace("    line %s/%u: %u", c->f->topics[i / FRONT_PARTS].name, i % FRONT_PARTS,
                  c->lines[i / FRONT_PARTS][i % FRONT_PARTS].count);
}

void clients_tell(const struct front *f)
{
    for (uint32_t i = 0; i < FRONT_CLIENTS; i++)
        client_tell(&f->clients[i]);
}

void clients_wake(struct front *f)
{
    list_each (&f->wires, n) {
        container_of(n, struct wire, node)->quiet_until_ns = 0;
    }
}
