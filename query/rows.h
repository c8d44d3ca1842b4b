/*
 * rows.h - the whole result of a statement, out of the database's hands.
 *
 * Whoever prints slowly, to a pager or a stopped terminal, must not hold a read
 * transaction meanwhile: it would keep the collector's WAL from ever shrinking. So
 * all rows are fetched first, into a spool, and then walked through, one at a time, as
 * often as needed. The memory that takes does not grow with their number.
 */
#ifndef CONNMON_ROWS_H
#define CONNMON_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "spool.h"

/* So that a statement that never ends does not fill the disk before its time is up. */
#define ROWS_MAX_BYTES (4ull << 30)

struct cell {
	int type;     /* SQLITE_INTEGER, _FLOAT, _TEXT, _BLOB or _NULL */
	uint32_t len; /* bytes of text or blob */
	union {
		int64_t number;
		double real;
		const char *text; /* a NUL follows, and may be within */
	};
};

struct rows {
	int n_columns;
	char **names;
	unsigned *types; /* of each column: 1 << type for each type that its cells have */
	size_t n_rows;
	size_t longest; /* bytes of the longest text, blob or name */
	struct spool spool;
	struct {
		char *bytes; /* the row that is being added */
		size_t used, room;
		int n_cells;
	} row;
};

/*
 * Steps @stmt to its end and resets it, which ends its read transaction. The caller
 * frees *@out with rows_free(). Fails with
 *   -EINTR   sqlite3_interrupt() ended it, see watch.h
 *   -E2BIG   more than ROWS_MAX_BYTES
 *   -ENOSPC  and the like: the temporary file for them
 *   -ENOMEM, -EIO and the others of db_errno()
 */
int rows_fetch(sqlite3_stmt *stmt, struct rows **out, struct err *err);

/* For a result that comes from no statement: empty rows, then cell after cell. */
int rows_new(int n_columns, const char *const names[], struct rows **out, struct err *err);
int rows_add_text(struct rows *rows, const char *text, struct err *err);
int rows_add_number(struct rows *rows, int64_t number, struct err *err);
int rows_add_real(struct rows *rows, double real, struct err *err);
int rows_add_null(struct rows *rows, struct err *err);

/* Whether a column has numbers, and else nothing but NULL. */
bool rows_is_number(const struct rows *rows, int column);

void rows_free(struct rows *rows); /* NULL is allowed */

/* ---- reading ---- */

/* Where a reader is. Any number of them may read the same rows. */
struct rows_cursor {
	const struct rows *rows;
	struct cell *cells; /* the row, valid until the next one is read */
	uint64_t at;	    /* in the spool: what is behind the block */
	char *block;
	size_t begin, end, room; /* of the block: not read yet; allocated */
};

/* Before the first row. Whatever it returns, the caller ends it with rows_end(). */
int rows_begin(const struct rows *rows, struct rows_cursor *out, struct err *err);

/* 1 with the next row in cells, 0 behind the last; -EIO and the like. */
int rows_next(struct rows_cursor *cursor, struct err *err);

/* Of the row: the cell of a column, or one that is NULL when there is no such column; and its
 * whole number, 0 for what is none. */
const struct cell *rows_cell(const struct rows_cursor *cursor, const char *name);
int64_t rows_number(const struct rows_cursor *cursor, const char *name);

/* Before the first row again. */
void rows_rewind(struct rows_cursor *cursor);

void rows_end(struct rows_cursor *cursor);

/* Declared with this, they are freed or ended when their block ends. */
#define AUTO_ROWS   __attribute__((cleanup(rows_freep))) struct rows
#define AUTO_CURSOR __attribute__((cleanup(rows_end))) struct rows_cursor
void rows_freep(struct rows **rows);

#endif
