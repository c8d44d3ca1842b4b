/* totals_narrow.h - what a statement's WHERE says of totals, so that no more is read. SQLite looks
 * at each row again: what is not understood here is left to it. */
#ifndef CONNMON_TOTALS_NARROW_H
#define CONNMON_TOTALS_NARROW_H

#include "totals_plan.h"

/* Copies of addresses; zeroed, there are none. */
struct totals_peers {
	sqlite3_value **values;
	int n;
};

/* @column is to be equal to @value, which the question borrows. */
void totals_narrow(struct totals_question *q, int column, sqlite3_value *value);

/* peer_addr is to be in @list, that of sqlite3_vtab_in(). The question borrows what is in *@out,
 * which the caller clears in any case. An SQLite result code. */
int totals_narrow_peers(struct totals_question *q, struct totals_peers *out, sqlite3_value *list);

void totals_peers_clear(struct totals_peers *peers);

#endif
