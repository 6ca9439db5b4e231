/* front_audit.c -- the look at everything after a start, through a connection as any other.
 *
 *   topics, a page at a time --> what exists; describe --> where
 *   each partition: earliest, latest --> ledger_reopened(); fetch from one to the other -->
 *   ledger_scanned()
 *
 * Whatever is lost in a cut is asked for again, one thing at a time: a node may have ended the
 * connection because it was too much at once. */
#include <stdio.h>

#include "engine/base/check.h"
#include "tests/sim/front_in.h"
#include "tests/sim/verdict.h"

#define LLU(v)     ((unsigned long long)(v))
#define AUDIT_ASKS 64u /* as many as there are things to ask for */

void audit_begin(struct front *f)
{
    f->listed = f->list_asked = false;
    f->list_after[0] = 0;
    f->audit_asks = AUDIT_ASKS;
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        struct f_topic *t = &f->topics[i];
        t->listed = t->placed = t->describe_asked = t->asked = t->refuses = false;
        for (uint32_t k = 0; k < FRONT_PARTS; k++) {
            t->parts[k].audit = AUDIT_START;
            t->parts[k].audit_asked = false;
        }
    }
}

bool audit_done(const struct front *f)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        for (uint32_t k = 0; k < FRONT_PARTS && f->topics[i].listed; k++)
            if (f->topics[i].parts[k].audit != AUDIT_DONE)
                return false;
    return f->listed;
}

/* ---- asking ---- */

static void part_ask(struct wire *w, struct f_topic *t, uint32_t part)
{
    struct f_part *p = &t->parts[part];
    if (p->audit_asked || p->audit == AUDIT_DONE)
        return;
    p->audit_asked = true;
    if (p->audit == AUDIT_SCAN)
        ask_fetch(w, t, part, p->scan_off, 0);
    else
        ask_offsets(w, t, part, p->audit == AUDIT_START ? OFFSET_EARLIEST : OFFSET_LATEST);
}

static bool audit_may_ask(const struct front *f)
{
    return f->auditor.wire->ask_count < f->audit_asks;
}

void audit_turn(struct front *f)
{
    struct wire *w = f->auditor.wire;
    if (f->verified || !wire_usable(w) || w->state != WIRE_READY)
        return;
    if (!f->listed && !f->list_asked) {
        f->list_asked = true;
        ask_topics(w, f->list_after);
    }
    for (uint32_t i = 0; i < FRONT_TOPICS && f->listed; i++) {
        struct f_topic *t = &f->topics[i];
        if (t->listed && !t->placed && !t->describe_asked && audit_may_ask(f))
            ask_describe(w, t);
        for (uint32_t k = 0; k < FRONT_PARTS && t->placed && audit_may_ask(f); k++)
            part_ask(w, t, k);
    }
}

void audit_lost(struct ask *a)
{
    struct front *f = a->wire->f;
    f->audit_asks = 1;
    if (a->verb == VERB_TOPICS)
        f->list_asked = false;
    if (a->verb == VERB_OFFSETS || a->verb == VERB_FETCH)
        a->topic->parts[a->part].audit_asked = false;
}

/* ---- answers ---- */

static struct f_topic *topic_named(struct front *f, const char *name)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++)
        if (f->topics[i].serial && !strcmp(f->topics[i].name, name))
            return &f->topics[i];
    return NULL;
}

static void name_listed(struct front *f, struct bytes text)
{
    char name[24] = "";
    demand(text_copy(text, name, sizeof(name)), "a topic is listed that nobody created");
    struct f_topic *t = topic_named(f, name);
    demand(t, "topic %s: is listed, and nobody created it", name);
    demand(t->state != FRONT_GONE, "topic %s: is back after it was deleted", name);
    demand(strcmp(f->list_after, name) < 0, "topics: %s is listed after %s", name, f->list_after);
    snprintf(f->list_after, sizeof(f->list_after), "%s", name);
    t->state = FRONT_LIVE;
    t->listed = true;
    t->doubtful = false;
}

static void topics_missing(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_TOPICS; i++) {
        struct f_topic *t = &f->topics[i];
        demand(t->listed || t->state != FRONT_LIVE, "topic %s: is gone", t->name);
        if (!t->listed)
            t->state = FRONT_GONE;
    }
}

static void topics_listed(struct front *f, const struct topics_answer *tell)
{
    struct items names = tell->names;
    struct item_name name;
    while (items_next(&names, ITEM_NAME, &name))
        name_listed(f, name.name);
    f->list_asked = false;
    f->listed = !tell->more;
    if (f->listed)
        topics_missing(f);
}

static void end_known(struct front *f, struct f_part *p, uint64_t end_off)
{
    p->end_off = end_off;
    p->scan_off = p->start_off;
    p->audit = AUDIT_SCAN;
    trace("    part %u: %llu to %llu", p->ledger->number, LLU(p->start_off), LLU(end_off));
    ledger_reopened(&f->ledger, p->ledger, p->start_off, end_off, f->worst);
}

static void scan_check(struct front *f, struct f_part *p)
{
    if (p->scan_off < p->end_off)
        return;
    ledger_scanned(&f->ledger, p->ledger);
    p->audit = AUDIT_DONE;
}

static void offset_told(struct front *f, struct f_part *p, uint64_t off)
{
    if (p->audit == AUDIT_START) {
        p->start_off = off;
        p->audit = AUDIT_END;
    } else {
        end_known(f, p, off);
        scan_check(f, p);
    }
}

static void batches_told(struct front *f, struct f_part *p, const struct fetch_answer *tell)
{
    demand(tell->next_offset > p->scan_off || f->reads_short,
           "part %u: reading stops at %llu, the end is %llu", p->ledger->number, LLU(p->scan_off),
           LLU(p->end_off));
    p->scan_off = tell->next_offset;
    scan_check(f, p);
}

bool audit_answered(struct ask *a, enum err err, const union payload *p)
{
    struct front *f = a->wire->f;
    struct f_part *part = a->topic ? &a->topic->parts[a->part] : NULL;
    bool placed = a->verb == VERB_OFFSETS || a->verb == VERB_FETCH;
    if (placed)
        part->audit_asked = false;
    if (err && a->verb == VERB_TOPICS)
        f->list_asked = false;
    if (err == ERR_OFFSET_RANGE && placed && part->ledger->retention) {
        part->audit = AUDIT_START; /* the log start passed it */
        return true;
    }
    if (!err && a->verb == VERB_TOPICS)
        topics_listed(f, &p->topics_answer);
    else if (!err && a->verb == VERB_OFFSETS)
        offset_told(f, part, p->offsets_answer.offset);
    else if (!err && a->verb == VERB_FETCH)
        batches_told(f, part, &p->fetch_answer);
    return a->verb == VERB_OFFSETS && !err;
}
