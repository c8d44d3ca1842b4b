/* fleet_statement.h - one statement for the fleet's server: what fleet_table.c is asked for. */
#ifndef CONNMON_FLEET_STATEMENT_H
#define CONNMON_FLEET_STATEMENT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "fleet_columns.h"
#include "fleet_hours.h"
#include "fleet_table.h"

#define FLEET_MAX_GIVEN 16
#define FLEET_MAX_ORDER 4

/* The tally's arguments: since_us, until_us, window, bucket_us, and whether filters that ask what
 * became of a connection are left out. */
#define FLEET_N_ARGUMENTS 5

struct fleet_plan {
	const struct fleet_relation *relation;
	uint64_t columns; /* bit i: the i-th is used */
	struct {
		int column;
		char op; /* = > < g (at least) l (at most) I (one of several) */
		sqlite3_value *value;
	} given[FLEET_MAX_GIVEN];
	int n_given;
	sqlite3_value *arguments[FLEET_N_ARGUMENTS]; /* NULL: not given */
	struct {
		int column;
		bool down;
	} order[FLEET_MAX_ORDER];
	int n_order;
	int64_t limit;		  /* below 0: none */
	const char *late;	  /* of fleet_late(); NULL: all that ended is to be looked at */
	struct fleet_hours hours; /* zeroed: none */
};

/* Of a relation's columns, the tally's included, without its arguments. */
int fleet_n_columns(const struct fleet_relation *relation);
const char *fleet_column_name(const struct fleet_relation *relation, int column);
bool fleet_column_is_text(const struct fleet_relation *relation, int column);
bool fleet_column_is_list(const struct fleet_relation *relation, int column);

/* Whether rows can be chosen by it: it is no sum. */
bool fleet_column_is_key(const struct fleet_relation *relation, int column);

/* The end of the window that ended connections are looked for in, where which of them ended later
 * has to be sought (see fleet_late.h); else below 0. */
int64_t fleet_until_us(const struct fleet *fleet, const struct fleet_plan *plan);

/* Whether hours tell what is asked: then *@since_us and *@until_us are what ended ones are to lie
 * between. */
bool fleet_knows_hours(const struct fleet *fleet, const struct fleet_plan *plan, int64_t *since_us,
		       int64_t *until_us);

/* The statement, which gives the used columns in their order, in RowBinary; each may be NULL,
 * but for lists. The caller frees it with free(). NULL: no memory. */
char *fleet_statement(const struct fleet *fleet, const struct fleet_plan *plan);

#endif
