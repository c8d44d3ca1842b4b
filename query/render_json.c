/* render_json.c - JSON (RFC 8259): an array of objects, or one object a line. */
#include "render.h"

#include <math.h>
#include <string.h>

#include "escape.h"

/* A character as \uXXXX, or as two of them when it is outside the basic plane. */
static void put_escaped(FILE *out, uint32_t point)
{
	if (point > 0xffff)
		fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
			0xdc00 + ((point - 0x10000) & 0x3ff));
	else
		fprintf(out, "\\u%04x", point);
}

/* What is unsafe to show is escaped, so that a program gets the text back as it was; bytes
 * that are no UTF-8 cannot be, and get the \xNN form of escape.h. */
static void put_string(struct render *r, const char *text, size_t len)
{
	FILE *out = r->out;

	putc('"', out);
	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		size_t n = escape_next(text + i, len - i, &point);

		if (n == 0) {
			fprintf(out, "\\\\x%02x", (unsigned char)text[i++]);
			continue;
		}
		if (escape_is_unsafe(point) || (point >= 0x80 && r->style->ascii)) {
			put_escaped(out, point);
		} else {
			if (point == '"' || point == '\\')
				putc('\\', out);
			fwrite(text + i, 1, n, out);
		}
		i += n;
	}
	putc('"', out);
}

static void put_cell(struct render *r, int column)
{
	const struct cell *cell = &r->cursor.cells[column];
	const char *text;

	if (cell->type == SQLITE_TEXT) {
		put_string(r, cell->text, cell->len);
		return;
	}
	text = render_plain(r, column);
	if (cell->type == SQLITE_NULL || (cell->type == SQLITE_FLOAT && !isfinite(cell->real)))
		fputs("null", r->out);
	else if (cell->type == SQLITE_BLOB || strchr(text, ':')) /* or a moment */
		put_string(r, text, strlen(text));
	else
		fputs(text, r->out);
}

static void put_object(struct render *r)
{
	for (int i = 0; i < r->rows->n_columns; i++) {
		fputs(i ? ", " : "{", r->out);
		put_string(r, r->rows->names[i], strlen(r->rows->names[i]));
		fputs(": ", r->out);
		put_cell(r, i);
	}
	putc('}', r->out);
}

int render_json(struct render *r, struct err *err)
{
	bool some = false;
	int ret;

	putc('[', r->out);
	while ((ret = render_next(r, err)) > 0) {
		fputs(some ? ",\n " : "\n ", r->out);
		put_object(r);
		some = true;
	}
	fputs(some ? "\n]\n" : "]\n", r->out);
	return ret;
}

int render_jsonl(struct render *r, struct err *err)
{
	int ret;

	while ((ret = render_next(r, err)) > 0) {
		put_object(r);
		putc('\n', r->out);
	}
	return ret;
}
