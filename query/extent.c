#include "extent.h"

#include "db.h"

int extent_rows_from(sqlite3 *db, int64_t *out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc;

	*out = 0;
	/* An older database has no such table: nothing was deleted from it. */
	if (db_prepare(db, "SELECT rows_from_us FROM extent", &stmt, err)) {
		*err = (struct err){0};
		return 0;
	}
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	return 0;
}
