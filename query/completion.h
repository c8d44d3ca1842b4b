/*
 * completion.h - scripts that tell a shell how to complete a command line of connmon-query,
 * made from the same tables as the help (subject.h). No script starts the program.
 */
#ifndef CONNMON_COMPLETION_H
#define CONNMON_COMPLETION_H

#include <stdio.h>

#include "request.h"

void completion_bash(FILE *out, const struct request *q);
void completion_zsh(FILE *out, const struct request *q);
void completion_fish(FILE *out, const struct request *q);

/* ---- for the shells ---- */

/* The reports, then the commands: from 0 on, until one has no name. */
struct subject completion_subject(const struct request *q, int i);

/* Whether to offer the option; as long as no subject is typed, all that a report could have. */
bool completion_offers(const struct subject *s, const struct option_spec *spec);

/* What a subject's own word may be: its values, and what it is called; NULL: it takes none. */
const char *completion_word(const struct request *q, const struct subject *s,
			    const struct values **values);

/* The names of all subjects, with @between between them. */
void completion_subjects(FILE *out, const struct request *q, const char *between);

/* The options that take a value, likewise. */
void completion_valued(FILE *out, const struct request *q, const char *between);

/* The words that a value may be, between blanks; nothing when they are not known. */
void completion_values(FILE *out, const struct request *q, const struct values *values);

/* @text as it stands between single quotes, with a backslash before each byte of @special;
 * @quote is what a single quote becomes. */
void completion_quoted(FILE *out, const char *text, const char *special, const char *quote);

#endif
