/* town_op.c -- verbs: started, answered, compared with the oracle. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/town_in.h"
#include "tests/sim/verdict.h"

#define LLU(v)      ((unsigned long long)(v))
#define VALUE_MAX   (60u << 10)
#define FETCH_BYTES (128u << 10)

struct town_op {
    struct node node;
    struct town *town;
    struct town_topic *topic;
    struct o_part *part;
    uint32_t index;
    union {
        struct verb verb;
        struct verb_create create;
        struct verb_delete delete;
        struct verb_describe describe;
        struct verb_append append;
        struct verb_fetch fetch;
        struct verb_trim trim;
        struct verb_alter alter;
        struct verb_grow grow;
        struct verb_part info;
        struct verb_list list;
    } v;
    struct setting_text settings[2];
    uint8_t *batch;
    uint64_t number, visible_off, start_off;
    bool scan;
};

static struct town_op *op_new(struct town *t, struct town_topic *topic, struct o_part *part,
                              void (*done)(struct verb *))
{
    struct town_op *op = calloc(1, sizeof(*op));
    check(op);
    op->town = t;
    op->topic = topic;
    op->part = part;
    op->v.verb = (struct verb){ .done = done, .arg = op, .home = HOME_ANY };
    list_push(&t->ops, &op->node);
    t->op_count++;
    if (topic)
        topic->busy++;
    return op;
}

static void op_end(struct town_op *op)
{
    node_unlink(&op->node);
    op->town->op_count--;
    if (op->topic)
        op->topic->busy--;
    free(op->batch);
    free(op);
}

void town_forget(struct town *t)
{
    for (struct node *n; (n = list_first(&t->ops));)
        op_end(container_of(n, struct town_op, node));
}

/* Answers that need no excuse while the topic goes, or the instance stops. */
static bool excused(const struct town_op *op, enum err err)
{
    if (err == ERR_CLOSED)
        return op->town->stopping;
    return err == ERR_NOT_FOUND && op->topic && op->topic->state != TOPIC_LIVE;
}

static void answered(const struct town_op *op, const char *what)
{
    enum err err = op->v.verb.err;
    trace("    town %s %s: %s", what, op->topic ? op->topic->name : "", err_name(err));
    sim_trace(op->town->sim, (uint64_t)err << 8 ^ op->number);
}

/* ---- topics ---- */

/* There are so many from now on. */
static void topic_parts(struct town *t, struct town_topic *topic, struct id16 id, uint32_t count)
{
    uint32_t i = topic->count;
    topic->id = id;
    topic->count = count;
    topic->wanted = 0;
    for (; i < count; i++) {
        demand(!oracle_part_find(&t->oracle, id, i), "topic %s: its id was used before",
               topic->name);
        topic->parts[i] = oracle_part_new(&t->oracle, id, i, 0);
        topic->parts[i]->durability = topic->durability;
        topic->parts[i]->state = O_LIVE;
        t->tally.parts++;
    }
}

static void create_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct town_topic *topic = op->topic;
    answered(op, "create");
    if (!v->err) {
        topic->state = TOPIC_LIVE;
        topic_parts(op->town, topic, op->v.create.id, op->v.create.partitions);
    } else {
        demand(excused(op, v->err), "topic %s: create gives %s (%s)", topic->name, err_name(v->err),
               op->v.create.why.text);
    }
    op_end(op);
}

void town_create(struct town *t, struct town_topic *topic)
{
    static const char *const words[] = { "memory", "written", "synced" };
    struct town_op *op = op_new(t, topic, NULL, create_done);
    topic->state = TOPIC_CREATING;
    topic->count = 0;
    topic->wanted = 1 + (uint32_t)rng_below(t->rng, TOWN_PARTS / 2);
    topic->durability = (enum durability)rng_below(t->rng, 3);
    topic->retention = rng_chance(t->rng, 1, 4);
    op->settings[0] = (struct setting_text){ "shardlog.durability", words[topic->durability] };
    op->settings[1] = (struct setting_text){ "retention.bytes", "200000" };
    op->v.create.name = topic->name;
    op->v.create.partitions = topic->wanted;
    op->v.create.settings = op->settings;
    op->v.create.setting_count = 1 + topic->retention;
    trace("  town create %s", topic->name);
    serve_create(t->serve, &op->v.create);
}

