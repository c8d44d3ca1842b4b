/* help.h - --help, made from the tables of options, commands and reports. */
#ifndef CONNMON_HELP_H
#define CONNMON_HELP_H

#include <stdio.h>

#include "request.h"

/* The words after "-- theme:" in the reports, in the order of --help, and their titles. */
struct help_theme {
	const char *name, *title;
};

extern const struct help_theme help_themes[]; /* ends with a NULL name */

/* Of the report or command that @q is about, else of the whole program. */
void help_print(FILE *out, const struct request *q);

/* @text after @indent blanks, broken between words, with a newline; the first line is begun
 * already, and @column characters of it are used. */
void help_fold(FILE *out, const char *text, int column, int indent);

#endif
