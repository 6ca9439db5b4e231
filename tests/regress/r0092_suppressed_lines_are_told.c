/* Log lines of a client beyond its limit were dropped without a word when no later line of it came:
 * nobody called log_sweep(). Goal: some seconds after it fell silent a line says how many there
 * were. Method: a client sends frames that are refused, then nothing. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static uint32_t lines, told;

static void put(void *arg, const char *line, size_t len)
{
    char text[LOG_LINE_MAX + 1];
    (void)arg;
    memcpy(text, line, len);
    text[len] = '\0';
    lines++;
    if (strstr(text, "client=127.0.0.1:") && strstr(text, " suppressed=20\n"))
        told++;
}

TEST(r0092, suppressed_lines_are_told)
{
    const struct log_opts log = { .level = LOG_LEVEL_INFO, .put = put };
    struct frame wrong = { .version = 1, .verb = 99 };
    uint8_t at[FRAME_HEADER_BYTES];
    struct peer p;
    broker_start(92, 1, &(struct door_opts){ .log = &log });
    peer_open(&p);
    for (uint32_t i = 0; i < 30; i++) {
        struct frame f;
        union payload out;
        wrong.correlation = 100 + i;
        frame_encode(&wrong, at);
        peer_put(&p, at, sizeof(at));
        EXPECT(peer_answer(&p, SEC_NS, &f, &out) && frame_is_error(&f));
    }
    EXPECT_EQ(lines, 10);
    EXPECT_EQ(told, 0);
    node_pass(&world.node, 30 * SEC_NS);
    EXPECT_EQ(lines, 11);
    EXPECT_EQ(told, 1);
    peer_close(&p);
    broker_end();
}
