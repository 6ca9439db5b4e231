/* mailbox_test.c -- letters of many threads: all of them, once, in their posters' order. */
#include "engine/shard/mailbox.h"

#include <pthread.h>
#include <stdint.h>

#include "engine/base/types.h"
#include "tests/test.h"

TEST(mailbox, oldest_first)
{
    /* Goal: one poster's letters keep their order. */
    struct mailbox m;
    struct letter l[3];
    mailbox_open(&m);
    EXPECT(mailbox_empty(&m) && !mailbox_take(&m));
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(mailbox_post(&m, &l[i]), false);
    struct letter *got = mailbox_take(&m);
    EXPECT(got == &l[0] && got->next == &l[1] && got->next->next == &l[2] && !l[2].next);
    EXPECT(mailbox_empty(&m));
}

TEST(mailbox, the_first_letter_rings)
{
    /* Goal: a sleeping shard is woken once, and never sleeps beside a letter. */
    struct mailbox m;
    struct letter l[3];
    mailbox_open(&m);
    EXPECT(mailbox_sleep(&m));
    EXPECT_EQ(mailbox_post(&m, &l[0]), true);
    EXPECT_EQ(mailbox_post(&m, &l[1]), false);
    EXPECT(!mailbox_sleep(&m));
    EXPECT_EQ(mailbox_post(&m, &l[2]), false);
    mailbox_take(&m);
    EXPECT(mailbox_sleep(&m));
    mailbox_wake(&m);
    EXPECT_EQ(mailbox_post(&m, &l[0]), false);
}

/* Posters and one shard that sleeps on a condition, rung by whoever is told to. */

#define POSTERS 4
#define LETTERS 20000

struct mail {
    struct letter letter;
    uint32_t poster, number;
};

static struct mailbox box;
static struct mail mails[POSTERS][LETTERS];
static pthread_mutex_t bell_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static bool rung;

static void *poster_run(void *arg)
{
    uint32_t p = (uint32_t)(uintptr_t)arg;
    for (uint32_t i = 0; i < LETTERS; i++) {
        mails[p][i].poster = p;
        mails[p][i].number = i;
        if (!mailbox_post(&box, &mails[p][i].letter))
            continue;
        pthread_mutex_lock(&bell_lock);
        rung = true;
        pthread_cond_signal(&bell);
        pthread_mutex_unlock(&bell_lock);
    }
    return NULL;
}

static void shard_sleep(void)
{
    if (!mailbox_sleep(&box))
        return;
    pthread_mutex_lock(&bell_lock);
    while (!rung)
        pthread_cond_wait(&bell, &bell_lock);
    rung = false;
    pthread_mutex_unlock(&bell_lock);
    mailbox_wake(&box);
}

TEST(mailbox, nothing_is_lost_between_threads)
{
    /* Goal: no letter is lost, doubled or overtaken by its poster's later one, and no wake-up is
     * missed (a missed one hangs). Method: four posters, one shard that sleeps whenever it may. */
    pthread_t threads[POSTERS];
    uint32_t next[POSTERS] = { 0 }, total = 0;
    bool ordered = true;
    mailbox_open(&box);
    for (uint32_t p = 0; p < POSTERS; p++)
        REQUIRE(pthread_create(&threads[p], NULL, poster_run, (void *)(uintptr_t)p) == 0);
    while (total < POSTERS * LETTERS) {
        struct letter *l = mailbox_take(&box);
        if (!l)
            shard_sleep();
        for (; l; l = l->next, total++) {
            const struct mail *m = container_of(l, struct mail, letter);
            ordered = ordered && m->number == next[m->poster]++;
        }
    }
    for (uint32_t p = 0; p < POSTERS; p++)
        pthread_join(threads[p], NULL);
    EXPECT(ordered);
    EXPECT(mailbox_empty(&box));
}
