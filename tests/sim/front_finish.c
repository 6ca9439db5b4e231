/* front_finish.c -- the end of a seed: the faults have stopped, everything must be available. */
#include "engine/base/check.h"
#include "tests/sim/member.h"
#include "tests/sim/verdict.h"

static struct wire *wire_ready(const struct front *f)
{
    struct wire *w = f->clients[0].wire;
    return wire_usable(w) && w->state == WIRE_READY ? w : NULL;
}

static bool client_ready(const struct front *f)
{
    return wire_ready(f) != NULL;
}

/* Every topic that may be there is: created, described. */
static void topics_make(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        struct f_topic *t = &f->topics[i];
        if (t->state != FRONT_LIVE)
            ask_create(wire_ready(f), t);
        check(front_settle(f));
        ask_describe(wire_ready(f), t);
        check(front_settle(f));
        demand(t->state == FRONT_LIVE && t->placed, "topic %s: is not there, and should be",
               t->name);
    }
}

/* After the faults: every partition takes a record and gives it back. */
static void parts_alive(struct front *f)
{
    uint64_t acked = f->ledger.acked, read = f->ledger.read;
    uint32_t parts = FRONT_TOPICS * FRONT_PARTS;
    for (uint32_t i = 0; i < parts; i++)
        ask_append(&f->clients[0], &f->topics[i / FRONT_PARTS], i % FRONT_PARTS, i);
    check(front_settle(f));
    demand(f->ledger.acked - acked == parts, "faults have stopped, and %llu of %u appends are done",
           (unsigned long long)(f->ledger.acked - acked), parts);
    check(front_sleep(f, SEC_NS)); /* what is in memory becomes visible */
    for (uint32_t i = 0; i < parts; i++) {
        struct f_topic *t = &f->topics[i / FRONT_PARTS];
        const struct l_part *p = t->parts[i % FRONT_PARTS].ledger;
        ask_fetch(wire_ready(f), t, i % FRONT_PARTS, ledger_end_off(&f->ledger, p) - 1, 0);
    }
    check(front_settle(f));
    demand(f->ledger.read - read >= parts, "faults have stopped, and %llu of %u partitions answer",
           (unsigned long long)(f->ledger.read - read), parts);
}

/* ... and every group is complete, owns everything, and commits. */
static void members_alive(struct front *f)
{
    bool proved = !f->members || front_until(f, members_proved);
    demand(proved, "faults have stopped, and a group does not come together");
}

static void topics_delete(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        ask_delete(wire_ready(f), &f->topics[i]);
    check(front_settle(f));
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        demand(f->topics[i].state == FRONT_GONE, "topic %s: was not deleted", f->topics[i].name);
}

void front_finish(struct front *f)
{
    f->chances = (struct sim_opts){ 0 };
    sim_chances(f->sim, &f->chances);
    f->finishing = true;
    front_begin(f, false);
    check(front_settle(f));
    check(front_until(f, client_ready));
    topics_make(f);
    parts_alive(f);
    members_alive(f);
    topics_delete(f);
    check(front_stop(f));
    front_end(f, END_CLEAN);
    front_begin(f, false); /* nothing is there, and the audit says so */
    check(front_stop(f));
    front_end(f, END_CLEAN);
}
