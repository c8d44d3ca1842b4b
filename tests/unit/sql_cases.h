/* sql_cases.h - SQL functions, asked through SQL: expressions and what they give. */
#ifndef CONNMON_SQL_CASES_H
#define CONNMON_SQL_CASES_H

#include "unit.h"

#include "functions.h"
#include "tempdb.h"

/* cmocka set-up and tear-down: *state is a database in memory that has our functions. */
static inline int open_memory(void **state)
{
	sqlite3 *db = NULL;
	struct err err = {0};

	if (sqlite3_open(":memory:", &db) != SQLITE_OK || functions_register(db, &err))
		return -1;
	*state = db;
	return 0;
}

static inline int close_memory(void **state)
{
	db_close(*state);
	return 0;
}

struct sql_case {
	const char *sql, *want;
};

static inline void assert_gives(sqlite3 *db, const struct sql_case *cases, size_t n)
{
	char sql[1024];

	for (size_t i = 0; i < n; i++) {
		snprintf(sql, sizeof(sql), "SELECT %s", cases[i].sql);
		if (strcmp(tempdb_text(db, sql), cases[i].want) != 0)
			fail_msg("%s is %s", cases[i].sql, tempdb_text(db, sql));
	}
}

static inline void assert_sql_fails(sqlite3 *db, const char *sql, const char *words)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		fail_msg("no error: %s", sql);
	if (!strstr(sqlite3_errmsg(db), words))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

#endif
