/*
 * purge.h - deletes rows of the dictionaries that nothing refers to any more (process,
 * program, container, local_address), and of what is older than both rows and totals:
 * listener, gap, run, clock, account. Part of the store.
 *
 * It goes round once in a while, in steps of milliseconds. What tables refer to is marked as
 * they are read; what the dictionary gives out meanwhile it marks itself. So a row that is
 * not marked in the end is referred to by nothing.
 */
#ifndef CONNMON_PURGE_H
#define CONNMON_PURGE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "dictionary.h"
#include "err.h"

struct purge;

/* @db and @dictionary are borrowed. */
int purge_new(sqlite3 *db, struct dictionary *dictionary, struct purge **out, struct err *err);
void purge_free(struct purge *p); /* NULL is allowed */

/* So many rows were deleted from connection, or from the totals: there may be something to
 * do, at once when they are many. @untotalled: of an hour that has no totals yet. */
void purge_deleted(struct purge *p, int64_t rows, bool untotalled);

/* Goes on until @deadline_ns on the clock since boot, outside of any transaction. Returns 1
 * when there is more to do now, 0 when not; negative as store_write(). */
int purge_step(struct purge *p, int64_t deadline_ns, struct err *err);

#endif
