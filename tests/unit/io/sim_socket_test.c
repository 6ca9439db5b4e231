/* sim_socket_test.c -- the claims of engine/io/sim.h about networks. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/io/sim.h"
#include "tests/unit/io/net.h"

#define NODES 3
#define SEEDS 40

/* Three machines with one io each; node 0 listens on all of its addresses. */
struct lan {
    struct sim *sim;
    struct io *io[NODES];
    struct io_address at; /* of node 0's listener, as the others call it */
    int listener;
};

static int lan_listen(struct lan *l, const char *text, const struct io_listen_opts *opts)
{
    struct io_address at;
    check(io_address_parse(text, &at, NULL) == ERR_OK);
    l->listener = io_listen(l->io[0], &at, opts, NULL);
    check(l->listener >= 0);
    check(io_socket_name(l->io[0], l->listener, &at) == ERR_OK);
    l->at = sim_address(sim_node(l->sim, 0), at.port);
    return l->listener;
}

static void lan_boot(struct lan *l, uint32_t i)
{
    l->io[i] = NULL;
    check(io_open(&l->io[i], &(struct io_opts){ .node = sim_node(l->sim, i) }) == ERR_OK);
}

static void lan_open(struct lan *l, struct sim_opts opts)
{
    opts.nodes = NODES;
    l->sim = sim_open(&opts);
    for (uint32_t i = 0; i < NODES; i++)
        lan_boot(l, i);
    lan_listen(l, "0.0.0.0:9700", NULL);
}

static void lan_close(struct lan *l)
{
    for (uint32_t i = 0; i < NODES; i++)
        sim_crash(sim_node(l->sim, i), SIM_KILL); /* whatever is still in flight */
    for (uint32_t i = 0; i < NODES; i++)
        io_close(&l->io[i]);
    sim_close(&l->sim);
}

/* A connection from node `from` to node 0: fd[0] there, fd[1] here. */
static void lan_connect(struct lan *l, uint32_t from, int fd[2])
{
    struct op call = { 0 }, accept = { 0 };
    io_accept(l->io[0], &accept, l->listener, NULL);
    io_connect(l->io[from], &call, &l->at, NULL);
    fd[0] = net_result(l->io[from], &call);
    fd[1] = net_result(l->io[0], &accept);
    check(fd[0] >= 0 && fd[1] >= 0);
}

static enum err call_result(struct lan *l, uint32_t from, const struct io_address *to)
{
    struct op call = { 0 };
    io_connect(l->io[from], &call, to, NULL);
    return io_wait(l->io[from], &call);
}

/* Lets everything that is under way arrive. */
static void lan_settle(struct lan *l)
{
    while (sim_step(l->sim, UINT64_MAX))
        ;
}

/* Turns every io until `op` is done: for ops that need the other side to go on. */
static enum err lan_wait(struct lan *l, struct op *op)
{
    while (op->busy) {
        for (uint32_t i = 0; i < NODES; i++)
            io_turn(l->io[i], 0);
        sim_step(l->sim, UINT64_MAX);
    }
    return op->err;
}

/* 20 KB from each of two nodes, by receives of any size; what it came to. */
static uint64_t run_hash(uint64_t seed, uint32_t cut_per_million)
{
    struct lan l;
    lan_open(&l, (struct sim_opts){ .seed = seed,
                                    .short_per_million = 50000,
                                    .again_per_million = 50000,
                                    .cut_per_million = cut_per_million });
    uint8_t *out = world_bytes(KIB(64), 1), *in = world_bytes(KIB(64), 2);
    for (uint32_t from = 1; from < NODES; from++) {
        int fd[2];
        struct op send = { 0 }, recv = { 0 };
        uint64_t at = 0;
        struct iovec iov = { out, 20000 };
        lan_connect(&l, from, fd);
        io_send(l.io[from], &send, fd[0], &iov, 1, 0, NULL);
        while (at < 20000) {
            io_recv(l.io[0], &recv, fd[1], in, KIB(64), 0, NULL);
            if (lan_wait(&l, &recv) != ERR_OK)
                break;
            EXPECT_BYTES(in, out + at, recv.got);
            at += recv.got;
            sim_trace(l.sim, recv.got);
        }
        EXPECT(cut_per_million || at == 20000);
        EXPECT(lan_wait(&l, &send) == ERR_OK || cut_per_million);
    }
    uint64_t hash = sim_hash(l.sim);
    lan_close(&l);
    io_buffer_give(out);
    io_buffer_give(in);
    return hash;
}

