/*
 * fleet_hours.h - which hours of a fleet's history the totals that its nodes sent tell.
 *
 * They are the nodes' own, exact, and finished (see fleet/clickhouse/2_hourly.sql), so a sum over
 * them is that over the connections. But not of every node: one may not have sent the last hours
 * yet, had rows that no server took, deleted rows before their hour was summed up, or began a new
 * database within one, whose hour is whole in neither. The connections of such nodes are read one
 * by one, of the same hours.
 *
 * All statements of a question go by what was known of the nodes at its first.
 */
#ifndef CONNMON_FLEET_HOURS_H
#define CONNMON_FLEET_HOURS_H

#include <stdint.h>

#include "fleet_table.h"

#define FLEET_HOUR_US INT64_C(3600000000)

struct fleet_hours {
	int64_t from_us, to_us; /* whole hours; when they are equal there are none */
	const char *but;	/* ids of the other nodes, a list for IN; "": there is none */
};

/* Of what ended at or after @since_us, and before @until_us, the hours that are to be taken from
 * totals. What *@out points to is borrowed until the next call. */
int fleet_hours(struct fleet *fleet, int64_t since_us, int64_t until_us, struct fleet_hours *out,
		struct err *err);

void fleet_hours_free(struct fleet_hours_book *book); /* NULL is allowed */

#endif
