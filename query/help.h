/* help.h - --help, made from the tables of options, commands and reports. */
#ifndef CONNMON_HELP_H
#define CONNMON_HELP_H

#include <stdio.h>

#include "options.h"
#include "report.h"

/* Which options belong together. */
enum option_group {
	GROUP_GENERAL,
	GROUP_PARAM, /* a report's own, and its since, until, limit */
	GROUP_WINDOW,
	GROUP_FILTER,
};

struct command_help {
	const char *name, *arg, *help; /* @arg: what follows the name, or "" */
};

void help_general(FILE *out, const struct option_set *set, const struct report *reports,
		  int n_reports, const struct command_help *commands[], int n_commands);

void help_report(FILE *out, const struct option_set *set, const struct report *report);

void help_command(FILE *out, const struct command_help *command);

#endif
