/*
 * Every format, of cells and names of columns that are anything. What is printed is clean text,
 * and what reads the format finds the same rows in it: so no cell can end another, be a formula,
 * or be markup.
 */
#include <math.h>

#include "clean.h"
#include "escape.h"
#include "feed.h"
#include "must.h"
#include "render.h"
#include "render_html.h"
#include "sheet.h"

static sqlite3 *db; /* its JSON */

struct text {
	char *at;
	size_t len;
};

/* ---- what a cell should be ---- */

/* The next row. */
static void next(struct rows_cursor *cursor)
{
	struct err err = {0};

	must(rows_next(cursor, &err) == 1);
}

static char *escaped(const char *text, size_t len)
{
	char *out = malloc(ESCAPED_SIZE(len));

	must(out);
	escape_stored(text, len, out, ESCAPED_SIZE(len));
	return out;
}

/* ---- csv and tsv: RFC 4180 ---- */

/* A cell and what ends it, at *@p, which is moved behind it. */
static char *read_cell(const char **p, char separator, bool *quoted)
{
	char *cell = malloc(strlen(*p) + 1);
	size_t n = 0;

	must(cell);
	*quoted = **p == '"';
	*p += *quoted;
	for (;; (*p)++) {
		must(**p);
		if (*quoted && (*p)[0] == '"' && (*p)[1] == '"')
			(*p)++;
		else if (*quoted ? **p == '"' : **p == separator || **p == '\n')
			break;
		must(*quoted || **p != '"');
		cell[n++] = **p;
	}
	cell[n] = '\0';
	*p += *quoted;
	must(**p == separator || **p == '\n');
	return cell;
}

/* As a spreadsheet looks at it. */
static bool is_formula(const char *cell)
{
	cell += strspn(cell, " \t\r\n");
	return *cell && strchr("=+-@", *cell);
}

static void must_be_text(const char *cell, const char *text, size_t len)
{
	char *expected = escaped(text, len);

	must(!is_formula(cell));
	must(!strcmp(cell, expected) || (cell[0] == '\'' && !strcmp(cell + 1, expected)));
	free(expected);
}

static void must_be_cell(const char *text, bool quoted, const struct cell *cell)
{
	switch (cell->type) {
	case SQLITE_TEXT:
		must_be_text(text, cell->text, cell->len);
		must(text[0] || quoted);
		return;
	case SQLITE_NULL:
		must(!text[0] && !quoted);
		return;
	case SQLITE_BLOB:
		must(strlen(text) == 2 * cell->len);
		must(strspn(text, "0123456789abcdef") == strlen(text));
		return;
	case SQLITE_FLOAT:
		must(isinf(cell->real) ? strstr(text, "Inf") != NULL
				       : strtod(text, NULL) == cell->real);
		return;
	default:
		must(strtoll(text, NULL, 10) == cell->number || strchr(text, 'T'));
	}
}

static void check_separated(const struct rows *rows, struct text out, char separator)
{
	struct rows_cursor cursor;
	struct err err = {0};
	const char *p = out.at;

	must(rows_begin(rows, &cursor, &err) == 0);
	for (size_t row = 0; row <= rows->n_rows; row++) {
		if (row)
			next(&cursor);
		for (int i = 0; i < rows->n_columns; i++) {
			bool quoted;
			char *cell = read_cell(&p, separator, &quoted);

			if (row)
				must_be_cell(cell, quoted, &cursor.cells[i]);
			else
				must_be_text(cell, rows->names[i], strlen(rows->names[i]));
			must(*p++ == (i < rows->n_columns - 1 ? separator : '\n'));
			free(cell);
		}
	}
	must(*p == '\0');
	rows_end(&cursor);
}

/* ---- json and jsonl, as SQLite reads them ---- */

static bool is_plain_text(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		const size_t n = escape_next(text + at, len - at, &point);

		if (n == 0 || point == 0)
			return false;
		at += n;
	}
	return true;
}

static bool is_same(sqlite3_stmt *stmt, int column, const char *text, size_t len)
{
	return (size_t)sqlite3_column_bytes(stmt, column) == len &&
	       !memcmp(sqlite3_column_text(stmt, column), text, len);
}

static void must_be_value(sqlite3_stmt *stmt, int column, const struct cell *cell)
{
	const int type = sqlite3_column_type(stmt, column);

	switch (cell->type) {
	case SQLITE_TEXT:
		must(type == SQLITE_TEXT);
		if (is_plain_text(cell->text, cell->len))
			must(is_same(stmt, column, cell->text, cell->len));
		return;
	case SQLITE_INTEGER: /* or a moment */
		must(type == SQLITE_TEXT || sqlite3_column_int64(stmt, column) == cell->number);
		return;
	case SQLITE_FLOAT:
		must(isfinite(cell->real) ? type == SQLITE_FLOAT : type == SQLITE_NULL);
		return;
	default:
		must(type == (cell->type == SQLITE_NULL ? SQLITE_NULL : SQLITE_TEXT));
	}
}

