#include "totals_plan.h"

#include "totals_column.h"

/* Times up to the year 2200 or so: what is beyond was not written by a collector. */
#define LAST_HOUR (INT64_C(1) << 21)

#define SLOTS_PER_HOUR 12

const int64_t totals_width_us[N_SERIES] = {
	[SERIES_HOURS] = US_PER_HOUR,
	[SERIES_RECENT] = US_PER_HOUR / SLOTS_PER_HOUR,
};

struct planner {
	const struct totals_question *q;
	struct totals_plan *plan;
	int64_t rows_from_us; /* rows that ended before are gone */
	struct available {
		int64_t from, to;     /* there are sums of these intervals */
		sqlite3_stmt *starts; /* of one of them: the first and the last */
	} available[N_SERIES];
};

int64_t totals_starts_from(const struct totals_question *q)
{
	return q->window == WINDOW_STARTED ? q->since_us : INT64_MIN;
}

int64_t totals_starts_to(const struct totals_question *q)
{
	return q->window == WINDOW_ENDED ? INT64_MAX : q->until_us;
}

bool totals_asks_for_peer(const struct totals_question *q)
{
	return totals_has(q->columns, TOTALS_PEER_ADDR) || totals_has(q->columns, TOTALS_FAMILY) ||
	       q->peer_addr || q->peers;
}

void totals_plan_clear(struct totals_plan *plan)
{
	sqlite3_free(plan->steps);
	*plan = (struct totals_plan){0};
}

