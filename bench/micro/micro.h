/* micro.h -- the functions that are measured, under names that C++ can call: the engine's own
 * headers are C. */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A batch of `records` records of `value` bytes, the same each time. Static memory. */
const void *micro_batch(uint32_t records, size_t value, size_t *bytes);
uint32_t micro_crc32c(const void *at, size_t bytes);
uint32_t micro_crc32c_combine(uint32_t a, uint32_t b, uint64_t bytes);
int micro_batch_verify(const void *batch, size_t bytes);

/* Rows and header of an entry, into one buffer; returns its length. */
size_t micro_entry_encode(uint32_t rows);

/* A partition's tail in a store that is never opened: puts of `bytes`, evicting what is oldest. */
struct micro_tail;
struct micro_tail *micro_tail_open(void);
void micro_tail_put(struct micro_tail *t, const void *at, size_t bytes);
void micro_tail_close(struct micro_tail *t);

/* An extent with `tiles` tiles; the look-up of an offset in it. */
struct micro_index;
struct micro_index *micro_index_open(uint32_t tiles);
uint32_t micro_index_find(const struct micro_index *x, uint64_t off);
void micro_index_close(struct micro_index *x);

/* Letters between shards: the mailbox (`rings` 0), or as many rings, one for each poster. */
struct micro_mail;
struct micro_mail *micro_mail_open(uint32_t rings);
uint32_t micro_mail_look(struct micro_mail *m);                  /* nothing is there */
uint32_t micro_mail_own(struct micro_mail *m, uint32_t letters); /* posts, then takes them */
uint32_t micro_mail_cross(struct micro_mail *m); /* 65,536 of another thread; returns how many */
void micro_mail_close(struct micro_mail *m);

#ifdef __cplusplus
}
#endif

#endif
