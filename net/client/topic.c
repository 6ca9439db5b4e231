/* topic.c -- topics, and the small verbs: each is a struct, a wait, and what is taken from the
 * answer. */
#include "net/client/client_in.h"

#include <stdlib.h>

#define SETTINGS_MAX  64u
#define SETTINGS_ROOM (SETTINGS_MAX * (2 + 64 + 2 + 256))

/* ---- settings out ---- */

static enum err settings_put(struct sl_client *c, struct items *list, struct writer *w,
                             const struct sl_setting *settings, uint32_t count, uint32_t verb)
{
    struct fault fault = { 0 };
    if (count > SETTINGS_MAX) {
        fault_set(&fault, FAULT_LARGE, "settings", count, SETTINGS_MAX);
        return client_note_fault(c, verb, &fault);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct item_setting item = { .key = text_of(settings[i].key) };
        if (settings[i].value)
            item.value = text_of(settings[i].value);
        if (!items_add(list, ITEM_SETTING, &item, w, &fault))
            return client_note_fault(c, verb, &fault);
    }
    return ERR_OK;
}

/* ---- create, delete, alter, grow ---- */

static void create_answer(struct sl_client *c, struct client_call *call,
                          const struct call_result *r)
{
    struct sl_client_topic topic = { .partitions = 0 };
    (void)c;
    if (r->err == ERR_OK) {
        memcpy(topic.id, r->payload->create_answer.topic.b, 16);
        topic.partitions = r->payload->create_answer.partitions;
    }
    ((sl_client_create_done *)call->done)(call->arg, (enum sl_err)r->err, &topic);
}

static struct client_call *create_make(struct sl_client *c, const struct create_request *r)
{
    struct client_call *call =
        call_make(c, VERB_CREATE, FRAME_HEADER_BYTES + verb_row(VERB_CREATE)->max[0]);
    if (!call || call_fill(c, call, r))
        return call;
    call_free(call);
    return NULL;
}

enum sl_err sl_client_create_start(struct sl_client *c, const char *name,
                                   const struct sl_topic_options *options,
                                   sl_client_create_done *done, void *arg)
{
    uint8_t room[SETTINGS_ROOM];
    struct writer w;
    struct create_request r = { .partitions = CLIENT_FIELD(options, partitions, 0),
                                .name = text_of(name) };
    writer_open(&w, room, sizeof(room));
    enum err err = settings_put(c, &r.settings, &w, CLIENT_FIELD(options, settings, NULL),
                                CLIENT_FIELD(options, setting_count, 0), VERB_CREATE);
    if (err != ERR_OK)
        return (enum sl_err)err;
    struct client_call *call = create_make(c, &r);
    if (!call)
        return c->error.err;
    call->answer = create_answer;
    call->done = (void (*)(void))done;
    call->arg = arg;
    return (enum sl_err)call_start(c, call);
}

struct create_waiting {
    struct sl_client_topic topic;
    enum sl_err err;
    bool done;
};

static void create_waited(void *arg, enum sl_err err, const struct sl_client_topic *topic)
{
    struct create_waiting *w = arg;
    w->topic = *topic;
    w->err = err;
    w->done = true;
}

enum sl_err sl_client_create(struct sl_client *c, const char *name,
                             const struct sl_topic_options *options, struct sl_client_topic *topic)
{
    struct create_waiting w = { .done = false };
    if (c->inside)
        return (enum sl_err)client_note(c, ERR_BUSY, "a callback must not wait");
    enum sl_err err = sl_client_create_start(c, name, options, create_waited, &w);
    if (err != SL_ERR_OK)
        return err;
    while (!w.done)
        calls_turn(c, UINT64_MAX, &w.done);
    if (topic && w.err == SL_ERR_OK)
        *topic = w.topic;
    return w.err;
}

enum sl_err sl_client_delete(struct sl_client *c, const char *name)
{
    struct delete_request r = { text_of(name) };
    return (enum sl_err)call_simple(c, VERB_DELETE, NULL, 0, &r, NULL, NULL);
}

enum sl_err sl_client_alter(struct sl_client *c, const char *name,
                            const struct sl_setting *settings, uint32_t count)
{
    uint8_t room[SETTINGS_ROOM];
    struct writer w;
    struct alter_request r = { .name = text_of(name) };
    writer_open(&w, room, sizeof(room));
    enum err err = settings_put(c, &r.settings, &w, settings, count, VERB_ALTER);
    if (err == ERR_OK)
        err = call_simple(c, VERB_ALTER, NULL, 0, &r, NULL, NULL);
    return (enum sl_err)err;
}

enum sl_err sl_client_grow(struct sl_client *c, const char *name, uint32_t partitions)
{
    struct grow_request r = { partitions, text_of(name) };
    return (enum sl_err)call_simple(c, VERB_GROW, NULL, 0, &r, NULL, NULL);
}

/* ---- describe ---- */

static void describe_take(void *arg, const union payload *p)
{
    struct sl_client_topic *topic = arg;
    memcpy(topic->id, p->describe_answer.topic.b, 16);
    topic->partitions = p->describe_answer.partitions;
}

