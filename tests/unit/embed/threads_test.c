/* threads_test.c -- the public API from many threads, on the caller's threads, in callbacks. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/embed/fixture.h"

/* ---- many threads ---- */

#define WRITERS 4
#define WRITES  200

struct writer {
    pthread_t thread;
    struct sl_topic *topic;
    uint32_t number;
    pthread_mutex_t lock;
    pthread_cond_t all;
    uint32_t acked;
    uint64_t last_off;
    bool ordered;
};

static void writer_acked(void *arg, const struct sl_appended *a)
{
    struct writer *w = arg;
    pthread_mutex_lock(&w->lock);
    w->ordered =
        w->ordered && a->err == SL_ERR_OK && (w->acked == 0 || a->base_offset > w->last_off);
    w->last_off = a->base_offset;
    w->acked++;
    pthread_cond_signal(&w->all);
    pthread_mutex_unlock(&w->lock);
}

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    char text[32];
    for (uint32_t i = 0; i < WRITES; i++) {
        snprintf(text, sizeof(text), "%u:%u", w->number, i);
        struct sl_record r = record_of(text);
        while (sl_append(w->topic, i % 3, &r, 1, NULL, writer_acked, w) == SL_ERR_BUSY)
            ;
        if (i % 3 == 2 && i % 50 == 2) { /* and somebody reads beside it */
            struct sl_batches b;
            struct sl_fetch_options f = { .size = sizeof(f), .bytes_max = 4096 };
            enum sl_err err = sl_fetch_wait(w->topic, i % 3, &f, &b);
            EXPECT(err == SL_ERR_OK || err == SL_ERR_BUSY);
            sl_batches_free(&b);
        }
    }
    pthread_mutex_lock(&w->lock);
    while (w->acked < WRITES)
        pthread_cond_wait(&w->all, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

TEST(embed, many_threads_write)
{
    /* Goal: every append of every thread is there once. Method: four threads, two shards, two
     * directories, at most 64 requests under way. */
    const char *dirs[] = { test_dir(), test_dir() };
    struct sl_engine_options o = options_of(dirs, 2);
    struct writer w[WRITERS];
    o.shards = 2;
    o.requests_max = 64;
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct sl_topic *t = topic_open(e, "t", 3);
    for (uint32_t i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){ .topic = t, .number = i, .ordered = true };
        pthread_mutex_init(&w[i].lock, NULL);
        pthread_cond_init(&w[i].all, NULL);
        REQUIRE(pthread_create(&w[i].thread, NULL, writer_run, &w[i]) == 0);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        pthread_join(w[i].thread, NULL);
    uint64_t total = 0, off;
    for (uint32_t p = 0; p < 3; p++) {
        EXPECT_OK(sl_offset(t, p, SL_OFFSET_LATEST, 0, &off, NULL));
        total += off;
    }
    EXPECT_EQ(total, WRITERS * WRITES);
    sl_topic_close(&t);
    sl_engine_close(&e);
}

/* ---- the caller's threads ---- */

TEST(embed, one_thread_does_all)
{
    /* Goal: with the caller's thread alone, nothing happens outside of its turns, and waiting
     * functions turn by themselves. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_why why;
    o.threads = SL_THREADS_CALLER;
    o.shards = 2;
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    EXPECT_ERR(sl_engine_ready(e, &why), SL_ERR_BUSY);
    while (sl_engine_ready(e, &why) == SL_ERR_BUSY)
        for (uint32_t i = 0; i < 2; i++)
            EXPECT_OK(sl_engine_turn(e, i, 0));
    EXPECT_OK(sl_engine_ready(e, &why));
    EXPECT_ERR(sl_engine_turn(e, 2, 0), SL_ERR_INVALID);
    struct sl_topic *t = topic_open(e, "t", 4);
    for (uint32_t p = 0; p < 4; p++) {
        EXPECT_OK(append_text(t, p, "a", NULL));
        EXPECT_OK(append_text(t, p, "b", NULL));
        EXPECT_STR(values_of(t, p, 0), "a;b;");
    }
    sl_topic_close(&t);
    sl_engine_stop(e);
    for (enum sl_err err = SL_ERR_OK; err != SL_ERR_CLOSED;)
        for (uint32_t i = 0; i < 2; i++)
            err = sl_engine_turn(e, i, 1000000);
    sl_engine_close(&e);
    /* An engine that nobody turned closes as well. */
    REQUIRE((e = engine_open(&o)));
    sl_engine_close(&e);
}

struct lender {
    pthread_t thread;
    struct sl_engine *engine;
    uint32_t shard;
};

static void *lender_run(void *arg)
{
    struct lender *l = arg;
    while (sl_engine_turn(l->engine, l->shard, 10000000) == SL_ERR_OK)
        ;
    return NULL;
}

TEST(embed, two_threads_lend_themselves)
{
    /* Goal: shards on two threads of the caller, a third one that asks. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct lender l[2];
    o.threads = SL_THREADS_CALLER;
    o.shards = 2;
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    for (uint32_t i = 0; i < 2; i++) {
        l[i] = (struct lender){ .engine = e, .shard = i };
        REQUIRE(pthread_create(&l[i].thread, NULL, lender_run, &l[i]) == 0);
    }
    struct sl_topic *t = topic_open(e, "t", 4);
    for (uint32_t p = 0; p < 4; p++)
        EXPECT_OK(append_text(t, p, "x", NULL));
    EXPECT_ERR(sl_engine_turn(e, 0, 0), SL_ERR_INVALID); /* another thread's shard */
    sl_topic_close(&t);
    sl_engine_stop(e);
    for (uint32_t i = 0; i < 2; i++)
        pthread_join(l[i].thread, NULL);
    sl_engine_close(&e);
}

/* ---- callbacks ---- */

struct chain {
    struct sl_topic *topic;
    pthread_mutex_t lock;
    pthread_cond_t end;
    uint32_t left;
    enum sl_err waiting; /* what a waiting function answered in the callback */
};

static void chain_next(void *arg, const struct sl_appended *a)
{
    struct chain *c = arg;
    struct sl_record r = record_of("link");
    EXPECT_OK(a->err);
    pthread_mutex_lock(&c->lock);
    c->waiting = append_text(c->topic, 0, "never", NULL);
    if (--c->left == 0)
        pthread_cond_signal(&c->end);
    else
        EXPECT_OK(sl_append(c->topic, 0, &r, 1, NULL, chain_next, c));
    pthread_mutex_unlock(&c->lock);
}

TEST(embed, callbacks_may_append_but_not_wait)
{
    /* Goal: a callback starts the next append; a waiting call there is refused, not a deadlock. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct chain c = { .topic = topic_open(e, "t", 1), .left = 20 };
    struct sl_record r = record_of("link");
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.end, NULL);
    EXPECT_OK(sl_append(c.topic, 0, &r, 1, NULL, chain_next, &c));
    pthread_mutex_lock(&c.lock);
    while (c.left)
        pthread_cond_wait(&c.end, &c.lock);
    pthread_mutex_unlock(&c.lock);
    EXPECT_ERR(c.waiting, SL_ERR_BUSY);
    uint64_t off;
    EXPECT_OK(sl_offset(c.topic, 0, SL_OFFSET_LATEST, 0, &off, NULL));
    EXPECT_EQ(off, 20);
    sl_topic_close(&c.topic);
    sl_engine_close(&e);
}

/* ---- waiting ---- */

static void pause_waited(void *arg, struct sl_batches *b)
{
    struct chain *c = arg;
    pthread_mutex_lock(&c->lock);
    c->waiting = b->err;
    c->left = 0;
    pthread_cond_signal(&c->end);
    pthread_mutex_unlock(&c->lock);
    sl_batches_free(b);
}

TEST(embed, a_waiting_fetch_wakes_up)
{
    /* Goal: a long poll ends with the append that it waits for; freed inside the callback. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct chain c = { .topic = topic_open(e, "t", 1), .left = 1 };
    struct sl_fetch_options f = { .size = sizeof(f),
                                  .bytes_min = 1,
                                  .wait_ns = 60ull * 1000 * 1000 * 1000 };
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.end, NULL);
    EXPECT_OK(sl_fetch(c.topic, 0, &f, pause_waited, &c));
    EXPECT_OK(append_text(c.topic, 0, "wake", NULL));
    pthread_mutex_lock(&c.lock);
    while (c.left)
        pthread_cond_wait(&c.end, &c.lock);
    pthread_mutex_unlock(&c.lock);
    EXPECT_OK(c.waiting);
    sl_topic_close(&c.topic);
    sl_engine_close(&e);
}