TEST(sim_socket, same_seed_same_trace)
{
    for (uint32_t cut = 0; cut < 100001; cut += 50000) {
        EXPECT_EQ(run_hash(42, cut), run_hash(42, cut));
        EXPECT_NE(run_hash(42, cut), run_hash(43, cut));
    }
    /* The same number on every compiler and build. */
    EXPECT_EQ(run_hash(1, 0), 0x1cfdf65f40539e71);
}

TEST(sim_socket, bytes_arrive_in_pieces_of_any_size)
{
    /* Goal: no boundary of a send is kept. Method: 50 sends of 100 bytes, the sizes of receives. */
    uint32_t cut = 0, joined = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct lan l;
        int fd[2];
        char bytes[1000] = { 0 };
        lan_open(&l, (struct sim_opts){ .seed = seed });
        lan_connect(&l, 1, fd);
        for (int i = 0; i < 10; i++)
            EXPECT_OK(net_send(l.io[1], fd[0], bytes, 100));
        for (int64_t left = 1000, got; left > 0; left -= got) {
            got = net_recv(l.io[0], fd[1], bytes, 1000, 0);
            REQUIRE(got > 0);
            cut += got % 100 != 0;
            joined += got > 100;
        }
        lan_close(&l);
    }
    EXPECT(cut > SEEDS);
    EXPECT(joined > SEEDS);
}

TEST(sim_socket, neighbours_are_nearer_than_others)
{
    /* Goal: everything takes time. Method: round trips within a node and between two. */
    uint64_t near_ns = 0, far_ns = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (uint32_t from = 0; from < 2; from++) {
            struct lan l;
            int fd[2];
            char byte = 'A';
            lan_open(&l, (struct sim_opts){ .seed = seed });
            uint64_t start_ns = sim_now_ns(l.sim);
            lan_connect(&l, from, fd);
            EXPECT_OK(net_send(l.io[from], fd[0], &byte, 1));
            EXPECT_EQ(net_recv(l.io[0], fd[1], &byte, 1, 0), 1);
            *(from == 0 ? &near_ns : &far_ns) += sim_now_ns(l.sim) - start_ns;
            lan_close(&l);
        }
    EXPECT(near_ns > SEEDS * 10000);
    EXPECT(far_ns > 2 * near_ns);
}

TEST(sim_socket, a_node_is_reached_by_its_address_alone)
{
    /* Goal: loopback listeners are private; wrong addresses and ports are refused each its way. */
    struct lan l;
    int fd[2];
    lan_open(&l, (struct sim_opts){ .seed = 3 });
    struct io_address peer, own = sim_address(sim_node(l.sim, 2), 0);
    char text[IO_ADDRESS_TEXT_BYTES];
    lan_connect(&l, 2, fd);
    EXPECT_OK(io_socket_peer(l.io[0], fd[1], &peer));
    EXPECT_EQ(memcmp(peer.ip, own.ip, 16), 0);
    EXPECT_STR(io_address_text(&l.at, text), "10.0.0.1:9700");
    lan_listen(&l, "127.0.0.1:9701", NULL);
    EXPECT_ERR(call_result(&l, 1, &l.at), ERR_REFUSED);
    struct io_address nobody = sim_address(sim_node(l.sim, 1), 9700);
    EXPECT_ERR(call_result(&l, 2, &nobody), ERR_REFUSED);
    nobody.ip[3] = 77;
    EXPECT_ERR(call_result(&l, 2, &nobody), ERR_UNREACHABLE);
    lan_close(&l);
}

