#include "coverage.h"

#include <stdio.h>

#include "db.h"
#include "locks.h"
#include "timespec.h"

int coverage_find_gaps(sqlite3 *db, int64_t since_us, int64_t until_us, struct coverage *out,
		       struct err *err)
{
	AUTO_STMT *stmt = NULL;
	const unsigned char *reasons;
	int ret = db_prepare(db,
			     "SELECT sum(n), group_concat(reason, ', ') FROM"
			     " (SELECT reason, count(*) AS n FROM gaps"
			     " WHERE to_us >= ?1 AND from_us < ?2 GROUP BY reason)",
			     &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, since_us);
	sqlite3_bind_int64(stmt, 2, until_us);
	ret = sqlite3_step(stmt);
	if (ret != SQLITE_ROW)
		return err_set(err, db_errno(ret), "%s", sqlite3_errmsg(db));
	reasons = sqlite3_column_text(stmt, 1);
	out->n_gaps = sqlite3_column_int64(stmt, 0);
	snprintf(out->reasons, sizeof(out->reasons), "%s", reasons ? (const char *)reasons : "");
	return 0;
}

static int64_t find_loser(sqlite3 *db, int64_t since_us, int64_t until_us)
{
	AUTO_STMT *stmt = NULL;
	struct err ignored; /* an older schema knows none */

	if (db_prepare(db,
		       "SELECT uid FROM gap WHERE to_us >= ?1 AND from_us < ?2"
		       " GROUP BY uid HAVING uid NOT NULL AND 2 * total(uid_count) >"
		       " (SELECT total(count) FROM gap WHERE to_us >= ?1 AND from_us < ?2)",
		       &stmt, &ignored))
		return -1;
	sqlite3_bind_int64(stmt, 1, since_us);
	sqlite3_bind_int64(stmt, 2, until_us);
	return sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
}

/* 0 for what a collector would not have written. */
static int64_t moment(sqlite3_stmt *stmt, int column)
{
	int64_t us = sqlite3_column_int64(stmt, column);

	return timespec_is_moment(us) ? us : 0;
}

/* Of the newest run, *@stopped_us; 0: it goes on, or was killed. */
static int find_runs(sqlite3 *db, struct coverage *out, int64_t *stopped_us, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	const unsigned char *boot_id;
	int ret = db_prepare(db,
			     "SELECT last_commit_us, stop_us,"
			     " (SELECT start_us FROM run ORDER BY id LIMIT 1), boot_id"
			     " FROM run ORDER BY id DESC LIMIT 1",
			     &stmt, err);

	if (ret)
		return ret;
	ret = sqlite3_step(stmt);
	if (ret != SQLITE_ROW && ret != SQLITE_DONE)
		return err_set(err, db_errno(ret), "%s", sqlite3_errmsg(db));
	if (ret == SQLITE_DONE)
		return 0;
	out->last_write_us = moment(stmt, 0);
	*stopped_us = moment(stmt, 1);
	out->begin_us = moment(stmt, 2);
	boot_id = sqlite3_column_text(stmt, 3);
	snprintf(out->boot_id, sizeof(out->boot_id), "%s", boot_id ? (const char *)boot_id : "");
	return 0;
}

static int64_t rows_from_us(sqlite3 *db)
{
	AUTO_STMT *stmt = NULL;
	struct err ignored; /* an older schema has no extent, and deletes nothing */

	if (db_prepare(db, "SELECT rows_from_us FROM extent WHERE id = 1", &stmt, &ignored) ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		return 0;
	return moment(stmt, 0);
}

int coverage_find(sqlite3 *db, int64_t since_us, int64_t until_us, int64_t now_us,
		  struct coverage *out, struct err *err)
{
	struct coverage c = {0};
	int64_t stopped_us = 0;
	pid_t pid;
	int ret = coverage_find_gaps(db, since_us, until_us, &c, err);

	if (!ret)
		ret = find_runs(db, &c, &stopped_us, err);
	if (ret)
		return ret;
	c.rows_from_us = rows_from_us(db);
	c.loser_uid = c.n_gaps ? find_loser(db, since_us, until_us) : -1;
	if (c.last_write_us && !stopped_us) {
		c.is_fresh = now_us - c.last_write_us < COVERAGE_SILENCE_US;
		c.is_running =
			c.is_fresh || locks_find_collector(sqlite3_db_filename(db, "main"), &pid);
	}
	*out = c;
	return 0;
}

bool coverage_ends_before(const struct coverage *c, int64_t until_us)
{
	return !c->is_fresh && until_us > c->last_write_us;
}

bool coverage_is_whole(const struct coverage *c, int64_t since_us, int64_t until_us)
{
	return c->n_gaps == 0 && since_us >= c->rows_from_us && since_us >= c->begin_us &&
	       !coverage_ends_before(c, until_us) && c->n_later == 0 && !c->has_nothing;
}
