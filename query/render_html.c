/* render_html.c - a page with a table, see page.h. It is accessible as it stands; the script
 * table.js adds sorting and filtering. The table is the data: what a cell shows otherwise than
 * json has it, such as 1.5K, it has exactly in data-v, which is empty for NULL. */
#include "render_html.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "html.h"
#include "page.h"
#include "render_color.h"

#define QUOTED(x)  #x
#define AS_TEXT(x) QUOTED(x)

const char render_html_cut[] = "the page has the first " AS_TEXT(
	RENDER_HTML_ROWS_MAX) " rows only: a browser takes long "
			      "over more; a narrower question, or --format csv or jsonl, has the others";

#define SHOWN_SIZE 256 /* any number, moment or duration as people read it */

/* A bar of the greatest value. */
#define BAR_PX 160

/* Text of more bytes is wrapped. */
#define LONG_BYTES 32

/* A table of more rows scrolls by itself, so that its headings stay in sight. */
#define TALL_ROWS 60

/* page/table.css aligns so many columns. */
#define ALIGNED_MAX 32

/* What table.js has to know of a column to sort and to explain it. */
static const char *kind_of(const struct render_column *c)
{
	switch (c->unit) {
	case RENDER_DURATION:
		return "us";
	case RENDER_BYTES:
		return "bytes";
	case RENDER_BYTE_RATE:
		return "bytes-per-s";
	case RENDER_MOMENT:
		return "at";
	case RENDER_PERCENT:
		return "percent";
	case RENDER_BAR:
		return "number";
	default:
		return c->is_number ? "number" : "text";
	}
}

/* It may be broken behind each underscore. */
static void put_heading(struct render *r, const char *name)
{
	for (size_t len; *name; name += len) {
		len = strcspn(name, "_");
		len += name[len] == '_';
		html_text(r->out, name, len);
		if (name[len])
			fputs("<wbr>", r->out);
	}
}

static void put_head(struct render *r)
{
	fputs("<thead>\n<tr>", r->out);
	for (int i = 0; i < r->rows->n_columns; i++) {
		fputs("<th scope=\"col\" data-column=\"", r->out);
		html_string(r->out, render_name(r, i));
		fprintf(r->out, "\" data-kind=\"%s\">", kind_of(&r->columns[i]));
		put_heading(r, render_human_name(r, i));
		fputs("</th>", r->out);
	}
	fputs("</tr>\n</thead>\n", r->out);
}

/* NULL, which is faint, is told by its data-v. */
static const char *const tone_names[] = {
	[TONE_USUAL] = NULL,  [TONE_BAD] = "bad",  [TONE_WARN] = "warn",
	[TONE_GOOD] = "good", [TONE_FAINT] = NULL,
};

static void put_classes(struct render *r, int column)
{
	const struct cell *cell = &r->cursor.cells[column];
	const char *tone = tone_names[tone_of(r->rows->names[column], cell)];
	bool is_long = cell->type == SQLITE_TEXT && cell->len > LONG_BYTES;

	if (tone || is_long)
		fprintf(r->out, " class=\"%s%s%s\"", tone ? tone : "", tone && is_long ? " " : "",
			is_long ? "long" : "");
}

static void put_bar(struct render *r, int column, double value)
{
	const double greatest = r->columns[column].greatest;
	double width = value > 0 && greatest > 0 ? fmin(value / greatest, 1) * BAR_PX : 0;

	if (width > 0 && width < 1) /* what is there is seen */
		width = 1;
	fprintf(r->out,
		"<svg class=\"bar\" width=\"%d\" height=\"12\" aria-hidden=\"true\">"
		"<rect width=\"%.0f\" height=\"12\"/></svg>",
		BAR_PX, width);
}

