/*
 * Every format, of cells and names of columns that are anything. What is printed is clean text,
 * and what reads the format finds the same rows in it: so no cell can end another, be a formula,
 * or be markup.
 */
#include "check.h"
#include "clean.h"
#include "feed.h"
#include "must.h"
#include "render.h"
#include "render_html.h"
#include "sheet.h"

struct text {
	char *at;
	size_t len;
};

/* ---- html ---- */

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
	check_html_table(rows, table.at);
	if (!around)
		around = count(page, '<') - count(table.at, '<');
	must(count(page, '<') == count(table.at, '<') + around);
	free(table.at);
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
		check_separated(rows, out.at, ',');
	if (r->write == render_tsv)
		check_separated(rows, out.at, '\t');
	if (r->write == render_json)
		check_json(rows, out.at, out.len);
	if (r->write == render_jsonl)
		check_jsonl(rows, out.at);
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
