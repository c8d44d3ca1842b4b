/* show.h - a statement as text that can be pasted, and how SQLite would go about it. */
#ifndef CONNMON_SHOW_H
#define CONNMON_SHOW_H

#include <sqlite3.h>
#include <stdio.h>

#include "err.h"
#include "rows.h"

/* Writes @sql, which has its values in it, a semicolon and a newline. A text in it that a
 * terminal would obey is written as its bytes: CAST(x'1b5b' AS TEXT). */
void show_sql(const char *sql, FILE *out);

/* What EXPLAIN QUERY PLAN tells of @sql, as rows of one column, each step indented below what
 * it is a part of. The caller frees *@out with rows_free(). */
int show_plan(sqlite3 *db, const char *sql, struct rows **out, struct err *err);

#endif
