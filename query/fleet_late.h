/*
 * fleet_late.h - connections of a window that ended after it.
 *
 * Rows are kept by their end. A window that ends in the past has those, too, that began in it and
 * ended at any time since; so all that ended since then would be read, each time. Instead they
 * are sought once, by two columns alone, and named by their keys, which are found by the index.
 *
 * But not those that ended in the ten minutes before the question: what was open when they were
 * sought may have ended before the next statement, so these minutes, which a clock or a forwarder
 * may be behind, are read each time.
 */
#ifndef CONNMON_FLEET_LATE_H
#define CONNMON_FLEET_LATE_H

#include "fleet_table.h"

/* From here on ended connections are read anew by each statement. */
int64_t fleet_recent_us(const struct fleet *fleet);

/* The keys, as a list for IN, of what began before @until_us and ended at or after it, but before
 * fleet_recent_us(), of the nodes that are asked for, into *@out, borrowed until the next call: ""
 * when there is none, NULL when they are too many to be named. */
int fleet_late(struct fleet *fleet, int64_t until_us, const char **out, struct err *err);

#endif
