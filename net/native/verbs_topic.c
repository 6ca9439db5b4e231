/* verbs_topic.c -- verbs of the metadata. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/native/server_in.h"

#define SETTINGS_MAX   64u
#define KEY_MAX        64u
#define VALUE_MAX      256u
#define TOPICS_FIXED   8u
#define DESCRIBE_FIXED (34u + 2u + NATIVE_NAME_MAX)
#define SHOWN_BYTES    (2u + KEY_MAX + 2u + SETTING_TEXT_MAX + 1u)
#define SETTINGS_BYTES ((uint32_t)SETTING_COUNT * SHOWN_BYTES)
#define PLACE_BYTES    12u

static struct serve *serve_of(const struct request *r)
{
    return r->conn->desk->serve;
}

/* ---- words ---- */

struct topic_words {
    char name[NATIVE_NAME_MAX + 1];
    struct setting_text settings[SETTINGS_MAX + 1];
    uint32_t setting_count;
    char keys[SETTINGS_MAX][KEY_MAX + 1];
    char values[SETTINGS_MAX][VALUE_MAX + 1];
};

void words_free(struct topic_words *w)
{
    free(w);
}

/* The limits of the texts were kept when they were read. NULL: no memory, it was refused. */
static struct topic_words *words_take(struct request *r, struct bytes name, struct items settings)
{
    struct item_setting item;
    if (!request_charge(r, sizeof(struct topic_words)))
        return NULL;
    struct topic_words *w = calloc(1, sizeof(*w));
    check(w); /* within the budget: the system is out of memory */
    r->words = w;
    check(text_copy(name, w->name, sizeof(w->name)));
    while (items_next(&settings, ITEM_SETTING, &item)) {
        uint32_t i = w->setting_count++;
        check(text_copy(item.key, w->keys[i], sizeof(w->keys[i])));
        if (item.value.at)
            check(text_copy(item.value, w->values[i], sizeof(w->values[i])));
        w->settings[i] = (struct setting_text){ w->keys[i], item.value.at ? w->values[i] : NULL };
    }
    return w;
}

/* ---- topics ---- */

void topics_start(struct request *r)
{
    r->list = (struct verb_list){ .verb = request_verb(r) };
    serve_list(serve_of(r), &r->list);
}

static uint32_t topics_first(const struct request *r)
{
    struct bytes after = r->asked.topics.after;
    uint32_t i = 0;
    char name[NATIVE_NAME_MAX + 1];
    check(text_copy(after, name, sizeof(name)));
    while (after.len && i < r->list.count && strcmp(r->list.names[i], name) <= 0)
        i++;
    return i;
}

void topics_answer(struct request *r)
{
    const struct topics_request ask = r->asked.topics;
    const char **list = r->list.names; /* r may be gone with its answer */
    uint32_t count = ask.count_max ? ask.count_max : UINT32_MAX;
    uint32_t cap = native_of(r->conn)->peer_max - TOPICS_FIXED, first = topics_first(r), i = first;
    size_t bytes = 0;
    struct topics_answer tell = { .more = 0 };
    struct fault fault;
    struct writer w;
    for (uint32_t k = first; k < r->list.count; k++)
        bytes += 2 + strlen(r->list.names[k]);
    cap = (uint32_t)min_u64(cap, bytes);
    if (!request_charge(r, cap)) { /* they are here, and in the answer */
        free(list);
        return;
    }
    uint8_t *names = malloc(cap + 1);
    check(names);
    writer_open(&w, names, cap);
    count = (uint32_t)min_u64(count, 65536);
    for (; i < r->list.count && i - first < count; i++)
        if (!items_add(&tell.names, ITEM_NAME, &(struct item_name){ text_of(r->list.names[i]) }, &w,
                       &fault))
            break;
    tell.more = i < r->list.count;
    request_answer(r, &tell, TOPICS_FIXED + cap);
    free(names);
    free(list);
}

/* ---- describe ---- */

void describe_start(struct request *r)
{
    const struct describe_request ask = r->asked.describe;
    struct topic_words *w = words_take(r, ask.name, (struct items){ 0 });
    if (!w)
        return;
    r->describe = (struct verb_describe){ .verb = request_verb(r),
                                          .name = ask.name.len ? w->name : NULL,
                                          .id = r->frame.topic };
    serve_describe(serve_of(r), &r->describe);
}