TEST(sim_socket, a_cut_is_heard_on_both_sides)
{
    /* Goal: by order, waiting ops and later ones end with RESET; other connections live. */
    struct lan l;
    int a[2], b[2];
    char byte = 'A';
    lan_open(&l, (struct sim_opts){ .seed = 5 });
    lan_connect(&l, 1, a);
    lan_connect(&l, 2, b);
    struct op recv = { 0 };
    io_recv(l.io[1], &recv, a[0], &byte, 1, 0, NULL);
    sim_cut(sim_node(l.sim, 0), sim_node(l.sim, 1));
    EXPECT_ERR(io_wait(l.io[1], &recv), ERR_RESET);
    EXPECT_EQ(net_recv(l.io[0], a[1], &byte, 1, 0), -(int)ERR_RESET);
    EXPECT_ERR(net_send(l.io[0], a[1], "B", 1), ERR_RESET);
    EXPECT_OK(net_send(l.io[2], b[0], "C", 1));
    EXPECT_EQ(net_recv(l.io[0], b[1], &byte, 1, 0), 1);
    EXPECT_EQ(sim_counts(l.sim).resets, 2);
    sim_cut(sim_node(l.sim, 2), NULL);
    EXPECT_EQ(net_recv(l.io[2], b[0], &byte, 1, 0), -(int)ERR_RESET);
    lan_close(&l);
}

TEST(sim_socket, what_had_arrived_is_read_before_the_reset)
{
    struct lan l;
    int fd[2];
    char text[8] = "";
    lan_open(&l, (struct sim_opts){ .seed = 6 });
    lan_connect(&l, 1, fd);
    EXPECT_OK(net_send(l.io[1], fd[0], "abc", 4));
    lan_settle(&l);
    sim_cut(sim_node(l.sim, 1), NULL);
    lan_settle(&l);
    EXPECT_EQ(net_recv(l.io[0], fd[1], text, 8, 0), 4);
    EXPECT_STR(text, "abc");
    EXPECT_EQ(net_recv(l.io[0], fd[1], text, 8, 0), -(int)ERR_RESET);
    lan_close(&l);
}

TEST(sim_socket, cuts_come_by_chance_only_when_asked_for)
{
    uint32_t resets[2] = { 0 };
    for (uint32_t asked = 0; asked < 2; asked++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct lan l;
            int fd[2];
            char byte = 'A';
            lan_open(&l, (struct sim_opts){ .seed = seed });
            lan_connect(&l, 1, fd);
            sim_chances(l.sim, &(struct sim_opts){ .cut_per_million = asked * 20000 });
            int64_t got = 1;
            for (int i = 0; i < 50 && got == 1; i++)
                if (net_send(l.io[1], fd[0], &byte, 1) == ERR_OK)
                    got = net_recv(l.io[0], fd[1], &byte, 1, 0);
                else
                    got = 0;
            EXPECT(got == 1 || asked);
            resets[asked] += (uint32_t)sim_counts(l.sim).resets;
            lan_close(&l);
        }
    EXPECT_EQ(resets[0], 0);
    EXPECT(resets[1] > SEEDS / 2);
}

/* Node 0 ends with a connection from 1, a call under way from 2, and ops of its own in flight. */
static void crash_and_look(enum sim_end end, enum err called)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct lan l;
        int fd[2];
        char byte = 'A';
        struct op any = { 0 }, accept = { 0 }, call = { 0 }, recv = { 0 };
        lan_open(&l, (struct sim_opts){ .seed = seed });
        lan_connect(&l, 1, fd);
        io_recv_any(l.io[0], &any, fd[1], NULL);
        io_accept(l.io[0], &accept, l.listener, NULL);
        io_recv(l.io[1], &recv, fd[0], &byte, 1, 0, NULL);
        io_connect(l.io[2], &call, &l.at, NULL);
        struct sim_node *node = sim_node(l.sim, 0);
        sim_step(l.sim, sim_now_ns(l.sim) + seed * 20000);
        sim_crash(node, end);
        EXPECT_ERR(io_wait(l.io[1], &recv), ERR_RESET);
        enum err err = io_wait(l.io[2], &call);
        EXPECT(err == ERR_OK || err == ERR_RESET || err == called);
        if (err == ERR_OK)
            EXPECT_EQ(net_recv(l.io[2], (int)call.got, &byte, 1, 0), -(int)ERR_RESET);
        EXPECT_ERR(call_result(&l, 1, &l.at), called);
        EXPECT(any.busy && accept.busy);
        io_close(&l.io[0]);
        sim_restart(node);
        lan_boot(&l, 0);
        EXPECT_ERR(call_result(&l, 1, &l.at), ERR_REFUSED);
        lan_listen(&l, "0.0.0.0:9700", NULL);
        lan_connect(&l, 1, fd);
        EXPECT_OK(net_send(l.io[1], fd[0], &byte, 1));
        EXPECT_EQ(net_recv(l.io[0], fd[1], &byte, 1, 0), 1);
        lan_close(&l);
    }
}

