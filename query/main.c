/*
 * connmon-query: argv -> report -> rows -> text. The only file that prints errors or
 * exits. What is typed is read and checked before a database is opened: whatever is
 * wrong until then is a usage error.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "db.h"
#include "escape.h"
#include "functions.h"
#include "gaps.h"
#include "help.h"
#include "render.h"
#include "report.h"
#include "rows.h"
#include "suggest.h"
#include "timespec.h"

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_GAPS = 3, /* with --strict: the window overlaps a gap */
};

struct query {
	struct report reports[REPORTS_MAX];
	int n_reports;
	struct option_set set;
	struct options options;

	const struct command *command;
	const struct report *report; /* NULL when the command is none */
	struct report_args args;
	struct scope scope;

	const char *db_path;
	const struct renderer *renderer;
	int64_t timeout_us;
	bool help, utc, strict, quiet;
	bool has_gaps; /* set by run_report() */
};

struct command {
	struct command_help help;
	int n_operands; /* exactly so many */
	int (*run)(struct query *q, struct err *err);
};

static int run_help(struct query *q, struct err *err);
static int run_reports(struct query *q, struct err *err);
static int run_schema(struct query *q, struct err *err);
static int run_sql(struct query *q, struct err *err);

/* To add a command, write its function and a row here. To add a report, no C. */
static const struct command commands[] = {
	{{"reports", "", "the reports, as a list"}, 0, run_reports},
	{{"sql", "'SELECT ...'", "one SELECT of your own"}, 1, run_sql},
	{{"schema", "", "tables and views, with what their columns mean"}, 0, run_schema},
	{{"help", "[REPORT]", "this, or more about a report"}, -1, run_help},
};

static const struct option_spec general_options[] = {
	{"db", "PATH", "the history (default $CONNMON_DB, else " DB_DEFAULT_PATH ")",
	 GROUP_GENERAL},
	{"format", "NAME", "table, markdown, csv, tsv, json or jsonl (default table)",
	 GROUP_GENERAL},
	{"utc", NULL, "show times in UTC, not in local time", GROUP_GENERAL},
	{"quiet", NULL, "no remarks on standard error", GROUP_GENERAL},
	{"timeout", "DURATION", "give up after this long; 0s: never (default 60s)", GROUP_GENERAL},
	{"help", NULL, "this; after a report: its help", GROUP_GENERAL},
	{"version", NULL, "the version", GROUP_GENERAL},
	{"strict", NULL, "exit with 3 when a report's window overlaps a gap", GROUP_GENERAL},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void remark(const char *text)
{
	char safe[ESCAPED_SIZE(sizeof(((struct err *)0)->msg))];

	escape_stored(text, strlen(text), safe, sizeof(safe));
	fprintf(stderr, "connmon-query: %s\n", safe);
}

/* ---- what was asked ---- */

static int load_reports(struct query *q, struct err *err)
{
	for (const struct embed *f = query_reports; f->name; f++) {
		if (q->n_reports == REPORTS_MAX)
			return err_set(err, -E2BIG, "more than %d reports", REPORTS_MAX);
		if (report_parse(f, &q->reports[q->n_reports], err))
			return err->code;
		q->n_reports++;
	}
	return 0;
}

static void make_option_set(struct query *q)
{
	for (size_t i = 0; i < COUNT(general_options); i++)
		options_add(&q->set, general_options[i]);
	for (int i = 0; i < q->n_reports; i++)
		for (int j = 0; j < q->reports[i].n_params; j++) {
			const struct report_param *p = &q->reports[i].params[j];

			options_add(&q->set, (struct option_spec){.name = p->name,
								  .arg = p->type->arg,
								  .help = p->help,
								  .group = GROUP_PARAM});
		}
	scope_add_options(&q->set, GROUP_WINDOW, GROUP_FILTER);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].help.name, name))
			return &commands[i];
	return NULL;
}

static const struct report *find_report(const struct query *q, const char *name)
{
	for (int i = 0; i < q->n_reports; i++)
		if (!strcmp(q->reports[i].name, name))
			return &q->reports[i];
	return NULL;
}

static int unknown_report(const struct query *q, const char *name, struct err *err)
{
	struct suggestion s = {.word = name};

	for (int i = 0; i < q->n_reports; i++)
		suggest_try(&s, q->reports[i].name);
	for (size_t i = 0; i < COUNT(commands); i++)
		suggest_try(&s, commands[i].help.name);
	return suggest_error(&s, err, "report", "connmon-query reports lists them");
}

