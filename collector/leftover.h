/* leftover.h - the connections and listeners that an earlier run of the collector left
 * open in the database: it was killed, or they outlived it. */
#ifndef CONNMON_LEFTOVER_H
#define CONNMON_LEFTOVER_H

#include <sqlite3.h>

#include "connection.h"
#include "err.h"
#include "listener.h"

/* Calls @each with every row of open_connection: open_row, process_row, container_row and what
 * else is known, times on this boot's clock; those of another boot have the cookie 0, which
 * no socket has. @run is the row of the run that asks. Ends early when @each fails. */
int leftover_each(sqlite3 *db, int64_t run, int (*each)(void *ctx, const struct connection *c),
		  void *ctx, struct err *err);

/* The same with every row of listener that has not ended. */
int leftover_each_listener(sqlite3 *db, int (*each)(void *ctx, const struct listener *l), void *ctx,
			   struct err *err);

#endif
