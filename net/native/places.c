/* places.c -- where partitions are served, by topic id, remembered on each shard.
 *
 * Placement is fixed as long as the instance is open, so a row is asked for once, of the shard that
 * has the metadata. Requests that come meanwhile wait at the row, in their order. A topic that was
 * deleted is noticed by the verb (NOT_FOUND), and its row forgotten; ids are never used again. Of a
 * partition that the row does not know it is asked again: the topic may have grown. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/native/server_in.h"

struct topic_row {
    struct desk_native *desk;
    struct id16 id;
    struct topic_info *topic; /* NULL: asked for */
    struct list waiting;      /* request.placing */
    struct verb_describe verb;
};

static struct map_key row_key(struct id16 id)
{
    return (struct map_key){ .id = id };
}

static void row_free(struct topic_row *row)
{
    map_remove(&row->desk->places, row_key(row->id));
    free(row->topic);
    free(row);
}

static void request_go(struct request *r, const struct topic_row *row)
{
    struct why why;
    if (r->frame.partition < row->topic->partitions) {
        *r->place = row->topic->places[r->frame.partition];
        r->go(r);
        return;
    }
    why_set(&why, "%s: partition %u; topic %.100s has %u", verb_name(r->frame.verb),
            r->frame.partition, row->topic->name, row->topic->partitions);
    request_refuse(r, ERR_NOT_FOUND, row->topic->partitions, r->frame.partition, why.text);
}

static void row_known(struct verb *v)
{
    struct topic_row *row = container_of(v, struct topic_row, verb.verb);
    struct node *n;
    row->topic = row->verb.topic;
    while ((n = list_pop(&row->waiting))) {
        struct request *r = container_of(n, struct request, placing);
        if (v->err == ERR_OK)
            request_go(r, row);
        else
            request_refuse(r, v->err, 0, 0,
                           v->err == ERR_NOT_FOUND ? "no topic has this id" : NULL);
    }
    if (v->err != ERR_OK)
        row_free(row);
}

static struct topic_row *row_ask(struct desk_native *d, struct id16 id)
{
    struct topic_row *row = calloc(1, sizeof(*row));
    if (!row || map_put(&d->places, row_key(id), row) != ERR_OK) {
        free(row);
        return NULL;
    }
    row->desk = d;
    row->id = id;
    list_init(&row->waiting);
    row->verb.verb = (struct verb){ .done = row_known, .home = d->desk->shard->number };
    row->verb.id = id;
    serve_describe(d->desk->serve, &row->verb);
    return row;
}

void place_find(struct request *r)
{
    struct desk_native *d = desk_of_conn(r->conn);
    struct topic_row *row = map_get(&d->places, row_key(r->frame.topic));
    if (row && row->topic && r->frame.partition < row->topic->partitions) {
        request_go(r, row);
        return;
    }
    if (row && row->topic) {
        row_free(row);
        row = NULL;
    }
    if (!row)
        row = row_ask(d, r->frame.topic);
    if (row)
        list_push(&row->waiting, &r->placing);
    else
        request_refuse(r, ERR_NO_MEMORY, 0, 0, NULL);
}

void place_forget(struct desk_native *d, struct id16 topic)
{
    struct topic_row *row = map_get(&d->places, row_key(topic));
    if (row && row->topic)
        row_free(row);
}

const struct topic_info *place_topic(const struct desk_native *d, struct id16 topic)
{
    const struct topic_row *row = map_get(&d->places, row_key(topic));
    return row ? row->topic : NULL;
}

void place_rows_free(struct desk_native *d)
{
    uint32_t at = 0;
    struct topic_row *row;
    while ((row = map_next(&d->places, &at))) {
        free(row->topic);
        free(row);
    }
    map_close(&d->places);
}
