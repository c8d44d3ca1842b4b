#include "render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "render_live.h"
#include "suggest.h"
#include "timespec.h"

/* To add a format, write render_NAME.c and a row here. */
const struct renderer renderers[] = {
	{"table", "aligned columns, for people", true, render_table},
	{"markdown", "the same as a Markdown table", true, render_markdown},
	{"html", "a page of its own, for a browser", true, render_html},
	{"csv", "RFC 4180", false, render_csv},
	{"tsv", "the same between tabs", false, render_tsv},
	{"json", "one array of objects", false, render_json},
	{"jsonl", "one object a line", false, render_jsonl},
	{"dot", "a graph for Graphviz, of source, target and label", false, render_dot},
	{"mermaid", "the same for Mermaid", false, render_mermaid},
	{0},
};

#define SHORT_SIZE 256 /* any number, moment, duration or bar as text */

int render_find(const char *name, const struct renderer **out, struct err *err)
{
	struct suggestion s = {.word = name};

	for (const struct renderer *r = renderers; r->name; r++) {
		if (!strcmp(r->name, name)) {
			*out = r;
			return 0;
		}
		suggest_try(&s, r->name);
	}
	return suggest_error(&s, err, "format",
			     "it is table, markdown, html, csv, tsv, json, jsonl, dot or mermaid");
}

int render_next(struct render *r, struct err *err)
{
	if (ferror(r->out) || (r->style->max_rows && r->row == r->style->max_rows))
		return 0;
	r->row++;
	return rows_next(&r->cursor, err);
}

void render_rewind(struct render *r)
{
	r->row = 0;
	rows_rewind(&r->cursor);
}

/* The greatest of each bar, for which all rows are read when there is a bar. */
static int measure_bars(struct render *r, struct err *err)
{
	bool some = false;
	int ret = 0;

	for (int i = 0; i < r->rows->n_columns; i++)
		some |= r->columns[i].unit == RENDER_BAR;
	while (some && (ret = render_next(r, err)) > 0)
		for (int i = 0; i < r->rows->n_columns; i++) {
			const struct cell *cell = &r->cursor.cells[i];
			double value = cell->type == SQLITE_INTEGER ? (double)cell->number
				       : cell->type == SQLITE_FLOAT ? cell->real
								    : 0;

			if (value > r->columns[i].greatest)
				r->columns[i].greatest = value;
		}
	render_rewind(r);
	return ret;
}

static int prepare(struct render *r, bool for_people, struct err *err)
{
	int ret = rows_begin(r->rows, &r->cursor, err);

	if (ret)
		return ret;
	r->text_size = ESCAPED_SIZE(r->rows->longest) + SHORT_SIZE;
	r->text = malloc(r->text_size);
	r->columns = calloc((size_t)r->rows->n_columns, sizeof(*r->columns));
	if (!r->text || !r->columns)
		return err_set(err, -ENOMEM, "no memory for the output");
	for (int i = 0; i < r->rows->n_columns; i++) {
		r->columns[i].unit = render_unit_of(r->rows->names[i]);
		r->columns[i].is_number = rows_is_number(r->rows, i) &&
					  r->columns[i].unit != RENDER_MOMENT &&
					  r->columns[i].unit != RENDER_BAR;
		if (r->style->live)
			r->columns[i].is_number =
				live_is_number(r->rows->names[i], r->columns[i].unit);
		r->columns[i].bar_width = 20;
	}
	return for_people ? measure_bars(r, err) : 0;
}

int render_rows(const struct renderer *renderer, const struct rows *rows,
		const struct render_style *style, FILE *out, struct err *err)
{
	struct render r = {.rows = rows, .style = style, .out = out};
	int ret = prepare(&r, renderer->for_people, err);

	errno = 0;
	if (!ret)
		ret = renderer->write(&r, err);
	if (!ret && style->live)
		style->live->begun = true;
	if (!ret && (fflush(out) || ferror(out)))
		ret = err_set(err, errno ? -errno : -EIO, "writing the output: %s",
			      strerror(errno ? errno : EIO));
	rows_end(&r.cursor);
	free(r.columns);
	free(r.text);
	return ret;
}

/* What is valid already, each byte beyond ASCII as \xNN. */
static void escape_beyond_ascii(char *text, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = strlen(text), more = 0;

	for (size_t i = 0; i < len; i++)
		more += ((unsigned char)text[i] >= 0x80) * 3u;
	if (len + more >= size)
		return; /* cannot be: there is room for all bytes escaped */
	text[len + more] = '\0';
	for (size_t i = len; i-- > 0;) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x80) {
			text[i + more] = (char)c;
			continue;
		}
		more -= 3;
		memcpy(text + i + more, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
	}
}

const char *render_escaped(struct render *r, const char *text, size_t len)
{
	escape_stored(text, len, r->text, r->text_size);
	if (r->style->ascii)
		escape_beyond_ascii(r->text, r->text_size);
	return r->text;
}

static const char *hex(struct render *r, const struct cell *cell)
{
	for (uint32_t i = 0; i < cell->len; i++)
		snprintf(r->text + 2 * i, 3, "%02x", (unsigned char)cell->text[i]);
	r->text[2 * cell->len] = '\0';
	return r->text;
}

/* 15 digits, as sqlite3 shows it, or as many as it takes to get the same number again; and
 * always a point. */
static const char *real(struct render *r, double number)
{
	sqlite3_snprintf(SHORT_SIZE, r->text, "%!.15g", number);
	if (strtod(r->text, NULL) != number)
		sqlite3_snprintf(SHORT_SIZE, r->text, "%!.17g", number);
	return r->text;
}

static const char *stored(struct render *r, const struct cell *cell)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		snprintf(r->text, r->text_size, "%" PRId64, cell->number);
		return r->text;
	case SQLITE_FLOAT:
		return real(r, cell->real);
	case SQLITE_TEXT:
		return render_escaped(r, cell->text, cell->len);
	case SQLITE_BLOB:
		return hex(r, cell);
	default:
		r->text[0] = '\0';
		return r->text;
	}
}

const char *render_plain(struct render *r, int column)
{
	const struct cell *cell = &r->cursor.cells[column];

	if (cell->type == SQLITE_INTEGER && r->columns[column].unit == RENDER_MOMENT)
		return timespec_format(cell->number, TIMESPEC_RFC3339, r->text);
	return stored(r, cell);
}

const char *render_name(struct render *r, int column)
{
	const char *name = r->rows->names[column];

	return render_escaped(r, name, strlen(name));
}
