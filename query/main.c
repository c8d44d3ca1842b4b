/*
 * connmon-query: argv -> request -> rows -> text. The only file that prints errors or
 * exits. Whatever is wrong before a database is opened is a usage error.
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
#include "request.h"
#include "rows.h"
#include "timespec.h"

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_GAPS = 3, /* with --strict: the window overlaps a gap */
};

static void remark(const char *text)
{
	char safe[ESCAPED_SIZE(sizeof(((struct err *)0)->msg))];

	escape_stored(text, strlen(text), safe, sizeof(safe));
	fprintf(stderr, "connmon-query: %s\n", safe);
}

static int open_db(const struct request *q, sqlite3 **out, struct err *err)
{
	int ret = db_open_reader(q->db_path, out, err);

	return ret ? ret : functions_register(*out, err);
}

/* The rows of one statement. When it returns, the database is closed, as after the next:
 * nobody who prints slowly holds the collector's WAL. */
static int ask_sql(const struct request *q, const char *sql, struct rows **out, struct err *err)
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
		return err_set(err, ret, "only one SELECT can be asked; the history is read-only");
	return ret && !stmt ? db_wrap_older(db, err) : ret;
}

static int ask_report(const struct request *q, struct rows **out, struct gaps *gaps,
		      struct err *err)
{
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	int ret = open_db(q, &db, err);

	if (ret)
		return ret;
	ret = report_prepare(q->report, &q->args, &q->scope, db, &stmt, err);
	if (ret)
		return db_wrap_older(db, err);
	/* Rows and gaps are of one moment, which closing the database ends. */
	ret = db_exec_ours(db, "BEGIN", err);
	if (!ret)
		ret = rows_fetch(stmt, q->timeout_us, out, err);
	return ret ? ret : gaps_find(db, q->args.since_us, q->args.until_us, gaps, err);
}

/* What the reader of a report should know beside its rows. */
static void remark_on(const struct request *q, const struct rows *rows, const struct gaps *gaps)
{
	const struct report *report = q->report;
	char from[TIMESPEC_SIZE];
	struct err text;

	if (rows->n_rows == 0)
		remark(report->filtered
			       ? "no such connections in this window; --since looks further back"
			       : "nothing in this window");
	if (!report->filtered)
		return;
	if (q->args.since_us < gaps->rows_from_us) {
		err_set(&text, 0, "connections that ended before %s are deleted (--retain)",
			timespec_format(gaps->rows_from_us, q->utc ? TIMESPEC_UTC : TIMESPEC_LOCAL,
					from));
		remark(text.msg);
	}
	if (gaps->n == 0)
		return;
	err_set(&text, 0,
		"connections may be missing: %lld gap%s in this window (%s); see connmon-query gaps",
		(long long)gaps->n, gaps->n == 1 ? "" : "s", gaps->reasons);
	remark(text.msg);
}

static int run_report(const struct request *q, bool *has_gaps, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	struct gaps gaps;
	int ret = ask_report(q, &rows, &gaps, err);

	if (!ret)
		ret = render_rows(q->renderer, rows, q->utc, stdout, err);
	if (ret)
		return ret;
	if (!q->quiet)
		remark_on(q, rows, &gaps);
	*has_gaps = gaps.n > 0;
	return 0;
}

static int run_sql(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_sql(q, q->statement, &rows, err);

	return ret ? ret : render_rows(q->renderer, rows, q->utc, stdout, err);
}

static int run_reports(const struct request *q, struct err *err)
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
static int run_schema(const struct request *q, struct err *err)
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

/* To add a command, write its function and a row here. A report needs no C. */
static const struct command commands[] = {
	{"reports", "", "the reports, as a list", run_reports},
	{"sql", "'SELECT ...'", "one SELECT of your own", run_sql},
	{"schema", "", "tables and views, with what their columns mean", run_schema},
	{0},
};

/* Whoever reads us has had enough; nothing is left to be said. */
static void on_closed_pipe(int signal_number)
{
	(void)signal_number;
	_exit(STATUS_OK);
}

static int run(const struct request *q, bool *has_gaps, struct err *err)
{
	if (q->version) {
		printf("connmon-query %s (SQLite %s)\n", CONNMON_VERSION, sqlite3_libversion());
		return flush_output(err);
	}
	if (q->help) {
		help_print(stdout, q);
		return flush_output(err);
	}
	return q->command ? q->command->run(q, err) : run_report(q, has_gaps, err);
}

static enum status answer(struct request *q, int argc, char **argv, struct err *err)
{
	struct timeval now;
	bool has_gaps = false;

	gettimeofday(&now, NULL);
	if (request_init(q, commands, err))
		return STATUS_FAILED;
	if (request_read(q, argc, argv, now.tv_sec * US_PER_S + now.tv_usec, err))
		return STATUS_USAGE;
	if (run(q, &has_gaps, err))
		return STATUS_FAILED;
	return q->strict && has_gaps ? STATUS_GAPS : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct request *q = calloc(1, sizeof(*q));
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
