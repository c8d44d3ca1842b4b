/*
 * retain.h - how much of the past is kept: rows and totals by age, the files by size.
 * Part of the store.
 *
 * The bound on size, @max_bytes, is shared out: the database itself stays so much below it
 * that its WAL has room, for as long as a reader keeps that from being used again. SQLite
 * lets the database grow no further (max_page_count); what is oldest is deleted before that.
 */
#ifndef CONNMON_RETAIN_H
#define CONNMON_RETAIN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "dictionary.h"
#include "err.h"
#include "note.h"

struct retention {
	int64_t rows_ns;    /* connections that ended longer ago go; 0: none do */
	int64_t totals_ns;  /* likewise totals */
	uint64_t max_bytes; /* of the database, its WAL and its shm together; 0: no bound */
	/* A state file of connmon-forward: what it did not send yet does not go for its age, as
	 * long as that can be read; NULL: none. Borrowed. */
	const char *hold_for;
};

struct retain;

/* @db and @dictionary are borrowed, *@retention and *@note copied. Sets what SQLite may use. */
int retain_new(sqlite3 *db, const struct retention *retention, struct dictionary *dictionary,
	       const struct note *note, struct retain **out, struct err *err);

/* After db_close(): a file of the database is closed, too, and with it SQLite's locks would
 * go. NULL is allowed. */
void retain_free(struct retain *r);

/* Goes on deleting for about @budget_ns, outside of any transaction. Returns 1 when there is
 * more to do, 0 when not; negative as store_write(): to be tried again. */
int retain_step(struct retain *r, int64_t now_us, int64_t budget_ns, struct err *err);

/* Before a transaction that writes about @bytes: makes room for it below max_bytes. -EMLINK:
 * there is none, for a reader keeps the WAL from being used again; -EFBIG: what is there
 * cannot be deleted. */
int retain_make_room(struct retain *r, uint64_t bytes, struct err *err);

/* Such a transaction failed with -ENOSPC: sets @err to -EFBIG if the disk was not the reason.
 * Returns its code. */
int retain_explain_full(struct retain *r, uint64_t bytes, struct err *err);

/* Whether the WAL has grown so much that nothing should be written which can wait. */
bool retain_must_wait(struct retain *r);

#endif
