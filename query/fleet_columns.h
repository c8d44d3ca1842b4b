/*
 * fleet_columns.h - what the tables in ClickHouse are called for SQLite: the one place that knows
 * how each column of a relation is read from the fleet's tables (fleet/clickhouse).
 */
#ifndef CONNMON_FLEET_COLUMNS_H
#define CONNMON_FLEET_COLUMNS_H

#include <stdbool.h>

struct fleet_column {
	const char *name;
	bool is_text;
	/* An expression of ClickHouse, on what has ended, and on what is open; {now} is the
	 * moment of asking. Of relations with one source only the first counts. NULL: the name. */
	const char *ended, *open;
};

enum fleet_kind {
	FLEET_CONNECTIONS, /* both sources, those rows that pass window and filters */
	FLEET_OPEN,	   /* likewise, of what is open alone */
	FLEET_TALLY,	   /* sums over FLEET_CONNECTIONS: see fleet_sums */
	FLEET_PLAIN,	   /* a table of its own, of the nodes that are asked for */
};

struct fleet_relation {
	const char *name; /* as SQLite is told */
	enum fleet_kind kind;
	const char *table; /* of FLEET_PLAIN, in ClickHouse */
	const struct fleet_column *columns;
	int n_columns;
};

extern const struct fleet_relation fleet_relations[];
extern const int fleet_n_relations;

/* The columns of connections, which the sums are of. */
#define FLEET_CONNECTION_COLUMNS 40
extern const struct fleet_column fleet_connection_columns[];
int fleet_n_connection_columns(void);

/*
 * What the columns of the tally are: a key, by which rows are summed up, or how a measure of them
 * is put together. In the expressions {name} is a column of connections; {until} and {bucket} are
 * the arguments, {hour} the begin of an hour. Names and meaning are those of totals (see
 * totals_column.c).
 */
struct fleet_sum {
	const char *name;
	bool is_text;
	enum fleet_how { FLEET_KEY, FLEET_SUM, FLEET_MIN, FLEET_MAX, FLEET_LIST } how;
	const char *row;  /* of a connection */
	const char *hour; /* of the table hourly; NULL: hours do not tell it */
};

extern const struct fleet_sum fleet_sums[];
extern const int fleet_n_sums;

/* The version of the fleet's tables that all this is for. */
#define FLEET_SCHEMA 2

/* The tables where all that is asked stands. */
#define FLEET_ENDED	  "connections"
#define FLEET_ENDED_TABLE FLEET_ENDED " FINAL"
#define FLEET_OPEN_TABLE  "open_connections FINAL"
#define FLEET_HOURS_TABLE "hourly FINAL"

/* A row for each node, the newest: of one that was renamed nodes has others, too. */
#define FLEET_NODES_TABLE "nodes_now"

#endif
