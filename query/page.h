/*
 * page.h - one self-contained file of HTML: what stands around tables and charts. It loads
 * nothing: the style sheets query/page/NAME.css and the scripts query/page/NAME.js, all that
 * there are, are in it, and its policy (CSP) lets a browser run these very texts and no other,
 * nor ask any network for anything. So there can be no style="" attribute and no onclick="":
 * SVG has attributes of its own (fill="", width=""), and all else is in the style sheets.
 *
 *	page_begin(out, &page);
 *	page_section(out, "failures", "What failed");
 *	  ... <figure class="chart"><svg ...></svg><figcaption>...</figcaption></figure>, <p>,
 *	  ... render_html_table()
 *	page_section_end(out);
 *	page_end(out);
 *
 * What the scripts do for whoever writes markup: of a table of render_html_table() the
 * headings sort and the cells filter. Colours are custom properties of the style sheet, in both
 * themes: var(--text), --faint, --line, --panel, --accent, --bad, --warn, --good, --gap, and
 * --series-1 to --series-6. None of the functions fails: stdio remembers a write error.
 */
#ifndef CONNMON_PAGE_H
#define CONNMON_PAGE_H

#include <stdio.h>

#include "html.h"

/* All texts are plain, borrowed and may be NULL, but for the title. */
struct page {
	const char *title;    /* of the document, and its heading */
	const char *lead;     /* a sentence or two: what is to be seen */
	const char *question; /* the command line that asks it again */
	const char *window;   /* "2026-01-31 10:00:00 to 11:00:00" */
	const char *node;     /* whose history */
	const char *made;     /* when the page was */
	/* What the reader must know before the rest, such as gaps; ending with NULL. */
	const char *const *notes;
};

/* Up to and with the heading; what follows is the content. */
void page_begin(FILE *out, const struct page *page);
void page_end(FILE *out);

/* A part with a heading. @id is a word of our own, to link to. */
void page_section(FILE *out, const char *id, const char *title);
void page_section_end(FILE *out);

#endif
