/* board.c -- see board.h. */
#include "net/metric/board.h"

#include <stdlib.h>

#include "engine/base/check.h"

struct board_row {
    alignas(64) struct metrics counted;
};

enum err metrics_board_open(struct metrics_board *b, uint32_t shards, uint64_t start_ms)
{
    size_t bytes = shards * sizeof(*b->rows);
    *b = (struct metrics_board){ .shards = shards, .start_ms = start_ms };
    b->rows = aligned_alloc(alignof(struct board_row), bytes);
    if (!b->rows)
        return ERR_NO_MEMORY;
    memset(b->rows, 0, bytes);
    return ERR_OK;
}

void metrics_board_close(struct metrics_board *b)
{
    free(b->rows);
    *b = (struct metrics_board){ .rows = NULL };
}

struct metrics *metrics_board_at(const struct metrics_board *b, uint32_t shard)
{
    check(shard < b->shards);
    return &b->rows[shard].counted;
}
