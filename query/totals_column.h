/*
 * totals_column.h - the columns of totals, and how each is read from each source.
 */
#ifndef CONNMON_TOTALS_COLUMN_H
#define CONNMON_TOTALS_COLUMN_H

#include <stdbool.h>
#include <stdint.h>

#include "totals_hash.h"

/* Where the numbers come from. */
enum source {
	SOURCE_TOTALS, /* of one interval, which begins at :begin: hourly or recent, or those
			* without the peer when nobody asks for it */
	SOURCE_ROW,    /* connection, and open_connection made to look like it: c */
	SOURCE_VIEW,   /* open_connections: what totals do not know of what is open */
	N_SOURCES,
};

enum column_kind {
	COLUMN_ARGUMENT,
	COLUMN_NUMBER, /* of the key; SQL gives a number */
	COLUMN_TEXT,   /* of the key; SQL gives a text */
	COLUMN_DIRECTION,
	COLUMN_PROGRAM,	  /* of the key; SQL gives the id, field says what of it is wanted; */
	COLUMN_CONTAINER, /* the view says it itself */
	COLUMN_LOCAL,	  /* likewise, of local_address; */
	COLUMN_OUTCOME,	  /* a number that has a name, */
	COLUMN_ERROR,	  /* and another */
	COLUMN_SUM,
	COLUMN_COUNT, /* the sum of an hour; of rows those that are not NULL */
	COLUMN_MIN,
	COLUMN_MAX,
	COLUMN_LIST, /* of the values of rows; hours have none */
};

/* Those that the code knows by name. The order is that of the table. */
enum totals_column_name {
	TOTALS_BUCKET,
	TOTALS_DIRECTION,
	TOTALS_PEER_ADDR,
	TOTALS_SERVICE_PORT,
	TOTALS_LOOPBACK,
	TOTALS_FAMILY,
	TOTALS_FAILED,
	TOTALS_OTHERS,
};

struct totals_column {
	const char *declaration; /* the name, and INTEGER or TEXT */
	enum column_kind kind;
	int field;
	/* One for each source; NULL: it does not know it. */
	const char *sql[N_SOURCES];
};

extern const struct totals_column totals_columns[];
extern const int totals_n_columns;

/* The first of the arguments: since_us, until_us, window, bucket_us. */
#define TOTALS_N_ARGUMENTS 4
int totals_first_argument(void);

/* A set of columns has bit i set for the i-th. */
static inline bool totals_has(uint64_t columns, int i)
{
	return columns >> i & 1;
}

bool totals_is_key(int column);
bool totals_is_value(int column);
bool totals_is_text(int column);

/* Whether one of @columns is a list, for which rows are read where there are some. */
bool totals_wants_rows(uint64_t columns);

/* Whether the sums of hours do not know one of @columns. */
bool totals_needs_rows(uint64_t columns);

/* What the table is for SQLite; the caller frees it with sqlite3_free(). */
char *totals_declaration(void);

#endif
