/* remark.h - what is said beside the data, on standard error. */
#ifndef CONNMON_REMARK_H
#define CONNMON_REMARK_H

#include <stdio.h>

#include "coverage.h"
#include "request.h"
#include "rows.h"

/* Writes "connmon-query: TEXT"; no control byte of it gets through. */
void remark(const char *text);

/* What the reader of a report should know beside its rows, which may be NULL: the window they
 * are of, whether it is complete, and how far the collector has come. */
void remark_on(const struct request *q, const struct rows *rows, const struct coverage *coverage);

/* Its parts, each without a full stop; the two after the window go on with ", " or "; ". */
void remark_tell_emptiness(FILE *f, const struct request *q);
void remark_tell_window(FILE *f, const struct request *q);
void remark_tell_gaps(FILE *f, const struct request *q, const struct coverage *c);
void remark_tell_freshness(FILE *f, const struct request *q, const struct coverage *c);

#endif
