#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "fleet.h"
#include "functions.h"
#include "nearest.h"
#include "show.h"
#include "span.h"
#include "watch.h"

/* What SQLite may take, sorts and sums included; the rows that are printed are not in it. */
#define HEAP_MAX_BYTES (INT64_C(1) << 30)

/* Opens the database under the watch, which end() ends, also when this fails. */
static int begin(const struct request *q, sqlite3 **out, struct err *err)
{
	int ret;

	watch_begin(q->timeout_us);
	ret = db_open_reader(q->db_path, out, err);
	if (ret)
		return ret;
	watch_db(*out);
	sqlite3_hard_heap_limit64(HEAP_MAX_BYTES);
	return functions_register(*out, err);
}

/* SQLite's words tell neither the file nor what to do. */
static int tell_damage(const struct request *q, struct err *err)
{
	char why[sizeof(err->msg)];

	if (strstr(err->msg, q->db_path))
		return err->code;
	snprintf(why, sizeof(why), "%s", err->msg);
	return err_set(err, -EUCLEAN,
		       "%s is damaged (%s): sqlite3's .recover saves what is left; "
		       "connmon-collect sets it aside when it starts, and begins a new one",
		       q->db_path, why);
}

static int end(const struct request *q, int ret, struct err *err)
{
	ret = watch_end(ret, err);
	if (ret == -EUCLEAN && !q->fleet_url)
		return tell_damage(q, err);
	if (ret == -ENOMEM)
		return err_set(err, ret,
			       "it needs more than %lld MiB of memory; narrow the question",
			       (long long)(HEAP_MAX_BYTES >> 20));
	return ret;
}

/* What SQLite's words do not tell of a statement that was refused. Some come without the code. */
static int explain_refusal(sqlite3 *db, int ret, bool compiled, struct err *err)
{
	const char *words = sqlite3_errmsg(db);

	if (ret && ((sqlite3_errcode(db) & 0xff) == SQLITE_AUTH ||
		    !strcmp(words, "not authorized") || !strncmp(words, "cannot modify ", 14)))
		return err_set(err, ret, "only one SELECT can be asked; the history is read-only");
	if (!ret || compiled)
		return ret;
	nearest_name(db, err);
	return db_wrap_older(db, err);
}

static int run_sql(sqlite3 *db, const char *sql, struct rows **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = db_prepare(db, sql, &stmt, err);

	if (!ret)
		ret = rows_fetch(stmt, out, err);
	return explain_refusal(db, ret, stmt, err);
}

/* ---- a fleet ---- */

static int begin_fleet(const struct request *q, struct fleet *fleet, sqlite3 **db, struct err *err)
{
	int ret;

	watch_begin(q->timeout_us);
	ret = fleet_open(q, fleet, db, err);
	watch_db(*db);
	sqlite3_hard_heap_limit64(HEAP_MAX_BYTES);
	return ret;
}

static int end_fleet(const struct request *q, struct fleet *fleet, sqlite3 *db, int ret,
		     struct err *err)
{
	ret = end(q, ret, err);
	fleet_close(fleet, db);
	return ret;
}

static int run_fleet_report(struct request *q, struct fleet *fleet, sqlite3 *db, struct rows **out,
			    struct coverage *coverage, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	struct scope scope;
	int ret = fleet_begin_report(q, fleet, &scope, db, err);

	if (!ret)
		ret = report_prepare(q->report, &q->args, &scope, db, &stmt, err);
	if (ret)
		return ret;
	q->scope.n_named = peer_name_count(db);
	ret = rows_fetch(stmt, out, err);
	if (ret && fleet->err.code)
		*err = fleet->err;
	return ret ? err->code : fleet_coverage(fleet, db, coverage, err);
}

static int ask_fleet_report(struct request *q, struct rows **out, struct coverage *coverage,
			    struct err *err)
{
	struct fleet fleet;
	sqlite3 *db = NULL;
	int ret = begin_fleet(q, &fleet, &db, err);

	report_fill_args(q->report, &q->args);
	if (!ret)
		ret = run_fleet_report(q, &fleet, db, out, coverage, err);
	return end_fleet(q, &fleet, db, ret, err);
}

static int ask_fleet_sql(const struct request *q, const char *sql, struct rows **out,
			 struct err *err)
{
	struct fleet fleet;
	sqlite3 *db = NULL;
	int ret = begin_fleet(q, &fleet, &db, err);

	if (!ret)
		ret = fleet_sql(&fleet, sql, out, err);
	return end_fleet(q, &fleet, db, ret, err);
}

