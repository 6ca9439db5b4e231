/* sim_machine.h -- a small machine for tests: one node, one io, blocks filled with one byte each.
 *
 * Every call waits for its end, in simulated time. Bytes of a block are all alike, so a test names
 * a block's content by one number; BLOCK_MIXED is a block of more than one kind.
 */
#ifndef TESTS_UNIT_IO_SIM_MACHINE_H
#define TESTS_UNIT_IO_SIM_MACHINE_H

#include "engine/io/sim_in.h"

#define BLOCK_MIXED (-1)
#define MACHINE_DIR "/disk0"

struct machine {
    struct sim *sim;
    struct sim_node *node;
    struct sim_disk *disk;
    struct io *io;
    int dir;
};

void machine_open(struct machine *m, const struct sim_opts *opts);
void machine_open_seed(struct machine *m, uint64_t seed);
void machine_close(struct machine *m);
void machine_end(struct machine *m, enum sim_end end); /* and comes back */
void machine_boot(struct machine *m);                  /* after a crash that the test made itself */

enum err machine_open_file(struct machine *m, const char *name, uint32_t flags, int *fd);
int machine_file(struct machine *m, const char *name); /* created, named durably, empty */
int machine_reopen(struct machine *m, const char *name);
enum err machine_allocate(struct machine *m, int fd, uint64_t blocks);
enum err machine_write(struct machine *m, int fd, uint64_t block, uint64_t count, int fill,
                       uint32_t flags);
enum err machine_sync(struct machine *m, int fd);
enum err machine_rename(struct machine *m, const char *from, const char *to);
enum err machine_unlink(struct machine *m, const char *name);
int machine_block(struct machine *m, int fd, uint64_t block); /* its byte, or BLOCK_MIXED */
uint64_t machine_bytes(struct machine *m, int fd);
bool machine_has(struct machine *m, const char *name);

/* A write in flight: started, not waited for. */
struct machine_op {
    struct op op;
    void *buf;
};
void machine_start_write(struct machine *m, struct machine_op *o, int fd, uint64_t block,
                         uint64_t count, int fill, uint32_t flags);
void machine_forget(struct machine_op *o); /* its buffer; the op must have ended, or its machine */

#endif
