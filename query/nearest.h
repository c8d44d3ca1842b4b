/* nearest.h - "did you mean ...?" for a table, column or function that a statement names. */
#ifndef CONNMON_NEAREST_H
#define CONNMON_NEAREST_H

#include <sqlite3.h>

#include "err.h"

/* When *@err is what SQLite says of a name that it does not know, the nearest one that @db has is
 * added to the words, if one is near enough. Returns the code of *@err. */
int nearest_name(sqlite3 *db, struct err *err);

#endif
