/*
 * found.h - the relation "found": which ended connections pass the filters of a question,
 * by their ids, without an index on what is asked for.
 *
 * The totals of finished hours say where to look: an hour that has no such connection is
 * not read, in the others only from the first that can be one to the last. Hours without
 * totals are read whole. The ids come in the order that is asked for, as they are met, so
 * that a limit ends the search.
 */
#ifndef CONNMON_FOUND_H
#define CONNMON_FOUND_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "scope.h"

/*
 * Makes the relation found(at), at being the id, in @db for @scope, of which a copy is
 * taken, and the window. Open connections have no id, and are not in it. The rest of the
 * statement is of one moment with it.
 */
int found_register(sqlite3 *db, const struct scope *scope, int64_t since_us, int64_t until_us,
		   struct err *err);

#endif
