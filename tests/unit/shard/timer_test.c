/* timer_test.c -- the heap against a plain list. */
#include "engine/shard/timer.h"

#include "engine/base/rng.h"
#include "tests/test.h"

#define COUNT 200u

struct alarm {
    struct timer timer;
    uint32_t fired;
};

static struct alarm alarms[COUNT];
static struct timers ts;
static uint64_t last_ns, last_order;
static bool ordered;

static void alarm_fire(struct timer *t)
{
    ordered = ordered && (t->at_ns > last_ns || (t->at_ns == last_ns && t->order >= last_order));
    last_ns = t->at_ns;
    last_order = t->order;
    container_of(t, struct alarm, timer)->fired++;
}

static void alarm_again(struct timer *t)
{
    container_of(t, struct alarm, timer)->fired++;
    EXPECT_OK(timer_start(&ts, t, t->at_ns));
}

TEST(timer, fires_in_order_and_stops)
{
    /* Goal: earliest first, equals in their order, none after its stop. Method: random starts and
     * stops, then time goes on in random steps. */
    struct rng rng;
    rng_seed(&rng, 1);
    for (uint32_t round = 0; round < 50; round++) {
        bool running[COUNT] = { false };
        memset(alarms, 0, sizeof(alarms));
        last_ns = last_order = 0;
        ordered = true;
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t k = (uint32_t)rng_below(&rng, COUNT);
            if (running[k])
                timer_stop(&ts, &alarms[k].timer);
            else
                EXPECT_OK(timer_start(&ts, &alarms[k].timer, rng_below(&rng, 100)));
            alarms[k].timer.fire = alarm_fire;
            running[k] = !running[k];
        }
        for (uint64_t now = 0; now < 120; now += 1 + rng_below(&rng, 20)) {
            timers_fire(&ts, now);
            EXPECT(timers_due_ns(&ts) > now);
        }
        EXPECT(ordered);
        EXPECT_EQ(timers_due_ns(&ts), UINT64_MAX);
        for (uint32_t k = 0; k < COUNT; k++)
            EXPECT_EQ(alarms[k].fired, running[k]);
    }
    timers_close(&ts);
}

TEST(timer, one_that_starts_itself_again_waits)
{
    /* Goal: a timer started by a timer does not run in the same pass, however early it is due. */
    struct alarm a = { .timer = { .fire = alarm_again } };
    EXPECT_OK(timer_start(&ts, &a.timer, 5));
    EXPECT_EQ(timers_fire(&ts, 10), 1);
    EXPECT_EQ(timers_fire(&ts, 10), 1);
    EXPECT_EQ(a.fired, 2);
    timer_stop(&ts, &a.timer);
    timer_stop(&ts, &a.timer);
    EXPECT_EQ(timers_fire(&ts, 10), 0);
    timers_close(&ts);
}