static void delete_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct town_topic *topic = op->topic;
    answered(op, "delete");
    demand(!v->err || excused(op, v->err), "topic %s: delete gives %s", topic->name,
           err_name(v->err));
    if (!v->err) {
        topic->state = TOPIC_GONE;
        free(topic->info);
        topic->info = NULL;
        for (uint32_t i = 0; i < topic->count; i++)
            topic->parts[i]->state = O_GONE;
    }
    op_end(op);
}

void town_delete(struct town *t, struct town_topic *topic)
{
    struct town_op *op = op_new(t, topic, NULL, delete_done);
    topic->state = TOPIC_DELETING;
    for (uint32_t i = 0; i < topic->count; i++)
        topic->parts[i]->state = O_DROPPING;
    op->v.delete.name = topic->name;
    t->tally.drops += topic->count;
    trace("  town delete %s", topic->name);
    serve_delete(t->serve, &op->v.delete);
}

/* What a start found of a topic that had been created, grown or deleted when the machine ended. */
static void topic_found(struct town *t, struct town_topic *topic, const struct topic_info *info)
{
    uint32_t count = info->partitions;
    demand(topic->state != TOPIC_GONE, "topic %s: is back after it was deleted", topic->name);
    demand(count == topic->wanted || (count == topic->count && topic->state != TOPIC_CREATING),
           "topic %s: has %u partitions, %u were there and %u wanted", topic->name, count,
           topic->count, topic->wanted);
    if (topic->state != TOPIC_CREATING)
        demand(id16_equal(topic->id, info->id), "topic %s: has another id than before",
               topic->name);
    bool growing = topic->busy > 1; /* it may still be under way */
    bool cut = topic->state == TOPIC_LIVE && topic->wanted && !growing;
    uint32_t wanted = growing && count < topic->wanted ? topic->wanted : 0;
    t->tally.growths_kept += cut && count == topic->wanted;
    t->tally.growths_lost += cut && count < topic->wanted;
    topic_parts(t, topic, info->id, count);
    topic->wanted = wanted;
    topic->state = TOPIC_LIVE;
}

static void describe_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct town_topic *topic = op->topic;
    struct topic_info *info = op->v.describe.topic;
    answered(op, "describe");
    if (!v->err && topic->state != TOPIC_GONE && !topic->info) {
        topic_found(op->town, topic, info);
        topic->info = info;
        for (uint32_t i = 0; i < topic->count; i++) {
            demand(info->places[i].err == ERR_OK, "topic %s: partition %u is not available: %s",
                   topic->name, i, err_name(info->places[i].err));
            topic->parts[i]->store = info->places[i].store;
        }
    } else if (!v->err) {
        free(info);
    } else {
        demand(excused(op, v->err), "topic %s: describe gives %s", topic->name, err_name(v->err));
    }
    op_end(op);
}

void town_describe(struct town *t, struct town_topic *topic)
{
    struct town_op *op = op_new(t, topic, NULL, describe_done);
    op->v.describe.name = topic->name;
    serve_describe(t->serve, &op->v.describe);
}

static void alter_done(struct verb *v)
{
    struct town_op *op = v->arg;
    answered(op, "alter");
    demand(!v->err || v->err == ERR_BUSY || excused(op, v->err), "topic %s: alter gives %s (%s)",
           op->topic->name, err_name(v->err), op->v.alter.why.text);
    op_end(op);
}

void town_alter(struct town *t, struct town_topic *topic)
{
    struct town_op *op = op_new(t, topic, NULL, alter_done);
    topic->retention = true;
    op->settings[0] = (struct setting_text){ "retention.bytes", "300000" };
    op->v.alter.name = topic->name;
    op->v.alter.settings = op->settings;
    op->v.alter.setting_count = 1;
    serve_alter(t->serve, &op->v.alter);
}

/* Its places are asked for again. */
static void info_forget(struct town_topic *topic)
{
    free(topic->info);
    topic->info = NULL;
}

