/*
 * ask.h - a question is put to the history: the database opened, one statement run, all of
 * its rows taken, the database closed. So nobody who prints slowly, to a pager or a stopped
 * terminal, holds the collector's WAL.
 */
#ifndef CONNMON_ASK_H
#define CONNMON_ASK_H

#include "coverage.h"
#include "err.h"
#include "request.h"
#include "rows.h"

/* The rows of one statement, which the caller frees with rows_free(). -EPERM or the like when
 * it is no SELECT, -ETIMEDOUT, -EINTR (Ctrl-C), -E2BIG and what db_errno() has. */
int ask_sql(const struct request *q, const char *sql, struct rows **out, struct err *err);

/* Likewise of the report that @q is about; and how the history covers its window, of the same
 * moment. What only the database knows of the window is now set in @q: a boot, the cursor. */
int ask_report(struct request *q, struct rows **out, struct coverage *coverage, struct err *err);

/* The SQL of the report that @q is about, with the values in it, for --show-sql. The caller frees
 * *@out with sqlite3_free(). */
int ask_report_sql(const struct request *q, char **out, struct err *err);

/* How SQLite would find what @sql asks, or the report if that is NULL: see show_plan(). */
int ask_plan(const struct request *q, const char *sql, struct rows **out, struct err *err);

/* Opens the history and calls @ask with it, for what is more than one statement; -EINTR,
 * -ETIMEDOUT and -ENOMEM as above. Nothing may be printed meanwhile. */
int ask_with(const struct request *q, int (*ask)(sqlite3 *db, void *ctx, struct err *err),
	     void *ctx, struct err *err);

struct fleet;

/* Likewise of the fleet that @q names; @db has its relations (see fleet_table.h). */
int ask_with_fleet(const struct request *q,
		   int (*ask)(struct fleet *fleet, sqlite3 *db, void *ctx, struct err *err),
		   void *ctx, struct err *err);

/* Within ask_with(): all that is asked from now on is of one moment; what only the database knows
 * of the window of @q is set in it. */
int ask_moment(struct request *q, sqlite3 *db, struct err *err);

#endif
