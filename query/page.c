#include "page.h"

#include "embed.h"

extern const struct embed page_styles[], page_scripts[], page_policy[]; /* generated */

static void put_all(FILE *out, const char *tag, const struct embed *texts)
{
	for (; texts->name; texts++)
		fprintf(out, "<%s>%s</%s>\n", tag, texts->text, tag);
}

/* Of what is known of the page. */
static void put_fact(FILE *out, const char *name, const char *text, const char *tag)
{
	if (!text)
		return;
	fprintf(out, "<dt>%s</dt><dd><%s>", name, tag);
	html_string(out, text);
	fprintf(out, "</%s></dd>\n", tag);
}

static void put_notes(FILE *out, const char *const *notes)
{
	if (!notes || !*notes)
		return;
	fputs("<ul class=\"notes\" role=\"note\">\n", out);
	for (; *notes; notes++) {
		fputs("<li>", out);
		html_string(out, *notes);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

static void put_head(FILE *out, const struct page *page)
{
	/* The policy must come before what it is about. */
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n"
		"<meta name=\"generator\" content=\"connmon-query %s\">\n<title>",
		page_policy[0].text, CONNMON_VERSION);
	html_string(out, page->title);
	if (page->node) {
		fputs(" - ", out);
		html_string(out, page->node);
	}
	fputs("</title>\n", out);
	put_all(out, "style", page_styles);
	put_all(out, "script", page_scripts);
	fputs("</head>\n", out);
}

void page_begin(FILE *out, const struct page *page)
{
	put_head(out, page);
	fputs("<body>\n<header>\n<h1>", out);
	html_string(out, page->title);
	fputs("</h1>\n", out);
	if (page->lead) {
		fputs("<p class=\"lead\">", out);
		html_string(out, page->lead);
		fputs("</p>\n", out);
	}
	fputs("<dl>\n", out);
	put_fact(out, "Window", page->window, "span");
	put_fact(out, "Node", page->node, "bdi");
	put_fact(out, "Asked", page->question, "code");
	put_fact(out, "Made", page->made, "span");
	fputs("</dl>\n", out);
	put_notes(out, page->notes);
	fputs("</header>\n<main>\n", out);
}

void page_end(FILE *out)
{
	fputs("</main>\n</body>\n</html>\n", out);
}

void page_section(FILE *out, const char *id, const char *title)
{
	fprintf(out, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">",
		id, id, id);
	html_string(out, title);
	fputs("</h2>\n", out);
}

void page_section_end(FILE *out)
{
	fputs("</section>\n", out);
}
