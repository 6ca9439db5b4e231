/* tally.h -- what happened in a seed, and in many: so that a run that proves nothing is noticed.
 *
 * Thread     values; whoever owns them.
 */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include <stdbool.h>
#include <stdint.h>

/* TALLY(name, stores, front, kafka, what): how often CI demands it in 2,000 seeds of each workload:
 * of stores, of clients through the native front and through the Kafka front; 0: not at all. Of a
 * campaign about stops nothing is demanded. */
enum workload { OF_STORES, OF_FRONT, OF_KAFKA, OF_STOPS };

#define TALLY_LIST                                                                           \
    TALLY(laps, 100, 100, 100, "wrap: a journal went round")                                 \
    TALLY(beside_direct, 100, 0, 0, "checkpoint beside direct runs")                         \
    TALLY(slot_flips, 100, 0, 0, "slot flip")                                                \
    TALLY(extents_reused, 100, 100, 100, "extent reuse")                                     \
    TALLY(vols_made, 100, 100, 100, "growth: a volume file was made")                        \
    TALLY(runs_unwritten, 100, 0, 0, "run in unwritten space")                               \
    TALLY(recovery_crashes, 100, 100, 100, "crash in recovery")                              \
    TALLY(sectors_lost, 100, 100, 100, "lost unsynced write: sectors dropped")               \
    TALLY(unwritten_lost, 100, 0, 0, "lost unsynced write: blocks that read as zeros again") \
    TALLY(late_writes, 100, 100, 100, "write of a killed process that landed later")         \
    TALLY(powers, 100, 100, 100, "power loss")                                               \
    TALLY(kernels, 100, 100, 100, "kernel crash")                                            \
    TALLY(kills, 100, 100, 100, "kill")                                                      \
    TALLY(stops, 100, 100, 100, "clean stop")                                                \
    TALLY(reshards, 100, 100, 100, "start with another number of shards")                    \
    TALLY(poisoned, 100, 50, 50, "store poisoned by a failed write or sync")                 \
    TALLY(no_space, 100, 100, 100, "append refused for want of space")                       \
    TALLY(rusts, 100, 0, 0, "damage made, looked at and mended")                             \
    TALLY(recognised_after, 100, 100, 100, "resend after a crash recognised")                \
    TALLY(lost_again, 100, 5, 0, "resend after a crash of what it took: appended")           \
    TALLY(behind, 100, 0, 0, "producer that goes on with a new epoch after a loss")          \
    TALLY(recognised, 100, 0, 0, "resend recognised")                                        \
    TALLY(out_of_window, 100, 0, 0, "resend of an old batch or epoch refused")               \
    TALLY(ops, 0, 0, 0, "operations")                                                        \
    TALLY(sent, 0, 0, 0, "batches sent")                                                     \
    TALLY(acked, 0, 0, 0, "batches acknowledged")                                            \
    TALLY(lost, 0, 100, 100, "unacknowledged batches that a crash took")                     \
    TALLY(read, 0, 0, 0, "batches compared")                                                 \
    TALLY(bytes, 0, 0, 0, "bytes of batches sent")                                           \
    TALLY(parts, 0, 0, 0, "partitions made")                                                 \
    TALLY(drops, 0, 0, 0, "partitions deleted")                                              \
    TALLY(trims, 0, 0, 0, "trims")                                                           \
    TALLY(seals, 0, 0, 0, "extents sealed on request")                                       \
    TALLY(gaps, 0, 0, 0, "appends that left a gap in the offsets")                           \
    TALLY(searches, 0, 0, 0, "searches by time")                                             \
    TALLY(checkpoints, 0, 0, 0, "checkpoints")                                               \
    TALLY(entries, 0, 0, 0, "journal entries")                                               \
    TALLY(vols_removed, 0, 0, 0, "volume files removed")                                     \
    TALLY(io_starts, 0, 0, 0, "I/Os")                                                        \
    TALLY(cut_mid_frame, 0, 100, 100, "connection cut in the middle of a frame")             \
    TALLY(throttled, 0, 100, 0, "slow reader throttled")                                     \
    TALLY(cross_shard, 0, 100, 0, "cross-shard request answered")                            \
    TALLY(handovers, 0, 100, 0, "connection handed over to another shard")                   \
    TALLY(doubts_kept, 0, 100, 100, "answer lost after append")                              \
    TALLY(doubts_lost, 0, 100, 100, "request lost before append")                            \
    TALLY(duplicates, 0, 100, 100, "batch sent again, recognised")                           \
    TALLY(full_deletes, 0, 100, 100, "topic deleted on a full disk")                         \
    TALLY(growths, 100, 0, 0, "topic grown")                                                 \
    TALLY(deletes_doubted, 0, 5, 5, "delete in doubt")                                       \
    TALLY(growths_kept, 20, 0, 0, "answer lost after a growth")                              \
    TALLY(growths_lost, 20, 0, 0, "growth that a crash took")                                \
    TALLY(rebalances, 0, 0, 100, "rebalance: a generation was told")                         \
    TALLY(fenced, 0, 0, 100, "member fenced, or not known any more")                         \
    TALLY(commits, 0, 0, 100, "offsets committed")                                           \
    TALLY(commits_kept, 0, 0, 100, "commit without an answer, found later")                  \
    TALLY(commits_lost, 0, 0, 100, "commit that a crash took, and sent again")               \
    TALLY(under_consumer, 0, 0, 100, "topic deleted under its consumer")                     \
    TALLY(parked, 0, 0, 100, "fetch that waited")                                            \
    TALLY(inside, 0, 0, 100, "fetch inside a batch")                                         \
    TALLY(packed, 0, 0, 100, "compressed batches read")                                      \
    TALLY(stamped, 0, 0, 100, "batches with the time of appending read")                     \
    TALLY(static_back, 0, 0, 100, "static member back, the generation stays")                \
    TALLY(answers, 0, 0, 0, "answers of a network")

struct tally {
#define TALLY(name, stores, front, kafka, what) uint64_t name;
    TALLY_LIST
#undef TALLY
};

void tally_add(struct tally *to, const struct tally *more);
/* Prints what happened; with `seeds` >= 2000, false if something happened too rarely. */
bool tally_print(const struct tally *t, uint64_t seeds, enum workload w);

#endif
