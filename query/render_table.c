/* render_table.c - aligned columns for people: on a terminal between lines and as wide as that
 * is, else with blanks between them. */
#include "render_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "render_color.h"
#include "render_live.h"
#include "width.h"

/* Of a cell whose text goes on in the next line. */
#define LINES_MAX 8

/* Of a value that is told below the table. */
#define SAME_WIDTH 100

static void blanks(FILE *out, int n)
{
	fprintf(out, "%*s", n, "");
}

static void colored(struct render *r, const char *color)
{
	if (r->style->color && color)
		fputs(color, r->out);
}

static void between(struct table *t, int column, const char *wide, const char *close)
{
	struct render *r = t->r;

	if (column == t->first)
		return;
	if (!r->style->lines) {
		blanks(r->out, t->fit.gap);
		return;
	}
	colored(r, COLOR_LINES);
	fputs(t->fit.gap == t->fit.gap_wide ? wide : close, r->out);
	colored(r, COLOR_OFF);
}

/* @text in the @width there is. Of paths and addresses the end tells most, and the begin of
 * what is left; of all else the begin. */
static void put_shortened(struct table *t, const char *text, int width, bool keep_end)
{
	FILE *out = t->r->out;
	int head = keep_end ? (width - 1) / 3 : width - 1;

	fwrite(text, 1, width_head(text, head), out);
	fputs(t->shortened, out);
	if (keep_end)
		fputs(width_tail(text, width - 1 - head), out);
}

/* The first @len bytes of @text. Numbers stand right; nothing follows the last column. */
static void put(struct table *t, int column, const char *text, size_t len, const char *color)
{
	struct render *r = t->r;
	int width = t->fit.columns[column].width, pad = width - width_of_bytes(text, len);
	bool right = r->columns[column].is_number;
	bool last = column == t->fit.last;

	if (right && pad > 0)
		blanks(r->out, pad);
	colored(r, len ? color : NULL);
	if (pad < 0 && t->r->style->live && (right || !t->fit.limit)) {
		fwrite(text, 1, len, r->out);
	} else if (pad < 0) {
		bool keep_end = text[0] == '/' || t->fit.columns[column].kind == FIT_ADDRESS;
		put_shortened(t, text, width, keep_end);
	} else {
		fwrite(text, 1, len, r->out);
	}
	colored(r, len && color ? COLOR_OFF : NULL);
	if (!right && !last && pad > 0)
		blanks(r->out, pad);
}

/* How much of the name's rest fits in @width, at least up to an underscore. */
static size_t part_of(const char *rest, int width)
{
	size_t taken = 0;

	while (rest[taken]) {
		size_t len = taken + strspn(rest + taken, "_");

		len += strcspn(rest + len, "_");
		if (taken && width_of_bytes(rest, len) > width)
			break;
		taken = len;
	}
	return taken;
}

static char *after_part(char *rest, size_t len)
{
	return rest + len + strspn(rest + len, "_");
}

/* Places of each cell that stand in the header instead. */
static int common(const struct table *t, int i)
{
	return t->fit.common_in_header ? t->fit.columns[i].common : 0;
}

static int count_header_lines(struct table *t)
{
	int most = 1;

	for (int i = 0; i <= t->fit.last; i++) {
		char *rest = t->columns[i].name;
		int n = common(t, i) > 0;

		if (t->fit.columns[i].hidden)
			continue;

		for (; *rest; n++)
			rest = after_part(rest, part_of(rest, t->fit.columns[i].width));
		if (n > most)
			most = n;
	}
	return most;
}

/* A part of a name that has no room, in the short form that everybody knows; NULL: it has none,
 * or none that has room. */
static const char *short_part(const char *part, int width)
{
	static const char *const forms[][2] = {
		{"bytes", "B"},	      {"connections", "conn"}, {"container", "cont"},
		{"direction", "dir"}, {"duration", "dur"},     {"failed", "fail"},
		{"programs", "prog"}, {"segments", "segs"},    {"service", "svc"},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strcmp(forms[i][0], part))
			return width_of(forms[i][1]) <= width ? forms[i][1] : NULL;
	return NULL;
}

