/*
 * request.h - what was asked: the command line, read and checked against the tables
 * of options, commands and reports, before any database is opened.
 */
#ifndef CONNMON_REQUEST_H
#define CONNMON_REQUEST_H

#include "cursor.h"
#include "endpoint.h"
#include "options.h"
#include "render.h"
#include "report.h"
#include "scope.h"
#include "subject.h"
#include "terminal.h"
#include "timespec.h"

struct request {
	struct report reports[REPORTS_MAX]; /* all there are */
	int n_reports;
	struct report story, follow;	/* what the commands of these names ask */
	struct report opened;		/* and follow, with its option --opened */
	const struct command *commands; /* borrowed, as is the next */
	char *const *argv;
	int argc;
	struct option_set set;
	struct options options;

	/* What it is about: one of these, or both for a command that asks as a report does; neither
	 * for the general help. */
	const struct command *command;
	const struct report *report;
	bool help, version; /* nothing below is set then */

	struct endpoint endpoint; /* the operand, if it is one; options point into it */
	const char *statement;	  /* what follows a command; NULL without */
	struct report_args args;
	struct scope scope;
	struct cursor cursor; /* without a path: none */
	int64_t now_us;
	const char *db_path;
	const char *fleet_url; /* NULL: the history is that of db_path */
	const struct renderer *renderer;
	int64_t timeout_us;
	int64_t watch_us; /* 0: asked once */
	bool utc, strict, quiet, exact, no_pager;
	enum terminal_color color;
	enum report_graph graph;
};

/* Prepares *@q, all zero, with the reports and options there are; only then can it
 * be read into. -EINVAL for a report whose header is wrong. */
int request_init(struct request *q, const struct command *commands, struct err *err);

/* The report of a command that asks as one; NULL: it does not. */
const struct report *request_asked(const struct request *q, const struct command *command);

/* Every failure is the user's: -EINVAL and the like, and what to write instead. */
int request_read(struct request *q, int argc, char *const argv[], int64_t now_us, struct err *err);

/* The window and what else counts from now, as of @now_us: for a request that is asked again. */
int request_read_times(struct request *q, int64_t now_us, struct err *err);

/* How moments are written beside its rows: as in them. */
enum timespec_style request_style(const struct request *q);

#endif
