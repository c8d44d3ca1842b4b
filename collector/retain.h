/*
 * retain.h - how much of the past is kept: rows and totals by age, the files by size.
 * Part of the store.
 */
#ifndef CONNMON_RETAIN_H
#define CONNMON_RETAIN_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"

struct retention {
	int64_t rows_ns;    /* connections that ended longer ago go; 0: none do */
	int64_t totals_ns;  /* likewise totals */
	uint64_t max_bytes; /* of the database, its WAL and its shm together; 0: no bound */
};

struct retain;

/* @db is borrowed, *@retention copied. */
int retain_new(sqlite3 *db, const struct retention *retention, struct retain **out,
	       struct err *err);
void retain_free(struct retain *r); /* NULL is allowed */

/* Goes on deleting for about @budget_ns, outside of any transaction. Returns 1 when there is
 * more to do, 0 when not; negative as store_write(): to be tried again. */
int retain_step(struct retain *r, int64_t now_us, int64_t budget_ns, struct err *err);

#endif