static int add_step(struct totals_plan *plan, const struct totals_step *step)
{
	struct totals_step *last = plan->n ? &plan->steps[plan->n - 1] : NULL;

	if (step->from >= step->to)
		return SQLITE_OK;
	if (last && last->kind == step->kind && last->series == step->series &&
	    last->to == step->from) {
		last->to = step->to;
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
	plan->steps[plan->n++] = *step;
	return SQLITE_OK;
}

/* Of a series: until and from where it is whole, the first and one more than the last that
 * are there. */
#define SPAN(until, from, interval, table)                                                         \
	until ", " from ", ifnull((SELECT min(" interval ") FROM main." table "), 0),"             \
	      " ifnull((SELECT max(" interval ") + 1 FROM main." table "), 0)"

/* The one row of extent, and of what there are sums. */
static int read_extent(sqlite3 *db, struct planner *p, char **message)
{
	static const char sql[] = "SELECT rows_from_us, " SPAN(
		"totals_until_hour", "totals_from_hour", "hour",
		"hourly_program") ", " SPAN("recent_until_slot", "recent_from_slot", "slot",
					    "recent_program") " FROM main.extent WHERE id = 1";
	int64_t value[1 + 4 * N_SERIES];
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	for (int i = 0; i < 1 + 4 * N_SERIES && rc == SQLITE_ROW; i++) {
		int64_t width_us = i ? totals_width_us[(i - 1) / 4] : 1;

		value[i] = sqlite3_column_int64(stmt, i);
		if (sqlite3_column_type(stmt, i) != SQLITE_INTEGER || value[i] < 0 ||
		    value[i] > LAST_HOUR * US_PER_HOUR / width_us)
			rc = SQLITE_CORRUPT;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE || rc == SQLITE_CORRUPT) {
		*message = sqlite3_mprintf("the database is damaged: extent says nothing sensible");
		return SQLITE_CORRUPT;
	}
	if (rc != SQLITE_ROW)
		return rc;
	p->rows_from_us = value[0];
	for (int s = 0; s < N_SERIES; s++) {
		const int64_t *v = &value[1 + 4 * s]; /* until, from, first, last + 1 */

		p->available[s].from = v[1] > v[2] ? v[1] : v[2];
		p->available[s].to = v[0] < v[3] ? v[0] : v[3];
	}
	return SQLITE_OK;
}

/* A bucket that cuts intervals is made of smaller ones, and of rows; a list, of rows alone. */
static bool cuts(const struct totals_question *q, enum totals_series s)
{
	return totals_wants_rows(q->columns) ||
	       (totals_has(q->columns, TOTALS_BUCKET) && q->bucket_us % totals_width_us[s] != 0);
}

/* The recent sums know the peers of what went out alone. */
static bool knows(const struct totals_question *q, enum totals_series s)
{
	return s != SERIES_RECENT || !totals_asks_for_peer(q) ||
	       (q->direction && q->direction_number == 0);
}

enum part { NONE, SOME, ALL };

/* How much of what ended in the interval @i started when the question allows it. */
static int part_of(struct planner *p, enum totals_series s, int64_t i, enum part *part)
{
	int64_t from = totals_starts_from(p->q), to = totals_starts_to(p->q);
	int64_t begin_us = i * totals_width_us[s];
	sqlite3_stmt *starts = p->available[s].starts;
	int rc;

	*part = ALL;
	/* What ended in it started before its end. */
	if (from == INT64_MIN && begin_us + totals_width_us[s] <= to)
		return SQLITE_OK;
	sqlite3_bind_int64(starts, 1, i);
	rc = sqlite3_step(starts);
	if (rc == SQLITE_ROW && sqlite3_column_type(starts, 0) != SQLITE_NULL) {
		int64_t first, last;

		/* Foreign numbers, too, do no harm. */
		if (__builtin_add_overflow(begin_us, sqlite3_column_int64(starts, 0), &first) ||
		    __builtin_add_overflow(begin_us, sqlite3_column_int64(starts, 1), &last))
			*part = SOME;
		else if (first >= to || last < from)
			*part = NONE;
		else if (first < from || last >= to)
			*part = SOME;
	}
	sqlite3_reset(starts);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int plan_range(struct planner *p, enum totals_series s, int64_t from_us, int64_t to_us);

/* If the sums of the interval @i can be taken: plans what is from *@at_us on to its end. Of rows
 * that are gone whole hours still tell, as well as they can. */
static int plan_interval(struct planner *p, enum totals_series s, int64_t i, int64_t *at_us)
{
	struct totals_step step = {.series = s, .from = i, .to = i + 1};
	int64_t begin_us = i * totals_width_us[s];
	bool gone = begin_us < p->rows_from_us;
	enum part part;
	int rc;

	if (gone ? s != SERIES_HOURS : cuts(p->q, s))
		return SQLITE_OK;
	rc = part_of(p, s, i, &part);
	if (rc != SQLITE_OK || (part == SOME && !gone))
		return rc;
	rc = plan_range(p, s + 1, *at_us, begin_us);
	step.kind = part == ALL ? STEP_TOTALS : STEP_TOTALS_PART;
	if (rc == SQLITE_OK && part != NONE)
		rc = add_step(p->plan, &step);
	*at_us = begin_us + totals_width_us[s];
	return rc;
}

/* What ended from @from_us on and before @to_us: of sums of the intervals of @s where it can be,
 * the rest of those of the next, or of rows. */
static int plan_range(struct planner *p, enum totals_series s, int64_t from_us, int64_t to_us)
{
	const struct totals_step rows = {.kind = STEP_ROWS, .from = from_us, .to = to_us};
	int64_t width_us, i, end, at_us = from_us;
	int rc = SQLITE_OK;

	if (s == N_SERIES)
		return add_step(p->plan, &rows);
	width_us = totals_width_us[s];
	i = from_us / width_us + (from_us % width_us != 0);
	if (i < p->available[s].from)
		i = p->available[s].from;
	end = to_us / width_us < p->available[s].to ? to_us / width_us : p->available[s].to;
	for (; i < end && knows(p->q, s) && rc == SQLITE_OK; i++)
		rc = plan_interval(p, s, i, &at_us);
	return rc == SQLITE_OK ? plan_range(p, s + 1, at_us, to_us) : rc;
}

int totals_plan(sqlite3 *db, const struct totals_question *q, struct totals_plan *plan,
		char **message)
{
	static const char *const starts[N_SERIES] = {
		[SERIES_HOURS] = "SELECT min(start_us), max(start_us + start_span_us)"
				 " FROM main.hourly_program WHERE hour = ?",
		[SERIES_RECENT] = "SELECT min(start_us), max(start_us + start_span_us)"
				  " FROM main.recent_program WHERE slot = ?",
	};
	struct planner p = {.q = q, .plan = plan};
	int rc = read_extent(db, &p, message);

	for (int s = 0; s < N_SERIES && rc == SQLITE_OK; s++)
		rc = sqlite3_prepare_v2(db, starts[s], -1, &p.available[s].starts, NULL);
	if (rc == SQLITE_OK)
		rc = plan_range(&p, 0, q->since_us,
				q->window == WINDOW_ENDED ? q->until_us : INT64_MAX);
	for (int s = 0; s < N_SERIES; s++)
		sqlite3_finalize(p.available[s].starts);
	return rc;
}
