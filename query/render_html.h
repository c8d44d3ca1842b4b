/* render_html.h - rows as a table of HTML, for a page that has more than that; --format html is
 * a page with one. */
#ifndef CONNMON_RENDER_HTML_H
#define CONNMON_RENDER_HTML_H

#include <stdio.h>

#include "err.h"
#include "render.h"
#include "rows.h"

/* Of more rows a browser does not get hold any more in good time; the table says what is left
 * out, and how to have it. */
#define RENDER_HTML_ROWS_MAX 100000

/* That it is so, and what helps. */
extern const char render_html_cut[];

/* Between page_begin() and page_end(): a table under @caption, which the scripts of the page make
 * one to sort and to filter. As render_rows(). */
int render_html_table(const struct rows *rows, const struct render_style *style,
		      const char *caption, FILE *out, struct err *err);

#endif
