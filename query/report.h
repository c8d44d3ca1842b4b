/*
 * report.h - the canned reports: one .sql file each in query/reports/.
 *
 * A file starts with header lines and goes on with a single SELECT:
 *
 *	-- title:   one line, shown by "connmon-query reports"
 *	-- help:    a paragraph; go on with more help: lines
 *	-- example: a command line
 *	-- theme:   what it is shown under in --help: one of help_themes (help.h)
 *	-- only:    a filter without a value that always holds, as failed
 *	-- param:   NAME TYPE DEFAULT HELP (any number; types are in param.h)
 *	-- by:      the columns it is grouped by unless --by says others; see by.h
 *	-- operand: NAME: the word after the report is the value of the option --NAME, a
 *	            param or a filter; or endpoint: it is the values of --peer and --port
 *	-- needs:   what the word is, when the report cannot do without it
 *
 * The file name is the subcommand, each param the option --NAME and the SQL
 * parameter :NAME, where a - is a _, and which is NULL when the DEFAULT is a - and nothing was
 * given. Every report has since, until and limit; it says "param: since time 1d ..." to have
 * another default. LIMIT :limit is appended to the SELECT, which ends with its ORDER BY. One that
 * seeks its first rows by itself takes :first of them: that is the limit, but -1, which is all,
 * when --sort or --having make other rows the first.
 *
 * With a param "every" of type interval, tally has the column bucket: the begin of the interval
 * that a connection ended in, or the last one. With a param "with-since" there is the
 * relation earlier beside tally: the same of another window, from there to where this one begins
 * or to the param "with-until". When nothing is given it is as long as this one.
 *
 * A line that begins with --graph: is part of the SELECT when a table goes to a terminal, one
 * that begins with the comment "bar" unless --no-graph is given: so a column whose name ends in
 * _bar is there for people, and not for programs. A line that begins with --fleet: is part of it
 * when a fleet is asked: each relation has the columns node and node_id then.
 *
 * The SELECT reads the relation scope, the connections that pass the window and the
 * filters, or tally, exact sums over them, which is much quicker (see scope.h and
 * totals.h). In tally, connections that are equal in all columns that the SELECT and
 * the filters use are one row, so sum(connections) says how many there are; with tally
 * each measure is sum()med, or the min() or max() of it taken. Or the SELECT reads a
 * table or view of its own, and then it has no filters. Columns are not declared: the
 * SELECT's AS names are the column names, and their ending tells the unit (see render.h).
 */
#ifndef CONNMON_REPORT_H
#define CONNMON_REPORT_H

#include <errno.h>
#include <stdbool.h>

#include "arrange.h"
#include "embed.h"
#include "err.h"
#include "options.h"
#include "param.h"
#include "scope.h"

#define REPORT_MAX_PARAMS 12
#define REPORTS_MAX	  64

struct report_param {
	char name[24];
	const struct param_type *type;
	char dflt[32];
	char help[128];
};

struct report {
	const char *name; /* borrowed from the embedded table, as is sql */
	char title[80];
	char help[1024];
	char example[256];
	char theme[16];	  /* "": none */
	char only[24];	  /* a filter without a value; "": all */
	char operand[24]; /* an option; "": none */
	char by[128];	  /* "": cannot be grouped by other columns */
	char needs[48];	  /* what the operand is; "": it may be left out */
	struct report_param params[REPORT_MAX_PARAMS];
	int n_params;
	enum scope_relation relation;
	bool filtered; /* reads scope or tally */
	const char *sql;
};

/* What is drawn, beside the numbers. */
enum report_graph {
	REPORT_GRAPH_SOME, /* for a file: the bars of a report that is about them */
	REPORT_GRAPH_ALL,  /* for a terminal */
	REPORT_GRAPH_NONE,
};

/* The values of a report's parameters, in the order of its params. */
struct report_args {
	struct param_value values[REPORT_MAX_PARAMS];
	int64_t since_us, until_us;
	struct arrange arrange;
	enum report_graph graph; /* set by the caller */
};

/* What is wrong with --sort or --having is known only when the database is open. */
#define REPORT_USAGE (-EBADRQC)

extern const struct embed query_reports[]; /* generated */

/* Reads one file. -EINVAL with what is wrong in its header. */
int report_parse(const struct embed *file, struct report *out, struct err *err);

/* NULL when it has none of this name. */
const struct report_param *report_find_param(const struct report *report, const char *name);

/*
 * Takes the parameters out of what was given, else their defaults. A default of
 * since counts back from until. -EINVAL with the option's name and what is wrong,
 * or when since is after until. What counts from the node's boot is not known before
 * span_settle().
 */
int report_read_args(const struct report *report, const struct options *given, int64_t now_us,
		     struct report_args *out, struct err *err);

/* Sets those that go by the window when nothing is given; once that is known. */
void report_fill_args(const struct report *report, struct report_args *args);

/* Compiles the report over @scope, ready to step. The caller finalizes *@out. REPORT_USAGE for
 * what the user has wrong. */
int report_prepare(const struct report *report, const struct report_args *args,
		   const struct scope *scope, sqlite3 *db, sqlite3_stmt **out, struct err *err);

#endif
