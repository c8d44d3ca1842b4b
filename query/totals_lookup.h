/*
 * totals_lookup.h - the names behind ids and numbers, as codes of sums.
 */
#ifndef CONNMON_TOTALS_LOOKUP_H
#define CONNMON_TOTALS_LOOKUP_H

#include <stdbool.h>

#include "totals_hash.h"

/* Of a process, say: the codes of its names, and numbers. */
#define LOOKUP_FIELDS 4

/*
 * What is known of the last ids that were met, by the last bits of the id. Owners come
 * and go without end, so it has a size. Zeroed but for the first three.
 */
struct lookup {
	const char *sql; /* LOOKUP_FIELDS columns of the id ?1 */
	int n_texts;	 /* the first of them; the others are numbers */
	size_t size;	 /* a power of two */
	sqlite3_stmt *stmt;
	struct lookup_entry {
		int64_t id;
		bool used;
		int64_t field[LOOKUP_FIELDS];
	} * entries;
};

/* The names of outcomes and errors, for lookups. */
extern const char lookup_outcome[], lookup_error[];

/* Both return SQLITE_OK or an error. Of an id of a row, 0 and NULL stand for nobody, SUMS_NULL;
 * look_up_number() knows a 0, too. */
int look_up(struct lookup *l, sqlite3 *db, struct sums *sums, int64_t id, int field, int64_t *code);
int look_up_number(struct lookup *l, sqlite3 *db, struct sums *sums, sqlite3_value *value,
		   int64_t *code);
void lookup_clear(struct lookup *l);

/* What a value is in a key. */
int lookup_text(struct sums *sums, sqlite3_value *value, int64_t *code);
int64_t lookup_number(sqlite3_value *value);

#endif
