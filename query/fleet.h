/*
 * fleet.h - a question is put to a fleet: a database in memory stands for its history, in which
 * the relations that reports read are tables of ClickHouse (see fleet_table.h).
 */
#ifndef CONNMON_FLEET_H
#define CONNMON_FLEET_H

#include <sqlite3.h>

#include "coverage.h"
#include "err.h"
#include "fleet_table.h"
#include "request.h"
#include "rows.h"

/* The fleet that is meant when --fleet is not given: $CONNMON_FLEET; NULL: none. */
const char *fleet_default_url(void);

/* Whether what @q asks can be asked of a fleet, or, without one, of a node. -EINVAL with what to
 * do instead. */
int fleet_check(const struct request *q, struct err *err);

/* Opens what @q asks into *@fleet and *@db, which the caller ends with fleet_close(), also when
 * this fails. REPORT_USAGE when the URL is wrong. Nothing is asked of the server yet. */
int fleet_open(const struct request *q, struct fleet *fleet, sqlite3 **db, struct err *err);
void fleet_close(struct fleet *fleet, sqlite3 *db);

/* Whether the server's tables are those that we know: -EPROTO with what to do when not. */
int fleet_check_version(struct fleet *fleet, struct err *err);

/* Before the report of @q is prepared: has @scope narrowed as the report does, and what is small
 * and read again and again (names, listeners) copied into the database. */
int fleet_begin_report(const struct request *q, struct fleet *fleet, struct scope *scope,
		       sqlite3 *db, struct err *err);

/* As coverage_find(), of the nodes that are asked for. */
int fleet_coverage(const struct fleet *fleet, sqlite3 *db, struct coverage *out, struct err *err);

/* The rows of the user's own statement, which is ClickHouse's SQL. */
int fleet_sql(struct fleet *fleet, const char *sql, struct rows **out, struct err *err);

#endif
