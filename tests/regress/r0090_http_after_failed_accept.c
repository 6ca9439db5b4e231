/* After an accept that failed (the process had no descriptor left), the HTTP front accepted again
 * only when one of its connections ended: with none open it was deaf until the next start.
 * Goal: whoever connects is served a moment after the trouble. Method: accepts fail for a while in
 * the simulator, then a client asks for /healthz. */
#include <errno.h>

#include "net/http/http_front.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";

static struct node_world w;
static struct io *client;
static uint32_t failures;

/* Until the first one that succeeds. */
static int accept_fails(struct sim_watch *watch, const struct op *op)
{
    (void)watch;
    if (op->verb != IO_ACCEPT || sim_now_ns(w.sim) > 10 * SEC_NS)
        return 0;
    failures++;
    return EMFILE;
}

static void look_on(struct sim_watch *watch, const struct op *op, int sys)
{
    (void)watch, (void)op, (void)sys;
}

static uint32_t client_turn(void)
{
    return io_turn(client, SEC_NS);
}

static void flag(struct op *op)
{
    (void)op;
}

static void wait_for(const struct op *op)
{
    for (uint32_t i = 0; op->busy && i < 30000; i++)
        node_pass(&w, MS_NS);
}

/* The first bytes of the answer. */
static void ask(struct io_address at, char *answer, size_t cap)
{
    struct op connect = { 0 }, send = { 0 }, recv = { 0 };
    struct iovec iov = { (void *)request, sizeof(request) - 1 };
    io_connect(client, &connect, &at, flag);
    wait_for(&connect);
    if (!EXPECT(!connect.busy) || !EXPECT_OK(connect.err))
        return;
    int fd = (int)connect.got;
    io_send(client, &send, fd, &iov, 1, 0, flag);
    wait_for(&send);
    io_recv(client, &recv, fd, answer, cap - 1, 0, flag);
    wait_for(&recv);
    if (recv.busy) { /* deaf */
        io_shutdown(client, fd);
        wait_for(&recv);
    }
    io_fd_close(client, fd);
}

TEST(r0090, http_after_failed_accept)
{
    struct io_address at = { .ip = { 127, 0, 0, 1 }, .version = 4 };
    struct sim_watch watch = { accept_fails, look_on };
    struct metrics_board board;
    struct serve_front front;
    struct http *http;
    struct why why = { "" };
    char answer[256] = "";
    node_open(&w, 90, 1, 1);
    REQUIRE(io_open(&client, &(struct io_opts){ .node = w.machine }) == ERR_OK);
    REQUIRE(metrics_board_open(&board, 1, 1) == ERR_OK);
    const struct http_opts opts = { .at = &at, .at_count = 1, .board = &board };
    REQUIRE(http_open(&http, client, &opts, &why) == ERR_OK);
    front = http_front(http);
    w.fronts = &front;
    w.front_count = 1;
    w.beside = client_turn;
    sim_watch(w.machine, &watch);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    node_pass(&w, 11 * SEC_NS);
    EXPECT(failures > 1 && failures < 200);
    ask(http_address(http, 0), answer, sizeof(answer));
    EXPECT(strncmp(answer, "HTTP/1.1 200 OK", 15) == 0);
    sim_watch(w.machine, NULL);
    node_stop(&w);
    http_close(&http);
    metrics_board_close(&board);
    w.beside = NULL;
    io_close(&client);
    node_close(&w);
}
