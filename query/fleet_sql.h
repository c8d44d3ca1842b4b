/*
 * fleet_sql.h - what a question asks, written for ClickHouse, which knows no binding over
 * HTTP in all its versions: each value is quoted by its type, and nothing else of what a user
 * typed reaches a statement.
 */
#ifndef CONNMON_FLEET_SQL_H
#define CONNMON_FLEET_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "scope.h"

/* A text as '...': what is no letter, digit or one of a few signs stands there as \xHH, so
 * neither quotes nor backslashes nor anything that is no UTF-8 get through. */
void fleet_write_text(FILE *f, const char *text, size_t len);

/* A value of SQLite's; NULL, and what is a blob or not finite, as NULL. */
void fleet_write_value(FILE *f, sqlite3_value *value);

/* "matches(COLUMN, pattern)", exactly as functions.h has it; but a pattern that is no UTF-8 finds
 * nothing, as RE2 takes none (nor does what is stored have such bytes: it is escaped). */
void fleet_write_pattern(FILE *f, const char *column, const char *pattern);

/* "ip_in(COLUMN, net)", where the column has addresses as canonical text. */
void fleet_write_network(FILE *f, const char *column, const char *net);

/* Likewise a text that the server gave as its hex(). */
void fleet_write_hex(FILE *f, const char *hex, size_t len);

/* Conditions on what a row that is sent twice has the same both times, and on what it may not: the
 * name of its container may have been learnt in between. */
enum fleet_part { FLEET_FIXED = 1, FLEET_CHANGING = 2 };

/* Whether the @column of connections or of hourly is of FLEET_FIXED. */
bool fleet_is_fixed(const char *column);

/* The filters of @scope as " AND (...) AND (...)", on the columns of connections. Of @parts, and
 * without those that ask what became of a connection if @but_fate. A peer that is a name is left
 * out: the statement of SQLite has it. */
void fleet_write_filters(FILE *f, const struct scope *scope, unsigned parts, bool but_fate);

/* Whether the table hourly has the columns of those. */
bool fleet_filters_know_hours(const struct scope *scope, bool but_fate);

/* The same of the filter --node alone. */
void fleet_write_node(FILE *f, const struct scope *scope);

/* The columns of the tally that the report's @select has a word for: rows are summed up by each
 * that is named. */
void fleet_write_sums(FILE *f, const char *select);

#endif