static void settings_tell(const struct topic_info *t, struct items *to, struct writer *w)
{
    for (uint32_t i = 0; i < SETTING_COUNT; i++) {
        enum setting which = (enum setting)i;
        char value[SETTING_TEXT_MAX];
        struct fault fault;
        settings_print(&t->settings, which, value);
        struct item_shown item = { .key = text_of(setting_key(which)),
                                   .value = text_of(value),
                                   .given = (t->settings.set >> i) & 1 };
        check(items_add(to, ITEM_SHOWN, &item, w, &fault));
    }
}

static void places_tell(const struct topic_info *t, uint32_t first, uint32_t count,
                        struct items *to, struct writer *w)
{
    for (uint32_t i = first; i < t->partitions && i - first < count; i++) {
        const struct place *p = &t->places[i];
        struct item_place item = { .shard = p->shard, .store = p->store, .err = p->err };
        struct fault fault;
        check(items_add(to, ITEM_PLACE, &item, w, &fault));
    }
}

void describe_answer(struct request *r)
{
    const struct describe_request ask = r->asked.describe;
    struct topic_info *t = r->describe.topic;
    uint32_t fixed = DESCRIBE_FIXED + SETTINGS_BYTES;
    uint32_t count = (native_of(r->conn)->peer_max - fixed) / PLACE_BYTES;
    uint32_t left = ask.first < t->partitions ? t->partitions - ask.first : 0;
    count = (uint32_t)min_u64(min_u64(count, left), ask.count_max ? ask.count_max : UINT32_MAX);
    struct describe_answer tell = {
        .topic = t->id, .partitions = t->partitions, .first = ask.first, .name = text_of(t->name)
    };
    struct writer w;
    uint32_t cap = count * PLACE_BYTES + SETTINGS_BYTES;
    if (!request_charge(r, cap)) { /* they are here, and in the answer */
        free(t);
        return;
    }
    uint8_t *at = malloc(cap);
    check(at);
    writer_open(&w, at, cap);
    places_tell(t, ask.first, count, &tell.places, &w);
    settings_tell(t, &tell.settings, &w);
    request_answer(r, &tell, fixed + count * PLACE_BYTES);
    free(at);
    free(t);
}

/* ---- create, delete, alter, grow ---- */

/* What the node gives to topics that do not say. */
static void durability_default(const struct request *r, struct topic_words *w)
{
    const struct door_opts *o = &r->conn->desk->opts;
    const char *key = setting_key(SETTING_DURABILITY);
    bool given = !o->durability_set;
    for (uint32_t i = 0; i < w->setting_count; i++)
        given = given || strcmp(w->settings[i].key, key) == 0;
    if (!given)
        w->settings[w->setting_count++] =
            (struct setting_text){ key, durability_words[o->durability] };
}

void create_start(struct request *r)
{
    const struct create_request ask = r->asked.create;
    struct topic_words *w = words_take(r, ask.name, ask.settings);
    uint32_t partitions = r->conn->desk->opts.partitions_default;
    if (!w)
        return;
    durability_default(r, w);
    r->create = (struct verb_create){ .verb = request_verb(r),
                                      .name = w->name,
                                      .partitions = ask.partitions ? ask.partitions : partitions,
                                      .settings = w->settings,
                                      .setting_count = w->setting_count };
    serve_create(serve_of(r), &r->create);
}

void create_answer(struct request *r)
{
    struct create_answer tell = { .topic = r->create.id, .partitions = r->create.partitions };
    request_answer(r, &tell, sizeof(tell) + 8);
}

void delete_start(struct request *r)
{
    struct topic_words *w = words_take(r, r->asked.delete_.name, (struct items){ 0 });
    if (!w)
        return;
    r->delete_ = (struct verb_delete){ .verb = request_verb(r), .name = w->name };
    serve_delete(serve_of(r), &r->delete_);
}

void alter_start(struct request *r)
{
    const struct alter_request ask = r->asked.alter;
    struct topic_words *w = words_take(r, ask.name, ask.settings);
    if (!w)
        return;
    r->alter = (struct verb_alter){ .verb = request_verb(r),
                                    .name = w->name,
                                    .settings = w->settings,
                                    .setting_count = w->setting_count };
    serve_alter(serve_of(r), &r->alter);
}

void grow_start(struct request *r)
{
    const struct grow_request ask = r->asked.grow;
    struct topic_words *w = words_take(r, ask.name, (struct items){ 0 });
    if (!w)
        return;
    r->grow = (struct verb_grow){ .verb = request_verb(r),
                                  .name = w->name,
                                  .partitions = ask.partitions };
    serve_grow(serve_of(r), &r->grow);
}

void nothing_answer(struct request *r)
{
    request_answer(r, &r->asked, 0);
}
