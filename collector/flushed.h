/*
 * flushed.h - the connections of a flush as a table that SQL can read, flushed: so one
 * INSERT ... SELECT writes all of them, which takes two thirds of what it takes to bind the values
 * of each and step. The columns are called as in connection and open_row.
 */
#ifndef CONNMON_FLUSHED_H
#define CONNMON_FLUSHED_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"

/* A connection, and what its row refers to; 0: nothing. */
struct flushed_row {
	const struct connection *c; /* borrowed */
	int64_t id;
	int64_t local_id; /* of those that ended */
	int64_t process_id;
	int64_t closer_id; /* CLOSER_IS_OWNER, which is written as 0, or a row of process */
	int64_t container_id;
};

#define CLOSER_IS_OWNER (-1)

struct flushed {
	struct flushed_row *row;
	size_t n;
	size_t room;
	int64_t offset_ns; /* wall clock minus the time since boot */
	int64_t seen_us;   /* of open ones: when these facts were true */
};

/* Makes the table of @db; @rows is borrowed until the database is closed. Returns a code of
 * SQLite. */
int flushed_attach(struct flushed *rows, sqlite3 *db);

/* Room for @n of them: 0 or -ENOMEM. */
int flushed_reserve(struct flushed *rows, size_t n);

void flushed_clear(struct flushed *rows);

#endif
