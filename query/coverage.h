/* coverage.h - what the history can know of a window: its holes, where it begins, and how far
 * the collector has come. */
#ifndef CONNMON_COVERAGE_H
#define CONNMON_COVERAGE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* An idle collector commits once a minute, a busy one at least as often (--flush): who was
 * silent for longer does not run, or does not get on. */
#define COVERAGE_SILENCE_US INT64_C(150000000)

struct coverage {
	int64_t n_gaps;	       /* that overlap the window */
	char reasons[128];     /* "ring_full, stopped"; as stored, so not yet safe to print */
	int64_t loser_uid;     /* the user who lost more than half of what they count; -1: none */
	int64_t rows_from_us;  /* connections that ended before were deleted; 0: none */
	int64_t begin_us;      /* of the first run of a collector that is known; 0: none is */
	int64_t last_write_us; /* 0: never */
	bool is_running;       /* a collector is, for all that can be seen */
	bool is_fresh;	       /* and writes */
	char boot_id[40];      /* of the node when it last recorded; "": never */

	/* Of a fleet, of the nodes that are asked for; is_fresh: there are some, none is behind,
	 * last_write_us: of the one that is most. */
	bool is_fleet;
	int n_nodes, n_behind;
	int n_later;	  /* that recorded nothing yet when the window began */
	bool has_nothing; /* that ended before the window, though there were nodes then */
	char behind[256]; /* the names of the first three, safe to print */
};

/* The gaps of a window, into the first two members. */
int coverage_find_gaps(sqlite3 *db, int64_t since_us, int64_t until_us, struct coverage *out,
		       struct err *err);

/* Of the database @db, as it stands within the caller's transaction. */
int coverage_find(sqlite3 *db, int64_t since_us, int64_t until_us, int64_t now_us,
		  struct coverage *out, struct err *err);

/* Whether a window that ends at @until_us ends with a gap that the next run will tell of. */
bool coverage_ends_before(const struct coverage *c, int64_t until_us);

/* Whether nothing can be missing from @since_us to @until_us. */
bool coverage_is_whole(const struct coverage *c, int64_t since_us, int64_t until_us);

#endif
