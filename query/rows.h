/*
 * rows.h - the whole result of a statement, in memory.
 *
 * Whoever prints slowly, to a pager or a stopped terminal, must not hold a read
 * transaction meanwhile: it would keep the collector's WAL from ever shrinking. So
 * all rows are fetched first.
 */
#ifndef CONNMON_ROWS_H
#define CONNMON_ROWS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define ROWS_MAX       1000000
#define ROWS_MAX_BYTES (1ull << 30)

struct cell {
	int type;     /* SQLITE_INTEGER, _FLOAT, _TEXT, _BLOB or _NULL */
	uint32_t len; /* bytes of text or blob */
	union {
		int64_t number;
		double real;
		const char *text; /* owned by the rows; a NUL follows, and may be within */
	};
};

struct rows {
	int n_columns;
	char **names;
	size_t n_rows, n_cells, room; /* cells: filled, allocated */
	struct cell *cells;	      /* row after row */
	size_t longest;		      /* bytes of the longest text, blob or name */
	size_t bytes;		      /* what all of this takes */
	struct chunk *chunks;	      /* where the texts are */
};

/*
 * Steps @stmt to its end and resets it, which ends its read transaction. The caller
 * frees *@out with rows_free(). Fails with
 *   -ETIMEDOUT  it took longer than @timeout_us (0: no limit)
 *   -E2BIG      more than ROWS_MAX rows or ROWS_MAX_BYTES
 *   -ENOMEM, -EIO and the others of db_errno()
 */
int rows_fetch(sqlite3_stmt *stmt, int64_t timeout_us, struct rows **out, struct err *err);

/* For a result that comes from no statement: empty rows, then text after text. */
int rows_new(int n_columns, const char *const names[], struct rows **out, struct err *err);
int rows_add_text(struct rows *rows, const char *text, struct err *err);

void rows_free(struct rows *rows); /* NULL is allowed */

/* Declared with this, rows are freed when their block ends. */
#define AUTO_ROWS __attribute__((cleanup(rows_freep))) struct rows
void rows_freep(struct rows **rows);

#endif
