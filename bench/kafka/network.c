/* network.c -- see network.h. */
#include "bench/kafka/network.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/common.h"

static void loopback_up(void)
{
    struct ifreq ask = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ask) != 0)
        die("the loopback cannot be set up: %s", strerror(errno));
    close(fd);
}

void network_own(void)
{
    static const char congestion[] = "/proc/sys/net/ipv4/tcp_congestion_control";
    if (unshare(CLONE_NEWNET) != 0)
        die("a network of its own: %s; run it as root", strerror(errno));
    loopback_up();
    FILE *f = fopen(congestion, "we");
    if (!f || fputs("reno", f) < 0 || fclose(f) != 0)
        die("%s: %s", congestion, strerror(errno));
}