/* The members of the object, of which there are as many as columns. */
static void check_object(const struct rows *rows, const struct rows_cursor *cursor,
			 const char *object, int len)
{
	static sqlite3_stmt *stmt;

	if (!stmt)
		must(sqlite3_prepare_v2(db, "SELECT key, atom FROM json_each(?1)", -1, &stmt,
					NULL) == SQLITE_OK);
	sqlite3_bind_text(stmt, 1, object, len, SQLITE_STATIC);
	for (int i = 0; i < rows->n_columns; i++) {
		const char *name = rows->names[i];

		must(sqlite3_step(stmt) == SQLITE_ROW);
		if (is_plain_text(name, strlen(name)))
			must(is_same(stmt, 0, name, strlen(name)));
		must_be_value(stmt, 1, &cursor->cells[i]);
	}
	must(sqlite3_step(stmt) == SQLITE_DONE);
	sqlite3_reset(stmt);
}

static void must_be_json(const char *text, size_t len)
{
	static sqlite3_stmt *stmt;

	if (!stmt)
		must(sqlite3_prepare_v2(db, "SELECT json_valid(?1)", -1, &stmt, NULL) == SQLITE_OK);
	sqlite3_bind_text(stmt, 1, text, (int)len, SQLITE_STATIC);
	must(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 1);
	sqlite3_reset(stmt);
}

/* One object a line: @p is the first, behind @indent blanks. */
static void check_objects(const struct rows *rows, const char *p, size_t indent)
{
	struct rows_cursor cursor;
	struct err err = {0};

	must(rows_begin(rows, &cursor, &err) == 0);
	for (size_t row = 0; row < rows->n_rows; row++) {
		size_t len = strcspn(p, "\n");

		next(&cursor);
		must(len > indent && p[indent] == '{' && p[len] == '\n');
		p += indent;
		len -= indent;
		check_object(rows, &cursor, p, (int)len - (p[len - 1] == ','));
		p += len + 1;
	}
	must(indent ? !strcmp(p, "]\n") : !*p);
	rows_end(&cursor);
}

/* ---- markdown ---- */

/* A | that no \ stands before. */
static void check_markdown(const struct rows *rows, const char *p)
{
	for (size_t line = 0; line < rows->n_rows + 2; line++) {
		int bars = 0;

		must(*p == '|');
		for (; *p != '\n'; p++) {
			must(*p);
			if (*p == '\\' && line != 1)
				p++;
			else
				bars += *p == '|';
			must(*p != '<' || p[-1] == '\\');
		}
		must(p[-1] == '|' && bars == rows->n_columns + 1);
		p++;
	}
	must(*p == '\0');
}

/* ---- html ---- */

static bool skip(const char **p, const char *word)
{
	if (strncmp(*p, word, strlen(word)) != 0)
		return false;
	*p += strlen(word);
	return true;
}

/* Text up to @end, without what could be markup. */
static void skip_text(const char **p, char end)
{
	for (; **p != end; (*p)++) {
		must(**p && !strchr("<>\"'", **p));
		if (**p == '&')
			must(!strncmp(*p, "&amp;", 5) || !strncmp(*p, "&lt;", 4) ||
			     !strncmp(*p, "&gt;", 4) || !strncmp(*p, "&quot;", 6) ||
			     !strncmp(*p, "&#39;", 5));
	}
}

static void skip_value(const char **p)
{
	skip_text(p, '"');
	(*p)++;
}

static void check_heading(const char **p)
{
	must(skip(p, "<th scope=\"col\" data-column=\""));
	skip_value(p);
	must(skip(p, " data-kind=\""));
	skip_value(p);
	must(skip(p, ">"));
	do
		skip_text(p, '<');
	while (skip(p, "<wbr>"));
	must(skip(p, "</th>"));
}

static void check_td(const char **p)
{
	must(skip(p, "<td"));
	if (skip(p, " class=\""))
		skip_value(p);
	if (skip(p, " data-v=\""))
		skip_value(p);
	else
		skip(p, " data-v");
	must(skip(p, ">"));
	if (skip(p, "<svg class=\"bar\" width=\"")) {
		skip_value(p);
		must(skip(p, " height=\"12\" aria-hidden=\"true\"><rect width=\""));
		skip_value(p);
		must(skip(p, " height=\"12\"/></svg>"));
	}
	skip_text(p, '<');
}

