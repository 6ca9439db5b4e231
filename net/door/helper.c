/* helper.c -- see helper.h: a queue under a lock, and letters back. */
#include "net/door/helper.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/base/check.h"

struct helper {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct list jobs;
    bool stopping;
};

struct helper *helper_open(void)
{
    struct helper *h = calloc(1, sizeof(*h));
    check(h);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->moved, NULL);
    list_init(&h->jobs);
    return h;
}

void helper_close(struct helper **out)
{
    struct helper *h = *out;
    if (!h)
        return;
    check(list_empty(&h->jobs));
    pthread_cond_destroy(&h->moved);
    pthread_mutex_destroy(&h->lock);
    free(h);
    *out = NULL;
}

static void job_home(struct letter *l, struct shard *at)
{
    struct job *j = container_of(l, struct job, letter);
    (void)at;
    j->done(j);
}

static void job_here(struct letter *l, struct shard *at)
{
    struct job *j = container_of(l, struct job, letter);
    (void)at;
    j->run(j);
    j->done(j);
}

void helper_do(struct helper *h, struct job *j, struct shard *home)
{
    j->home = home;
    j->letter.open = h ? job_home : job_here;
    if (!h) {
        shard_post(home, &j->letter);
        return;
    }
    pthread_mutex_lock(&h->lock);
    list_push(&h->jobs, &j->node);
    pthread_cond_signal(&h->moved);
    pthread_mutex_unlock(&h->lock);
}

/* NULL: all are done, and none will come. */
static struct job *job_next(struct helper *h)
{
    pthread_mutex_lock(&h->lock);
    while (list_empty(&h->jobs) && !h->stopping)
        pthread_cond_wait(&h->moved, &h->lock);
    struct node *n = list_pop(&h->jobs);
    pthread_mutex_unlock(&h->lock);
    return n ? container_of(n, struct job, node) : NULL;
}

void helper_run(struct helper *h)
{
    struct job *j;
    while ((j = job_next(h))) {
        j->run(j);
        shard_post(j->home, &j->letter);
    }
}

void helper_stop(struct helper *h)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_broadcast(&h->moved);
    pthread_mutex_unlock(&h->lock);
}
