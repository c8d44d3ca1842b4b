#include "gaps.h"

#include <stdio.h>

#include "db.h"

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
	out->n = sqlite3_column_int64(stmt, 0);
	snprintf(out->reasons, sizeof(out->reasons), "%s", reasons ? (const char *)reasons : "");
	return 0;
}
