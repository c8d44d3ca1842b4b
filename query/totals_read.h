/*
 * totals_read.h - what answers a question, read from the tables and summed.
 */
#ifndef CONNMON_TOTALS_READ_H
#define CONNMON_TOTALS_READ_H

#include "totals_column.h"
#include "totals_hash.h"
#include "totals_plan.h"

/* The columns that are used, in the order of the key and of the values of sums. The groups
 * are sorted by the first n_order columns of the key; bit i of down is set when the i-th goes
 * down. */
struct totals_shape {
	int keys[64], values[64];
	int n_keys, n_values, n_order;
	uint64_t down;
};

/* Once for each connection, before totals_read(). An SQLite result code. */
int totals_read_register(sqlite3 *db);

/*
 * Fills @sums, which is zeroed but for max_bytes. SQLITE_OK, or an error with *message
 * set (sqlite3_free() it), or left NULL when SQLite has words for it.
 */
int totals_read(sqlite3 *db, const struct totals_question *q, const struct totals_shape *shape,
		struct sums *sums, char **message);

#endif
