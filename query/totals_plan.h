/*
 * totals_plan.h - which totals answer a question, and which rows must be read.
 */
#ifndef CONNMON_TOTALS_PLAN_H
#define CONNMON_TOTALS_PLAN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define US_PER_HOUR INT64_C(3600000000)

enum totals_window { WINDOW_ACTIVE, WINDOW_STARTED, WINDOW_ENDED };

struct totals_question {
	int64_t since_us, until_us;
	enum totals_window window;
	int64_t bucket_us; /* 0: none */
	uint64_t columns;  /* those that are used */

	/* What the rows must have; the pointers are borrowed, NULL: anything. */
	sqlite3_value *direction, *peer_addr, *service_port, *loopback;
	sqlite3_value **peers; /* or one of these; NULL: anything, as with too many */
	int n_peers;
	int direction_number; /* if direction is set */
	bool failed;	      /* only those that are */
};

/* What may have started when: from <= start < to. */
int64_t totals_starts_from(const struct totals_question *q);
int64_t totals_starts_to(const struct totals_question *q);

/* Whether it must know one peer from another. */
bool totals_asks_for_peer(const struct totals_question *q);

/* Sums of intervals: the wide ones first. */
enum totals_series {
	SERIES_HOURS,  /* hourly, hourly_program */
	SERIES_RECENT, /* recent, recent_program */
	N_SERIES,
};

extern const int64_t totals_width_us[N_SERIES];

struct totals_step {
	enum totals_step_kind {
		STEP_TOTALS,	  /* from, to: whole intervals, numbered from the epoch */
		STEP_TOTALS_PART, /* of these only the sums of what started in the window */
		STEP_ROWS,	  /* from, to: ids */
	} kind;
	enum totals_series series; /* of totals */
	int64_t from, to;
};

struct totals_plan {
	struct totals_step *steps;
	size_t n, room;
};

/*
 * SQLITE_OK, or an error with *message set (sqlite3_free() it), or left NULL when SQLite
 * has words for it. The caller clears the plan in any case.
 */
int totals_plan(sqlite3 *db, const struct totals_question *q, struct totals_plan *plan,
		char **message);

void totals_plan_clear(struct totals_plan *plan);

#endif
