/* render_json.c - JSON (RFC 8259): an array of objects, or one object a line. */
#include "render.h"

#include <math.h>
#include <string.h>

#include "escape.h"

/* The code point of @n bytes at @s; 0 when they are no character. Of those that
 * escape_stored() hides, all are in the basic plane. */
static unsigned decode(const unsigned char *s, size_t n)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800};
	unsigned c;

	if (n == 1 || n > 3)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c >> 11 == 0x1b /* a surrogate */ ? 0 : c;
}

/* What escape_stored() hides is written as \uXXXX, so that a program gets the text
 * back as it was; bytes that are no UTF-8 cannot be, and stay in their \xNN form. */
static void put_string(FILE *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', out);
	for (size_t i = 0; i < len;) {
		size_t n = s[i] < 0xc0 ? 1 : s[i] < 0xe0 ? 2 : s[i] < 0xf0 ? 3 : 4;
		char shown[ESCAPED_SIZE(4)];
		unsigned c;

		if (n > len - i)
			n = 1;
		c = s[i] < 0x80 ? s[i] : decode(s + i, n);
		if (escape_stored(text + i, n, shown, sizeof(shown)) == n) {
			if (c == '"' || c == '\\')
				putc('\\', out);
			fputs(shown, out);
		} else if (s[i] < 0x80 || c) {
			fprintf(out, "\\u%04x", c);
		} else {
			n = 1;
			fprintf(out, "\\\\x%02x", s[i]);
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
