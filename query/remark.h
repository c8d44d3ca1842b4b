/* remark.h - what is said beside the data, on standard error. */
#ifndef CONNMON_REMARK_H
#define CONNMON_REMARK_H

#include "coverage.h"
#include "request.h"
#include "rows.h"

/* Writes "connmon-query: TEXT"; no control byte of it gets through. */
void remark(const char *text);

/* What the reader of a report should know beside its rows: the window they are of, whether it
 * is complete, and how far the collector has come. */
void remark_on(const struct request *q, const struct rows *rows, const struct coverage *coverage);

#endif
