/* meta_world.c -- see meta_world.h. */
#include "tests/unit/coord/meta_world.h"

#include "engine/base/check.h"

struct world w;
int asked;

void world_crash(void)
{
    meta_close(&w.meta);
    w.first = w.last = 0;
    w.ready = false;
    w.crashed = false;
}

void world_new(void)
{
    if (w.meta)
        world_crash();
    memset(&w, 0, sizeof(w));
}

static void queue(struct meta_event e)
{
    w.queue[w.last++ % 64] = e;
}

static bool *part_at(uint32_t store, struct id16 id, uint32_t index)
{
    for (uint32_t i = 0; i < PARTS_MAX; i++)
        if (w.parts[store][i].held && id16_equal(w.parts[store][i].id, id) &&
            w.parts[store][i].index == index)
            return &w.parts[store][i].held;
    return NULL;
}

static void part_put(uint32_t store, struct id16 id, uint32_t index)
{
    for (uint32_t i = 0; i < PARTS_MAX && !part_at(store, id, index); i++) {
        if (w.parts[store][i].held)
            continue;
        w.parts[store][i].id = id;
        w.parts[store][i].index = index;
        w.parts[store][i].held = true;
    }
}

uint32_t parts_held(void)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < STORES; s++)
        for (uint32_t i = 0; i < PARTS_MAX; i++)
            count += w.parts[s][i].held;
    return count;
}

/* One small step of the outside world; false: the machine is gone. */
static bool step_ok(void)
{
    if (w.crashed || w.steps_left == 0) {
        w.crashed = true;
        return false;
    }
    w.steps_left--;
    return true;
}

static void perform_append(const struct meta_action *a)
{
    if (!step_ok())
        return;
    check(a->record.len <= sizeof(w.records[0].at) && w.record_count < RECORDS_MAX);
    memcpy(w.records[w.record_count].at, a->record.at, a->record.len);
    w.records[w.record_count++].len = a->record.len;
    queue((struct meta_event){
        .kind = META_EVENT_APPENDED, .kind_of_record = a->kind_of_record, .id = a->id });
}

static void perform_parts(const struct meta_action *a)
{
    const struct meta_topic *t = a->topic;
    for (uint32_t i = a->index; i < t->grown; i++) {
        uint32_t store = t->stores[i];
        if (meta_store_err(w.meta, store) != ERR_OK)
            continue;
        if (!step_ok())
            return;
        bool *held = part_at(store, t->id, i);
        if (a->kind == META_PLACE)
            part_put(store, t->id, i);
        else if (held)
            *held = false;
    }
    queue((struct meta_event){
        .kind = a->kind == META_PLACE ? META_EVENT_PLACED : META_EVENT_DROPPED, .id = t->id });
}

static void perform(const struct meta_action *a)
{
    switch (a->kind) {
    case META_APPEND:
        perform_append(a);
        break;
    case META_PLACE:
    case META_DROP:
        perform_parts(a);
        break;
    case META_REPLY:
        w.replies++;
        w.reply_err = a->err;
        w.why = a->why;
        break;
    case META_ORPHAN:
        w.orphans++;
        break;
    case META_READY:
        w.ready = true;
        break;
    case META_APPLY:
        queue((struct meta_event){ .kind = META_EVENT_APPLIED, .id = a->id });
        break;
    case META_REFUSE:
        w.refused++;
        queue((struct meta_event){ .kind = META_EVENT_REFUSED, .id = a->id });
        break;
    }
}

enum err feed(struct meta_event e)
{
    struct meta_actions out = { 0 };
    enum err err = meta_step(w.meta, &e, &out);
    for (uint32_t i = 0; i < out.count && !w.crashed; i++)
        perform(&out.at[i]);
    meta_actions_close(&out);
    return err;
}

void world_settle(void)
{
    while (!w.crashed && w.first != w.last)
        (void)feed(w.queue[w.first++ % 64]);
}

enum err world_start(uint32_t steps)
{
    w.steps_left = steps;
    w.orphans = w.replies = w.refused = 0;
    w.meta = meta_open(&(struct meta_opts){ 0 });
    for (uint32_t i = 0; i < w.record_count; i++) {
        struct meta_event e = { .kind = META_EVENT_RECORD, .why = &w.why };
        e.record = (struct bytes){ w.records[i].at, w.records[i].len };
        TRY(feed(e));
    }
    for (uint32_t s = 0; s < STORES; s++) {
        struct meta_event e = { .kind = META_EVENT_STORE, .store = s };
        e.id = (struct id16){ { 0xaa, (uint8_t)s } };
        e.err = w.closed[s] ? ERR_IO : ERR_OK;
        (void)feed(e);
    }
    for (uint32_t s = 0; s < STORES; s++)
        for (uint32_t i = 0; i < PARTS_MAX && !w.closed[s]; i++)
            if (w.parts[s][i].held)
                (void)feed((struct meta_event){ .kind = META_EVENT_PART,
                                                .store = s,
                                                .id = w.parts[s][i].id,
                                                .index = w.parts[s][i].index });
    (void)feed((struct meta_event){ .kind = META_EVENT_START });
    world_settle();
    return ERR_OK;
}

struct id16 id_of(uint8_t n)
{
    return (struct id16){ { n, 1 } };
}

enum err create(const char *name, uint8_t n, uint32_t partitions)
{
    struct settings s = settings_default();
    w.reply_err = ERR_BUSY;
    (void)feed((struct meta_event){ .kind = META_EVENT_CREATE,
                                    .name = name,
                                    .id = id_of(n),
                                    .partitions = partitions,
                                    .settings = &s,
                                    .request = &asked });
    world_settle();
    return w.reply_err;
}

enum err delete_topic(const char *name)
{
    w.reply_err = ERR_BUSY;
    (void)feed((struct meta_event){ .kind = META_EVENT_DELETE, .name = name, .request = &asked });
    world_settle();
    return w.reply_err;
}

enum err alter(const char *name, int64_t retention_ms)
{
    struct settings s = settings_default();
    s.value[SETTING_RETENTION_MS] = retention_ms;
    s.set = 1u << SETTING_RETENTION_MS;
    w.reply_err = ERR_BUSY;
    (void)feed((struct meta_event){
        .kind = META_EVENT_ALTER, .name = name, .settings = &s, .request = &asked });
    world_settle();
    return w.reply_err;
}

enum err grow(const char *name, uint32_t partitions)
{
    w.reply_err = ERR_BUSY;
    (void)feed((struct meta_event){
        .kind = META_EVENT_GROW, .name = name, .partitions = partitions, .request = &asked });
    world_settle();
    return w.reply_err;
}

void restart(void)
{
    world_crash();
    (void)world_start(UINT32_MAX);
}
