/* far.c -- see far.h. */
#include "net/kafka/far.h"

static void far_next(struct conn_kafka *k);

static void far_run(struct job *j)
{
    struct far *f = container_of(j, struct far, job);
    f->run(f);
}

static void far_home(struct job *j)
{
    struct far *f = container_of(j, struct far, job);
    struct conn_kafka *k = kafka_of(f->errand->conn);
    k->far_busy = false;
    f->done(f);
    far_next(k); /* alive: errands, and so their connection, are freed in its turn alone */
}

static void far_next(struct conn_kafka *k)
{
    struct door_desk *d = k->conn.desk;
    struct node *n;
    if (k->far_busy || !(n = list_pop(&k->far)))
        return;
    struct far *f = container_of(n, struct far, node);
    f->job = (struct job){ .run = far_run, .done = far_home };
    k->far_busy = true;
    helper_do(d->opts.helper, &f->job, d->shard);
}

void far_do(struct errand *c, struct far *f)
{
    struct conn_kafka *k = kafka_of(c->conn);
    f->errand = c;
    list_push(&k->far, &f->node);
    far_next(k);
}