/* An option that has no say here is refused, not ignored. */
static int check_applicable(const struct query *q, struct err *err)
{
	for (int i = 0; i < q->options.n_given; i++) {
		const struct option_spec *spec = q->options.given[i].spec;
		bool ok = spec->group == GROUP_GENERAL;

		if (q->report && (spec->group == GROUP_FILTER || spec->group == GROUP_WINDOW))
			ok = q->report->filtered;
		if (q->report && spec->group == GROUP_PARAM)
			for (int j = 0; j < q->report->n_params && !ok; j++)
				ok = !strcmp(q->report->params[j].name, spec->name);
		if (!strcmp(spec->name, "strict"))
			ok = q->report;
		if (!ok)
			return err_set(err, -EINVAL, "%s has no option --%s",
				       q->options.operands[0], spec->name);
	}
	return 0;
}

static int check_operands(const struct query *q, struct err *err)
{
	int n = q->options.n_operands - 1;

	if (q->report && n > 0)
		return err_set(err, -EINVAL,
			       "what is \"%s\"? %s takes options only, as in --comm NAME",
			       q->options.operands[1], q->report->name);
	if (q->command && q->command->n_operands >= 0 && n != q->command->n_operands)
		return err_set(err, -EINVAL, "write connmon-query %s%s%s; quotes keep it together",
			       q->command->help.name, q->command->help.arg[0] ? " " : "",
			       q->command->help.arg);
	return 0;
}

static int read_general_options(struct query *q, struct err *err)
{
	const struct options *o = &q->options;
	const char *db = options_get(o, "db"), *format = options_get(o, "format");
	const char *timeout = options_get(o, "timeout");

	q->db_path = db ? db : db_default_path();
	q->utc = options_get(o, "utc");
	q->strict = options_get(o, "strict");
	q->quiet = options_get(o, "quiet");
	if (render_find(format ? format : "table", &q->renderer, err))
		return err->code;
	if (timespec_parse_duration(timeout ? timeout : "60s", &q->timeout_us, err))
		return err_wrap(err, "--timeout");
	return 0;
}

static int read_command_line(struct query *q, int argc, char **argv, struct err *err)
{
	struct timeval now;
	int64_t now_us;
	const char *name;
	int ret = options_parse(argc, argv, &q->set, &q->options, err);

	if (ret || options_get(&q->options, "version"))
		return ret;
	name = q->options.operands[0]; /* NULL without one */
	q->help = options_get(&q->options, "help");
	if (name && !strcmp(name, "help")) { /* "help X" is "X --help" */
		q->help = true;
		name = q->options.operands[1];
	}
	if (name) {
		q->command = find_command(name);
		q->report = find_report(q, name);
		if (!q->command && !q->report)
			return unknown_report(q, name, err);
	}
	if (q->help)
		return 0;
	if (!name)
		return err_set(
			err, -EINVAL,
			"what do you want to know? connmon-query reports lists what there is, "
			"--help tells more");
	ret = check_operands(q, err);
	if (!ret)
		ret = check_applicable(q, err);
	if (!ret)
		ret = read_general_options(q, err);
	if (ret || !q->report)
		return ret;
	gettimeofday(&now, NULL);
	now_us = now.tv_sec * US_PER_S + now.tv_usec;
	ret = report_read_args(q->report, &q->options, now_us, &q->args, err);
	return ret ? ret : scope_parse(&q->options, now_us, &q->scope, err);
}

/* ---- the answer ---- */

static int open_db(const struct query *q, sqlite3 **out, struct err *err)
{
	int ret = db_open_reader(q->db_path, out, err);

	return ret ? ret : functions_register(*out, err);
}

/* The rows of one statement. When it returns, the database is closed. */
static int ask_sql(const struct query *q, const char *sql, struct rows **out, struct err *err)
{
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	int ret = open_db(q, &db, err);

	if (ret)
		return ret;
	ret = db_prepare(db, sql, &stmt, err);
	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	if (ret && (sqlite3_errcode(db) & 0xff) == SQLITE_AUTH)
		err_set(err, ret, "only one SELECT can be asked; the history is read-only");
	return ret;
}

