#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "changes.h"
#include "escape.h"
#include "remark.h"
#include "render_color.h"
#include "screen.h"
#include "text.h"
#include "width.h"

struct live {
	struct request *q;
	struct rows *rows; /* the last that were had */
	struct coverage coverage;
	struct changes *changes;
	struct err wrong; /* with the last question; code 0: nothing was */
	bool is_paused;
	struct render_style style;
	struct screen_size size;
};

int live_check(const struct request *q, struct err *err)
{
	static const char *const others[] = {"cursor-file", "show-sql", "explain", "strict"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (options_get(&q->options, others[i]))
			return err_set(err, -EINVAL, "--watch and --%s exclude each other",
				       others[i]);
	if (strcmp(q->renderer->name, "table") != 0)
		return err_set(err, -EINVAL, "--watch draws a table; leave --format %s away",
			       q->renderer->name);
	if (!terminal_is_smart(STDOUT_FILENO))
		return err_set(err, -EINVAL,
			       "--watch draws on a terminal, and standard output is none; for a "
			       "file or a pipe take connmon-query follow");
	return 0;
}

/* ---- drawing ---- */

/* A line of text in the places there are, in @color. */
static void put_line(struct live *l, FILE *f, const char *color, const char *text)
{
	int places = l->size.columns;
	bool cut = width_of(text) > places;
	size_t len = width_head(text, cut ? places - 1 : places);

	if (l->style.color)
		fputs(color, f);
	fprintf(f, "%.*s%s", (int)len, text, !cut ? "" : l->style.lines ? "…" : "~");
	if (l->style.color)
		fputs(COLOR_OFF, f);
	putc('\n', f);
}

static void put_title(struct live *l, FILE *f)
{
	const struct request *q = l->q;
	const char *every = options_get(&q->options, "watch");
	char line[256], now[TIMESPEC_SIZE];

	snprintf(line, sizeof(line), "%s  %.8s  %s %s  space: %s, q: quit", q->report->name,
		 timespec_format_s(q->now_us, request_style(q), now) + strlen("2026-01-31 "),
		 l->is_paused ? "paused, else every" : "every", every,
		 l->is_paused ? "go on" : "pause");
	put_line(l, f, COLOR_NAMES, line);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The table of the first @n rows. The caller frees *@out. */
static int render_first(struct live *l, size_t n, char **out, struct err *err)
{
	size_t size;
	FILE *f = text_open(out, &size);
	int ret;

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the screen");
	l->style.max_rows = n;
	ret = render_rows(l->q->renderer, l->rows, &l->style, f, err);
	fclose(f);
	return ret;
}

/* As many rows as have room in @lines, *@shown of them; headers and notes need some. */
static int render_fitting(struct live *l, size_t lines, char **out, size_t *shown, struct err *err)
{
	size_t n = l->rows->n_rows < lines ? l->rows->n_rows : lines;

	for (;;) {
		size_t needed;
		int ret = render_first(l, n, out, err);

		if (ret)
			return ret;
		needed = count_lines(*out);
		*shown = n;
		if (needed <= lines || n <= 1)
			return 0;
		free(*out);
		*out = NULL;
		n = needed - lines < n ? n - (needed - lines) : 1;
	}
}

static void put_emptiness(const struct request *q, FILE *f)
{
	remark_tell_emptiness(f, q);
	putc('\n', f);
}

/* What stands below the table: what went wrong, what has no room, what is known. */
static void put_foot(struct live *l, FILE *f, size_t hidden)
{
	char *text = NULL, line[ESCAPED_SIZE(sizeof(l->wrong.msg))];
	size_t size;
	FILE *remarks = text_open(&text, &size);

	if (hidden) {
		snprintf(line, sizeof(line), "and %zu more row%s", hidden, hidden == 1 ? "" : "s");
		put_line(l, f, COLOR_LINES, line);
	}
	if (l->wrong.code) {
		escape_stored(l->wrong.msg, strlen(l->wrong.msg), line, sizeof(line));
		put_line(l, f, COLOR_ALARM, line);
	}
	if (!remarks)
		return;
	if (l->rows && l->rows->n_rows == 0)
		put_emptiness(l->q, remarks);
	if (l->rows && !l->q->quiet) {
		remark_tell_window(remarks, l->q);
		if (l->q->report->filtered)
			remark_tell_gaps(remarks, l->q, &l->coverage);
		remark_tell_freshness(remarks, l->q, &l->coverage);
	}
	fclose(remarks);
	for (char *next, *p = text; *p; p = next) {
		next = p + strcspn(p, "\n");
		if (*next)
			*next++ = '\0';
		escape_stored(p, strlen(p), line, sizeof(line));
		put_line(l, f, COLOR_LINES, line);
	}
	free(text);
}

/* No more lines than there are. */
static int draw_cut(const struct live *l, char *text, struct err *err)
{
	char *end = text;

	for (int i = 0; i < l->size.rows && *end; i++) {
		end += strcspn(end, "\n");
		end += *end == '\n';
	}
	return screen_draw(text, (size_t)(end - text), err);
}

static int draw_parts(struct live *l, FILE *f, struct err *err)
{
	/* Title, "and more", what is wrong, emptiness or window. */
	int others = 1 + 1 + (l->wrong.code != 0) + !l->q->quiet;
	size_t lines = l->size.rows > others + 1 ? (size_t)(l->size.rows - others) : 1;
	size_t shown = 0;
	char *table = NULL;
	int ret = 0;

	put_title(l, f);
	if (l->rows && l->rows->n_rows)
		ret = render_fitting(l, lines, &table, &shown, err);
	if (!ret && table)
		fputs(table, f);
	free(table);
	if (!ret)
		put_foot(l, f, l->rows ? l->rows->n_rows - shown : 0);
	return ret;
}

static int draw(struct live *l, struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *f;
	int ret;

	l->size = screen_size();
	l->style = (struct render_style){.utc = l->q->utc,
					 .exact = l->q->exact,
					 .changes = l->changes};
	terminal_style(STDOUT_FILENO, l->q->color, &l->style);
	l->style.width = l->size.columns; /* $COLUMNS is that of the begin */
	f = text_open(&text, &size);
	if (!f)
		return err_set(err, -ENOMEM, "no memory for the screen");
	ret = draw_parts(l, f, err);
	if (fclose(f) && !ret)
		ret = err_set(err, -ENOMEM, "no memory for the screen");
	if (!ret)
		ret = draw_cut(l, text, err);
	free(text);
	return ret;
}

/* ---- asking ---- */

static int ask_again(struct live *l, int64_t now_us, struct err *err)
{
	struct rows *rows = NULL;
	int ret = request_read_times(l->q, now_us, err);

	if (!ret)
		ret = ask_report(l->q, &rows, &l->coverage, err);
	if (!ret)
		ret = changes_take(l->changes, rows, err);
	if (ret) {
		rows_free(rows);
		return ret;
	}
	rows_free(l->rows);
	l->rows = rows;
	return 0;
}

/* Until it is time to ask again. 1: it is at its end. */
static int wait_for_time(struct live *l, struct err *err)
{
	for (;;) {
		int ret = draw(l, err);

		if (ret)
			return ret;
		switch (screen_wait(l->is_paused ? -1 : l->q->watch_us)) {
		case SCREEN_QUIT:
			return 1;
		case SCREEN_INTERRUPT:
			return err_set(err, -EINTR, "interrupted");
		case SCREEN_PAUSE:
			l->is_paused = !l->is_paused;
			if (!l->is_paused)
				return 0;
			break;
		case SCREEN_RESIZED:
			break;
		default:
			return 0;
		}
	}
}

static int show(struct live *l, int64_t (*now)(void), struct err *err)
{
	int ret = 0;

	while (!ret) {
		ret = wait_for_time(l, err);
		if (ret)
			break;
		l->wrong = (struct err){0};
		ret = ask_again(l, now(), &l->wrong);
		if (ret == -EINTR)
			*err = l->wrong;
		else
			ret = 0;
	}
	return ret < 0 ? ret : 0;
}

int live_show(struct request *q, int64_t (*now)(void), struct err *err)
{
	struct live l = {.q = q, .changes = changes_new()};
	int ret = l.changes ? ask_again(&l, now(), err)
			    : err_set(err, -ENOMEM, "no memory for what has changed");

	if (!ret)
		ret = screen_enter(err);
	if (!ret)
		ret = show(&l, now, err);
	screen_leave();
	rows_free(l.rows);
	changes_free(l.changes);
	return ret;
}
