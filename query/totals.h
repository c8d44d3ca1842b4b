/*
 * totals.h - the table-valued function totals: exact sums over connections, quickly.
 *
 *	SELECT comm, sum(connections), sum(tx_bytes)
 *	  FROM totals(since_us, until_us, window, bucket_us)
 *	 WHERE direction = 'out' GROUP BY comm
 *
 * It takes whole hours from hourly, or from hourly_program when nobody asks for the peer, what
 * of the rest it can from recent and recent_program, and what is left from connection and
 * open_connection. Of the arguments each may be left out,
 * or NULL: since the beginning, until now, 'active' ('started', 'ended'), no buckets.
 *
 * Connections with the same values in all columns that a statement uses are one row
 * already. How many they are says connections: sum(connections), never count(*). Sums,
 * least and greatest of the other measures are right in the same way. With a column that
 * hours do not tell apart (failed, outcome, error, pid, netns, local_addr) all is summed
 * from the rows.
 *
 * The columns named _list are for the aggregates of totals_list_functions.c: with one of
 * them rows are read, not hours. They take 20 bytes for each value while they are read.
 *
 * It reads only main, within the transaction of the statement that uses it. Errors start
 * with "totals:".
 */
#ifndef CONNMON_TOTALS_H
#define CONNMON_TOTALS_H

#include <sqlite3.h>

#include "err.h"

/* What the sums of one question may take. */
#define TOTALS_MAX_BYTES (UINT64_C(1) << 30)

/* Makes the function known to one connection. */
int totals_register(sqlite3 *db, struct err *err);

#endif
