/*
 * having.h - which rows of an answer are shown: --having 'failed > 10 and comm ~ c*'.
 *
 *	COLUMN OP VALUE, joined by and, or, not and ( )
 *
 * OP is = != < <= > >=, or ~ and !~: a pattern with * and ?. VALUE is a number with a unit
 * that fits the column (see quantity.h), a time for a moment (see timespec.h), a word, or text
 * in quotes; null for what is missing. The columns are looked up among those of the report,
 * the values are bound.
 */
#ifndef CONNMON_HAVING_H
#define CONNMON_HAVING_H

#include <stdint.h>
#include <stdio.h>

#include "column.h"
#include "timespec.h"

#define HAVING_MAX	  64 /* words and signs */
#define HAVING_VALUE_SIZE 256

struct having {
	struct having_item {
		const char *sql; /* and, or, not, ( or ); NULL: a comparison */
		struct word column;
		const struct comparison *comparison;
		char value[HAVING_VALUE_SIZE];
		bool quoted;

		/* What having_write() makes of the value for the column. */
		enum { VALUE_TEXT, VALUE_NULL, VALUE_NUMBER, VALUE_MOMENT } kind;
		double number;
		int64_t moment_us;
	} items[HAVING_MAX];
	int n; /* 0: all rows */
	int64_t now_us;
};

/* -EINVAL, saying what was expected where. */
int having_parse(const char *text, int64_t now_us, struct having *out, struct err *err);

/* Writes those of the rows of @select, whose columns are those of @stmt, that it lets pass; in
 * their order. -EINVAL for what is no column, or a value that does not fit. */
int having_write(struct having *having, sqlite3_stmt *stmt, const char *select, FILE *f,
		 struct err *err);

/* Binds the values in a statement that has what was written last. */
int having_bind(const struct having *having, sqlite3_stmt *stmt, struct err *err);

#endif
