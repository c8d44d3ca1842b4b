/* output.h - the rows of an answer onto standard output, as it was asked for. */
#ifndef CONNMON_OUTPUT_H
#define CONNMON_OUTPUT_H

#include "coverage.h"
#include "err.h"
#include "request.h"
#include "rows.h"

/* In the format of @q; on a terminal through a pager, and then it returns when that is closed.
 * -ENOSPC and the like when the output does not take them. */
int output_rows(const struct request *q, const struct rows *rows, struct err *err);

/* The same of a report, of which a page tells what is known of its window. */
int output_report(const struct request *q, const struct rows *rows, const struct coverage *coverage,
		  struct err *err);

#endif
