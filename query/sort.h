/*
 * sort.h - another order for a report: --sort failed, --sort tx_bytes:asc,comm. What the words
 * mean is looked up among the columns of the report, and reaches its SQL as their numbers.
 */
#ifndef CONNMON_SORT_H
#define CONNMON_SORT_H

#include <stdio.h>

#include "column.h"

#define SORT_MAX 8

struct sort {
	struct sort_key {
		struct word word;
		enum { SORT_NATURAL, SORT_UP, SORT_DOWN } order;
	} keys[SORT_MAX];
	int n; /* 0: as the report has it */
};

/* -EINVAL for what is not COLUMN[:asc|desc],... */
int sort_parse(const char *text, struct sort *out, struct err *err);

/*
 * Writes @select, whose columns are those of @stmt, sorted by @sort and then as it was. What a
 * row is about goes up when nothing is said, what is measured goes down. -EINVAL as
 * column_find().
 */
int sort_write(const struct sort *sort, sqlite3_stmt *stmt, const char *select, FILE *f,
	       struct err *err);

#endif
