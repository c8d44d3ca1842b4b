/*
 * column.h - which column of an answer a word means, as --sort and --having need to know.
 */
#ifndef CONNMON_COLUMN_H
#define CONNMON_COLUMN_H

#include <sqlite3.h>
#include <stdbool.h>

#include "err.h"

/* A word of the user's, not ended by a NUL. */
struct word {
	const char *text; /* borrowed */
	int len;
};

/*
 * Which of the columns of @stmt is called @word, or that and the ending that tells its unit:
 * tables for people leave it away. -EINVAL, with the nearest name, when none is.
 */
int column_find(sqlite3_stmt *stmt, struct word word, int *out, struct err *err);

bool column_ends_with(const char *name, const char *ending);

#endif