static void check_table(const struct rows *rows, const char *p)
{
	const char *head = strstr(p, "</caption>\n<thead>\n<tr>"),
		   *caption = strstr(p, "<caption>");

	must(head && caption && caption < head);
	caption += strlen("<caption>");
	skip_text(&caption, '<');
	must(caption == head);
	p = head;
	must(skip(&p, "</caption>\n<thead>\n<tr>"));
	for (int i = 0; i < rows->n_columns; i++)
		check_heading(&p);
	must(skip(&p, "</tr>\n</thead>\n<tbody>\n"));
	for (size_t row = 0; row < rows->n_rows; row++) {
		must(skip(&p, "<tr>"));
		for (int i = 0; i < rows->n_columns; i++)
			check_td(&p);
		must(skip(&p, "</tr>\n"));
	}
	must(!strcmp(p, "</tbody>\n</table>\n</div>\n</div>\n"));
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/* A page has no more markup than the table in it and what each page has. */
static void check_page(const struct rows *rows, const struct render_style *style, const char *page)
{
	static size_t around;
	struct text table = {0};
	struct err err = {0};
	FILE *f = open_memstream(&table.at, &table.len);

	must(f);
	must(render_html_table(rows, style, "connmon-query", f, &err) == 0);
	fclose(f);
	must_be_clean(table.at, table.len, "");
	check_table(rows, table.at);
	if (!around)
		around = count(page, '<') - count(table.at, '<');
	must(count(page, '<') == count(table.at, '<') + around);
	free(table.at);
}

/* ---- graphs ---- */

static void skip_dot(const char **p)
{
	must(skip(p, "\""));
	for (; **p != '"'; (*p)++) {
		must(**p && **p != '\n');
		if (**p == '\\')
			must(*++*p == '"' || **p == '\\');
	}
	(*p)++;
}

static void check_dot(const struct rows *rows, const char *p)
{
	must(skip(&p, "digraph connmon {\n  rankdir=LR;\n  node [shape=box];\n"));
	for (size_t row = 0; row < rows->n_rows; row++) {
		must(skip(&p, "  "));
		skip_dot(&p);
		must(skip(&p, " -> "));
		skip_dot(&p);
		if (skip(&p, " [label=")) {
			skip_dot(&p);
			must(skip(&p, "]"));
		}
		must(skip(&p, ";\n"));
	}
	must(!strcmp(p, "}\n"));
}

static void skip_mermaid(const char **p)
{
	must(skip(p, "\""));
	for (; **p != '"'; (*p)++)
		must(**p && !strchr("\n<>[]{}()|\\`&", **p));
	(*p)++;
}

static void skip_node(const char **p)
{
	must(skip(p, "n"));
	must(**p >= '1' && **p <= '9');
	*p += strspn(*p, "0123456789");
	if (skip(p, "[")) {
		skip_mermaid(p);
		must(skip(p, "]"));
	}
}

static void check_mermaid(const struct rows *rows, const char *p)
{
	must(skip(&p, "graph LR\n"));
	for (size_t row = 0; row < rows->n_rows; row++) {
		must(skip(&p, "  "));
		skip_node(&p);
		must(skip(&p, " -->"));
		if (skip(&p, "|")) {
			skip_mermaid(&p);
			must(skip(&p, "|"));
		}
		must(skip(&p, " "));
		skip_node(&p);
		must(skip(&p, "\n"));
	}
	must(*p == '\0');
}

/* ---- all of them ---- */

/* Without the colours, which are ours: ESC [ numbers m. */
static void remove_colors(struct text *out)
{
	size_t n = 0;

	for (size_t i = 0; i < out->len; i++) {
		if (out->at[i] != '\x1b') {
			out->at[n++] = out->at[i];
			continue;
		}
		must(out->at[++i] == '[');
		i += 1 + strspn(out->at + i + 1, "0123456789;");
		must(out->at[i] == 'm');
	}
	out->at[n] = '\0';
	out->len = n;
}

static void check(const struct renderer *r, const struct rows *rows,
		  const struct render_style *style, struct text out)
{
	if (r->write == render_csv)
		check_separated(rows, out, ',');
	if (r->write == render_tsv)
		check_separated(rows, out, '\t');
	if (r->write == render_json) {
		must_be_json(out.at, out.len);
		must(!strncmp(out.at, "[\n", 2));
		check_objects(rows, out.at + 2, 1);
	}
	if (r->write == render_jsonl)
		check_objects(rows, out.at, 0);
	if (r->write == render_markdown)
		check_markdown(rows, out.at);
	if (r->write == render_html)
		check_page(rows, style, out.at);
	if (r->write == render_dot)
		check_dot(rows, out.at);
	if (r->write == render_mermaid)
		check_mermaid(rows, out.at);
	if (r->write == render_table)
		must(count(out.at, '\n') > rows->n_rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken t = {data, size};
	const struct renderer *r = &renderers[take_byte(&t) % 9];
	const uint8_t flags = take_byte(&t), width = take_byte(&t);
	const struct render_style style = {.utc = flags & 1,
					   .exact = flags & 2,
					   .lines = flags & 4,
					   .blocks = flags & 8,
					   .color = flags & 16,
					   .ascii = (flags & 32) && !(flags & 12),
					   .width = width};
	struct text out = {0};
	struct err err = {0};
	struct rows *rows;
	FILE *f;

	if (!db)
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
	must(r->name);
	rows = sheet_make(&t, r->write == render_dot || r->write == render_mermaid || flags & 64);
	f = open_memstream(&out.at, &out.len);
	must(f);
	must(render_rows(r, rows, &style, f, &err) == 0);
	fclose(f);
	if (style.color && r->write == render_table)
		remove_colors(&out);
	must_be_clean(out.at, out.len, r->write == render_tsv ? "\t" : "");
	if (style.ascii && r->write != render_html)
		must_be_ascii(out.at, out.len);
	check(r, rows, &style, out);
	rows_free(rows);
	free(out.at);
	return 0;
}
