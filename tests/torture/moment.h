/* moment.h -- when the broker is killed: the moment is drawn from a seed, inside a phase that is
 * waited for and not hoped for. The kernel tells which files the broker touches.
 *
 *   START       after exec, before it reads a journal
 *   RECOVERY    after it began to read a journal, before it is ready
 *   RUN         any time after that, under load
 *   CHECKPOINT  after it began to write tail slots or an image
 *   GROWTH      while a volume file is made: vol.tmp exists
 */
#ifndef TORTURE_MOMENT_H
#define TORTURE_MOMENT_H

#include "tools/demo/node.h"

enum phase { PHASE_START, PHASE_RECOVERY, PHASE_RUN, PHASE_CHECKPOINT, PHASE_GROWTH, PHASES };
extern const char *const phase_names[PHASES];

/* The broker has run once: its stores are there. Ends the program if they cannot be watched. */
void moment_open(const char *data, unsigned seed);
void moment_close(void);
/* Forgets what happened so far. */
void moment_clear(void);
/* START and RECOVERY: the broker was begun just now. The others: it is ready, or begins; RUN waits
 * until it is ready. Kills it. Gives the phase that it was in, which may be another one when the
 * wanted one did not come within some seconds. */
enum phase moment_kill(struct node *n, enum phase wanted);
/* How often a kill left a half-made volume, and came between the first byte of an image and its
 * last. */
unsigned moment_half_volumes(void), moment_half_images(void);
uint32_t moment_draw(uint32_t below);

#endif
