/* moment.c -- inotify on the directories of the stores. */
#include "tests/torture/moment.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tools/demo/demo.h"

#define STORES_MAX  64
#define PATIENCE_NS 12000000000u /* a wanted phase comes within this time, or not */
#define LOOK_MS     1
#define NS_US       1000u

const char *const phase_names[PHASES] = {
    [PHASE_START] = "start",           [PHASE_RECOVERY] = "recovery", [PHASE_RUN] = "running",
    [PHASE_CHECKPOINT] = "checkpoint", [PHASE_GROWTH] = "growth",
};

/* What a store is doing, as its files tell. */
struct store_watch {
    int wd;
    char path[1024];
    bool reads;       /* its journal */
    bool checkpoints; /* tails or image were written */
    bool images;      /* an image was begun */
    bool grows;       /* vol.tmp is there */
};

static struct store_watch stores[STORES_MAX];
static int store_count, notify = -1;
static unsigned random_state, half_volumes, half_images;
/* From exec to the first byte of a journal, and to the line "ready", the last time. */
static uint64_t read_after_ns = 10000000, ready_after_ns = 50000000;

uint32_t moment_draw(uint32_t below)
{
    return below ? (uint32_t)rand_r(&random_state) % below : 0;
}

void moment_open(const char *data, unsigned seed)
{
    random_state = seed;
    notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    DIR *d = opendir(data);
    for (struct dirent *e; d && store_count < STORES_MAX && (e = readdir(d));) {
        struct store_watch *s = &stores[store_count];
        if (strncmp(e->d_name, "store-", 6) != 0)
            continue;
        snprintf(s->path, sizeof(s->path), "%s/%s", data, e->d_name);
        s->wd =
            inotify_add_watch(notify, s->path, IN_ACCESS | IN_MODIFY | IN_CREATE | IN_MOVED_FROM);
        if (s->wd < 0)
            die("%s cannot be watched: %s", s->path, strerror(errno));
        store_count++;
    }
    if (d)
        closedir(d);
    if (!store_count)
        die("%s: no store to watch", data);
}

void moment_close(void)
{
    close(notify);
}

/* ---- events ---- */

static void event_take(const struct inotify_event *e)
{
    struct store_watch *s = stores;
    while (s < stores + store_count && s->wd != e->wd)
        s++;
    if (s == stores + store_count || !e->len)
        return;
    bool image = strncmp(e->name, "image", 5) == 0;
    if (e->mask & IN_ACCESS && strcmp(e->name, "journal") == 0)
        s->reads = true;
    if (e->mask & IN_MODIFY && (image || strcmp(e->name, "tails") == 0))
        s->checkpoints = true;
    if (e->mask & IN_MODIFY && image)
        s->images = true;
    if (strcmp(e->name, "vol.tmp") == 0)
        s->grows = (e->mask & IN_MOVED_FROM) == 0;
}

static void events_take(int wait_ms)
{
    char at[4096] __attribute__((aligned(8)));
    struct pollfd p = { .fd = notify, .events = POLLIN };
    if (poll(&p, 1, wait_ms) <= 0)
        return;
    for (ssize_t n; (n = read(notify, at, sizeof(at))) > 0;)
        for (ssize_t i = 0; i < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(at + i);
            event_take(e);
            i += (ssize_t)(sizeof(*e) + e->len);
        }
}

void moment_clear(void)
{
    events_take(0);
    for (int i = 0; i < store_count; i++)
        stores[i].reads = stores[i].checkpoints = stores[i].images = stores[i].grows = false;
}

static bool any(enum phase phase)
{
    bool yes = false;
    for (int i = 0; i < store_count; i++)
        yes |= phase == PHASE_RECOVERY     ? stores[i].reads
               : phase == PHASE_CHECKPOINT ? stores[i].checkpoints
                                           : stores[i].grows;
    return yes;
}

static bool any_image(void)
{
    bool yes = false;
    for (int i = 0; i < store_count; i++)
        yes |= stores[i].images;
    return yes;
}

/* ---- kill ---- */

/* What the broker leaves tells what it was doing. */
static void leavings_count(void)
{
    bool volume = false, image = false;
    for (int i = 0; i < store_count; i++) {
        char tmp[1100];
        snprintf(tmp, sizeof(tmp), "%s/vol.tmp", stores[i].path);
        volume |= access(tmp, F_OK) == 0;
        image |= stores[i].images;
    }
    half_volumes += volume;
    half_images += image;
}

static enum phase kill_in(struct node *n, enum phase phase)
{
    node_look(n);
    bool ready = n->ready_ns != 0;
    ready_after_ns = ready ? n->ready_ns - n->started_ns : ready_after_ns;
    node_kill(n);
    leavings_count();
    if (phase == PHASE_CHECKPOINT || phase == PHASE_GROWTH)
        return phase;
    return ready ? PHASE_RUN : any(PHASE_RECOVERY) ? PHASE_RECOVERY : PHASE_START;
}

static enum phase kill_starting(struct node *n)
{
    usleep(moment_draw((uint32_t)(read_after_ns / NS_US)));
    events_take(0);
    return kill_in(n, PHASE_START);
}

/* Recovery lasts from the first byte that is read to the line "ready"; no two take equally long, so
 * only its first half is aimed at. */
static enum phase kill_recovering(struct node *n)
{
    while (!any(PHASE_RECOVERY) && !node_look(n))
        events_take(LOOK_MS);
    read_after_ns = now_ns() - n->started_ns;
    if (ready_after_ns > read_after_ns)
        usleep(moment_draw((uint32_t)((ready_after_ns - read_after_ns) / 2 / NS_US)));
    return kill_in(n, PHASE_RECOVERY);
}

/* Half of the checkpoints are killed at once, half in the middle of their image. */
static bool came(enum phase wanted, bool image)
{
    return wanted == PHASE_CHECKPOINT && image ? any_image() : any(wanted);
}

static enum phase kill_running(struct node *n, enum phase wanted)
{
    uint64_t due = now_ns() + PATIENCE_NS;
    bool image = moment_draw(2);
    if (wanted == PHASE_RUN) {
        usleep(50000 + moment_draw(1000000));
        return kill_in(n, PHASE_RUN);
    }
    while (!came(wanted, image) && now_ns() < due) {
        events_take(LOOK_MS);
        if (!n->ready_ns && node_look(n) && !n->ready_ns)
            break; /* it ended by itself: whoever starts it next will say so */
    }
    bool in_time = came(wanted, image);
    usleep(moment_draw(image ? 2000 : 5000));
    events_take(0);
    return kill_in(n, in_time ? wanted : PHASE_RUN);
}

enum phase moment_kill(struct node *n, enum phase wanted)
{
    switch (wanted) {
    case PHASE_START:
        return kill_starting(n);
    case PHASE_RECOVERY:
        return kill_recovering(n);
    default:
        return kill_running(n, wanted);
    }
}

unsigned moment_half_volumes(void)
{
    return half_volumes;
}

unsigned moment_half_images(void)
{
    return half_images;
}
