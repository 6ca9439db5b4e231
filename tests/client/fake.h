/* Starts fake.py for a case, and ends it. */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include <shardlog/client.h>
#include <sys/types.h>

struct fake {
    pid_t pid;
    int in; /* closing it ends the server */
    uint16_t port;
};
/* `more`: one more argument and its value, or NULL. False: no python3 here, or it failed. */
bool fake_open(struct fake *f, const char *more, const char *value);
void fake_close(struct fake *f);

/* A client of it; `o` (may be NULL) gets host and port. NULL: the check failed. */
struct sl_client *fake_client(const struct fake *f, const struct sl_client_options *o);

#endif
