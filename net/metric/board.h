/* board.h -- what the fronts of a node count, a struct metrics for each shard.
 *
 *     metrics_board_open(&b, shards, start_ms);
 *     m = metrics_board_at(&b, shard);             each front, on that shard's thread
 *     metrics_board_close(&b);                     after the fronts are closed
 *
 * Owner      whoever starts the node; the fronts borrow it.
 * Memory     3 KiB for each shard, on cache lines of its own.
 * Fails      NO_MEMORY.
 */
#ifndef NET_METRIC_BOARD_H
#define NET_METRIC_BOARD_H

#include "net/metric/metric.h"

struct metrics_board {
    struct board_row *rows; /* one for each shard */
    uint32_t shards;
    uint64_t start_ms; /* since 1970 */
};

enum err metrics_board_open(struct metrics_board *b, uint32_t shards, uint64_t start_ms);
void metrics_board_close(struct metrics_board *b); /* again is fine */
struct metrics *metrics_board_at(const struct metrics_board *b, uint32_t shard);

#endif