TEST(sim_socket, peers_of_a_killed_process_see_resets)
{
    crash_and_look(SIM_KILL, ERR_REFUSED);
}

TEST(sim_socket, peers_of_a_dead_machine_see_resets)
{
    crash_and_look(SIM_KERNEL, ERR_UNREACHABLE);
    crash_and_look(SIM_POWER, ERR_UNREACHABLE);
}

TEST(sim_socket, a_full_queue_makes_a_call_wait)
{
    /* Goal: a call finds its place when there is room, and gives up after seconds when there is
     * none. Method: a backlog of one. */
    struct lan l;
    struct op call[2] = { 0 }, accept = { 0 };
    lan_open(&l, (struct sim_opts){ .seed = 8 });
    lan_listen(&l, "0.0.0.0:1", &(struct io_listen_opts){ .backlog = 1 });
    EXPECT_OK(call_result(&l, 1, &l.at));
    uint64_t start_ns = sim_now_ns(l.sim);
    EXPECT_ERR(call_result(&l, 1, &l.at), ERR_UNREACHABLE);
    EXPECT(sim_now_ns(l.sim) - start_ns > 2 * SEC_NS);
    io_connect(l.io[2], &call[0], &l.at, NULL);
    sim_step(l.sim, sim_now_ns(l.sim) + SEC_NS / 2);
    io_accept(l.io[0], &accept, l.listener, NULL);
    EXPECT_OK(io_wait(l.io[0], &accept));
    EXPECT_OK(io_wait(l.io[2], &call[0]));
    lan_close(&l);
}

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];

TEST(sim_socket, faults_reach_every_verb)
{
    /* Goal: sweeps see sockets. Method: an ordered fault for each verb, then none. */
    struct lan l;
    int fd[2];
    char byte = 'A';
    uint32_t seen = 0;
    struct op op = { 0 };
    struct iovec iov = { &byte, 1 };
    lan_open(&l, (struct sim_opts){ .seed = 9 });
    lan_connect(&l, 0, fd);
    struct sim_node *node = sim_node(l.sim, 0);
    for (int i = 0; i < 5; i++) {
        sim_fault_clear(node);
        sim_fault(node, NULL, i % 2 ? ECONNRESET : EMFILE, 1);
        if (i == 0)
            io_accept(l.io[0], &op, l.listener, NULL);
        else if (i == 1)
            io_recv(l.io[0], &op, fd[0], &byte, 1, 0, NULL);
        else if (i == 2)
            io_connect(l.io[0], &op, &l.at, NULL);
        else if (i == 3)
            io_recv_any(l.io[0], &op, fd[0], NULL);
        else
            io_send(l.io[0], &op, fd[0], &iov, 1, 0, NULL);
        EXPECT_ERR(io_wait(l.io[0], &op), i % 2 ? ERR_RESET : ERR_LIMIT);
        for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
            if (*s == op.site)
                seen |= 1u << op.verb;
    }
    EXPECT_EQ(seen >> IO_ACCEPT, 0x1f);
    EXPECT_EQ(sim_fault_hits(node), 5);
    sim_fault_clear(node);
    EXPECT_OK(net_send(l.io[0], fd[0], &byte, 1));
    EXPECT_EQ(net_recv(l.io[0], fd[1], &byte, 1, 0), 1);
    lan_close(&l);
}
