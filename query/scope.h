/*
 * scope.h - the filters and the window of a question, as the relation "scope": the
 * rows of the view connections that pass them; or as "tally": the sums over those rows
 * (see totals.h). Every report selects from one of them.
 *
 * The SQL is put together from constant fragments alone; what the user typed is
 * bound: :since and :until by the report (they are its parameters), the filters'
 * values by scope_bind().
 */
#ifndef CONNMON_SCOPE_H
#define CONNMON_SCOPE_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"
#include "options.h"
#include "param.h"

#define SCOPE_MAX_FILTERS 16

enum scope_relation { SCOPE_NEITHER, SCOPE_ROWS, SCOPE_TALLY };

struct scope {
	const char *window;	 /* a constant SQL fragment */
	const char *window_name; /* a constant, as totals has it */
	struct {
		const struct filter *filter;
		struct param_value value;
	} filters[SCOPE_MAX_FILTERS];
	int n_filters;
};

/* Adds --active, --started and --ended as @window_group, the filters as @filter_group. */
void scope_add_options(struct option_set *set, unsigned window_group, unsigned filter_group);

/* Takes window and filters out of what was given. -EINVAL with the option's name and
 * what is wrong with its value, or with two windows at once. */
int scope_parse(const struct options *given, int64_t now_us, struct scope *out, struct err *err);

/*
 * Writes "WITH scope AS (...) SELECT LIMIT :limit" for the report's @select to *@out,
 * which the caller frees with free(); with SCOPE_TALLY tally instead of scope. -ENOMEM.
 */
int scope_sql(const struct scope *scope, enum scope_relation relation, const char *select,
	      char **out, struct err *err);

int scope_bind(const struct scope *scope, sqlite3_stmt *stmt, struct err *err);

#endif
