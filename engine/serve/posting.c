/* posting.c -- the registry tells the desks: one letter for each desk that holds a partition.
 *
 * The letter carries the topic and its partitions there, does its work on the desk, and travels
 * home with the worst error; when all are home, the registry is told once. A partition whose
 * store does not take it does not stop the others. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

struct gather {
    struct serve *serve;
    enum posting_kind kind;
    struct id16 id;
    uint32_t left; /* letters out */
    enum err err;
    posting_done *done;
};

struct posting_item {
    struct posting *posting;
    struct slot *slot; /* drop: being dropped */
    struct part_request request;
    uint32_t index, store;
};

struct posting {
    struct letter letter;
    struct gather *gather;
    struct desk *desk;
    struct settings settings;
    struct id16 id;
    uint32_t partitions; /* of the topic */
    uint32_t left;       /* items under way, and one for the opening of the letter */
    enum err err;
    uint32_t count;
    struct posting_item items[];
};

/* ---- home again, on desk 0 ---- */

static void posting_home(struct letter *l, struct shard *at)
{
    struct posting *p = container_of(l, struct posting, letter);
    struct gather *g = p->gather;
    (void)at;
    if (g->err == ERR_OK)
        g->err = p->err;
    loan_give(p);
    if (--g->left)
        return;
    g->done(g->serve, g->kind, g->id, g->err);
    loan_give(g);
}

static void posting_settle(struct posting *p, enum err err)
{
    if (p->err == ERR_OK)
        p->err = err;
    if (--p->left)
        return;
    p->letter.open = posting_home;
    shard_post(&p->gather->serve->desks[0].shard, &p->letter);
}

/* ---- on the desk ---- */

/* To every desk, whoever has a partition. */
static bool posting_to_all(enum posting_kind kind)
{
    return kind == POSTING_APPLY || kind == POSTING_REFUSE;
}

static void item_add(struct posting_item *it, struct part *part)
{
    struct posting *p = it->posting;
    struct local_topic *t = topic_here_add(p->desk, p->id, p->partitions, &p->settings);
    slot_add(p->desk, t, it->index, it->store, part);
}

/* The topic exists all the same: who asks for the partition hears why it is not served. */
static void item_unplaced(struct posting_item *it, enum err err)
{
    struct posting *p = it->posting;
    topic_here_add(p->desk, p->id, p->partitions, &p->settings)->unplaced = err;
}

static void item_added(struct part_request *r)
{
    struct posting_item *it = container_of(r, struct posting_item, request);
    if (r->err == ERR_OK)
        item_add(it, r->part);
    else
        item_unplaced(it, r->err);
    posting_settle(it->posting, r->err);
}

static void item_dropped(struct part_request *r)
{
    struct posting_item *it = container_of(r, struct posting_item, request);
    if (it->slot)
        slot_leave(it->slot);
    posting_settle(it->posting, r->err);
}

/* Returns false when nothing is under way: `*err` is its result. */
static bool item_start(struct posting_item *it, struct store *store, enum err *err)
{
    struct posting *p = it->posting;
    struct part *part = part_find(store, p->id, it->index);
    *err = ERR_OK;
    if (p->gather->kind == POSTING_ADD && part) {
        item_add(it, part);
        return false;
    }
    if (p->gather->kind == POSTING_ADD) {
        it->request.done = item_added;
        part_add(store, &it->request, p->id, it->index);
        return true;
    }
    if (!part)
        return false; /* dropped before */
    it->slot = slot_find(p->desk, p->id, it->index);
    if (it->slot)
        slot_hide(p->desk, it->slot);
    it->request.done = item_dropped;
    part_drop(part, &it->request);
    return true;
}

static void posting_items(struct posting *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct posting_item *it = &p->items[i];
        struct shelf *sh = shelf_find(p->desk, it->store);
        enum err err = !sh ? ERR_NOT_FOUND : !sh->store ? sh->err : ERR_OK;
        it->posting = p;
        p->left++;
        if (err != ERR_OK || !item_start(it, sh->store, &err))
            posting_settle(p, err);
    }
}

static void posting_open(struct letter *l, struct shard *at)
{
    struct posting *p = container_of(l, struct posting, letter);
    p->desk = desk_of(at);
    p->left = 1;
    struct local_topic *t = topic_here(p->desk, p->id);
    if (t && p->gather->kind == POSTING_REFUSE && !pitfall(FRONT_ACK_IN_DOUBT))
        t->refuses = ERR_POISONED; /* a desk that stops still acknowledges what is in flight */
    if (p->desk->state >= DESK_STOPPING) {
        posting_settle(p, ERR_CLOSED);
        return;
    }
    if (t && p->gather->kind == POSTING_DROP)
        topic_here_leave(p->desk, t);
    if (t && p->gather->kind == POSTING_APPLY)
        topic_here_settings(t, &p->settings);
    if (!posting_to_all(p->gather->kind))
        posting_items(p);
    posting_settle(p, ERR_OK);
}

/* ---- sending, on desk 0 ---- */

/* What is sent, and to whom. */
struct mailing {
    struct serve *serve;
    const struct meta *meta;
    const struct meta_topic *topic;
    uint32_t first; /* of its partitions */
};

/* Those on open stores of that desk; fills `items` unless it is NULL. */
static uint32_t items_of(const struct mailing *m, uint32_t desk, struct posting_item *items)
{
    const struct meta_topic *t = m->topic;
    uint32_t count = 0;
    for (uint32_t i = m->first; i < t->grown; i++) {
        uint32_t store = t->stores[i];
        if (meta_store_err(m->meta, store) != ERR_OK || m->serve->store_shard[store] != desk)
            continue;
        if (items) {
            items[count].index = i;
            items[count].store = store;
        }
        count++;
    }
    return count;
}

static void posting_to(struct gather *g, const struct mailing *m, uint32_t desk, uint32_t count)
{
    const struct meta_topic *t = m->topic;
    struct posting *p = loan_take(&g->serve->desks[0], sizeof(*p) + count * sizeof(p->items[0]));
    p->gather = g;
    p->id = t->id;
    p->partitions = t->grown;
    p->settings = t->settings;
    p->count = count;
    if (count)
        items_of(m, desk, p->items);
    p->letter.open = posting_open;
    g->left++;
    shard_post(&g->serve->desks[desk].shard, &p->letter);
}

void posting_send(struct serve *s, enum posting_kind kind, const struct meta *meta,
                  const struct meta_topic *t, uint32_t first, posting_done *done)
{
    const struct mailing m = { s, meta, t, first };
    struct gather *g = loan_take(&s->desks[0], sizeof(*g));
    *g = (struct gather){ .serve = s, .kind = kind, .id = t->id, .done = done };
    for (uint32_t i = 0; i < s->desk_count; i++) {
        uint32_t count = posting_to_all(kind) ? 0 : items_of(&m, i, NULL);
        /* Desk 0 always: somebody must answer. */
        if (count || i == 0 || posting_to_all(kind))
            posting_to(g, &m, i, count);
    }
}