/* The next part of a column's name, or the day of its moments. */
static void put_header_cell(struct table *t, int i, bool last)
{
	struct table_column *c = &t->columns[i];
	size_t len = part_of(c->rest, t->fit.columns[i].width);
	const char *shorter = NULL;
	char day[DAY_PLACES], end;

	if (last && common(t, i)) {
		snprintf(day, sizeof(day), "%.*s", common(t, i) - 1, c->moment);
		put(t, i, day, strlen(day), COLOR_NAMES);
		return;
	}
	end = c->rest[len];
	c->rest[len] = '\0';
	if (width_of(c->rest) > t->fit.columns[i].width)
		shorter = short_part(c->rest, t->fit.columns[i].width);
	if (shorter)
		put(t, i, shorter, strlen(shorter), COLOR_NAMES);
	else
		put(t, i, c->rest, len, COLOR_NAMES);
	c->rest[len] = end;
	c->rest = after_part(c->rest, len);
}

static void put_header_line(struct table *t, bool last)
{
	for (int i = 0; i <= t->fit.last; i++) {
		if (t->fit.columns[i].hidden)
			continue;
		between(t, i, " │ ", "│");
		put_header_cell(t, i, last);
	}
	putc('\n', t->r->out);
}

static void put_rule(struct table *t)
{
	struct render *r = t->r;

	if (!r->style->lines)
		return;
	colored(r, COLOR_LINES);
	for (int i = 0; i <= t->fit.last; i++) {
		if (t->fit.columns[i].hidden)
			continue;
		if (i != t->first)
			fputs(t->fit.gap == t->fit.gap_wide ? "─┼─" : "┼", r->out);
		for (int k = 0; k < t->fit.columns[i].width; k++)
			fputs("─", r->out);
	}
	colored(r, COLOR_OFF);
	putc('\n', r->out);
}

static void put_header(struct table *t)
{
	int lines = count_header_lines(t);

	for (int i = 0; i <= t->fit.last; i++)
		t->columns[i].rest = t->columns[i].name;
	for (int line = 1; line <= lines; line++)
		put_header_line(t, line == lines);
	put_rule(t);
}

/* The bytes of prose that stand on one line: whole words, if there is one. */
static size_t line_of(const char *text, int width)
{
	size_t head = width_head(text, width), len = head;

	while (text[head] && len && text[len] != ' ')
		len--;
	return len ? len : head;
}

/* What has changed stands out more than what it means. */
static const char *color_in(const struct render *r, int i)
{
	if (r->style->changes && changes_of(r->style->changes, r->row - 1, i) != CHANGE_NONE)
		return COLOR_OTHER;
	return color_of(r->rows->names[i], &r->cursor.cells[i]);
}

/* A line of the cell. True when there is more. */
static bool put_cell(struct table *t, int i, int line)
{
	struct render *r = t->r;
	struct table_column *c = &t->columns[i];
	const struct cell *cell = &r->cursor.cells[i];
	const char *color = r->style->color ? color_in(r, i) : NULL;
	const char *text = render_human(r, i);
	size_t len;

	if (cell->type != SQLITE_NULL)
		text += common(t, i);
	text += line ? c->at : 0;
	len = strlen(text);
	if (t->fit.columns[i].kind == FIT_PROSE && line < LINES_MAX - 1)
		len = line_of(text, t->fit.columns[i].width);
	put(t, i, text, len, color);
	if (t->fit.columns[i].kind == FIT_PROSE && line < LINES_MAX - 1)
		len += strspn(text + len, " ");
	c->at = (line ? c->at : 0) + len;
	return t->fit.columns[i].kind == FIT_PROSE && text[len] && line < LINES_MAX - 1;
}

