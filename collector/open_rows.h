/*
 * open_rows.h - what is open, in table open_row. The row of a connection that ends stays there for
 * a while, named in open_over: migration 005 says why.
 */
#ifndef CONNMON_OPEN_ROWS_H
#define CONNMON_OPEN_ROWS_H

#include <sqlite3.h>

#include "err.h"

struct open_rows;

/* @db is borrowed, and has the table of flushed.h. */
int open_rows_new(sqlite3 *db, struct open_rows **out, struct err *err);
void open_rows_free(struct open_rows *o); /* NULL is allowed */

/* Of a flush, whose transaction is open: those in flushed are open; are over, if they have an
 * open_row. */
int open_rows_write(struct open_rows *o, struct err *err);
int open_rows_end(struct open_rows *o, struct err *err);

/* Between two flushes: deletes rows that are over, some milliseconds long, when they are as many
 * as the others. Returns 1 when there is more to do, 0 when not, or an error. */
int open_rows_sweep(struct open_rows *o, struct err *err);

#endif
