#include "changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "human.h"
#include "render.h"
#include "text.h"

#define TEXT_SIZE 24

struct value {
	double number; /* or a hash of the text */
	int type;
	enum change_kind kind;
	char text[TEXT_SIZE];
};

struct changes {
	int n_columns, n_names; /* the first ones name a row */
	enum render_unit *units;
	int *widths; /* of the longest text in each column, ever */
	size_t n_rows, n_before;
	char **names, **names_before;
	struct value *values, *before; /* row by row */
};

struct changes *changes_new(void)
{
	return calloc(1, sizeof(struct changes));
}

static void free_names(char **names, size_t n)
{
	for (size_t i = 0; names && i < n; i++)
		free(names[i]);
	free(names);
}

static void clear(struct changes *c)
{
	free_names(c->names, c->n_rows);
	free_names(c->names_before, c->n_before);
	free(c->values);
	free(c->before);
	free(c->units);
	free(c->widths);
	*c = (struct changes){0};
}

void changes_free(struct changes *c)
{
	if (c)
		clear(c);
	free(c);
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory for what has changed");
}

static bool is_measure(enum render_unit unit)
{
	return unit != RENDER_PLAIN && unit != RENDER_MOMENT;
}

static bool fits(const struct changes *c, const struct rows *rows)
{
	if (c->n_columns != rows->n_columns)
		return false;
	for (int i = 0; i < rows->n_columns; i++)
		if (c->units[i] != render_unit_of(rows->names[i]))
			return false;
	return true;
}

static int take_columns(struct changes *c, const struct rows *rows, struct err *err)
{
	clear(c);
	c->units = calloc((size_t)rows->n_columns, sizeof(*c->units));
	c->widths = calloc((size_t)rows->n_columns, sizeof(*c->widths));
	if (!c->units || !c->widths)
		return no_memory(err);
	c->n_columns = rows->n_columns;
	for (int i = 0; i < rows->n_columns; i++)
		c->units[i] = render_unit_of(rows->names[i]);
	while (c->n_names < c->n_columns && !is_measure(c->units[c->n_names]))
		c->n_names++;
	return 0;
}

static double hash(const char *text, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a, as much as a double holds */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
	return (double)(h >> 12);
}

static struct value value_of(const struct cell *cell)
{
	struct value v = {.type = cell->type};

	if (cell->type == SQLITE_INTEGER)
		v.number = (double)cell->number;
	else if (cell->type == SQLITE_FLOAT)
		v.number = cell->real;
	else if (cell->type != SQLITE_NULL)
		v.number = hash(cell->text, cell->len);
	return v;
}

/* What names the row, and how many before have that name. */
static char *name_of(const struct changes *c, const struct cell *cells)
{
	char *name = NULL, *numbered = NULL;
	size_t size;
	FILE *f = text_open(&name, &size);
	int n = 0;

	if (!f)
		return NULL;
	for (int i = 0; i < c->n_names; i++) {
		if (cells[i].type == SQLITE_INTEGER)
			fprintf(f, "%lld\t", (long long)cells[i].number);
		else if (cells[i].type == SQLITE_TEXT)
			fprintf(f, "%s\t", cells[i].text);
		else
			fputs("\t", f);
	}
	if (fclose(f))
		return NULL;
	for (size_t i = 0; i < c->n_rows; i++)
		n += !strncmp(c->names[i], name, size);
	if (asprintf(&numbered, "%s%d", name, n) < 0)
		numbered = NULL;
	free(name);
	return numbered;
}

static const struct value *find_before(const struct changes *c, const char *name)
{
	for (size_t i = 0; i < c->n_before; i++)
		if (!strcmp(c->names_before[i], name))
			return c->before + i * (size_t)c->n_columns;
	return NULL;
}

static bool can_tell(enum render_unit unit)
{
	return unit == RENDER_COUNT || unit == RENDER_BYTES;
}

static void write_delta(enum render_unit unit, double delta, char out[TEXT_SIZE])
{
	char bytes[TEXT_SIZE - 2];
	double size = delta < 0 ? -delta : delta;

	if (size > 9e15) /* not exact, and of no connection */
		return;
	if (unit == RENDER_BYTES)
		human_bytes((int64_t)size, bytes, sizeof(bytes));
	else
		snprintf(bytes, sizeof(bytes), "%lld", (long long)size);
	snprintf(out, TEXT_SIZE, "%c%s", delta < 0 ? '-' : '+', bytes);
}

static void compare(struct changes *c, struct value *now, const struct value *before)
{
	bool told = false;

	for (int i = 0; i < c->n_columns; i++) {
		struct value *v = &now[i];
		bool number = v->type == SQLITE_INTEGER || v->type == SQLITE_FLOAT;
		int len;

		if (before && v->type == before[i].type && v->number == before[i].number)
			continue;
		v->kind = before ? CHANGE_VALUE : CHANGE_NEW;
		if (!can_tell(c->units[i]) || !number)
			continue;
		if (before)
			write_delta(c->units[i],
				    v->number -
					    (before[i].type == SQLITE_NULL ? 0 : before[i].number),
				    v->text);
		else if (!told)
			strcpy(v->text, "new");
		told = true;
		len = (int)strlen(v->text);
		if (len > c->widths[i])
			c->widths[i] = len;
	}
}

static int take_row(struct changes *c, const struct cell *cells, bool compared, struct err *err)
{
	struct value *row = c->values + c->n_rows * (size_t)c->n_columns;
	char *name = name_of(c, cells);

	if (!name)
		return no_memory(err);
	for (int i = 0; i < c->n_columns; i++)
		row[i] = value_of(&cells[i]);
	if (compared)
		compare(c, row, find_before(c, name));
	c->names[c->n_rows++] = name;
	return 0;
}

int changes_take(struct changes *c, const struct rows *rows, struct err *err)
{
	AUTO_CURSOR cursor;
	size_t n = rows->n_rows < CHANGES_ROWS_MAX ? rows->n_rows : CHANGES_ROWS_MAX;
	bool compared = c->n_columns > 0 && fits(c, rows);
	int ret = rows_begin(rows, &cursor, err);

	if (!ret && !compared)
		ret = take_columns(c, rows, err);
	if (ret)
		return ret;
	free_names(c->names_before, c->n_before);
	free(c->before);
	c->names_before = c->names;
	c->before = c->values;
	c->n_before = c->n_rows;
	c->n_rows = 0;
	c->names = calloc(n + 1, sizeof(*c->names));
	c->values = calloc(n + 1, (size_t)c->n_columns * sizeof(*c->values));
	if (!c->names || !c->values)
		return no_memory(err);
	while (!ret && c->n_rows < n && (ret = rows_next(&cursor, err)) > 0)
		ret = take_row(c, cursor.cells, compared, err);
	return ret < 0 ? ret : 0;
}

static const struct value *find(const struct changes *c, size_t row, int column)
{
	return row < c->n_rows ? &c->values[row * (size_t)c->n_columns + (size_t)column] : NULL;
}

enum change_kind changes_of(const struct changes *c, size_t row, int column)
{
	const struct value *v = find(c, row, column);

	return v ? v->kind : CHANGE_NONE;
}

const char *changes_text(const struct changes *c, size_t row, int column)
{
	static char padded[TEXT_SIZE + 1];
	const struct value *v = find(c, row, column);

	if (c->widths[column] == 0)
		return "";
	snprintf(padded, sizeof(padded), " %-*s", c->widths[column], v ? v->text : "");
	return padded;
}
