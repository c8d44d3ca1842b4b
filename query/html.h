/* html.h - text for HTML. Whatever is not ours goes through here, be it between tags or between
 * the double quotes of an attribute. */
#ifndef CONNMON_HTML_H
#define CONNMON_HTML_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes @len bytes of text so that a browser shows just them: what HTML means something by as
 * &lt; and the like, what escape.h calls unsafe as \xNN. Text that is escaped already comes out
 * the same. Right-to-left text is the caller's to isolate: cells, paragraphs and the like are by
 * themselves, within a line <bdi> does it.
 */
void html_text(FILE *out, const char *text, size_t len);

/* The same up to the NUL. */
void html_string(FILE *out, const char *text);

#endif
