/* fleet_schema.h - the tables that a fleet's server has, for whoever writes a SELECT of his own. */
#ifndef CONNMON_FLEET_SCHEMA_H
#define CONNMON_FLEET_SCHEMA_H

#include <sqlite3.h>

#include "fleet.h"

/* Empty tables of the same names, columns and types in *@out, a database in memory, which the
 * caller closes with db_close(). */
int fleet_schema(struct fleet *fleet, sqlite3 **out, struct err *err);

/* What the fleet's table @name is on a node, or @name itself. */
const char *fleet_schema_like(const char *name);

/* What the fleet's @table is; NULL: what it is on a node. */
const char *fleet_schema_is(const char *table);

/* What a column is that no table of a node has; NULL: it is none of these. */
const char *fleet_schema_says(const char *column);

#endif
