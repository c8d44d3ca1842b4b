#include "check.h"
#include "must.h"

/* Text up to @end, without what could be markup. */
static void skip_text(const char **p, char end)
{
	for (; **p != end; (*p)++) {
		must(**p && !strchr("<>\"'", **p));
		if (**p == '&')
			must(!strncmp(*p, "&amp;", 5) || !strncmp(*p, "&lt;", 4) ||
			     !strncmp(*p, "&gt;", 4) || !strncmp(*p, "&quot;", 6) ||
			     !strncmp(*p, "&#39;", 5));
	}
}

static void skip_value(const char **p)
{
	skip_text(p, '"');
	(*p)++;
}

static void check_heading(const char **p)
{
	must(skip(p, "<th scope=\"col\" data-column=\""));
	skip_value(p);
	must(skip(p, " data-kind=\""));
	skip_value(p);
	must(skip(p, ">"));
	do
		skip_text(p, '<');
	while (skip(p, "<wbr>"));
	must(skip(p, "</th>"));
}

static void check_td(const char **p)
{
	must(skip(p, "<td"));
	if (skip(p, " class=\""))
		skip_value(p);
	if (skip(p, " data-v=\""))
		skip_value(p);
	else
		skip(p, " data-v");
	must(skip(p, ">"));
	if (skip(p, "<svg class=\"bar\" width=\"")) {
		skip_value(p);
		must(skip(p, " height=\"12\" aria-hidden=\"true\"><rect width=\""));
		skip_value(p);
		must(skip(p, " height=\"12\"/></svg>"));
	}
	skip_text(p, '<');
}

void check_html_table(const struct rows *rows, const char *p)
{
	const char *head = strstr(p, "</caption>\n<thead>\n<tr>"),
		   *caption = strstr(p, "<caption>");

	must(head && caption && caption < head);
	caption += strlen("<caption>");
	skip_text(&caption, '<');
	must(caption == head);
	p = head;
	must(skip(&p, "</caption>\n<thead>\n<tr>"));
	for (int i = 0; i < rows->n_columns; i++)
		check_heading(&p);
	must(skip(&p, "</tr>\n</thead>\n<tbody>\n"));
	for (size_t row = 0; row < rows->n_rows; row++) {
		must(skip(&p, "<tr>"));
		for (int i = 0; i < rows->n_columns; i++)
			check_td(&p);
		must(skip(&p, "</tr>\n"));
	}
	must(!strcmp(p, "</tbody>\n</table>\n</div>\n</div>\n"));
}
