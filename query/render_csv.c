/* render_csv.c - comma- or tab-separated values after RFC 4180; lines end in LF. */
#include "render.h"

#include <string.h>

/* A spreadsheet takes a text that starts like this, perhaps after blanks, for a formula
 * (OWASP: CSV injection), and a process may choose its name. The last four are = + - @ as
 * wide as an ideograph. Tabs and line ends cannot come: they are escaped. */
static const char *const formula_starts[] = {
	"=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

static bool is_formula(const char *text)
{
	text += strspn(text, " ");
	for (size_t i = 0; i < sizeof(formula_starts) / sizeof(formula_starts[0]); i++)
		if (!strncmp(text, formula_starts[i], strlen(formula_starts[i])))
			return true;
	return false;
}

static void put_text(FILE *out, const char *text, char separator)
{
	/* "" is the empty text, nothing at all is NULL. */
	bool quote = !text[0] || strchr(text, '"') || strchr(text, separator);

	if (quote)
		putc('"', out);
	if (is_formula(text))
		putc('\'', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	if (quote)
		putc('"', out);
}

static void put_cell(struct render *r, int column, char separator)
{
	const char *text = render_plain(r, column);

	if (r->cursor.cells[column].type == SQLITE_TEXT)
		put_text(r->out, text, separator);
	else
		fputs(text, r->out);
}

static int render_separated(struct render *r, char separator, struct err *err)
{
	int last = r->rows->n_columns - 1, ret;

	for (int i = 0; i <= last && !(r->style->live && r->style->live->begun); i++) {
		put_text(r->out, render_name(r, i), separator);
		putc(i < last ? separator : '\n', r->out);
	}
	while ((ret = render_next(r, err)) > 0)
		for (int i = 0; i <= last; i++) {
			put_cell(r, i, separator);
			putc(i < last ? separator : '\n', r->out);
		}
	return ret;
}

int render_csv(struct render *r, struct err *err)
{
	return render_separated(r, ',', err);
}

int render_tsv(struct render *r, struct err *err)
{
	return render_separated(r, '\t', err);
}
