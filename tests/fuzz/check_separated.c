#include <math.h>

#include "check.h"
#include "escape.h"
#include "must.h"

static char *escaped(const char *text, size_t len)
{
	char *out = malloc(ESCAPED_SIZE(len));

	must(out);
	escape_stored(text, len, out, ESCAPED_SIZE(len));
	return out;
}

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

void check_separated(const struct rows *rows, const char *text, char separator)
{
	struct rows_cursor cursor;
	struct err err = {0};
	const char *p = text;

	must(rows_begin(rows, &cursor, &err) == 0);
	for (size_t row = 0; row <= rows->n_rows; row++) {
		if (row)
			must(rows_next(&cursor, &err) == 1);
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