static void grow_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct town_topic *topic = op->topic;
    answered(op, "grow");
    demand(!v->err || v->err == ERR_BUSY || excused(op, v->err), "topic %s: grow gives %s (%s)",
           topic->name, err_name(v->err), op->v.grow.why.text);
    if (!v->err) {
        topic_parts(op->town, topic, topic->id, op->v.grow.partitions);
        info_forget(topic);
        op->town->tally.growths++;
    } else if (v->err == ERR_BUSY) {
        topic->wanted = 0;
    }
    op_end(op);
}

void town_grow(struct town *t, struct town_topic *topic)
{
    struct town_op *op = op_new(t, topic, NULL, grow_done);
    topic->wanted = topic->count + 1 + (uint32_t)rng_below(t->rng, TOWN_PARTS - topic->count);
    op->v.grow.name = topic->name;
    op->v.grow.partitions = topic->wanted;
    trace("  town grow %s from %u to %u", topic->name, topic->count, topic->wanted);
    serve_grow(t->serve, &op->v.grow);
}

static struct town_topic *topic_named(struct town *t, const char *name)
{
    for (uint32_t i = 0; i < TOWN_TOPICS; i++)
        if (!strcmp(t->topics[i].name, name))
            return &t->topics[i];
    return NULL;
}

static void topic_missing(struct town *t, struct town_topic *topic)
{
    demand(topic->state != TOPIC_LIVE, "topic %s: is gone", topic->name);
    for (uint32_t i = 0; topic->state == TOPIC_DELETING && i < topic->count; i++)
        oracle_missing(&t->oracle, topic->parts[i], t->worst);
    topic->state = TOPIC_GONE;
}

static void list_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct town *t = op->town;
    bool there[TOWN_TOPICS] = { 0 };
    answered(op, "list");
    demand(!v->err, "list gives %s", err_name(v->err));
    for (uint32_t i = 0; i < op->v.list.count; i++) {
        struct town_topic *topic = topic_named(t, op->v.list.names[i]);
        demand(topic, "topic %s: nobody created it", op->v.list.names[i]);
        there[topic - t->topics] = true;
    }
    for (uint32_t i = 0; i < TOWN_TOPICS; i++) {
        if (there[i])
            town_describe(t, &t->topics[i]);
        else
            topic_missing(t, &t->topics[i]);
    }
    free(op->v.list.names);
    op_end(op);
}

void town_list(struct town *t)
{
    struct town_op *op = op_new(t, NULL, NULL, list_done);
    serve_list(t->serve, &op->v.list);
}

/* ---- records ---- */

static void append_done(struct verb *v)
{
    struct town_op *op = v->arg;
    const struct verb_append *a = &op->v.append;
    answered(op, "append");
    if (!v->err)
        oracle_acked(&op->town->oracle, op->number, a->want_set ? a->want : op->part->durability,
                     a->bought, a->base_off, a->append_ms);
    else
        demand(excused(op, v->err) || op->part->state >= O_DROPPING, "part %u: append gives %s",
               op->part->number, err_name(v->err));
    if (v->err && op->part->state <= O_LIVE)
        oracle_refused(&op->town->oracle, op->number);
    op_end(op);
}

void town_append(struct town *t, struct town_topic *topic, uint32_t part)
{
    struct o_part *p = topic->parts[part];
    struct store *s = serve_store(t->serve, topic->info->places[part].store);
    struct town_op *op = op_new(t, topic, p, append_done);
    struct o_batch b = { .epoch = s ? store_epoch(s) : 0 };
    uint64_t max = rng_chance(t->rng, 1, 8) ? VALUE_MAX : 4096;
    b.content = (struct content){ .number = op->number = oracle_number(&t->oracle),
                                  .part = p->number,
                                  .time_ms = io_wall_ms(serve_shard(t->serve, 0)->io) };
    b.content.count = 1 + (uint32_t)rng_log_uniform(t->rng, 7);
    b.content.value_bytes = rng_log_uniform(t->rng, max);
    uint64_t cap = content_bytes_max(&b.content);
    op->batch = malloc(cap);
    check(op->batch);
    struct bytes batch = content_make(&b.content, op->batch, cap);
    b.bytes = (uint32_t)batch.len;
    b.hash = content_hash(batch);
    oracle_sent(&t->oracle, p, b);
    t->tally.bytes += batch.len;
    op->v.append.place = topic->info->places[part];
    op->v.append.batch = batch;
    op->v.append.want_set = rng_chance(t->rng, 1, 4);
    op->v.append.want = (enum durability)rng_below(t->rng, 3);
    trace("  town append %s/%u batch %llu: %u bytes", topic->name, part, LLU(op->number), b.bytes);
    serve_append(t->serve, &op->v.append);
}

