/*
 * resolve.h - --resolve: beside each address of an answer the name by which it was asked for,
 * as name_of() knows it (see functions.h). The address stays what it is, in its own column.
 *
 * The name is that of the moment when the connection began that a row is about; of several, the
 * last one: last_at, the start, first_at, or else the end of the window.
 */
#ifndef CONNMON_RESOLVE_H
#define CONNMON_RESOLVE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "err.h"

struct resolve {
	bool is_on;
	bool in_graph; /* of which the ends are drawn, and no other column: the name goes there */
};

/* Whether @stmt, a report that is compiled, has an address. */
bool resolve_is_needed(const struct resolve *resolve, sqlite3_stmt *stmt);

/* Writes @select, the text of @stmt, with the columns that it is to have more, as "peer_name"
 * behind "peer_addr". It has its first :limit rows only. -ENOMEM. */
int resolve_write(const struct resolve *resolve, sqlite3_stmt *stmt, const char *select, FILE *f,
		  struct err *err);

#endif
