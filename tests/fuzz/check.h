/* check.h - what reads a format finds the rows in it that were written. */
#ifndef CONNMON_CHECK_H
#define CONNMON_CHECK_H

#include <stdbool.h>
#include <string.h>

#include "rows.h"

/* csv and tsv, after RFC 4180; no text is a formula. */
void check_separated(const struct rows *rows, const char *text, char separator);

/* As SQLite reads it: an array of objects, and one object a line. */
void check_json(const struct rows *rows, const char *text, size_t len);
void check_jsonl(const struct rows *rows, const char *text);

/* What render_html_table() writes: our markup, and no other. */
void check_html_table(const struct rows *rows, const char *text);

/* Moves *@p behind @word, if that is there. */
static inline bool skip(const char **p, const char *word)
{
	if (strncmp(*p, word, strlen(word)) != 0)
		return false;
	*p += strlen(word);
	return true;
}

#endif
