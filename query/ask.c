#include "ask.h"

#include <errno.h>
#include <string.h>

#include "db.h"
#include "functions.h"
#include "watch.h"

/* What SQLite may take, sorts and sums included; the rows that are printed are not in it. */
#define HEAP_MAX_BYTES (INT64_C(1) << 30)

static int open_db(const struct request *q, sqlite3 **out, struct err *err)
{
	int ret = db_open_reader(q->db_path, out, err);

	if (ret)
		return ret;
	watch_db(*out);
	sqlite3_hard_heap_limit64(HEAP_MAX_BYTES);
	return functions_register(*out, err);
}

static int end(int ret, struct err *err)
{
	ret = watch_end(ret, err);
	if (ret == -ENOMEM)
		return err_set(err, ret,
			       "it needs more than %lld MiB of memory; narrow the question",
			       (long long)(HEAP_MAX_BYTES >> 20));
	return ret;
}

static int run_sql(const struct request *q, sqlite3 *db, const char *sql, struct rows **out,
		   struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = db_prepare(db, sql, &stmt, err);

	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	/* Of some statements SQLite has the words but not the code. */
	if (ret && ((sqlite3_errcode(db) & 0xff) == SQLITE_AUTH ||
		    !strcmp(sqlite3_errmsg(db), "not authorized")))
		return err_set(err, ret, "only one SELECT can be asked; the history is read-only");
	return ret && !stmt ? db_wrap_older(db, err) : ret;
}

int ask_sql(const struct request *q, const char *sql, struct rows **out, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret;

	watch_begin(q->timeout_us, false);
	ret = open_db(q, &db, err);
	if (!ret)
		ret = run_sql(q, db, sql, out, err);
	return end(ret, err);
}

static int run_report(const struct request *q, sqlite3 *db, struct rows **out, struct gaps *gaps,
		      struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = report_prepare(q->report, &q->args, &q->scope, db, &stmt, err);

	if (ret)
		return db_wrap_older(db, err);
	/* Rows and gaps are of one moment, which closing the database ends. */
	ret = db_exec_ours(db, "BEGIN", err);
	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	return ret ? ret : gaps_find(db, q->args.since_us, q->args.until_us, gaps, err);
}

int ask_report(const struct request *q, struct rows **out, struct gaps *gaps, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret;

	watch_begin(q->timeout_us, false);
	ret = open_db(q, &db, err);
	if (!ret)
		ret = run_report(q, db, out, gaps, err);
	return end(ret, err);
}

int ask_with(const struct request *q, int (*ask)(sqlite3 *db, void *ctx, struct err *err),
	     void *ctx, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret;

	watch_begin(q->timeout_us, false);
	ret = open_db(q, &db, err);
	if (!ret)
		ret = ask(db, ctx, err);
	return end(ret, err);
}
