/* listen_test.c -- what a listener hands on to its connections. */
#include "net/listen/listen.h"
#include "tests/test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *congestion_of(int fd)
{
    static char name[16];
    socklen_t len = sizeof(name);
    memset(name, 0, sizeof(name));
    return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0 ? name : "unknown";
}

static bool congestion_exists(const char *name)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is = setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0;
    close(fd);
    return is;
}

static int listen_on(struct io *io, const char *text)
{
    struct io_address at;
    struct why why = { "" };
    int fd = -1;
    EXPECT_OK(io_address_parse(text, &at, &why));
    EXPECT_OK(listen_at(io, &at, &fd, 1, &why));
    return fd;
}

TEST(listen, only_what_stays_on_this_machine_gets_its_own_congestion_control)
{
    struct io *io;
    char system[16];
    REQUIRE_OK(io_open(&io, &(struct io_opts){ .plain = true }));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(system, congestion_of(fd));
    close(fd);
    if (!congestion_exists(LISTEN_LOCAL_CONGESTION)) {
        io_close(&io);
        SKIP("this kernel has no " LISTEN_LOCAL_CONGESTION);
    }
    int local = listen_on(io, "127.0.0.1:0"), any = listen_on(io, "0.0.0.0:0");
    EXPECT_STR(congestion_of(local), LISTEN_LOCAL_CONGESTION);
    EXPECT_STR(congestion_of(any), system);
    io_fd_close(io, local);
    io_fd_close(io, any);
    io_close(&io);
}
