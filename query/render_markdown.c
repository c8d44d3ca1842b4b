/* render_markdown.c - a table of GitHub's Markdown, for people: for a ticket. */
#include "render.h"

#include <string.h>

/* A | would end the cell; the others would be code, bold, a link or HTML. An _ within a word
 * is safe in tables of GitHub. */
static void put_cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("|\\`*[]<&", *text))
			putc('\\', out);
		putc(*text, out);
	}
}

int render_markdown(struct render *r, struct err *err)
{
	const struct rows *rows = r->rows;
	int ret;

	for (int i = 0; i < rows->n_columns; i++) {
		fputs(i ? " | " : "| ", r->out);
		put_cell(r->out, render_human_name(r, i));
	}
	fputs(" |\n", r->out);
	for (int i = 0; i < rows->n_columns; i++)
		fputs(r->columns[i].is_number ? "|---:" : "|---", r->out);
	fputs("|\n", r->out);
	while ((ret = render_next(r, err)) > 0) {
		for (int i = 0; i < rows->n_columns; i++) {
			fputs(i ? " | " : "| ", r->out);
			put_cell(r->out, render_human(r, i));
		}
		fputs(" |\n", r->out);
	}
	return ret;
}
