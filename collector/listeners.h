/*
 * listeners.h - who listens now: joins what is told of one listening socket, by its
 * cookie. Pure: no clock, no database, no kernel.
 */
#ifndef CONNMON_LISTENERS_H
#define CONNMON_LISTENERS_H

#include <stddef.h>

#include "listener.h"

struct listeners;

struct listeners *listeners_new(void); /* NULL: no memory */
void listeners_free(struct listeners *ls);

/* One that the database holds as listening (row set), from an earlier run: as soon as its
 * socket is told of again it goes on. 0 or -ENOMEM. */
int listeners_leftover(struct listeners *ls, const struct listener *l);

/* Takes in an event: a socket listens (told again: nothing changes), or no longer. */
int listeners_apply(struct listeners *ls, const struct listener *l); /* 0 or -ENOMEM */

/* Whatever is left over from an earlier run and was not told of again ended then. */
void listeners_settle(struct listeners *ls, int64_t ended_boot_ns);

/*
 * A comparison with what files lead to: begin, then apply all that a scan tells, then
 * sweep: what an earlier scan had met, and neither this one nor the one before, ended
 * unseen, now. (Others, the kernel's own, stand in no file.)
 */
void listeners_begin_sweep(struct listeners *ls);
void listeners_sweep(struct listeners *ls, int64_t now_boot_ns);
void listeners_break_sweep(struct listeners *ls); /* the scan failed: nothing is known to end */

/* Those that the database does not know as they are: up to @max pointers into @out, valid
 * until the next call that changes @ls. */
size_t listeners_count_unwritten(const struct listeners *ls);
size_t listeners_unwritten(const struct listeners *ls, struct listener **out, size_t max);

/* These @n of them are in the database now, each with its row; what ended is forgotten. */
void listeners_written(struct listeners *ls, struct listener *const *written, size_t n);

/* The database is another one: who listens is unwritten again, and what ended; those left over
 * and not told of again are forgotten. */
void listeners_forget_rows(struct listeners *ls);

#endif
