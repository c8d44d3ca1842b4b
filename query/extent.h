/* extent.h - what of the past was deleted. */
#ifndef CONNMON_EXTENT_H
#define CONNMON_EXTENT_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"

/* *@out: connections that ended before this moment were deleted; 0: none were. */
int extent_rows_from(sqlite3 *db, int64_t *out, struct err *err);

#endif
