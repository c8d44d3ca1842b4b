/*
 * scope.h - the filters and the window of a question, as the relation "scope": the
 * rows of the view connections that pass them; or as "tally": the sums over those rows
 * (see totals.h). Every report selects from one of them.
 *
 * When a filter is given that the totals know of and that may leave few, ended connections
 * are not looked for one by one: see found.h.
 *
 * The SQL is put together from constant fragments alone; what the user typed is
 * bound: :since and :until by the report (they are its parameters), the filters'
 * values by scope_bind().
 */
#ifndef CONNMON_SCOPE_H
#define CONNMON_SCOPE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "by.h"
#include "err.h"
#include "options.h"
#include "param.h"
#include "peer.h"
#include "peer_name.h"

#define SCOPE_MAX_FILTERS 16

/* A report may read both. */
enum scope_relation {
	SCOPE_NEITHER = 0,
	SCOPE_ROWS = 1,
	SCOPE_TALLY = 2,
	SCOPE_BOTH = 3,
	SCOPE_OPEN = 4,	     /* "still_open": those of scope that are open */
	SCOPE_DURATIONS = 8, /* "durations": the duration_us of scope alone, which is quicker */
};

/* Which totals say where connections are that pass the filters. */
enum scope_totals {
	SCOPE_NO_TOTALS,      /* none, or all of the history would pass: read the window */
	SCOPE_PROGRAM_TOTALS, /* hourly_program */
	SCOPE_PEER_TOTALS,    /* hourly */
};

struct scope {
	const struct window *window;
	struct {
		const struct filter *filter;
		struct param_value value;
	} filters[SCOPE_MAX_FILTERS];
	int n_filters;
	enum scope_totals totals;
	struct peer_range peer;	    /* when --peer is given */
	struct peer_name peer_name; /* when it is PEER_NAMED */

	bool may_be_unknown; /* that name: it is no error then, but nothing is found */

	int64_t n_named; /* set when it was asked: how many addresses it stood for */

	bool is_fleet; /* the relations are those of fleet.c, which know window and filters */
	const char *fleet_nodes; /* --node, for the server; NULL: not looked for (fleet_nodes.h) */

	bool is_plain; /* scope is to be read by people, rather than quickly */

	/* What the report needs. */
	struct by by;
	bool has_every; /* tally has buckets of :every */
	/* It reads "earlier", too: the same of :with_since to :with_until, or else to :since. */
	bool has_earlier, has_with_until;
};

/* Whether @sql speaks of @word, which may be a relation or a column. */
bool scope_has_word(const char *sql, const char *word);

/* Adds --active, --started and --ended as @window_group, the filters as @filter_group. */
void scope_add_options(struct option_set *set, unsigned window_group, unsigned filter_group);

/* Takes window and filters out of what was given. -EINVAL with the option's name and
 * what is wrong with its value, or with two windows at once. */
int scope_parse(const struct options *given, int64_t now_us, struct scope *out, struct err *err);

/* The window is that called @name, one of active, started and ended. */
void scope_set_window(struct scope *scope, const char *name);

/* Adds the filter @name, which takes no value. -EINVAL when there is no such one. */
int scope_add_flag(struct scope *scope, const char *name, struct err *err);

/*
 * Writes "WITH scope AS (...) SELECT LIMIT :limit" for the report's @select to *@out,
 * which the caller frees with free(); with SCOPE_TALLY tally instead of scope. Unless @select
 * reads "* FROM scope", scope has no more than the columns that it speaks of. With
 * SCOPE_BOTH there is scope, and tally over all of the same connections, whatever became of
 * them: --outcome and --failed do not narrow it, for it is what rates are taken of. For scope
 * with totals, found_register() must be called before it is compiled; for a peer that is a name,
 * peer_name_find(), unless it is_plain. -ENOMEM.
 */
int scope_sql(const struct scope *scope, enum scope_relation relation, const char *select,
	      char **out, struct err *err);

/* Writes " AND ..." to @f: what must hold of a total, as far as totals know; and of a row of
 * ended_connections whose id is known to be in the window. */
void scope_write_totals(const struct scope *scope, FILE *f);
void scope_write_ended(const struct scope *scope, FILE *f);

/* What the window demands beside an end at or after :since. */
struct scope_window {
	bool ends_before_until; /* else it starts before it */
	bool starts_at_or_after_since;
};

struct scope_window scope_window(const struct scope *scope);

/* The @i-th filter that is given. */
struct scope_filter {
	const char *name;
	const struct param_value *value;
	bool of_fate; /* asks what became of a connection, not which it is */
};
struct scope_filter scope_filter(const struct scope *scope, int i);

/* Binds the filters' values, as far as @stmt has them. */
int scope_bind(const struct scope *scope, sqlite3_stmt *stmt, struct err *err);

#endif
