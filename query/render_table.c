/* render_table.c - aligned columns for people, and the same as Markdown. */
#include "render.h"

static void measure(struct render *r, int column)
{
	int width = render_width(render_human_name(r, column));

	for (size_t row = 0; row < r->rows->n_rows; row++) {
		int w = render_width(render_human(r, row, column));

		if (w > width)
			width = w;
	}
	r->columns[column].width = width;
}

/* Numbers stand right; nothing follows the text of the last column. */
static void put(struct render *r, int column, const char *text)
{
	const struct render_column *c = &r->columns[column];
	bool last = column == r->rows->n_columns - 1;
	int blanks = c->width - render_width(text);

	fprintf(r->out, "%*s%s%*s", c->is_number ? blanks : 0, "", text,
		c->is_number || last ? 0 : blanks, "");
	fputs(last ? "\n" : "  ", r->out);
}

void render_table(struct render *r)
{
	int n = r->rows->n_columns;

	if (r->rows->n_rows == 0)
		return;
	for (int i = 0; i < n; i++)
		measure(r, i);
	for (int i = 0; i < n; i++)
		put(r, i, render_human_name(r, i));
	for (size_t row = 0; row < r->rows->n_rows; row++)
		for (int i = 0; i < n; i++)
			put(r, i, render_human(r, row, i));
}

/* A | would end the cell; the other characters of Markdown are left to look at. */
static void put_markdown(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
}

void render_markdown(struct render *r)
{
	const struct rows *rows = r->rows;

	for (int i = 0; i < rows->n_columns; i++) {
		fputs(i ? " | " : "| ", r->out);
		put_markdown(r->out, render_human_name(r, i));
	}
	fputs(" |\n", r->out);
	for (int i = 0; i < rows->n_columns; i++)
		fputs(r->columns[i].is_number ? "|---:" : "|---", r->out);
	fputs("|\n", r->out);
	for (size_t row = 0; row < rows->n_rows; row++) {
		for (int i = 0; i < rows->n_columns; i++) {
			fputs(i ? " | " : "| ", r->out);
			put_markdown(r->out, render_human(r, row, i));
		}
		fputs(" |\n", r->out);
	}
}
