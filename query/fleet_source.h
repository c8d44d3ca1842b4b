/* fleet_source.h - where the rows of a statement for the fleet's server come from. */
#ifndef CONNMON_FLEET_SOURCE_H
#define CONNMON_FLEET_SOURCE_H

#include <stdio.h>

#include "fleet_statement.h"

/* Where an expression stands: in one of the sources, of what ended, of what ended after the window
 * long ago and since then, of what is open, and of totals; or around them. */
enum side { ENDED, LATE, RECENT, OPEN, HOURS, AROUND };

struct writer {
	FILE *f;
	const struct fleet *fleet;
	const struct fleet_plan *plan;
	int64_t since_us, until_us, bucket_us;
	struct scope_window window;
	bool but_fate;
	bool needed[FLEET_CONNECTION_COLUMNS]; /* of connections */
	int n_sources;			       /* that were written */
};

/* Whether the statement is to give it. */
static inline bool is_used(const struct fleet_plan *plan, int column)
{
	return plan->columns >> column & 1;
}

/* What makes an expression a text or a number. */
static inline const char *as_type(bool is_text)
{
	return is_text ? "toString" : "toInt64";
}

/* Writes the @i-th of fleet_connection_columns. */
void fleet_write_column(struct writer *w, int i, enum side side);

/* Writes " AND (...)" for each thing that SQLite compares columns with, of @parts (fleet_sql.h). */
void fleet_write_given(struct writer *w, unsigned parts, enum side side);

/* Writes " FROM (SELECT ... UNION ALL ...)", where the @i-th of fleet_sums is called s@i, and of
 * fleet_connection_columns c@i. */
void fleet_write_sources(struct writer *w);

#endif
