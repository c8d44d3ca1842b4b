/* render_csv.c - comma- or tab-separated values after RFC 4180; lines end in LF. */
#include "render.h"

#include <string.h>

/* A spreadsheet takes a text that starts like this for a formula (OWASP: CSV
 * injection), and a process may choose its name. Tabs and line ends cannot come:
 * they are escaped. */
static const char formula_start[] = "=+-@";

static void put_text(FILE *out, const char *text, char separator)
{
	bool formula = text[0] && strchr(formula_start, text[0]);
	/* "" is the empty text, nothing at all is NULL. */
	bool quote = !text[0] || strchr(text, '"') || strchr(text, separator);

	if (quote)
		putc('"', out);
	if (formula)
		putc('\'', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	if (quote)
		putc('"', out);
}

static void put_cell(struct render *r, size_t row, int column, char separator)
{
	int type = render_cell(r, row, column)->type;
	const char *text = render_plain(r, row, column);

	if (type == SQLITE_TEXT)
		put_text(r->out, text, separator);
	else
		fputs(text, r->out);
}

static void render_separated(struct render *r, char separator)
{
	int last = r->rows->n_columns - 1;

	for (int i = 0; i <= last; i++) {
		put_text(r->out, render_name(r, i), separator);
		putc(i < last ? separator : '\n', r->out);
	}
	for (size_t row = 0; row < r->rows->n_rows; row++)
		for (int i = 0; i <= last; i++) {
			put_cell(r, row, i, separator);
			putc(i < last ? separator : '\n', r->out);
		}
}

void render_csv(struct render *r)
{
	render_separated(r, ',');
}

void render_tsv(struct render *r)
{
	render_separated(r, '\t');
}
