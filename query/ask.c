#include "ask.h"

#include <string.h>

#include "db.h"
#include "functions.h"

static int open_db(const struct request *q, sqlite3 **out, struct err *err)
{
	int ret = db_open_reader(q->db_path, out, err);

	return ret ? ret : functions_register(*out, err);
}

int ask_sql(const struct request *q, const char *sql, struct rows **out, struct err *err)
{
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	int ret = open_db(q, &db, err);

	if (ret)
		return ret;
	ret = db_prepare(db, sql, &stmt, err);
	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	/* Of some statements SQLite has the words but not the code. */
	if (ret && ((sqlite3_errcode(db) & 0xff) == SQLITE_AUTH ||
		    !strcmp(sqlite3_errmsg(db), "not authorized")))
		return err_set(err, ret, "only one SELECT can be asked; the history is read-only");
	return ret && !stmt ? db_wrap_older(db, err) : ret;
}

int ask_report(const struct request *q, struct rows **out, struct gaps *gaps, struct err *err)
{
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	int ret = open_db(q, &db, err);

	if (ret)
		return ret;
	ret = report_prepare(q->report, &q->args, &q->scope, db, &stmt, err);
	if (ret)
		return db_wrap_older(db, err);
	/* Rows and gaps are of one moment, which closing the database ends. */
	ret = db_exec_ours(db, "BEGIN", err);
	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	return ret ? ret : gaps_find(db, q->args.since_us, q->args.until_us, gaps, err);
}
