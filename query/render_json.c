/* render_json.c - JSON (RFC 8259): an array of objects, or one object a line. */
#include "render.h"

#include <math.h>
#include <string.h>

#include "escape.h"

/* What is unsafe to show is written as \uXXXX, so that a program gets the text back
 * as it was (all of it is in the basic plane); bytes that are no UTF-8 cannot be, and
 * get the \xNN form of escape.h. */
static void put_string(FILE *out, const char *text, size_t len)
{
	putc('"', out);
	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		size_t n = escape_next(text + i, len - i, &point);

		if (n == 0) {
			fprintf(out, "\\\\x%02x", (unsigned char)text[i++]);
			continue;
		}
		if (escape_is_unsafe(point)) {
			fprintf(out, "\\u%04x", point);
		} else {
			if (point == '"' || point == '\\')
				putc('\\', out);
			fwrite(text + i, 1, n, out);
		}
		i += n;
	}
	putc('"', out);
}

static void put_cell(struct render *r, size_t row, int column)
{
	const struct cell *cell = render_cell(r, row, column);
	const char *text;

	if (cell->type == SQLITE_TEXT) {
		put_string(r->out, cell->text, cell->len);
		return;
	}
	text = render_plain(r, row, column);
	if (cell->type == SQLITE_NULL || (cell->type == SQLITE_FLOAT && !isfinite(cell->real)))
		fputs("null", r->out);
	else if (cell->type == SQLITE_BLOB || strchr(text, ':')) /* or a moment */
		put_string(r->out, text, strlen(text));
	else
		fputs(text, r->out);
}

static void put_object(struct render *r, size_t row)
{
	for (int i = 0; i < r->rows->n_columns; i++) {
		fputs(i ? ", " : "{", r->out);
		put_string(r->out, r->rows->names[i], strlen(r->rows->names[i]));
		fputs(": ", r->out);
		put_cell(r, row, i);
	}
	putc('}', r->out);
}

void render_json(struct render *r)
{
	putc('[', r->out);
	for (size_t row = 0; row < r->rows->n_rows; row++) {
		fputs(row ? ",\n " : "\n ", r->out);
		put_object(r, row);
	}
	fputs(r->rows->n_rows ? "\n]\n" : "]\n", r->out);
}

void render_jsonl(struct render *r)
{
	for (size_t row = 0; row < r->rows->n_rows; row++) {
		put_object(r, row);
		putc('\n', r->out);
	}
}
