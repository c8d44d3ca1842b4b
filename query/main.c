/*
 * connmon-query: argv -> request -> rows -> text. The only file that prints errors or
 * exits. Whatever is wrong before a database is opened is a usage error,
 * and a column that the report does not have.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ask.h"
#include "command.h"
#include "help.h"
#include "live.h"
#include "output.h"
#include "remark.h"
#include "request.h"
#include "screen.h"
#include "show.h"
#include "timespec.h"
#include "watch.h"

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_GAPS = 3,	  /* with --strict: the window overlaps a gap */
	STATUS_INTERRUPTED = 130, /* as a shell says of Ctrl-C */
};

static int show_report(const struct request *q, struct err *err)
{
	char *sql = NULL;
	int ret = ask_report_sql(q, &sql, err);

	if (ret)
		return ret;
	if ((q->report->relation & SCOPE_BOTH) == SCOPE_ROWS && q->scope.totals != SCOPE_NO_TOTALS)
		puts("-- The same rows. The report is quicker: it seeks them in the totals of hours.");
	show_sql(sql, stdout);
	sqlite3_free(sql);
	return command_flush(err);
}

static int explain_report(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_plan(q, NULL, &rows, err);

	return ret ? ret : output_rows(q, rows, err);
}

static int run_report(struct request *q, bool *has_gaps, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	struct coverage coverage;
	int ret = ask_report(q, &rows, &coverage, err);

	if (!ret)
		ret = output_report(q, rows, &coverage, err);
	return ret ? ret : command_delivered(q, rows, &coverage, has_gaps, err);
}

static int64_t now_us(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return now.tv_sec * US_PER_S + now.tv_usec;
}

/* Whoever reads us has had enough; nothing is left to be said. */
static void on_closed_pipe(int signal_number)
{
	(void)signal_number;
	screen_leave();
	_exit(STATUS_OK);
}

/* In a signal handler: nothing but system calls. */
static void on_stuck(const char *words)
{
	struct iovec line[] = {{.iov_base = "connmon-query: ", .iov_len = 15},
			       {.iov_base = (char *)words, .iov_len = words ? strlen(words) : 0},
			       {.iov_base = "\n", .iov_len = 1}};

	screen_leave();
	if (!words)
		_exit(STATUS_INTERRUPTED);
	(void)!writev(STDERR_FILENO, line, 3);
	_exit(STATUS_FAILED);
}

static int run(struct request *q, bool *has_gaps, struct err *err)
{
	if (q->version) {
		printf("connmon-query %s (SQLite %s)\n", CONNMON_VERSION, sqlite3_libversion());
		return command_flush(err);
	}
	if (q->help) {
		help_print(stdout, q);
		return command_flush(err);
	}
	if (q->command && q->command->tell)
		return q->command->tell(q, has_gaps, err);
	if (q->command)
		return q->command->run(q, err);
	if (options_get(&q->options, "show-sql"))
		return show_report(q, err);
	if (options_get(&q->options, "explain"))
		return explain_report(q, err);
	if (q->watch_us)
		return live_show(q, now_us, err);
	return run_report(q, has_gaps, err);
}

static enum status failure(const struct err *err)
{
	switch (err->code) {
	case REPORT_USAGE:
		return STATUS_USAGE;
	case -EINTR:
		return STATUS_INTERRUPTED;
	default:
		return STATUS_FAILED;
	}
}

static enum status answer(struct request *q, int argc, char **argv, struct err *err)
{
	bool has_gaps = false;

	if (request_init(q, commands, err))
		return STATUS_FAILED;
	if (request_read(q, argc, argv, now_us(), err))
		return STATUS_USAGE;
	if (run(q, &has_gaps, err))
		return failure(err);
	return q->strict && has_gaps ? STATUS_GAPS : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct request *q = calloc(1, sizeof(*q));
	struct err err = {0};
	enum status status = STATUS_FAILED;

	/* One thread asks, and locks that nobody waits for take a twentieth of its time. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	signal(SIGPIPE, on_closed_pipe);
	watch_give_up = on_stuck;
	if (q)
		status = answer(q, argc, argv, &err);
	else
		err_set(&err, -ENOMEM, "no memory");
	if (err.code && status != STATUS_INTERRUPTED)
		remark(err.msg);
	free(q);
	return status;
}
