/*
 * dialect.h - the statements of clickhouse/, as a server wants them: one source for Debian's 18.16
 * and today's ClickHouse, for one server and for the shards of a cluster.
 *
 * A line that begins with "@old " is for servers before 20.8, "@new " for those from it on,
 * "@sharded " for a cluster's. And in a line
 *
 *	@word@, @word_or_null@		String or LowCardinality(String); likewise Nullable
 *	@local@				_local, of the table that a Distributed one stands in front
 *of
 *	@replacing(table)@		ReplacingMergeTree() or the Replicated one with its path
 *	@replacing(table, column)@	the same, where the greatest column holds
 *	@settings@			what makes a server know a batch that it has
 *	@cluster@, @database@		their names, quoted
 *	@keep_days@, @keep_totals_days@	after how many days rows go (from 20.8 on)
 */
#ifndef CONNMON_DIALECT_H
#define CONNMON_DIALECT_H

#include <stdbool.h>

#include "err.h"

struct dialect {
	bool is_new;	  /* from 20.8 on: LowCardinality without a flag, IPv6, DateTime64, TTL */
	bool knows_token; /* from 22.3 on: insert_deduplication_token */
	const char *cluster; /* NULL: one server */
	bool replicated;
	const char *database;
	int keep_days, keep_totals_days;
};

/* What of it the server's version() says. -EINVAL when that is no version. */
int dialect_of(const char *version, struct dialect *out, struct err *err);

/* A name that may stand in a statement as it is. -EINVAL with @what it is of. */
int dialect_check_name(const char *what, const char *name, struct err *err);

/* Gives @each all statements, one after the other, comments taken out, until one fails. */
int dialect_statements(const struct dialect *d,
		       int (*each)(void *ctx, const char *sql, struct err *err), void *ctx,
		       struct err *err);

#endif
