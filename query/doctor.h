/*
 * doctor.h - is all well with the collector, its database and this node? Each check is a row of
 * a table in doctor.c, and finds one thing or more: "ok", "warn" or "fail", in words, and what
 * to do about it. It works, too, when there is no database, or none that can be read.
 */
#ifndef CONNMON_DOCTOR_H
#define CONNMON_DOCTOR_H

#include <stdint.h>

#include "err.h"
#include "rows.h"
#include "timespec.h"

/*
 * Looks at the database @db_path and this node. Into *@out rows of check, state, finding and
 * remedy (NULL when there is nothing to do), which the caller frees with rows_free(); into
 * *@n_failed how many say fail. Moments in the findings are written as @style. Each check gets
 * some seconds at most. Fails for want of memory only.
 */
int doctor_examine(const char *db_path, int64_t now_us, enum timespec_style style,
		   struct rows **out, int *n_failed, struct err *err);

#endif