enum sl_err sl_client_describe(struct sl_client *c, const char *name, struct sl_client_topic *topic)
{
    struct describe_request r = { .count_max = 1, .name = text_of(name) };
    return (enum sl_err)call_simple(c, VERB_DESCRIBE, NULL, 0, &r, describe_take, topic);
}

struct settings_walk {
    void (*each)(void *arg, const char *key, const char *value, bool given);
    void *arg;
};

static void settings_take(void *arg, const union payload *p)
{
    const struct settings_walk *s = arg;
    struct items list = p->describe_answer.settings;
    struct item_shown item;
    char key[65], value[257];
    while (items_next(&list, ITEM_SHOWN, &item))
        if (text_copy(item.key, key, sizeof(key)) && text_copy(item.value, value, sizeof(value)))
            s->each(s->arg, key, value, item.given);
}

enum sl_err sl_client_settings(struct sl_client *c, const char *name,
                               void (*each)(void *arg, const char *key, const char *value,
                                            bool given),
                               void *arg)
{
    struct describe_request r = { .count_max = 1, .name = text_of(name) };
    struct settings_walk s = { each, arg };
    return (enum sl_err)call_simple(c, VERB_DESCRIBE, NULL, 0, &r, settings_take, &s);
}

struct places_walk {
    void (*each)(void *arg, const struct sl_client_place *place);
    void *arg;
    uint32_t next, partitions;
};

static void places_take(void *arg, const union payload *p)
{
    struct places_walk *s = arg;
    struct items list = p->describe_answer.places;
    struct item_place item;
    uint32_t partition = p->describe_answer.first;
    while (items_next(&list, ITEM_PLACE, &item))
        s->each(s->arg, &(struct sl_client_place){ .partition = partition++,
                                                   .shard = item.shard,
                                                   .store = item.store,
                                                   .err = (enum sl_err)item.err });
    s->next = partition;
    s->partitions = p->describe_answer.partitions;
}

enum sl_err sl_client_places(struct sl_client *c, const struct sl_client_topic *topic,
                             void (*each)(void *arg, const struct sl_client_place *place),
                             void *arg)
{
    struct places_walk s = { .each = each, .arg = arg, .partitions = 1 };
    while (s.next < s.partitions) {
        struct describe_request r = { .first = s.next };
        enum err err = call_simple(c, VERB_DESCRIBE, topic, 0, &r, places_take, &s);
        if (err != ERR_OK)
            return (enum sl_err)err;
        if (s.next == r.first)
            return (enum sl_err)client_note(c, ERR_BAD_FRAME, "describe: no places from %u on",
                                            r.first);
    }
    return SL_ERR_OK;
}

/* ---- list ---- */

struct names_walk {
    void (*each)(void *arg, const char *name);
    void *arg;
    char last[NATIVE_NAME_MAX + 1];
    bool more;
};

static void names_take(void *arg, const union payload *p)
{
    struct names_walk *s = arg;
    struct items list = p->topics_answer.names;
    struct item_name item;
    s->more = p->topics_answer.more && list.count;
    while (items_next(&list, ITEM_NAME, &item))
        if (text_copy(item.name, s->last, sizeof(s->last)))
            s->each(s->arg, s->last);
}

enum sl_err sl_client_list(struct sl_client *c, void (*each)(void *arg, const char *name),
                           void *arg)
{
    struct names_walk s = { .each = each, .arg = arg, .more = true };
    while (s.more) {
        struct topics_request r = { .after = text_of(s.last) };
        enum err err = call_simple(c, VERB_TOPICS, NULL, 0, &r, names_take, &s);
        if (err != ERR_OK)
            return (enum sl_err)err;
    }
    return SL_ERR_OK;
}

/* ---- figures, ping ---- */

struct figures_walk {
    void (*each)(void *arg, const char *name, uint64_t value);
    void *arg;
};

static void figures_take(void *arg, const union payload *p)
{
    const struct figures_walk *s = arg;
    struct items list = p->stats_answer.figures;
    struct item_figure item;
    char name[65];
    while (items_next(&list, ITEM_FIGURE, &item))
        if (text_copy(item.name, name, sizeof(name)))
            s->each(s->arg, name, item.value);
}

enum sl_err sl_client_stats(struct sl_client *c, uint32_t shard,
                            void (*each)(void *arg, const char *name, uint64_t value), void *arg)
{
    struct stats_request r = { shard };
    struct figures_walk s = { each, arg };
    return (enum sl_err)call_simple(c, VERB_STATS, NULL, 0, &r, figures_take, &s);
}

enum sl_err sl_client_ping(struct sl_client *c, uint32_t bytes)
{
    uint8_t *zeros = calloc(1, bytes ? bytes : 1);
    if (!zeros)
        return (enum sl_err)client_note(c, ERR_NO_MEMORY, "no memory for %u bytes", bytes);
    struct ping r = { { zeros, bytes } };
    enum err err = call_simple(c, VERB_PING, NULL, 0, &r, NULL, NULL);
    free(zeros);
    return (enum sl_err)err;
}
