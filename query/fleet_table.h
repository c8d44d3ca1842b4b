/*
 * fleet_table.h - the fleet's relations as virtual tables of SQLite, so that the reports' own
 * statements run over a fleet as over a node's file.
 *
 * What SQLite says it will use (columns; comparisons, order and LIMIT where it tells them) goes
 * into one statement for the server, with the window and the filters of the question. Of the
 * tally it groups by the columns that are used: only groups travel.
 *
 * It works in memory: see fleet_server.h for the bound of an answer.
 */
#ifndef CONNMON_FLEET_TABLE_H
#define CONNMON_FLEET_TABLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "fleet_server.h"
#include "scope.h"
#include "totals_list.h"

/* What is asked. Borrowed parts must live as long as a statement over the tables runs. */
struct fleet {
	struct fleet_server *server;
	const struct scope *scope; /* NULL: no filters */
	int64_t since_us, until_us, now_us;
	struct list_book *book;
	struct err err; /* of the last statement for the server that failed */

	/* Of fleet_nodes.c; how many --node stands for. */
	char *nodes;
	int n_nodes;

	/* Of fleet_late.c. */
	bool late_known;
	int64_t late_until_us;
	char *late;

	/* Of fleet_hours.c. */
	struct fleet_hours_book *hours;
};

/* Makes the tables known to @db, which must be closed before @fleet goes. */
int fleet_table_register(sqlite3 *db, struct fleet *fleet, struct err *err);

#endif
