/*
 * dns_rows.h - the tables dns_name and dns_account: rows for names and what became of the packets
 * that told them, and deleting the oldest. Part of the store.
 */
#ifndef CONNMON_DNS_ROWS_H
#define CONNMON_DNS_ROWS_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"
#include "store.h"

/* So many at most, and no more than 1/16 of --max-size holds. */
#define DNS_ROWS_MAX 100000

struct dns_rows;

/* @db is borrowed. Names go when they were not answered for as long as connections are kept. */
int dns_rows_new(sqlite3 *db, int64_t run_id, const struct retention *retention,
		 struct dns_rows **out, struct err *err);
void dns_rows_free(struct dns_rows *r); /* NULL is allowed */

/* What @f says of names, which then has_dns. Within a transaction. */
int dns_rows_write(struct dns_rows *r, const struct flush *f, struct err *err);
void dns_rows_committed(struct dns_rows *r); /* that was */

/* Deletes some of what is too old or too much, outside of any transaction. Returns 1 when there
 * is more to do, 0 when not; negative as store_write(). */
int dns_rows_step(struct dns_rows *r, int64_t now_us, struct err *err);

#endif
