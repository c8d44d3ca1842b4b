#include "totals_plan.h"

#include "totals_column.h"

/* Times up to the year 2200 or so: what is beyond was not written by a collector. */
#define LAST_HOUR (INT64_C(1) << 21)

struct planner {
	const struct totals_question *q;
	struct totals_plan *plan;
	sqlite3_stmt *starts_in_hour;
	int64_t rows_from_us;	    /* rows that ended before are gone */
	int64_t from_hour, to_hour; /* there are sums of these */
	int64_t at_us;		    /* all before is planned */
};

int64_t totals_starts_from(const struct totals_question *q)
{
	return q->window == WINDOW_STARTED ? q->since_us : INT64_MIN;
}

int64_t totals_starts_to(const struct totals_question *q)
{
	return q->window == WINDOW_ENDED ? INT64_MAX : q->until_us;
}

void totals_plan_clear(struct totals_plan *plan)
{
	sqlite3_free(plan->steps);
	*plan = (struct totals_plan){0};
}

static int add_step(struct totals_plan *plan, enum totals_step_kind kind, int64_t from, int64_t to)
{
	struct totals_step *last = plan->n ? &plan->steps[plan->n - 1] : NULL;

	if (from >= to)
		return SQLITE_OK;
	if (last && last->kind == kind && last->to == from) {
		last->to = to;
		return SQLITE_OK;
	}
	if (plan->n == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 8;
		struct totals_step *more = sqlite3_realloc64(plan->steps, room * sizeof(*more));

		if (!more)
			return SQLITE_NOMEM;
		plan->steps = more;
		plan->room = room;
	}
	plan->steps[plan->n++] = (struct totals_step){.kind = kind, .from = from, .to = to};
	return SQLITE_OK;
}

/* The one row of extent, and which hours have sums. */
static int read_extent(sqlite3 *db, struct planner *p, char **message)
{
	int64_t until_hour, oldest_hour, value[5];
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "SELECT totals_until_hour, rows_from_us, totals_from_hour,"
				    " ifnull((SELECT min(hour) FROM main.hourly_program), 0),"
				    " ifnull((SELECT max(hour) + 1 FROM main.hourly_program), 0)"
				    " FROM main.extent WHERE id = 1",
				    -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	for (int i = 0; i < 5 && rc == SQLITE_ROW; i++) {
		value[i] = sqlite3_column_int64(stmt, i);
		if (sqlite3_column_type(stmt, i) != SQLITE_INTEGER || value[i] < 0 ||
		    value[i] > LAST_HOUR * (i == 1 ? US_PER_HOUR : 1))
			rc = SQLITE_CORRUPT;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE || rc == SQLITE_CORRUPT) {
		*message = sqlite3_mprintf("the database is damaged: extent says nothing sensible");
		return SQLITE_CORRUPT;
	}
	if (rc != SQLITE_ROW)
		return rc;
	until_hour = value[0];
	p->rows_from_us = value[1];
	oldest_hour = value[3] > value[2] ? value[3] : value[2];
	p->from_hour = oldest_hour;
	p->to_hour = value[4] < until_hour ? value[4] : until_hour;
	return SQLITE_OK;
}

/* A bucket that cuts hours is made of rows. */
static bool cuts_hours(const struct totals_question *q)
{
	return totals_has(q->columns, TOTALS_BUCKET) && q->bucket_us % US_PER_HOUR != 0;
}

enum part { NONE, SOME, ALL };

/* How much of what ended in @hour started when the question allows it. */
static int part_of_hour(struct planner *p, int64_t hour, enum part *part)
{
	int64_t from = totals_starts_from(p->q), to = totals_starts_to(p->q);
	int rc;

	*part = ALL;
	/* What ended in it started before its end. */
	if (from == INT64_MIN && (hour + 1) * US_PER_HOUR <= to)
		return SQLITE_OK;
	sqlite3_bind_int64(p->starts_in_hour, 1, hour);
	rc = sqlite3_step(p->starts_in_hour);
	if (rc == SQLITE_ROW && sqlite3_column_type(p->starts_in_hour, 0) != SQLITE_NULL) {
		int64_t first = sqlite3_column_int64(p->starts_in_hour, 0);
		int64_t last = sqlite3_column_int64(p->starts_in_hour, 1);

		if (first >= to || last < from)
			*part = NONE;
		else if (first < from || last >= to)
			*part = SOME;
	}
	sqlite3_reset(p->starts_in_hour);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int plan_hour(struct planner *p, int64_t hour)
{
	bool gone = hour * US_PER_HOUR < p->rows_from_us;
	enum part part;
	int rc;

	if (!gone && cuts_hours(p->q))
		return SQLITE_OK;
	rc = part_of_hour(p, hour, &part);
	if (rc != SQLITE_OK || (part == SOME && !gone))
		return rc;
	rc = add_step(p->plan, STEP_ROWS, p->at_us, hour * US_PER_HOUR);
	if (rc == SQLITE_OK && part != NONE)
		rc = add_step(p->plan, part == ALL ? STEP_HOURS : STEP_HOURS_PART, hour, hour + 1);
	p->at_us = (hour + 1) * US_PER_HOUR;
	return rc;
}

static int plan_all(struct planner *p)
{
	const struct totals_question *q = p->q;
	int64_t hour = q->since_us / US_PER_HOUR + (q->since_us % US_PER_HOUR != 0);
	int64_t end = p->to_hour;
	int rc = SQLITE_OK;

	if (q->window == WINDOW_ENDED && q->until_us / US_PER_HOUR < end)
		end = q->until_us / US_PER_HOUR;
	p->at_us = q->since_us;
	for (hour = hour > p->from_hour ? hour : p->from_hour; hour < end && rc == SQLITE_OK;
	     hour++)
		rc = plan_hour(p, hour);
	if (rc == SQLITE_OK)
		rc = add_step(p->plan, STEP_ROWS, p->at_us,
			      q->window == WINDOW_ENDED ? q->until_us : INT64_MAX);
	return rc;
}

int totals_plan(sqlite3 *db, const struct totals_question *q, struct totals_plan *plan,
		char **message)
{
	struct planner p = {.q = q, .plan = plan};
	int rc = read_extent(db, &p, message);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db,
					"SELECT min(hour * 3600000000 + start_us),"
					" max(hour * 3600000000 + start_us + start_span_us)"
					" FROM main.hourly_program WHERE hour = ?",
					-1, &p.starts_in_hour, NULL);
	if (rc == SQLITE_OK)
		rc = plan_all(&p);
	sqlite3_finalize(p.starts_in_hour);
	return rc;
}
