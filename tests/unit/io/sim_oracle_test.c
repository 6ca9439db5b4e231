/* sim_oracle_test.c -- random writes, syncs and ends against a model of a dozen lines: the set of
 * bytes that each block may hold after a power cut. What the simulator brings back must be in it;
 * what it keeps must be the newest. */
#include "tests/test.h"
#include "tests/unit/io/sim_machine.h"

#define SEEDS  150
#define FILES  2
#define BLOCKS 12
#define ROUNDS 8
#define STEPS  40

struct oracle {
    struct machine m;
    struct rng *rng;
    int fd[FILES];
    bool may[FILES][BLOCKS][256]; /* may be there after a power cut */
    uint8_t newest[FILES][BLOCKS];
    uint8_t fill;
};

static const char *const names[FILES] = { "a", "b" };

static void block_durable(struct oracle *o, int file, int block)
{
    memset(o->may[file][block], 0, 256);
    o->may[file][block][o->newest[file][block]] = true;
}

static void files_durable(struct oracle *o, int synced)
{
    for (int file = 0; file < FILES; file++)
        for (int block = 0; block < BLOCKS; block++)
            if (file == synced || o->m.disk->sync_whole)
                block_durable(o, file, block);
}

static void step(struct oracle *o)
{
    int file = (int)rng_below(o->rng, FILES), block = (int)rng_below(o->rng, BLOCKS);
    uint64_t what = rng_below(o->rng, 8);
    if (what == 0) {
        EXPECT_OK(machine_sync(&o->m, o->fd[file]));
        files_durable(o, file);
        return;
    }
    uint32_t flags = what == 1 ? IO_DSYNC : 0;
    o->fill++;
    o->newest[file][block] = o->fill;
    o->may[file][block][o->fill] = true;
    EXPECT_OK(machine_write(&o->m, o->fd[file], (uint64_t)block, 1, o->fill, flags));
    if (flags && o->m.disk->fua)
        block_durable(o, file, block);
    else if (flags)
        files_durable(o, file);
}

/* Every sector must be allowed; without a power cut every byte must be the newest. */
static void block_judge(struct oracle *o, int file, int block, bool power)
{
    uint8_t bytes[BLOCK_BYTES];
    sim_file_read(o->m.node, MACHINE_DIR, names[file], (uint64_t)block * BLOCK_BYTES, bytes,
                  sizeof bytes);
    for (uint32_t at = 0; at < BLOCK_BYTES; at++) {
        bool fine = power ? o->may[file][block][bytes[at]] : bytes[at] == o->newest[file][block];
        fine &= at % SIM_SECTOR == 0 || bytes[at] == bytes[at - 1];
        if (!EXPECT(fine))
            return;
    }
}

/* All blocks written and synced again: nothing of the past is possible any more. */
static void settle(struct oracle *o)
{
    for (int file = 0; file < FILES; file++) {
        o->fill++;
        EXPECT_OK(machine_write(&o->m, o->fd[file], 0, BLOCKS, o->fill, 0));
        EXPECT_OK(machine_sync(&o->m, o->fd[file]));
        memset(o->newest[file], o->fill, BLOCKS);
        for (int block = 0; block < BLOCKS; block++)
            block_durable(o, file, block);
    }
}

static void end_and_judge(struct oracle *o)
{
    enum sim_end end = (enum sim_end)rng_below(o->rng, 3);
    machine_end(&o->m, end);
    for (int file = 0; file < FILES; file++) {
        o->fd[file] = machine_reopen(&o->m, names[file]);
        EXPECT_EQ(sim_file_bytes(o->m.node, MACHINE_DIR, names[file]), BLOCKS * BLOCK_BYTES);
        for (int block = 0; block < BLOCKS; block++)
            block_judge(o, file, block, end == SIM_POWER);
    }
    if (end == SIM_POWER)
        settle(o);
}

TEST(sim_oracle, every_sector_is_a_version_that_may_survive)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        static struct oracle o;
        memset(&o, 0, sizeof o);
        machine_open(&o.m, &(struct sim_opts){
                               .seed = seed, .again_per_million = 20000, .hash_buffers = true });
        o.rng = sim_rng(o.m.sim);
        for (int file = 0; file < FILES; file++)
            o.fd[file] = machine_file(&o.m, names[file]);
        settle(&o);
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < STEPS; i++)
                step(&o);
            end_and_judge(&o);
        }
        machine_close(&o.m);
    }
}
