#include "gaps.h"

#include <stdio.h>

#include "db.h"

static int64_t rows_from_us(sqlite3 *db)
{
	AUTO_STMT *stmt = NULL;
	struct err ignored; /* an older schema has no extent, and deletes nothing */

	if (db_prepare(db, "SELECT rows_from_us FROM extent WHERE id = 1", &stmt, &ignored) ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		return 0;
	return sqlite3_column_int64(stmt, 0);
}

int gaps_find(sqlite3 *db, int64_t since_us, int64_t until_us, struct gaps *out, struct err *err)
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
	out->rows_from_us = rows_from_us(db);
	out->n = sqlite3_column_int64(stmt, 0);
	snprintf(out->reasons, sizeof(out->reasons), "%s", reasons ? (const char *)reasons : "");
	return 0;
}
