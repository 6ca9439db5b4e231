/* orphan_test.c -- a metadata log that is older than the partitions. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

/* A store's files as they are on its disk. */
#define FILES_MAX 16u
struct copy {
    struct node_world *w;
    const char *dir;
    uint32_t count;
    struct {
        char name[64];
        uint8_t *at;
        uint64_t bytes;
    } files[FILES_MAX];
};

static void file_take(const char *name, void *arg)
{
    struct copy *c = arg;
    check(c->count < FILES_MAX);
    uint64_t bytes = sim_file_bytes(c->w->machine, c->dir, name);
    c->files[c->count].at = malloc(bytes + 1);
    c->files[c->count].bytes = bytes;
    snprintf(c->files[c->count].name, sizeof(c->files[0].name), "%s", name);
    sim_file_read(c->w->machine, c->dir, name, 0, c->files[c->count].at, bytes);
    c->count++;
}

static struct copy copy_take(struct node_world *w, const char *dir)
{
    struct copy c = { .w = w, .dir = dir };
    sim_dir_each(w->machine, dir, file_take, &c);
    return c;
}

static void copy_put_back(struct copy *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        sim_file_write(c->w->machine, c->dir, c->files[i].name, 0, c->files[i].at,
                       c->files[i].bytes);
        free(c->files[i].at);
    }
}

/* Returns what the record of the partition in store-01 reads as, after a start in between on
 * metadata from before the topic was created. */
static const char *orphan_run(void)
{
    struct node_world w;
    const char *value = NULL;
    enum err err;
    node_open(&w, 1, 2, 1);
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    node_stop(&w);
    struct copy before = copy_take(&w, "/a/store-00");
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 2, NULL, NULL));
    struct topic_info *t = node_topic(&w, "t");
    if (!EXPECT(t))
        return NULL;
    struct place far = t->places[t->places[0].store == 1 ? 0 : 1];
    EXPECT_EQ(far.store, 1);
    EXPECT_OK(node_append(&w, &far, "kept", 0, NULL));
    free(t);
    node_stop(&w);
    struct copy after = copy_take(&w, "/a/store-00");
    copy_put_back(&before);
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    EXPECT_EQ(w.notes, 1);
    EXPECT_STR(w.note, "1 partitions are on disk, but the metadata does not know them; they are "
                       "kept: `shardlog check` lists them");
    EXPECT(!node_topic(&w, "t"));
    node_stop(&w);
    copy_put_back(&after);
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    value = node_value(&w, &far, 0, &err);
    node_stop(&w);
    node_close(&w);
    return value;
}

TEST(orphan, lost_metadata_deletes_nothing)
{
    /* Goal: a partition that the metadata does not know is kept and reported. Method: start on an
     * older copy of store-00, then on the right one again. */
    EXPECT_STR(orphan_run(), "kept");
}

TEST(orphan, the_pitfall_loses_it)
{
    /* Goal: the test above sees the wrong version of the line. Method: switch it on. */
    pitfall_on = PITFALL_ORPHAN_DELETION;
    EXPECT_STR(orphan_run(), NULL);
    pitfall_on = PITFALL_NONE;
}
