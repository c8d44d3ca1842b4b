/* gaps.h - does the history have holes in a window, or does it begin later? */
#ifndef CONNMON_GAPS_H
#define CONNMON_GAPS_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"

struct gaps {
	int64_t n;
	char reasons[128];    /* "ring_full, stopped"; as stored, so not yet safe to print */
	int64_t rows_from_us; /* connections that ended before were deleted; 0: none */
};

/* Those that overlap the window. */
int gaps_find(sqlite3 *db, int64_t since_us, int64_t until_us, struct gaps *out, struct err *err);

#endif
