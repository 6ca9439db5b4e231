/* io_pool.c -- the buffers of io_recv_any(): who has them, and who waits for one.
 *
 * A buffer is free, under way (the kernel, or an attempt, has chosen it), or held by the owner of
 * an op. Where the kernel chooses (features.recv_ring), io_uring_net.c moves some of the free ones
 * to it.
 *
 * An op is parked when bytes had come and no buffer was free. It starts again when one is given
 * back, and may find that another op was quicker: then it is parked again, behind the others.
 */
#include "engine/io/io_in.h"

#include <errno.h>
#include <stdlib.h>

bool io_pool_open(struct io *io)
{
    struct io_pool *pool = &io->pool;
    if (pool->memory)
        return true;
    pool->memory = io_buffer_take((uint64_t)pool->count * pool->buffer_bytes);
    pool->held = calloc(pool->count, sizeof(*pool->held));
    pool->free = calloc(pool->count, sizeof(*pool->free));
    if (!pool->memory || !pool->held || !pool->free) {
        io_pool_close(io);
        return false;
    }
    io_pool_list_free(pool);
    return true;
}

void io_pool_list_free(struct io_pool *pool)
{
    pool->free_count = 0;
    for (uint32_t i = pool->count; i-- > 0;)
        if (!pool->held[i])
            pool->free[pool->free_count++] = (uint16_t)i;
}

void io_pool_close(struct io *io)
{
    struct io_pool *pool = &io->pool;
    check(pool->held_count == 0 || io->dead); /* io_recv_give() comes before io_close() */
    io_buffer_give(pool->memory);
    free(pool->held);
    free(pool->free);
    pool->memory = NULL;
    pool->held = NULL;
    pool->free = NULL;
}

uint8_t *io_pool_hold(struct io *io, uint32_t index)
{
    struct io_pool *pool = &io->pool;
    check(index < pool->count && !pool->held[index]);
    pool->held[index] = true;
    pool->held_count++;
    return pool->memory + (uint64_t)index * pool->buffer_bytes;
}

uint8_t *io_pool_take(struct io *io)
{
    struct io_pool *pool = &io->pool;
    return pool->free_count > 0 ? io_pool_hold(io, pool->free[--pool->free_count]) : NULL;
}

void io_pool_put(struct io *io, uint32_t index)
{
    struct io_pool *pool = &io->pool;
    pool->free[pool->free_count++] = (uint16_t)index;
    if (io->features.recv_ring)
        io->raw->pool_offer(io);
}

void io_recv_give(struct io *io, void *buf)
{
    struct io_pool *pool = &io->pool;
    uint64_t pos = (uint64_t)((uint8_t *)buf - pool->memory);
    uint32_t index = (uint32_t)(pos / pool->buffer_bytes);
    check(pos % pool->buffer_bytes == 0 && index < pool->count && pool->held[index]);
    pool->held[index] = false;
    pool->held_count--;
    io_pool_put(io, index);
    io_pool_unpark(io);
}

uint32_t io_recv_bytes(const struct io *io)
{
    return io->pool.buffer_bytes;
}

uint32_t io_recv_held(const struct io *io)
{
    return io->pool.held_count;
}

uint32_t io_recv_free(const struct io *io)
{
    return io->pool.count - io->pool.held_count;
}

void io_pool_park(struct io *io, struct op *op)
{
    probe("io: no receive buffer is free");
    op_queue_push(&io->pool.parked, op);
    io->pool.parked_count++;
}

void io_pool_unpark(struct io *io)
{
    struct io_pool *pool = &io->pool;
    uint64_t starts = min_u64(pool->parked_count, pool->count - pool->held_count);
    for (; starts > 0 && pool->parked_count > 0; starts--) {
        pool->parked_count--;
        io->raw->start(io, op_queue_pop(&pool->parked));
    }
}

void io_pool_cancel(struct io *io, int fd)
{
    struct op_queue parked = io->pool.parked;
    struct op *op;
    io->pool.parked = (struct op_queue){ 0 };
    io->pool.parked_count = 0;
    while ((op = op_queue_pop(&parked)) != NULL) {
        if (op->fd == fd)
            op_end(io, op, ECANCELED);
        else
            io_pool_park(io, op);
    }
}