int ask_with_fleet(const struct request *q,
		   int (*ask)(struct fleet *fleet, sqlite3 *db, void *ctx, struct err *err),
		   void *ctx, struct err *err)
{
	struct fleet fleet;
	sqlite3 *db = NULL;
	int ret = begin_fleet(q, &fleet, &db, err);

	if (!ret)
		ret = ask(&fleet, db, ctx, err);
	if (ret && fleet.err.code) {
		*err = fleet.err;
		ret = err->code;
	}
	return end_fleet(q, &fleet, db, ret, err);
}

/* ---- questions ---- */

int ask_sql(const struct request *q, const char *sql, struct rows **out, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret;

	if (q->fleet_url)
		return ask_fleet_sql(q, sql, out, err);
	ret = begin(q, &db, err);

	if (!ret)
		ret = run_sql(db, sql, out, err);
	return end(q, ret, err);
}

static int settle_window(const struct report *report, struct report_args *args,
			 struct cursor *cursor, sqlite3 *db, struct err *err)
{
	int ret = span_settle(report, args, db, err);

	if (!ret && cursor->path)
		ret = cursor_apply(cursor, report, args, db, err);
	if (!ret)
		report_fill_args(report, args);
	return ret;
}

/* Closing the database ends it. */
int ask_moment(struct request *q, sqlite3 *db, struct err *err)
{
	int ret = db_exec_ours(db, "BEGIN", err);

	return ret ? ret : settle_window(q->report, &q->args, &q->cursor, db, err);
}

static int run_report(struct request *q, sqlite3 *db, struct rows **out, struct coverage *coverage,
		      struct err *err)
{
	AUTO_STMT *stmt = NULL;
	/* The window, the rows and what is said of them belong together. */
	int ret = ask_moment(q, db, err);

	if (ret)
		return ret;
	if (report_prepare(q->report, &q->args, &q->scope, db, &stmt, err))
		return db_wrap_older(db, err);
	q->scope.n_named = peer_name_count(db);
	ret = rows_fetch(stmt, out, err);
	if (ret && (sqlite3_errcode(db) & 0xff) == SQLITE_ERROR)
		return db_wrap_older(db, err); /* what totals() reads may not be there yet */
	return ret ? ret
		   : coverage_find(db, q->args.since_us, q->args.until_us, q->now_us, coverage,
				   err);
}

int ask_report(struct request *q, struct rows **out, struct coverage *coverage, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret;

	if (q->fleet_url)
		return ask_fleet_report(q, out, coverage, err);
	ret = begin(q, &db, err);

	if (!ret)
		ret = run_report(q, db, out, coverage, err);
	return end(q, ret, err);
}

int ask_with(const struct request *q, int (*ask)(sqlite3 *db, void *ctx, struct err *err),
	     void *ctx, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret = begin(q, &db, err);

	if (!ret)
		ret = ask(db, ctx, err);
	return end(q, ret, err);
}

/* The report as it is asked, or, with @plainly, over the view alone: what the relation found is
 * good for is speed, and it is there in no other program. */
static int expand(const struct request *q, sqlite3 *db, bool plainly, char **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	struct report_args args = q->args;
	struct cursor cursor = q->cursor;
	struct scope scope = q->scope;
	int ret;

	scope.is_plain = plainly;
	if (plainly)
		scope.totals = SCOPE_NO_TOTALS;
	ret = settle_window(q->report, &args, &cursor, db, err);
	if (ret)
		return ret;
	ret = report_prepare(q->report, &args, &scope, db, &stmt, err);
	if (ret)
		return db_wrap_older(db, err);
	*out = sqlite3_expanded_sql(stmt);
	return *out ? 0 : err_set(err, -ENOMEM, "no memory for the statement");
}

int ask_report_sql(const struct request *q, char **out, struct err *err)
{
	AUTO_DB *db = NULL;
	int ret = begin(q, &db, err);

	if (!ret)
		ret = expand(q, db, true, out, err);
	return end(q, ret, err);
}

int ask_plan(const struct request *q, const char *sql, struct rows **out, struct err *err)
{
	AUTO_DB *db = NULL;
	char *expanded = NULL;
	int ret = begin(q, &db, err);

	if (!ret && !sql)
		ret = expand(q, db, false, &expanded, err);
	if (!ret)
		ret = show_plan(db, sql ? sql : expanded, out, err);
	if (db)
		ret = explain_refusal(db, ret, *out, err);
	sqlite3_free(expanded);
	return end(q, ret, err);
}
