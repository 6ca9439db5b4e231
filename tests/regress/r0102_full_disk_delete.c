/* On a full disk the metadata log took its space as every partition does, and when the last extent
 * was gone a topic could not be deleted any more: NO_SPACE to what would have given space back.
 * Goal: a delete works on a full disk, also after creates have used up what metadata shares with
 * others, and the space that it gives serves the appends. Method: fill the disk, create topics
 * until one is refused, delete some of them, then the topic that filled the disk. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define APPENDS_MAX 4000u
#define CREATES_MAX 400u
#define DELETES     40u

static const char *name_of(uint32_t i)
{
    static char name[16];
    snprintf(name, sizeof(name), "t%u", i);
    return name;
}

static enum err append(struct node_world *w, const char *topic)
{
    static char value[3000];
    memset(value, 'v', sizeof(value) - 1);
    struct topic_info *t = node_topic(w, topic);
    check(t);
    enum err err = node_append(w, &t->places[0], value, 0, NULL);
    free(t);
    return err;
}

TEST(r0102, full_disk_delete)
{
    struct node_world w;
    enum err err = ERR_OK;
    uint32_t made = 0;
    node_open(&w, 1, 1, 1);
    check(node_start(&w, NULL) == SERVE_READY);
    check(node_create(&w, "large", 1, NULL, NULL) == ERR_OK);
    sim_disk_limit(w.machine, 1); /* nothing more */
    for (uint32_t i = 0; i < APPENDS_MAX && !err; i++)
        err = append(&w, "large");
    REQUIRE(err == ERR_NO_SPACE);
    for (err = ERR_OK; made < CREATES_MAX && !err; made += !err)
        err = node_create(&w, name_of(made), 1, NULL, NULL);
    REQUIRE(err == ERR_NO_SPACE && made > DELETES);
    for (uint32_t i = 0; i < DELETES; i++)
        EXPECT_OK(node_delete(&w, name_of(i)));
    EXPECT_ERR(append(&w, name_of(DELETES)), ERR_NO_SPACE);
    EXPECT_OK(node_delete(&w, "large"));
    EXPECT_OK(append(&w, name_of(DELETES)));
    EXPECT_OK(node_create(&w, "more", 1, NULL, NULL));
    node_stop(&w);
    node_close(&w);
}
