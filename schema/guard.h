/* guard.h - what holds a reader back: nobody who asks may write, and nothing in the file is
 * trusted. db_open_reader() and its like are the only callers. */
#ifndef CONNMON_GUARD_H
#define CONNMON_GUARD_H

#include <sqlite3.h>

#include "err.h"

/* Limits and switches, before anything of the file is read. */
int guard_limit(sqlite3 *db, struct err *err);

/* Lets nothing but SELECTs compile, from now on. */
void guard_close(sqlite3 *db);

/* Until guard_close() again. */
void guard_open(sqlite3 *db);

#endif
