/*
 * subject.h - what a question is about, a report or a command, and which options it takes.
 * The help, the refusal of what has no say, completion and the manual are all made from this.
 *
 * To add an option, write a row of general_options in subject.c; to add a filter, one in
 * scope.c. What an option needs is a set of traits; reports have theirs by what they read,
 * commands by their row in command.c.
 */
#ifndef CONNMON_SUBJECT_H
#define CONNMON_SUBJECT_H

#include <stdbool.h>

#include "err.h"
#include "options.h"
#include "report.h"

/* Which options are shown together. */
enum option_group {
	GROUP_PARAM,   /* a report's: since, until, limit and its own */
	GROUP_SPAN,    /* since and until in other words */
	GROUP_ARRANGE, /* --by, --sort, --having */
	GROUP_WINDOW,
	GROUP_FILTER,
	GROUP_COMMAND, /* of one command alone */
	GROUP_GENERAL,
};

/* What a report or a command does, and so which options say something to it. */
enum trait {
	READS_HISTORY = 1 << 0, /* opens a database */
	PRINTS_ROWS = 1 << 1,	/* in a format */
	IS_REPORT = 1 << 2,	/* rows that can be sorted, and limited */
	READS_SCOPE = 1 << 3,	/* has a window and filters */
	READS_TALLY = 1 << 4,	/* sums, by whatever columns */
	IS_GROUPED = 1 << 5,	/* by columns that --by may change */
	ASKS_SQL = 1 << 6,	/* one statement, whose plan can be told */
	HAS_SPAN = 1 << 7,	/* of time, and tells what may be missing from it */
	FILTERS = 1 << 8,	/* has filters, whatever its window is */
};

struct request;

/* What is no report. A table of them ends with a NULL name. */
struct command {
	const char *name;
	const char *arg; /* the word after the name; "[WORD]": may be left away; "": none */
	const char *help;
	int (*run)(const struct request *q, struct err *err);
	unsigned traits;	     /* of enum trait */
	const struct values *values; /* of the word; NULL: any */
	/* Whether the options fit each other, when that is more than each by itself: a failure
	 * is a usage error. NULL: they do. */
	int (*check)(const struct request *q, struct err *err);
	/* When it asks about a window as a report does: the file whose header has its parameters.
	 */
	const char *asks;
	/* In place of run(): what answers it. *@has_gaps: something may be missing. */
	int (*tell)(struct request *q, bool *has_gaps, struct err *err);
};

struct subject {
	const struct report *report;   /* one of these two; both for a command that asks; */
	const struct command *command; /* none: the program as such */
};

/* Adds the options that belong to no report: @set then knows all but parameters. */
void subject_add_options(struct option_set *set);

/* "list", "sql"; NULL for the program as such. */
const char *subject_name(const struct subject *s);

/* Whether the option says something to it, so that its help has it. */
bool subject_takes(const struct subject *s, const struct option_spec *spec);

/* Whether it may be given: some that say nothing to it may, as they stand in an alias. */
bool subject_bears(const struct subject *s, const struct option_spec *spec);

/* The option as @s has it: a parameter's help and values are the report's own. */
struct option_spec subject_option(const struct subject *s, const struct option_spec *spec);

#endif
