#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "remark.h"
#include "tail.h"
#include "terminal.h"

/* The collector commits once a second by default. */
#define LOOK_MS 200

/* Of one look: rows are shown before all that --since reaches back to is read. */
#define ROWS_MAX 5000

/* Those that write line by line. */
static const char *const formats[] = {"table", "csv", "tsv", "jsonl", NULL};

int command_follow_check(const struct request *q, struct err *err)
{
	const char *format = options_get(&q->options, "format");
	const struct renderer *known;

	for (int i = 0; format && formats[i]; i++)
		if (!strcmp(format, formats[i]))
			return 0;
	if (!format || render_find(format, &known, err))
		return format ? err->code : 0;
	return err_set(err, -EINVAL,
		       "%s has an end, and what follow shows has none: take --format table, csv, "
		       "tsv or jsonl",
		       format);
}

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t interrupted;

/* What is being written is written to its end; whoever takes none of it is left at the second. */
static void on_interrupt(int signal_number)
{
	if (interrupted) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
	interrupted = 1;
}

static void mind_interrupts(struct sigaction *before)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

	interrupted = 0;
	sigaction(SIGINT, &action, before);
	if (before->sa_handler == SIG_IGN) /* a script's, in the background */
		sigaction(SIGINT, before, NULL);
}

/* ---- showing ---- */

struct show {
	const struct request *q;
	struct render_live live;
	int64_t left; /* of --limit; -1: no limit */
};

static int show_rows(struct show *s, const struct rows *rows, struct err *err)
{
	struct render_style style = {.utc = s->q->utc, .exact = s->q->exact, .live = &s->live};

	if (!rows || s->left == 0)
		return 0;
	if (s->left > 0 && (size_t)s->left < rows->n_rows)
		style.max_rows = (size_t)s->left;
	if (s->left > 0)
		s->left -= (int64_t)(style.max_rows ? style.max_rows : rows->n_rows);
	terminal_style(STDOUT_FILENO, s->q->color, &style);
	return render_rows(s->q->renderer, rows, &style, stdout, err);
}

/* Until it is time to look again. True when nobody reads any more. */
static bool pause_or_hangup(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, LOOK_MS) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static void say_nothing(const char *text)
{
	(void)text;
}

static int follow(struct tail *t, struct show *s, struct err *err)
{
	while (!interrupted && s->left != 0) {
		AUTO_ROWS *opened = NULL;
		AUTO_ROWS *ended = NULL;
		int64_t most = s->left > 0 && s->left < ROWS_MAX ? s->left : ROWS_MAX;
		int ret = tail_look(t, most, &opened, &ended, err);

		if (!ret)
			ret = show_rows(s, opened, err);
		if (!ret)
			ret = show_rows(s, ended, err);
		if (ret)
			return ret;
		if (!tail_is_behind(t) && s->left != 0 && pause_or_hangup())
			return 0;
	}
	return interrupted ? err_set(err, -EINTR, "interrupted") : 0;
}

int command_follow(const struct request *q, struct err *err)
{
	const struct report_param *limit = report_find_param(q->report, "limit");
	struct show show = {.q = q, .left = q->args.values[limit - q->report->params].number};
	struct sigaction before;
	struct tail tail;
	int ret;

	tail_begin(&tail, q, options_get(&q->options, "opened"), q->quiet ? say_nothing : remark);
	mind_interrupts(&before);
	ret = follow(&tail, &show, err);
	sigaction(SIGINT, &before, NULL);
	tail_end(&tail);
	return ret;
}
