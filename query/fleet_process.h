/* fleet_process.h - the tables that the report process reads, of one node of a fleet. */
#ifndef CONNMON_FLEET_PROCESS_H
#define CONNMON_FLEET_PROCESS_H

#include "fleet_table.h"

/* Makes them in @db, and copies there the processes of the node that --node names. -EINVAL when
 * those are several. */
int fleet_process_begin(struct fleet *fleet, sqlite3 *db, struct err *err);

#endif
