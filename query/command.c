#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "remark.h"

static const struct values shells = {VALUES_WORDS, command_shells, .is_list = false};
static const struct values subjects = {.kind = VALUES_SUBJECTS};

const struct command commands[] = {
	{"reports", "", "the reports, as a list", command_reports, .traits = PRINTS_ROWS},
	{"story", "", "a page for a browser: what this node did, in charts and numbers",
	 .traits = READS_HISTORY | READS_SCOPE | HAS_SPAN, .asks = "story", .tell = command_story},
	{"sql", "['SELECT ...']", "one SELECT of your own; without it, a prompt", command_sql,
	 .traits = READS_HISTORY | PRINTS_ROWS | ASKS_SQL, .check = command_sql_check},
	{"follow", "", "each connection as it ends, as tail -f shows lines", command_follow,
	 .traits = READS_HISTORY | PRINTS_ROWS | FILTERS, .check = command_follow_check,
	 .asks = "follow"},
	{"schema", "[NAME]", "tables and views, with what their columns mean", command_schema,
	 .traits = READS_HISTORY | PRINTS_ROWS},
	{"doctor", "", "is all well with the collector and its database? what to do if not",
	 command_doctor, .traits = READS_HISTORY | PRINTS_ROWS},
	{"cookbook", "[WORD]", "questions with their commands and answers; those that say WORD",
	 .run = command_cookbook},
	{"completion", "SHELL", "a script by which bash, zsh or fish completes words",
	 command_completion, .values = &shells, .check = command_completion_check},
	{"help", "[REPORT]", "this, or more about a report or a command", .run = NULL,
	 .values = &subjects},
	{0},
};

int command_flush(struct err *err)
{
	if (fflush(stdout) || ferror(stdout))
		return err_set(err, -errno, "writing the output: %s", strerror(errno));
	return 0;
}

int command_delivered(struct request *q, const struct rows *rows, const struct coverage *coverage,
		      bool *has_gaps, struct err *err)
{
	/* Not before all of it is delivered. */
	if (q->cursor.path && cursor_save(&q->cursor, err))
		return err->code;
	if (!q->quiet)
		remark_on(q, rows, coverage);
	*has_gaps = coverage->n_gaps > 0 || coverage_ends_before(coverage, q->args.until_us);
	return 0;
}