static void put_number(struct render *r, int column)
{
	const struct cell *cell = &r->cursor.cells[column];
	char shown[SHOWN_SIZE];
	const char *exact;

	snprintf(shown, sizeof(shown), "%s", render_human(r, column));
	exact = render_plain(r, column);
	if (strcmp(shown, exact) != 0) {
		fputs(" data-v=\"", r->out);
		html_string(r->out, exact);
		putc('"', r->out);
	}
	putc('>', r->out);
	if (r->columns[column].unit == RENDER_BAR)
		put_bar(r, column,
			cell->type == SQLITE_INTEGER ? (double)cell->number : cell->real);
	else
		html_string(r->out, shown);
}

static void put_cell(struct render *r, int column)
{
	const struct cell *cell = &r->cursor.cells[column];
	int64_t us;

	fputs("<td", r->out);
	put_classes(r, column);
	if (cell->type == SQLITE_NULL) {
		fputs(" data-v>-", r->out);
	} else if (cell->type == SQLITE_INTEGER || cell->type == SQLITE_FLOAT ||
		   (r->columns[column].unit == RENDER_MOMENT && render_moment(cell, &us))) {
		put_number(r, column);
	} else {
		putc('>', r->out);
		html_string(r->out, render_plain(r, column));
	}
}

static int put_rows(struct render *r, struct err *err)
{
	int ret = 1;

	fputs("<tbody>\n", r->out);
	for (int n = 0; n < RENDER_HTML_ROWS_MAX && (ret = render_next(r, err)) > 0; n++) {
		fputs("<tr>", r->out);
		for (int i = 0; i < r->rows->n_columns; i++)
			put_cell(r, i);
		fputs("</tr>\n", r->out);
	}
	fputs("</tbody>\n", r->out);
	return ret < 0 ? ret : 0;
}

/* The columns that stand right, as classes: r1 is the first. Bars do not. */
static void put_alignment(struct render *r)
{
	fputs(" class=\"rows", r->out);
	for (int i = 0; i < r->rows->n_columns && i < ALIGNED_MAX; i++)
		if (r->columns[i].is_number)
			fprintf(r->out, " r%d", i + 1);
	putc('"', r->out);
}

static void put_count(struct render *r)
{
	const size_t n = r->rows->n_rows;

	if (n > RENDER_HTML_ROWS_MAX)
		fprintf(r->out, "<p class=\"cut\">Of %zu rows %s.</p>\n", n, render_html_cut);
	fprintf(r->out, "<p class=\"count\" role=\"status\">%zu row%s</p>\n",
		n > RENDER_HTML_ROWS_MAX ? (size_t)RENDER_HTML_ROWS_MAX : n, n == 1 ? "" : "s");
}

/* @says: the caption is seen, not only heard. */
static int put_table(struct render *r, const char *caption, bool says, struct err *err)
{
	int ret;

	fputs("<div class=\"table\">\n", r->out);
	put_count(r);
	fprintf(r->out, "<div class=\"scroll%s\" role=\"region\" tabindex=\"0\" aria-label=\"",
		r->rows->n_rows > TALL_ROWS ? " tall" : "");
	html_string(r->out, caption);
	fputs("\">\n<table", r->out);
	put_alignment(r);
	fprintf(r->out, ">\n<caption%s>", says ? "" : " class=\"unseen\"");
	html_string(r->out, caption);
	fputs("</caption>\n", r->out);
	put_head(r);
	ret = put_rows(r, err);
	fputs("</table>\n</div>\n</div>\n", r->out);
	return ret;
}

int render_html(struct render *r, struct err *err)
{
	const struct page nameless = {.title = "connmon-query"};
	const struct page *page = r->style->page ? r->style->page : &nameless;
	int ret;

	page_begin(r->out, page);
	ret = put_table(r, page->title, false, err);
	page_end(r->out);
	return ret;
}

static int render_table_alone(struct render *r, struct err *err)
{
	return put_table(r, r->style->page->title, true, err);
}

int render_html_table(const struct rows *rows, const struct render_style *style,
		      const char *caption, FILE *out, struct err *err)
{
	static const struct renderer alone = {"html", "", true, render_table_alone};
	const struct page page = {.title = caption};
	struct render_style own = *style;

	own.page = &page;
	return render_rows(&alone, rows, &own, out, err);
}