static void fetch_given(struct verb_fetch *f)
{
    op_end(f->verb.arg);
}

static void fetch_compare(struct town_op *op)
{
    const struct verb_fetch *f = &op->v.fetch;
    struct o_part *p = op->part;
    struct o_read r = { .batches = f->batches,
                        .off = f->off,
                        .next_off = f->next_off,
                        .bytes_max = f->bytes_max,
                        .visible_off = op->visible_off,
                        .visible_now = f->visible_off,
                        .start_now = f->start_off };
    p->trim_asked = max_u64(p->trim_asked, op->topic->retention ? f->start_off : 0);
    oracle_read(&op->town->oracle, p, &r);
    p->visible_off = max_u64(p->visible_off, f->visible_off);
}

static void fetch_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct verb_fetch *f = &op->v.fetch;
    answered(op, "fetch");
    bool range =
        v->err == ERR_OFFSET_RANGE && (op->topic->retention || f->off < op->part->trim_asked);
    if (!v->err)
        fetch_compare(op);
    else
        demand(range || excused(op, v->err) || op->part->state >= O_DROPPING,
               "part %u: a fetch from %llu gives %s", op->part->number, LLU(f->off),
               err_name(v->err));
    if (!v->err && op->scan && f->batches.len && op->topic->info)
        town_fetch(op->town, op->topic, op->index, f->next_off, true);
    serve_fetch_give(f, fetch_given);
}

void town_fetch(struct town *t, struct town_topic *topic, uint32_t part, uint64_t off, bool scan)
{
    struct o_part *p = topic->parts[part];
    struct town_op *op = op_new(t, topic, p, fetch_done);
    op->index = part;
    op->scan = scan;
    op->visible_off = p->visible_off;
    op->v.fetch.place = topic->info->places[part];
    op->v.fetch.off = off;
    op->v.fetch.bytes_max = scan ? FETCH_BYTES : 1 + (uint32_t)rng_log_uniform(t->rng, FETCH_BYTES);
    op->v.fetch.bytes_min = (uint32_t)rng_below(t->rng, 2);
    op->v.fetch.wait_ns = rng_log_uniform(t->rng, 20 * MS_NS);
    serve_fetch(t->serve, &op->v.fetch);
}

static void trim_done(struct verb *v)
{
    struct town_op *op = v->arg;
    answered(op, "trim");
    if (!v->err)
        op->part->start_min = max_u64(op->part->start_min, op->v.trim.off);
    else
        demand(excused(op, v->err) || op->part->state >= O_DROPPING, "part %u: trim gives %s",
               op->part->number, err_name(v->err));
    op_end(op);
}

void town_trim(struct town *t, struct town_topic *topic, uint32_t part)
{
    struct o_part *p = topic->parts[part];
    struct town_op *op = op_new(t, topic, p, trim_done);
    op->v.trim.place = topic->info->places[part];
    op->v.trim.off = rng_below(t->rng, p->visible_off + 1);
    p->trim_asked = max_u64(p->trim_asked, op->v.trim.off);
    t->tally.trims++;
    serve_trim(t->serve, &op->v.trim);
}

static void part_done(struct verb *v)
{
    struct town_op *op = v->arg;
    struct o_part *p = op->part;
    struct part_state_info *info = &op->v.info.info;
    answered(op, "part");
    demand(!v->err, "part %u: %s", p->number, err_name(v->err));
    if (op->topic->retention)
        p->trim_asked = max_u64(p->trim_asked, info->start_off);
    oracle_reopened(&op->town->oracle, p, info, op->town->worst);
    op_end(op);
}

void town_part(struct town *t, struct town_topic *topic, uint32_t part)
{
    struct town_op *op = op_new(t, topic, topic->parts[part], part_done);
    op->v.info.place = topic->info->places[part];
    serve_part(t->serve, &op->v.info);
}