static void put_row(struct table *t)
{
	struct render *r = t->r;
	bool more = true;

	for (int i = 0; i <= t->fit.last; i++)
		t->columns[i].done = false;
	for (int line = 0; more; line++) {
		more = false;
		for (int i = 0; i <= t->fit.last; i++) {
			if (t->fit.columns[i].hidden)
				continue;
			between(t, i, " │ ", "│");
			if (t->columns[i].done)
				put(t, i, "", 0, NULL);
			else
				t->columns[i].done = !put_cell(t, i, line);
			more |= !t->columns[i].done;
		}
		putc('\n', r->out);
	}
}

/* Those that are the same in all rows with what they hold, or the others. */
static void put_names(struct table *t, const char *words, bool same)
{
	struct render *r = t->r;
	const char *begin = words;

	for (int i = 0; i < t->fit.n; i++) {
		if (!t->fit.columns[i].hidden || t->fit.columns[i].same != same ||
		    t->fit.columns[i].kind == FIT_BAR)
			continue;
		colored(r, begin == words ? COLOR_LINES : NULL);
		fprintf(r->out, "%s%s", begin, t->columns[i].name);
		if (same) {
			size_t len = width_head(t->columns[i].first, SAME_WIDTH);

			fprintf(r->out, " %.*s%s", (int)len, t->columns[i].first,
				t->columns[i].first[len] ? t->shortened : "");
		}
		begin = ", ";
	}
	if (begin == words)
		return;
	colored(r, COLOR_OFF);
	putc('\n', r->out);
}

static void put_hidden_here(struct table *t)
{
	put_names(t, "no room here, but in a wider terminal, a pipe or another --format: ", false);
}

static void put_hidden(struct table *t)
{
	put_names(t, "in every row: ", true);
	put_hidden_here(t);
}

static int put_live_header(struct table *t, const char *day, struct err *err)
{
	for (int i = 0; day && i < t->fit.n; i++) {
		free(t->columns[i].moment);
		t->columns[i].moment = strdup(day);
		if (!t->columns[i].moment)
			return err_set(err, -ENOMEM, "no memory for the output");
	}
	put_header(t);
	return 0;
}

/* The header again when it has to say another day, or the terminal has another width. */
static int write_live(struct table *t, struct err *err)
{
	struct render_live *live = t->r->style->live;
	bool resized = !live->begun || live->width != t->r->style->width;
	const char *day;
	int ret = live_measure(t, err), failed = 0;

	if (ret)
		return ret;
	if (resized) {
		live->day[0] = '\0';
		put_hidden_here(t);
	}
	live->width = t->r->style->width;
	while (!failed && (ret = render_next(t->r, err)) > 0) {
		day = live_new_day(t);
		if (day || resized)
			failed = put_live_header(t, day, err);
		resized = false;
		if (!failed)
			put_row(t);
	}
	return failed ? failed : ret;
}

static int write_table(struct table *t, struct err *err)
{
	int ret = table_measure(t, err);

	if (ret)
		return ret;
	put_header(t);
	while ((ret = render_next(t->r, err)) > 0)
		put_row(t);
	if (!ret)
		put_hidden(t);
	return ret;
}

int render_table(struct render *r, struct err *err)
{
	struct table t = {.r = r, .fit = {.n = r->rows->n_columns}};
	int ret;

	if (r->rows->n_rows == 0)
		return 0;
	t.shortened = r->style->lines ? "…" : "~";
	t.columns = calloc((size_t)t.fit.n, sizeof(*t.columns));
	t.fit.columns = calloc((size_t)t.fit.n, sizeof(*t.fit.columns));
	if (!t.columns || !t.fit.columns)
		ret = err_set(err, -ENOMEM, "no memory for the output");
	else
		ret = r->style->live ? write_live(&t, err) : write_table(&t, err);
	for (int i = 0; t.columns && i < t.fit.n; i++) {
		free(t.columns[i].name);
		free(t.columns[i].first);
		free(t.columns[i].moment);
	}
	free(t.columns);
	free(t.fit.columns);
	return ret;
}
