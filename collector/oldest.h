/*
 * oldest.h - deletes what is oldest, in chunks of some ms, each a transaction that also moves
 * the mark in the table extent: connections, then totals of hours and of five minutes. Part of
 * the store.
 */
#ifndef CONNMON_OLDEST_H
#define CONNMON_OLDEST_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "purge.h"

struct oldest;

/* @db and @purge are borrowed. */
int oldest_new(sqlite3 *db, struct purge *purge, struct oldest **out, struct err *err);
void oldest_free(struct oldest *o); /* NULL is allowed */

/* All four return 1 when they deleted something, 0 when there is nothing to delete; negative as
 * store_write(). Outside of any transaction. */

/* Connections that ended before @below_us, of hours that have their totals. */
int oldest_delete_rows(struct oldest *o, int64_t below_us, struct err *err);

/* Totals of hours that were over before @below_us. */
int oldest_delete_totals(struct oldest *o, int64_t below_us, struct err *err);

/* Totals of five minutes that are no longer wanted, or were over before @below_us. */
int oldest_delete_recent(struct oldest *o, int64_t below_us, struct err *err);

/* Of a database that may have @max_bytes: connections as long as they take about a quarter
 * of it, then totals, then the rest. *@untotalled: those were of an hour that has no totals yet,
 * and never will have them all; a gap 'pruned' tells. */
int oldest_delete(struct oldest *o, int64_t max_bytes, bool *untotalled, struct err *err);

#endif