static int ask_report(const struct query *q, struct rows **out, struct gaps *gaps, struct err *err)
{
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	int ret = open_db(q, &db, err);

	if (!ret)
		ret = report_prepare(q->report, &q->args, &q->scope, db, &stmt, err);
	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	return ret ? ret : gaps_find(db, q->args.since_us, q->args.until_us, gaps, err);
}

static int run_report(struct query *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	struct gaps gaps;
	int ret = ask_report(q, &rows, &gaps, err);

	if (!ret)
		ret = render_rows(q->renderer, rows, q->utc, stdout, err);
	if (ret)
		return ret;
	q->has_gaps = gaps.n > 0;
	if (q->quiet)
		return 0;
	if (rows->n_rows == 0)
		remark(q->report->filtered
			       ? "no such connections in this window; --since looks further back"
			       : "nothing in this window");
	if (q->report->filtered && gaps.n > 0) {
		struct err text;

		err_set(&text, 0,
			"connections may be missing: %lld gap%s in this window (%s); see connmon-query gaps",
			(long long)gaps.n, gaps.n == 1 ? "" : "s", gaps.reasons);
		remark(text.msg);
	}
	return 0;
}

static int run_sql(struct query *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_sql(q, q->options.operands[1], &rows, err);

	return ret ? ret : render_rows(q->renderer, rows, q->utc, stdout, err);
}

static int run_reports(struct query *q, struct err *err)
{
	static const char *const names[] = {"report", "title"};
	AUTO_ROWS *rows = NULL;
	int ret = rows_new(2, names, &rows, err);

	for (int i = 0; i < q->n_reports && !ret; i++) {
		ret = rows_add_text(rows, q->reports[i].name, err);
		if (!ret)
			ret = rows_add_text(rows, q->reports[i].title, err);
	}
	return ret ? ret : render_rows(q->renderer, rows, q->utc, stdout, err);
}

static int flush_output(struct err *err)
{
	if (fflush(stdout) || ferror(stdout))
		return err_set(err, -errno, "writing the output: %s", strerror(errno));
	return 0;
}

/* The DDL as it is stored, comments included, and safe line by line. */
static int run_schema(struct query *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	char line[1024];
	int ret = ask_sql(q,
			  "SELECT sql || ';' FROM sqlite_schema WHERE sql NOT NULL"
			  " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
			  &rows, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < rows->n_rows; i++) {
		for (const char *p = rows->cells[i].text; *p;) {
			size_t len = strcspn(p, "\n");

			escape_stored(p, len, line, sizeof(line));
			puts(line);
			p += len + (p[len] == '\n');
		}
		puts("");
	}
	return flush_output(err);
}

static int run_help(struct query *q, struct err *err)
{
	const struct command_help *helps[COUNT(commands)];

	for (size_t i = 0; i < COUNT(commands); i++)
		helps[i] = &commands[i].help;
	if (q->report)
		help_report(stdout, &q->set, q->report);
	else if (q->command && q->command->run != run_help)
		help_command(stdout, &q->command->help);
	else
		help_general(stdout, &q->set, q->reports, q->n_reports, helps, COUNT(commands));
	return flush_output(err);
}

static int run(struct query *q, struct err *err)
{
	if (options_get(&q->options, "version")) {
		printf("connmon-query %s (SQLite %s)\n", CONNMON_VERSION, sqlite3_libversion());
		return flush_output(err);
	}
	if (q->help)
		return run_help(q, err);
	return q->command ? q->command->run(q, err) : run_report(q, err);
}

/* Whoever reads us has had enough; nothing is left to be said. */
static void on_closed_pipe(int signal_number)
{
	(void)signal_number;
	_exit(STATUS_OK);
}

static enum status answer(struct query *q, int argc, char **argv, struct err *err)
{
	if (load_reports(q, err))
		return STATUS_FAILED;
	make_option_set(q);
	if (read_command_line(q, argc, argv, err))
		return STATUS_USAGE;
	if (run(q, err))
		return STATUS_FAILED;
	return q->strict && q->has_gaps ? STATUS_GAPS : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct query *q = calloc(1, sizeof(*q));
	struct err err = {0};
	enum status status = STATUS_FAILED;

	signal(SIGPIPE, on_closed_pipe);
	if (q)
		status = answer(q, argc, argv, &err);
	else
		err_set(&err, -ENOMEM, "no memory");
	if (err.code)
		remark(err.msg);
	free(q);
	return status;
}
