/*
 * param.h - typed values: what a filter or a report's parameter accepts, and how the
 * value reaches a statement. Values are bound, never written into SQL.
 */
#ifndef CONNMON_PARAM_H
#define CONNMON_PARAM_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "options.h"

struct param_value {
	const char *text; /* borrowed from what was parsed; NULL: the number counts */
	int64_t number;
	bool is_null;	/* nothing was given */
	bool from_boot; /* the number counts from the node's boot: see span.h */
};

struct param_type {
	const char *name; /* as in "-- param: min int 0 ..." */
	const char *arg;  /* what a value is called in the help */
	/* -EINVAL, with a message that names @text, when it is not of this type. */
	int (*parse)(const char *text, int64_t now_us, struct param_value *out, struct err *err);
	const struct values *values; /* NULL: any */
};

/*
 *	int        a whole number, not negative       time      see timespec.h
 *	limit      the same; 0 becomes -1: no limit   text      anything
 *	pattern    text, * and ? as in a shell        network   an address or a CIDR network
 *	ports      80 or 80,443                       direction in, out
 *	outcomes   refused or refused,timeout         user      a name or a number
 *	netns      a number, or net:[number]          interval  5m, see timespec.h
 *	pid        a whole number, not negative       peer      a network, or a name: see
 *	                                                        peer_name.h
 *
 * NULL when there is no type of this name.
 */
const struct param_type *param_type_find(const char *name);

/* The outcomes that the view connections names, ending in NULL. */
extern const char *const param_outcomes[];

/* Reads the first @len bytes of @text: 1 to 18 digits and nothing else, as strtoll() would take
 * blanks, signs and 0x. False when they are not, or are more than @max. */
bool param_digits(const char *text, size_t len, int64_t max, int64_t *out);

/* Binds @value to the statement's :NAME; nothing when it has none. A - in @name is
 * a _ in SQL. */
int param_bind(sqlite3_stmt *stmt, const char *name, const struct param_value *value,
	       struct err *err);

#endif
