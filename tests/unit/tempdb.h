/* tempdb.h - a database in a folder of its own, for one test. */
#ifndef CONNMON_TEMPDB_H
#define CONNMON_TEMPDB_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"

struct tempdb {
	char folder[64];
	char path[96];
};

/* cmocka set-up and tear-down: *state is a struct tempdb, its file not made yet. */
static inline int tempdb_setup(void **state)
{
	struct tempdb *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	strcpy(t->folder, "/tmp/connmon-unit-XXXXXX");
	assert_non_null(mkdtemp(t->folder));
	snprintf(t->path, sizeof(t->path), "%s/h.db", t->folder);
	*state = t;
	return 0;
}

/* The same with a database that a writer made and holds open. */
static inline sqlite3 *tempdb_setup_writer(struct tempdb **t)
{
	struct err err = {0};
	sqlite3 *db = NULL;

	tempdb_setup((void **)t);
	if (db_open_writer((*t)->path, false, &db, &err))
		fail_msg("%s", err.msg);
	return db;
}

static inline int tempdb_teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct tempdb *t = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", t->path, ends[i]);
		unlink(path);
	}
	rmdir(t->folder);
	free(t);
	return 0;
}

/* The one value of the one row that @sql gives, as text; "NULL" for that. Valid
 * until the next call. */
static inline const char *tempdb_text(sqlite3 *db, const char *sql)
{
	static char buf[1024];
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	snprintf(buf, sizeof(buf), "%s",
		 sqlite3_column_type(stmt, 0) == SQLITE_NULL
			 ? "NULL"
			 : (const char *)sqlite3_column_text(stmt, 0));
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	return buf;
}

static inline long tempdb_number(sqlite3 *db, const char *sql)
{
	return strtol(tempdb_text(db, sql), NULL, 10);
}

static inline void tempdb_run(sqlite3 *db, const char *sql)
{
	struct err err = {0};

	if (db_exec(db, sql, &err))
		fail_msg("%s: %s", sql, err.msg);
}

#endif
